"""Re-identification across cameras (LLCM, SYSU-MM01, RegDB)."""

from typing import Any

import numpy as np

from pipeline.evaluation.closed_set import CMC_RANKS
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.mates import counted, entries_of, mates_of, over_tried
from pipeline.evaluation.measures import ProbeRanks, empty_ranks, rank_probes
from pipeline.evaluation.rates import (
    NO_ROC,
    Best,
    Recognition,
    mean_rate,
    reached_by_rank,
    rivals,
)
from pipeline.evaluation.subjects import named
from pipeline.evaluation.templates import Side
from pipeline.store.protocols import Exclude
from pipeline.types import Int64

REID_RANKS = (1, 5, 10, 20)


def measure_reidentification(
    gallery: Side, probes: Side, exclude: Exclude, *, by_image: bool
) -> Recognition:
    """Measure CMC, mAP and mINP of one trial.

    A probe that was not found is a miss with a precision of 0. A mate that could not be enrolled
    is never retrieved: it adds nothing to the average precision, which is over all mates that were
    tried, and makes the inverse negative penalty 0.

    Args:
        gallery: what was to be searched.
        probes: the queries.
        exclude: which entries a query does not meet.
        by_image: whether ranks are of gallery images (RegDB), or of subjects by their best image.

    Reference:
        M. Ye et al., Deep learning for person re-identification: a survey and outlook, PAMI 44(6),
        2022, and its code for SYSU-MM01 and RegDB; for LLCM that of Y. Zhang, H. Wang, CVPR 2023.
    """
    ranks = search_ranks(gallery, probes, exclude)
    mates = mates_of(gallery, probes, elsewhere=exclude != Exclude.NONE)
    mated = mates > 0
    place = over_tried(probes, ranks.entry_rank if by_image else ranks.rank)[mated]
    found = _enrolled_mates(gallery, probes, exclude)[mated]
    share = found / mates[mated]
    precision, penalty = (
        np.nan_to_num(over_tried(probes, values)[mated])
        for values in (ranks.average_precision, ranks.inverse_negative_penalty)
    )
    owners = probes.subjects[mated]
    metrics: dict[str, Any] = {
        **{f"rank{k}": mean_rate((place > 0) & (place <= k), owners) for k in REID_RANKS},
        "map": mean_rate(precision * share, owners),
        "minp": mean_rate(np.where(share == 1, penalty, 0.0), owners),
        **counted(gallery, probes, mates),
    }
    entries = gallery.subjects[gallery.enrolled]
    most = min(CMC_RANKS, len(entries)) if by_image else rivals(entries, CMC_RANKS)
    best = Best(ranks.own_best, ranks.other_best)
    return Recognition(metrics, NO_ROC, reached_by_rank(place, most), best)


def by_chance(gallery: Side, probes: Side, exclude: Exclude) -> dict[str, float]:
    """Return what a random order of the entries reaches on average: ``rank1`` and ``map``, 0..1.

    Of n entries that a probe meets m are its mates. One of them comes first with a chance of m/n,
    and the mean of the average precision over all orders is, with H(n) = 1 + 1/2 + … + 1/n,
    (H(n) + (m − 1)/(n − 1) (n − H(n))) / n. Both are exact, whether ranks are of images or of
    subjects. NaN where no probe has a mate.

    Args:
        gallery: what was to be searched; who could not be enrolled counts as the others.
        probes: the queries; those without a mate are left out, as in the rates.
        exclude: which entries a query does not meet.

    Reference:
        Y. Bestgen, Exact expected average precision of the random baseline for system evaluation,
        The Prague Bulletin of Mathematical Linguistics 103, 2015.
    """
    mates = mates_of(gallery, probes, elsewhere=exclude != Exclude.NONE)
    if exclude == Exclude.SAME_CAMERA:
        left_out = entries_of(probes.cameras, gallery.cameras)
    else:
        left_out = mates_of(gallery, probes) - mates
    mated = mates > 0
    if not mated.any():
        return {"rank1": float("nan"), "map": float("nan")}
    m, n = mates[mated], (len(gallery.subjects) - left_out)[mated]
    harmonic = np.cumsum(1.0 / np.arange(1, len(gallery.subjects) + 1))[n - 1]
    others = (m - 1) / np.maximum(n - 1, 1)  # of a single entry, which is the mate, none is another
    precision = (harmonic + others * (n - harmonic)) / n
    return {"rank1": float(np.mean(m / n)), "map": float(np.mean(precision))}


def _enrolled_mates(gallery: Side, probes: Side, exclude: Exclude) -> Int64:
    """Count each probe's mates that were enrolled."""
    failed = ~gallery.enrolled
    missing = Side(
        gallery.ids,
        gallery.subjects[failed],
        gallery.cameras[failed],
        np.zeros(int(failed.sum()), bool),
        gallery.vectors[:0],
    )
    elsewhere = exclude != Exclude.NONE
    whole = mates_of(gallery, probes, elsewhere=elsewhere)
    return whole - mates_of(missing, probes, elsewhere=elsewhere)


def search_ranks(gallery: Side, probes: Side, exclude: Exclude) -> ProbeRanks:
    """Rank the enrolled probes among the entries that each of them meets."""
    sides = (probes, gallery)
    asked, known = (named(side.subjects[side.enrolled]) for side in sides)
    seen, taken = (side.cameras[side.enrolled] for side in sides)
    if exclude == Exclude.NONE:
        return rank_probes(compare(probes.vectors, gallery.vectors, asked, known))
    if exclude == Exclude.SAME_SUBJECT_AND_CAMERA:
        return rank_probes(
            compare(
                probes.vectors,
                gallery.vectors,
                asked,
                known,
                probe_cameras=named(seen),
                gallery_cameras=named(taken),
            )
        )
    ranks = empty_ranks(len(asked))
    for camera in np.unique(seen):
        mine, met = np.flatnonzero(seen == camera), np.flatnonzero((taken != camera) | (taken < 0))
        if len(met):
            compared = compare(probes.vectors[mine], gallery.vectors[met], asked[mine], known[met])
            ranks.put(mine, rank_probes(compared))
    return ranks
