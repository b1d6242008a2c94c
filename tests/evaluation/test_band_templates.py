"""Templates of bands, and failures to enrol, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.evaluation.band_templates import (
    Filmed,
    Scores,
    band_matrix,
    binomial_rate,
    compared,
    cosines,
    filmed_in_bands,
    fused,
    identification,
    in_galleries,
    joined,
    ranks_of,
    templates_of,
)
from pipeline.protocols.columns import band_templates
from pipeline.store.protocols import template_table
from pipeline.types import Band

VIS = Filmed(("a", "b", "c"), (("1#a", "2#a"), ("1#b",), ("2#c",)))
LWIR = Filmed(("a", "b", "c"), (("9#a",), ("9#b",), ("9#c", "8#c")))


def vector(*values):
    return np.array(values, np.float32)


def test_a_template_is_the_mean_of_raw_embeddings_or_of_unit_ones():
    found = {"1#a": vector(3, 0), "2#a": vector(0, 1), "1#b": vector(0, 2)}
    raw = templates_of(VIS, found)
    np.testing.assert_allclose(raw.vectors[0], vector(3, 1) / np.sqrt(10), rtol=1e-6)
    unit = templates_of(VIS, found, unit=True)
    np.testing.assert_allclose(unit.vectors[0], vector(1, 1) / np.sqrt(2), rtol=1e-6)
    assert raw.enrolled.tolist() == [True, True, False]
    assert raw.vectors[2].tolist() == [0, 0]


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            {"1#a": vector(3, 0), "2#a": vector(np.nan, 1)},
            r"embedding of 2#a is zero or not finite",
        ),
        ({"1#a": vector(1, 0), "2#a": vector(-1, 0)}, r"the mean embedding of 1#a, 2#a is zero"),
        ({"1#b": vector(0, 0)}, r"embedding of 1#b is zero or not finite"),
    ],
)
def test_an_embedding_without_direction_is_named(found, told, unit):
    with pytest.raises(StageError, match=told):
        templates_of(VIS, found, unit=unit)


def scores(values, probes="abc", gallery="abc"):
    return Scores(np.array(values, float), tuple(probes), tuple(gallery))


def test_ranks_with_a_tie_a_failed_probe_and_a_failed_mate():
    nan = np.nan
    found = scores([[0.9, 0.9, nan], [nan, nan, nan], [0.1, 0.2, nan]])
    assert ranks_of(found).tolist() == [2, 0, 0]  # a tie; never seen; not in the gallery
    assert ranks_of(scores([[0.9, 0.3]], "d", "ab")).tolist() == [-1]


def test_a_probe_meets_its_own_gallery_alone():
    # a and c make the first gallery of two, b and d the second; x was never filmed there
    values = np.array([[5.0, 9, 6, 9], [9, 7, 9, 6], [4, 9, np.nan, 9], [9, 9, 9, 9]])
    scores = Scores(values, ("a", "b", "c", "x"), ("a", "b", "c", "d"))
    cut = in_galleries(scores, 2)
    nan = np.nan
    np.testing.assert_array_equal(
        cut.values, [[5, nan, 6, nan], [nan, 7, nan, 6], [4, nan, nan, nan], [nan] * 4]
    )
    assert ranks_of(cut).tolist() == [2, 1, 0, -1]
    np.testing.assert_array_equal(in_galleries(scores, 4).values[:3], values[:3])
    with pytest.raises(ValueError, match="galleries of 1: expected 2"):
        in_galleries(scores, 1)


@pytest.mark.parametrize(("filmed", "people", "sizes"), [(240, 60, [60] * 4), (7, 3, [3, 2, 2])])
def test_galleries_are_of_one_size_give_or_take_one(filmed, people, sizes):
    names = tuple(f"{each:03d}" for each in range(filmed))
    cut = in_galleries(Scores(np.ones((filmed, filmed)), names, names), people)
    met = np.isfinite(cut.values)
    assert sorted(met.sum(axis=1).tolist(), reverse=True) == [n for n in sizes for _ in range(n)]
    assert (met == met.T).all()
    assert met.diagonal().all()


def test_everybody_who_was_filmed_is_counted():
    nan = np.nan
    found = identification(scores([[0.9, 0.1, nan], [0.2, 0.3, nan], [nan, nan, nan]]))
    assert (found["rank1"]["value"], found["rank1"]["n"]) == (pytest.approx(2 / 3), 3)
    assert (found["rank1_of_enrolled"]["value"], found["rank1_of_enrolled"]["n"]) == (1.0, 2)
    assert found["failures_to_enrol"] == 1
    assert found["cmc"] == pytest.approx([2 / 3] * 3)


def test_nobody_enrolled_is_a_rate_of_zero_and_no_crash():
    gallery = templates_of(VIS, {"1#a": vector(1, 0)})
    found = identification(cosines(templates_of(LWIR, {}), gallery))
    assert (found["rank1"]["value"], found["failures_to_enrol"]) == (0.0, 3)
    assert found["rank1_of_enrolled"]["value"] is None


def test_the_interval_of_a_rate_is_wilsons():
    found = binomial_rate(np.array([True] * 49 + [False] * 14))  # the paper's 77.78 %
    assert found["value"] == pytest.approx(7 / 9, abs=1e-5)
    assert found["ci95"] == pytest.approx([0.6609, 0.8628], abs=1e-3)
    assert binomial_rate(np.zeros(6, bool))["ci95"] == pytest.approx([0, 0.3903], abs=1e-4)
    assert binomial_rate(np.zeros(0, bool))["value"] is None


def test_the_difference_is_taken_subject_by_subject():
    right, wrong = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.1, 0.9]]
    found = compared(scores(right, "ab", "ab"), scores(wrong, "ab", "ab"))
    assert (found["value"], found["n"]) == (0.5, 2)
    assert compared(scores(right, "ab", "ab"), scores(right, "ab", "ab"))["ci95"] == [0.0, 0.0]
    every = compared(scores(right, "ab", "ab"), scores(np.fliplr(right), "ab", "ab"))
    assert every["ci95"] == [1.0, 1.0]  # differences lie in [-1, 1]: Wilson's is none of theirs


def test_fusion_of_scores_weighs_both_alike_and_takes_one_where_one_fails():
    body = scores([[1.0, 3.0], [2.0, 2.0]], "ab", "ab")
    face = scores([[40.0, 0.0], [np.nan, np.nan]], "ab", "ab")
    both = fused(body, face)
    spread = np.sqrt(0.5)
    np.testing.assert_allclose(both.values, [[1 - 1 / spread, 1 / spread - 1], [0, 0]])
    assert ranks_of(both).tolist() == [2, 2]


def test_fusion_of_features_keeps_who_has_either():
    body = templates_of(VIS, {"1#a": vector(3, 0), "1#b": vector(0, 2)})
    face = templates_of(VIS, {"1#b": vector(5), "2#c": vector(7)})
    both = joined(body, face)
    assert both.enrolled.all()
    half = 1 / np.sqrt(2)
    np.testing.assert_allclose(
        both.vectors, [[half, 0, 0], [0, half, half], [0, 0, half]], rtol=1e-6
    )


def test_an_entry_without_a_face_is_not_favoured_by_it():
    """The right one has cosines .75 (body) and .15 (face), the wrong one .70 and no face."""

    def at(cosine):
        return vector(cosine, np.sqrt(1 - cosine**2))

    gallery = Filmed(("right", "wrong"), (("r",), ("w",)))
    probe = Filmed(("right",), (("p",),))
    found = cosines(
        joined(templates_of(probe, {"p": at(1)}), templates_of(probe, {"p": at(1)})),
        joined(
            templates_of(gallery, {"r": at(0.75), "w": at(0.70)}),
            templates_of(gallery, {"r": at(0.15)}),
        ),
    )
    np.testing.assert_allclose(found.values, [[0.45, 0.35]], rtol=1e-6)
    assert ranks_of(found).tolist() == [1]


def test_the_matrix_has_every_pair_of_bands_both_ways():
    found = {"1#a": vector(1, 0), "1#b": vector(0, 1), "9#a": vector(1, 0.1), "9#b": vector(1, 0)}
    bands = {Band.VIS: templates_of(VIS, found), Band.LWIR: templates_of(LWIR, found)}
    matrix = band_matrix(bands)
    assert {g: sorted(row) for g, row in matrix.items()} == {"VIS": ["LWIR"], "LWIR": ["VIS"]}
    assert matrix["VIS"]["LWIR"]["value"] == pytest.approx(1 / 3)  # a; b goes to a; c has none
    assert matrix["LWIR"]["VIS"]["n"] == 3


def frames():
    """Two frames in each band, c never in LWIR, d trains."""
    for band, shown in (("VIS", "abcd"), ("LWIR", "abd")):
        for number in range(2):
            people = [{"subject_id": s, "split": "train" if s == "d" else "test"} for s in shown]
            yield {
                "sample_id": f"{band}{number}",
                "band": band,
                "media_id": f"{band}",
                "truth_people": people,
            }


def test_protocols_say_who_was_filmed_in_each_band():
    (protocol,) = band_templates(list(frames()))
    found = filmed_in_bands([protocol])
    assert found[Band.VIS].subjects == ("a", "b", "c")
    assert found[Band.LWIR].subjects == ("a", "b")
    assert found[Band.LWIR].samples[0] == ("LWIR0#a", "LWIR1#a")


def test_a_protocol_of_another_kind_is_refused():
    (protocol,) = band_templates(list(frames()))
    with pytest.raises(StageError, match="all_single does not compare templates of two"):
        filmed_in_bands([replace(protocol, name="all_single")])


def test_a_protocol_with_folds_is_refused():
    (protocol,) = band_templates(list(frames()))
    both = [row | {"fold": fold} for fold in (1, 2) for row in protocol.probe.to_pylist()]
    with pytest.raises(StageError, match=r"VIS-LWIR has folds \[1, 2\], but a template takes all"):
        filmed_in_bands([replace(protocol, probe=template_table(both))])
