"""Sides of a protocol that are pooled in many pieces, template by template and slowly."""

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.evaluation import templates
from pipeline.evaluation.templates import sides_of
from pipeline.store.protocols import Protocol, Provenance, template_table, train_table

SAMPLES = (1, 2, 5, 1, 1, 1, 3, 2)
"""Of each template; one has more of them than a small piece holds."""


def protocol(enroll):
    probe = template_table([(None, "p", "a", "probe", None, None)])
    return Protocol("p", Provenance.DERIVED, "", template_table(enroll), probe, None, train_table())


def rows_and_vectors():
    """Samples of a few templates in any order, the first two of a template of one media."""
    rng = np.random.default_rng(8)
    rows = [
        (None, f"t{t}", f"s{t}", f"t{t}/{n}", f"m{max(n, 1)}", None)
        for t, count in enumerate(SAMPLES)
        for n in range(count)
    ]
    vectors = {row[3]: rng.normal(size=4).astype(np.float32) for row in rows}
    return [rows[place] for place in rng.permutation(len(rows))], vectors


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("at_once", [1, 3, 4, 2**14])
def test_templates_pooled_in_many_pieces_are_each_the_mean_over_its_media(at_once, monkeypatch):
    monkeypatch.setattr(templates, "POOLED_AT_ONCE", at_once)
    rows, vectors = rows_and_vectors()
    side, _ = sides_of(protocol(rows), vectors, {"probe": np.ones(4, np.float32)})
    assert side.ids.to_pylist() == [f"t{t}" for t in range(len(SAMPLES))]
    for t, (found, count) in enumerate(zip(side.vectors, SAMPLES, strict=True)):
        units = [unit(vectors[f"t{t}/{n}"].astype(np.float64)) for n in range(count)]
        media = [np.mean(units[:2], axis=0), *units[2:]]
        assert found == pytest.approx(unit(np.mean(media, axis=0)), abs=1e-6)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_a_faulty_embedding_of_a_later_piece_is_named(bad, monkeypatch):
    monkeypatch.setattr(templates, "POOLED_AT_ONCE", 3)
    names = [f"s{n}" for n in range(8)]
    vectors = {name: np.full(4, bad if name in ("s5", "s6") else 1.0, np.float32) for name in names}
    fold = protocol([(None, name, name, name, None, None) for name in names])
    with pytest.raises(StageError, match=r"enrolled embeddings are .* first that of s5: expected"):
        sides_of(fold, vectors, vectors)
