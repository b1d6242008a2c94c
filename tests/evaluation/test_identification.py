"""Identification, re-identification and LLCM's protocols, worked by hand."""

import numpy as np
import pytest

from pipeline.evaluation.comparison import compare
from pipeline.evaluation.identification import (
    cmc,
    dir_at_fpir,
    mean_average_precision,
    mean_inverse_negative_penalty,
    rank_k,
)
from pipeline.evaluation.llcm import PROTOCOLS as LLCM_PROTOCOLS
from pipeline.evaluation.llcm import Images, llcm, sample_one_per_camera
from pipeline.evaluation.measures import rank_probes


def at_angles(degrees):
    """Embeddings in the plane: the cosine falls with the angle between them."""
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)


@pytest.fixture
def ranks():
    """Probe a at 0° with a's at 10° and 40°; b at 100° nearest to c's; d is not in the gallery."""
    gallery = at_angles([10, 40, 20, 130, 105])
    return rank_probes(
        compare(at_angles([0, 100, 200]), gallery, ["a", "b", "d"], ["a", "a", "b", "b", "c"])
    )


def test_ranks_are_of_subjects_and_precision_of_entries(ranks):
    assert ranks.rank.tolist() == [1, 2, 0]
    # a: right at 1 and 3; b: order c, b, a, b -> right at 2 and, behind 40° of a, at 4
    assert ranks.average_precision[:2] == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2])
    assert ranks.inverse_negative_penalty[:2] == pytest.approx([2 / 3, 2 / 4])


def test_curves_and_means_leave_unmated_probes_out(ranks):
    assert cmc(ranks, 3).tolist() == [0.5, 1.0, 1.0]
    assert rank_k(ranks) == 0.5
    assert rank_k(ranks, 2) == 1.0
    assert mean_average_precision(ranks) == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert mean_inverse_negative_penalty(ranks) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_without_a_mated_probe_there_is_no_number():
    ranks = rank_probes(compare(at_angles([0]), at_angles([1]), ["a"], ["b"]))
    assert np.isnan(cmc(ranks, 2)).all()
    assert np.isnan(mean_average_precision(ranks))
    assert dir_at_fpir(ranks, [1.0])[0].tar is None


def test_open_set_rates():
    # Mated: own entry at 5°, 30° and 50°, the last one's nearest is another's. Unmated: 10°, 60°.
    gallery, names = at_angles([0, 90, 180, 270]), ["a", "b", "c", "d"]
    probes = at_angles([5, 90 + 30, 180 + 50, 270 + 10, 0 - 60])
    ranks = rank_probes(compare(probes, gallery, ["a", "b", "c", "x", "y"], names))
    half, all_, too_low = dir_at_fpir(ranks, [0.5, 1.0, 0.25])
    # unmated best scores: cos 10° and cos 30° (of d): one may pass, so above cos 30°
    assert (half.achieved_far, half.tar) == (0.5, pytest.approx(1 / 3))
    assert (all_.achieved_far, all_.tar) == (1.0, pytest.approx(2 / 3))  # rank decides on c
    assert too_low.tar is None


def test_open_set_at_rank_two_finds_more():
    ranks = rank_probes(compare(at_angles([50, 200]), at_angles([0, 90]), ["a", "x"], ["a", "b"]))
    assert dir_at_fpir(ranks, [1.0], k=1)[0].tar == 0.0
    assert dir_at_fpir(ranks, [1.0], k=2)[0].tar == 1.0


@pytest.fixture
def modalities():
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(12, 8))
    sides = []
    for count in (90, 110):
        who, camera = np.sort(rng.integers(0, 12, count)), rng.integers(1, 5, count)
        sides.append(Images(centres[who] + 0.8 * rng.normal(size=(count, 8)), who, camera))
    return sides


def test_one_image_per_subject_and_camera_is_drawn_and_the_trial_is_the_seed():
    subjects, cameras = [1, 1, 1, 2, 2], [3, 3, 4, 3, 3]
    drawn = [sample_one_per_camera(subjects, cameras, trial) for trial in range(20)]
    assert all(len(rows) == 3 and rows[1] == 2 for rows in drawn)
    assert {rows[0] for rows in drawn} == {0, 1}
    assert drawn == [sample_one_per_camera(subjects, cameras, trial) for trial in range(20)]


def plain_llcm(asked, known):
    """The released code's loop: argsort, drop same subject and camera, de-duplicated CMC."""
    scores = asked.embeddings @ known.embeddings.T
    scores /= np.linalg.norm(asked.embeddings, axis=1)[:, None]
    scores /= np.linalg.norm(known.embeddings, axis=1)
    hits, precisions = [], []
    for row in range(len(scores)):
        order = np.argsort(-scores[row])
        keep = ~(
            (known.subjects[order] == asked.subjects[row])
            & (known.cameras[order] == asked.cameras[row])
        )
        names = known.subjects[order][keep]
        match = names == asked.subjects[row]
        if match.any():
            unique = list(dict.fromkeys(names.tolist()))
            place = unique.index(asked.subjects[row])
            hits.append(np.arange(20) >= place)
            at = np.flatnonzero(match) + 1
            precisions.append(np.mean(np.arange(1, len(at) + 1) / at))
    return np.mean(hits, axis=0), np.mean(precisions)


@pytest.mark.parametrize("protocol", ["sampled_gallery", "sampled_queries"])
def test_both_llcm_protocols_equal_a_plain_loop(modalities, protocol):
    queries, gallery = modalities
    results = llcm(queries, gallery, protocol, trials=3)
    assert (results.protocol, results.map.shape) == (protocol, (3,))
    for trial in range(3):
        asked, known = queries, gallery
        if protocol == "sampled_gallery":
            rows = sample_one_per_camera(gallery.subjects, gallery.cameras, trial)
            known = gallery.take(rows)
        else:
            rows = sample_one_per_camera(queries.subjects, queries.cameras, trial)
            asked = queries.take(rows)
        hits, precision = plain_llcm(asked, known)
        assert results.cmc[trial] == pytest.approx(hits)
        assert results.map[trial] == pytest.approx(precision)


def test_the_two_protocols_differ(modalities):
    sampled_gallery, sampled_queries = (
        llcm(*modalities, name, trials=2).map.mean() for name in LLCM_PROTOCOLS
    )
    assert abs(sampled_gallery - sampled_queries) > 0.02


def test_an_unknown_protocol_is_refused(modalities):
    with pytest.raises(ValueError, match="sampled_gallery"):
        llcm(*modalities, "all")
