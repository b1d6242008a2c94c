"""Searches: in a gallery that lacks some of the probes (IJB 1:N), and among distractors."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.errors import StageError
from pipeline.evaluation.closed_set import CMC_RANKS
from pipeline.evaluation.comparison import against_others, compare
from pipeline.evaluation.curve import far_name, roc
from pipeline.evaluation.identification import dir_at_fpir
from pipeline.evaluation.mates import counted, mates_of, over_tried
from pipeline.evaluation.measures import FARS, rank_probes, search_among
from pipeline.evaluation.rates import (
    NO_ROC,
    Best,
    Recognition,
    accepted_rate,
    mean_rate,
    point_rate,
    reached_by_rank,
    rivals,
)
from pipeline.evaluation.subjects import NOBODY, named
from pipeline.evaluation.templates import Side
from pipeline.types import Float32, Int64

FPIRS = (1e-1, 1e-2)
SEARCH_RANKS = (1, 5, 10)


def measure_open_set(gallery: Side, probes: Side) -> Recognition:
    """Measure the rate of true identifications at rates of false ones, and ranks of mated probes.

    A mated probe is identified where its subject is the best and reaches the threshold; one that
    was not found, or whose template could not be enrolled, is not. False are alarms that probes
    without a mate raise; those not found raise none and are not among them.

    Reference:
        B. Maze et al., IARPA Janus Benchmark-C: face dataset and protocol, ICB 2018.
    """
    asked, known = probes.subjects[probes.enrolled], gallery.subjects[gallery.enrolled]
    ranks = rank_probes(compare(probes.vectors, gallery.vectors, named(asked), named(known)))
    mates = mates_of(gallery, probes)
    mated = mates > 0
    # One whose template failed is searched like a stranger, but its alarms are no false ones.
    stranger = ~mated[probes.enrolled]
    searched = ranks.of((ranks.rank > 0) | stranger)
    place = over_tried(probes, ranks.rank)[mated]
    score = over_tried(probes, ranks.own_best, -np.inf)[mated]
    owners = probes.subjects[mated]
    metrics: dict[str, Any] = {"tpir_at_fpir": {}}
    for fpir, point in zip(FPIRS, dir_at_fpir(searched, FPIRS), strict=True):
        found = (place == 1) & (score >= (np.inf if point.threshold is None else point.threshold))
        whole = mean_rate(found, owners)
        value = float(found.mean()) if mated.any() else None
        metrics["tpir_at_fpir"][far_name(fpir)] = (
            whole
            | point_rate(point, value, len(owners), None)
            | {"ci95": whole["ci95"] if point.threshold is not None else None}
        )
    metrics |= {f"rank{k}": mean_rate((place > 0) & (place <= k), owners) for k in SEARCH_RANKS}
    metrics |= counted(gallery, probes, mates)
    reached = reached_by_rank(place, rivals(known, CMC_RANKS))
    return Recognition(metrics, NO_ROC, reached, Best(ranks.own_best, ranks.other_best))


def measure_distractors(protocol: str, gallery: Side, probes: Side) -> Recognition:
    """Measure each probe among all distractors and one mate at a time.

    A pair of probe and mate of which one was not enrolled is a miss; so is one that a distractor
    equals. TAR is that of all pairs, FAR that of all probes with all distractors.

    Args:
        protocol: its name, for messages.
        gallery: mates, and distractors, who are nobody.
        probes: each is no mate of itself.

    Raises:
        StageError: there is no distractor, or no pair could be compared.

    Reference:
        I. Kemelmacher-Shlizerman et al., The MegaFace benchmark, CVPR 2016.
    """
    first, asked = _pairs(gallery, probes)
    nobody = gallery.subjects == NOBODY  # the last ones: views, no copies
    mates = int((gallery.enrolled & ~nobody).sum())
    distractors = gallery.vectors[mates:]
    places = gallery.rows[first], probes.rows[asked]
    scores = _scores(gallery.vectors[:mates], probes.vectors, *places)
    made = np.isfinite(scores)
    if not len(distractors) or not made.any():
        raise StageError(
            f"protocol {protocol}: {len(distractors)} distractors and {int(made.sum())} pairs of "
            "a probe and its mate have embeddings: expected some of both; `crossband rejected` on "
            "the outputs of `detect` and `align` says why faces are missing"
        )
    search = search_among(
        against_others(distractors, probes.vectors),
        probes.rows[asked[made]],
        scores[made],
        CMC_RANKS,
    )
    ranks = np.zeros(len(scores), np.int64)
    ranks[made] = 1 + search.above
    owners = probes.subjects[asked]
    far_rates, tar_rates = roc(search.curve)
    metrics: dict[str, Any] = {
        **{f"rank{k}": mean_rate((ranks > 0) & (ranks <= k), owners) for k in SEARCH_RANKS},
        "tar_at_far": {
            far_name(far): accepted_rate(search.curve, far, scores, owners) for far in FARS
        },
        **counted(gallery, probes, np.bincount(asked, minlength=len(probes.subjects))),
        "distractors": int(nobody.sum()),
        "genuine": search.curve.genuine,
        "impostor": search.curve.impostor,
    }
    return Recognition(
        metrics,
        np.stack([far_rates, float(made.mean()) * tar_rates]),
        reached_by_rank(ranks, min(CMC_RANKS, 1 + len(distractors))),
        Best(_best_mate(probes, asked[made], scores[made]), search.best),
    )


def _best_mate(probes: Side, asked: Int64, scores: Float32) -> Float32:
    """Return the best score of each enrolled probe with its mates, NaN where it has none.

    Args:
        probes: enrolled and not.
        asked: int64 (k,), the probe of each pair that was compared.
        scores: float32 (k,), theirs.
    """
    own = np.full(len(probes.vectors), -np.inf, np.float32)
    np.maximum.at(own, probes.rows[asked], scores)
    own[np.isinf(own)] = np.nan
    return own


def best_distractor(gallery: Side, probes: Side) -> Float32:
    """Return the best score of each enrolled probe with a distractor, float32 (e,).

    Those that ``measure_distractors`` leaves out, too: it looks at no score below a mate's.

    Args:
        gallery: mates, and distractors, who are nobody; one of them at least is enrolled.
        probes: what is searched with.
    """
    mates = int((gallery.enrolled & (gallery.subjects != NOBODY)).sum())
    return rank_probes(against_others(probes.vectors, gallery.vectors[mates:])).other_best


def _scores(mates: Float32, probes: Float32, left: Int64, right: Int64) -> Float32:
    """Return the scores of pairs of a mate and a probe, multiplied as distractors are.

    A distractor that equals a mate then has its very score. Minus infinity where a row is below 0.
    """
    scores = np.full(len(left), -np.inf, np.float32)
    made = np.flatnonzero((left >= 0) & (right >= 0))
    if not len(made):
        return scores
    made = made[np.argsort(left[made], kind="stable")]
    rows = left[made]
    with threadpool_limits(1, "blas"):  # as in ``in_threads``
        for run, block in against_others(mates, probes).blocks():
            mine = slice(*np.searchsorted(rows, [run.start, run.stop]))
            scores[made[mine]] = block[rows[mine] - run.start, right[made[mine]]]
    return scores


def _pairs(gallery: Side, probes: Side) -> tuple[Int64, Int64]:
    """Pair each probe with each template of its subject but its own: places in both sides."""
    known = gallery.subjects[: int((gallery.subjects != NOBODY).sum())]
    order = np.argsort(known, kind="stable")
    start, stop = (
        np.searchsorted(known[order], probes.subjects, side) for side in ("left", "right")
    )
    counts = stop - start
    asked = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(asked)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = order[start[asked] + within]
    own = np.array(gallery.ids.take(first).to_pylist()) == np.array(
        probes.ids.take(asked).to_pylist()
    )
    return first[~own], asked[~own]
