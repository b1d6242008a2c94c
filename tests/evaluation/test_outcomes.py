"""Two evaluations compared probe by probe, on protocols worked out by hand."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import permutation_test
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError, StageError
from pipeline.evaluation.outcomes import (
    compared,
    image_outcomes,
    mcnemar_p,
    outcomes_of,
    paired,
    probe_outcomes,
    read_outcomes,
    sign_flip_p,
    write_outcomes,
)
from pipeline.evaluation.recognition import recognise
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    match_table,
    template_table,
    train_table,
    write_protocol,
)

SIDES = {"a": (1.0, 0.0), "b": (0.0, 1.0)}


def protocol(**more):
    enroll = [(None, f"g{who}", who, f"g{who}", None, None) for who in SIDES]
    probe = [(None, f"p{who}{n}", who, f"p{who}{n}", None, None) for who in SIDES for n in (1, 2)]
    probe.append((None, "stranger", "c", "stranger", None, None))
    tables = template_table(enroll), template_table(probe)
    parts = {"match": None, "train": train_table()} | more
    return Protocol("p", Provenance.DERIVED, "", *tables, **parts)


def embeddings(path, **probes):
    """Write what an evaluation leaves: both people enrolled, and these probes found."""
    rows = [("gallery", f"g{who}", who, vector) for who, vector in SIDES.items()]
    rows += [("probe", name, name[1], SIDES[seen]) for name, seen in probes.items()]
    names = ("side", "sample_id", "subject_id", "embedding")
    table = pa.Table.from_pylist([{"fold": 1} | dict(zip(names, r, strict=True)) for r in rows])
    pq.write_table(table, path)
    return path


def test_a_flipped_byte_of_outcomes_is_refused(tmp_path):
    path = tmp_path / "o.parquet"
    write_outcomes(path, {3: {(1, f"p{n}"): (f"s{n}", n % 3 > 0) for n in range(40)}})
    data = path.read_bytes()
    for place in range(0, len(data), 5):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        with pytest.raises(StageError):
            read_outcomes(path)


def test_a_probe_is_right_where_its_own_comes_first_and_missing_is_a_miss(tmp_path):
    path = embeddings(tmp_path / "e", pa1="a", pa2="b", pb1="b", stranger="a")
    assert probe_outcomes(protocol(), path, [1]) == {
        (1, "pa1"): ("a", True),
        (1, "pa2"): ("a", False),
        (1, "pb1"): ("b", True),
        (1, "pb2"): ("b", False),  # not found; the stranger has no mate and is left out
    }


@pytest.mark.parametrize(
    ("vectors", "found"),
    [
        ([[1.0, 0.0], [1.0]], r"lengths \[1, 2\]"),
        ([[1.0, 0.0], None], r"lengths \[2, None\]"),
        (["1 0", "0 1"], "found string"),
    ],
)
def test_a_table_of_ones_own_has_embeddings_of_one_length(tmp_path, vectors, found):
    path = tmp_path / "embeddings.parquet"
    pq.write_table(pa.table({"sample_id": ["ga", "pa1"], "embedding": vectors}), path)
    with pytest.raises(StageError, match=found):
        probe_outcomes(protocol(), path, [1])


@pytest.mark.parametrize(
    ("exclude", "first_of_b"),
    [(Exclude.SAME_SUBJECT_AND_CAMERA, False), (Exclude.SAME_CAMERA, True)],
)
def test_a_probe_whose_only_mate_is_of_its_own_camera_is_left_out(exclude, first_of_b):
    """a is enrolled by camera 1, b by camera 2; b's probe of camera 1 looks just like a."""
    camera = {"ga": "1", "gb": "2", "pa1": "1", "pa2": "2", "pb1": "1", "pb2": "2"}
    rows = [(None, name, name[1], name, None, at) for name, at in camera.items()]
    tables = template_table(rows[:2]), template_table(rows[2:])
    kinds = {"exclude": exclude, "kind": Kind.REIDENTIFICATION}
    fold = Protocol("p", Provenance.DERIVED, "", *tables, None, train_table(), **kinds)
    gallery = {f"g{who}": np.float32(vector) for who, vector in SIDES.items()}
    seen = {"pa1": "a", "pa2": "a", "pb1": "a", "pb2": "b"}
    probes = {name: np.float32(SIDES[who]) for name, who in seen.items()}
    assert outcomes_of(fold, gallery, probes) == {
        (1, "pa2"): ("a", True),
        (1, "pb1"): ("b", first_of_b),  # by SAME_CAMERA it meets no entry of a
    }


@pytest.mark.parametrize("kind", [Kind.REIDENTIFICATION, Kind.REIDENTIFICATION_BY_IMAGE])
def test_outcomes_of_several_images_of_a_subject_are_those_of_the_evaluation(kind):
    """Random ones as in RegDB, where nothing is left out; the best image by a loop.

    Who is first is first by either kind: images and subjects differ from rank 2 on.
    """
    rng = np.random.default_rng(2)
    names = [f"{who}{n}" for who in "abcd" for n in range(6)]
    tables = (
        template_table([(None, name, name[0], name, None, None) for name in names[side::2]])
        for side in (0, 1)
    )
    fold = Protocol("p", Provenance.DERIVED, "", *tables, None, train_table(), kind=kind)
    vectors = {name: rng.normal(size=3).astype(np.float32) for name in names}
    unit = {name: vector / np.linalg.norm(vector) for name, vector in vectors.items()}
    found = outcomes_of(fold, vectors, vectors, 4)
    for name in names[1::2]:
        best = max(names[::2], key=lambda entry, asked=name: float(unit[asked] @ unit[entry]))
        assert found[4, name] == (name[0], best[0] == name[0])
    share = np.mean([hit for _, hit in found.values()])
    assert 0 < share < 1
    rank1 = recognise(fold, vectors, vectors).metrics["rank1"]
    assert (rank1["value"], rank1["n"]) == (pytest.approx(share, abs=1e-6), len(found))


def test_pairs_have_rates_a_difference_and_who_was_found_by_one_alone(tmp_path):
    first = probe_outcomes(protocol(), embeddings(tmp_path / "1", pa1="a", pa2="a", pb1="a"), [1])
    second = probe_outcomes(protocol(), embeddings(tmp_path / "2", pa1="a", pb1="b", pb2="b"), [1])
    found = paired(first, second)
    assert (found.probes, found.subjects) == (4, 2)
    assert found.rank1 == (0.5, 0.75)
    assert found.only == (1, 2)
    assert found.difference == 0.25
    # The two people differ by -1/2 and by +1: no draw of them lies beyond.
    assert found.interval == (-0.5, 1.0)
    assert found.p_value == found.by_subjects == 1.0


def test_probes_of_one_subject_are_no_independent_trials():
    """Five people of four probes each, all found by the second alone: 2 of 2^20, or 2 of 2^5."""
    probes = [(who, n) for who in "abcde" for n in range(4)]
    first, second = ({(1, f"{w}{n}"): (w, right) for w, n in probes} for right in (False, True))
    found = paired(first, second)
    assert found.p_value == pytest.approx(2 / 2**20)
    assert found.by_subjects == pytest.approx(2 / 2**5)


@pytest.mark.parametrize("seed", range(4))
def test_the_test_by_subjects_is_scipys_over_all_signs(seed):
    rng = np.random.default_rng(seed)
    owners, apart = rng.integers(0, 9, 40), rng.choice([-1.0, 0.0, 1.0], 40, p=[0.2, 0.4, 0.4])
    sums = np.bincount(owners, apart, minlength=9)
    slow = permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert sign_flip_p(apart, owners.astype(str)) == pytest.approx(slow.pvalue)
    each = sign_flip_p(apart, np.arange(40).astype(str))
    assert each == pytest.approx(mcnemar_p(int((apart < 0).sum()), int((apart > 0).sum())))


@pytest.mark.parametrize(("only", "p"), [((0, 0), 1.0), ((0, 5), 2 / 32), ((1, 5), 14 / 64)])
def test_mcnemar_is_a_sign_test(only, p):
    assert mcnemar_p(*only) == pytest.approx(p)


def test_probes_that_one_side_alone_tried_are_left_out_and_counted():
    first, second = ({(1, name): (name, True) for name in names} for names in ("abcd", "cde"))
    found = paired(first, second)
    assert (found.probes, found.left_out) == (2, (2, 1))


def test_nothing_in_common_and_listed_pairs_are_refused(tmp_path):
    with pytest.raises(StageError, match="share no probe"):
        paired({(1, "x"): ("a", True)}, {(1, "y"): ("a", True)})
    listed = protocol(kind=Kind.VERIFICATION, match=match_table([]))
    with pytest.raises(StageError, match="is of kind verification"):
        probe_outcomes(listed, tmp_path / "e", [1])
    with pytest.raises(StageError, match="run the evaluation"):
        probe_outcomes(protocol(), tmp_path / "e", [1])


def test_outcomes_of_several_seeds_are_read_as_they_were_written(tmp_path):
    seeds = {
        2: {(1, "p"): ("a", True), (2, "p"): ("b", False)},
        1: {(1, "p"): ("a", False), (2, "p"): ("b", False)},
    }
    write_outcomes(tmp_path / "deep/o.parquet", seeds)
    assert read_outcomes(tmp_path / "deep/o.parquet") == seeds
    with pytest.raises(StageError, match="run the row that writes it"):
        read_outcomes(tmp_path / "none.parquet")
    with pytest.raises(StageError, match="expected outcomes by seed and probe"):
        read_outcomes(embeddings(tmp_path / "e.parquet", pa1="a"))
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(StageError, match=r"text\.parquet: expected outcomes by seed and probe"):
        read_outcomes(tmp_path / "text.parquet")


def test_two_rows_are_compared_over_all_seeds_by_their_files(tmp_path):
    people = "abcdef"
    rows = {
        "one": {seed: {(1, who): (who, False) for who in people} for seed in (1, 2, 3)},
        "other": {seed: {(1, who): (who, who != "a") for who in people} for seed in (2, 3)},
    }
    for name, seeds in rows.items():
        write_outcomes(tmp_path / f"{name}.parquet", seeds)
    files = [str(tmp_path / f"{name}.parquet") for name in rows]
    ended = CliRunner().invoke(app, ["compare", *files])
    assert ended.exit_code == 0, ended.output
    assert "6 people, seeds 2, 3" in ended.output
    assert "difference: +83.3 [" in ended.output
    # five that the second alone found: a sign test gives 2 / 2^5
    assert ended.output.count("alone: 5; sign-flip test by subjects: p = 0.0625; McNemar's") == 2
    assert "as if probes of one subject were independent: p = 0.0625" in ended.output
    found = json.loads(CliRunner().invoke(app, ["compare", "--json", *files]).output)
    assert found["by_seed"]["3"]["only"] == [0, 5]


def test_rows_that_share_no_seed_are_refused(tmp_path):
    for name, seed in (("one", 1), ("other", 2)):
        write_outcomes(tmp_path / f"{name}.parquet", {seed: {(1, "p"): ("a", True)}})
    files = [str(tmp_path / f"{name}.parquet") for name in ("one", "other")]
    with pytest.raises(ParamsError, match=r"one\.parquet has the seeds \[1\], .* share some"):
        CliRunner().invoke(app, ["compare", *files], catch_exceptions=False)


def test_bodies_are_searched_by_the_network_of_each_fold(tmp_path):
    """Network 1, which tests the folds 1 and 2, sees pb1 as a; network 3 sees all right."""
    networks = {1: {"pb1": "a"}, 3: {}}
    names = {f"g{who}": who for who in SIDES} | {"pa1": "a", "pa2": "a", "pb1": "b"}
    rows = [
        {"fold": number, "sample_id": name, "embedding": SIDES[otherwise.get(name, who)]}
        for number, otherwise in networks.items()
        for name, who in names.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "e")
    kind = Kind.REIDENTIFICATION
    found = image_outcomes(protocol(kind=kind), tmp_path / "e", {1: 1, 2: 1, 3: 3})
    assert {key: hit for key, (_, hit) in found.items()} == {
        (fold, name): name != "pb2" and (name != "pb1" or fold == 3)  # pb2 was not found
        for fold in (1, 2, 3)
        for name in ("pa1", "pa2", "pb1", "pb2")
    }
    with pytest.raises(StageError, match="lacks the network of fold 2"):
        image_outcomes(protocol(kind=kind), tmp_path / "e", {1: 1, 2: 2})


def test_a_difference_is_the_firsts_minus_the_seconds_with_people_drawn():
    hits = {"a1": (True, False), "a2": (True, True), "b1": (False, True)}
    first, second = ({(1, n): (n[0], each[k]) for n, each in hits.items()} for k in (0, 1))
    first[1, "c1"] = ("c", True)  # which the second did not try
    # a: 1 + 0 of two probes, b: −1 of one; draws of two people give 1/2, 0 and −1
    assert compared(first, second) == {"value": 0.0, "n": 3, "ci95": [-1.0, 0.5]}


def test_templates_between_bands_are_refused_in_a_sentence(tmp_path, monkeypatch):
    shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for band in ("SWIR", "MWIR", "LWIR"):
        write_protocol(Path("data/scenes/protocols"), replace(protocol(), name=f"VIS-{band}"))
    with pytest.raises(ParamsError, match="evaluate_bodies@full tests templates between bands"):
        CliRunner().invoke(app, ["compare", "full", "lora"], catch_exceptions=False)
