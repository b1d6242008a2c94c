"""Identification and re-identification, worked by hand."""

import numpy as np
import pytest

from pipeline.evaluation.comparison import compare
from pipeline.evaluation.identification import (
    cmc,
    dir_at_fpir,
    mean_average_precision,
    rank_k,
)
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
    assert ranks.entry_rank.tolist() == [1, 2, 0]
    # a: right at 1 and 3; b: order c, b, a, b -> right at 2 and, behind 40° of a, at 4
    assert ranks.average_precision[:2] == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2])
    assert ranks.inverse_negative_penalty[:2] == pytest.approx([2 / 3, 2 / 4])


def test_curves_and_means_leave_unmated_probes_out(ranks):
    assert cmc(ranks, 3).tolist() == [0.5, 1.0, 1.0]
    assert rank_k(ranks) == 0.5
    assert rank_k(ranks, 2) == 1.0
    assert mean_average_precision(ranks) == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert np.nanmean(ranks.inverse_negative_penalty) == pytest.approx((2 / 3 + 1 / 2) / 2)


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


def test_ranks_of_entries_count_each_of_anothers():
    """b's own lies behind three entries of one other subject."""
    ranks = rank_probes(compare(at_angles([0]), at_angles([1, 2, 3, 4]), ["b"], [*"aaa", "b"]))
    assert (ranks.rank.tolist(), ranks.entry_rank.tolist()) == ([2], [4])
