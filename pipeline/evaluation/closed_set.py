"""Recognition: each probe against each enrolled template."""

from typing import Any

import numpy as np

from pipeline.evaluation.bootstrap import (
    LEAST_RESAMPLES,
    RESAMPLES,
    Interval,
    VerificationBootstrap,
    wilson_interval,
)
from pipeline.evaluation.comparison import Comparison, compare
from pipeline.evaluation.curve import ScoreCurve, eer, far_name, roc
from pipeline.evaluation.influence import (
    Shares,
    eer_interval,
    eer_threshold,
    genuine_places,
    genuine_scores,
    matrix_shares,
    rate_interval,
    shares_of,
)
from pipeline.evaluation.mates import counted, mates_of, over_tried
from pipeline.evaluation.measures import measure
from pipeline.evaluation.rates import (
    Best,
    Recognition,
    far_point,
    mean_rate,
    point_rate,
    rate,
    reached_by_rank,
    rivals,
)
from pipeline.evaluation.subjects import named
from pipeline.evaluation.templates import Side
from pipeline.types import Int64

RECOGNITION_FARS = (1e-1, 1e-2, 1e-3)
CMC_RANKS = 20
MATRIX_RESAMPLED = 100_000_000
"""Scores of a matrix that all its resamples together may look at: a large one gets fewer, though
never less than ``LEAST_RESAMPLES``."""
MOST_SORTED = 20_000_000
"""Scores from which on intervals of TAR and EER are those by influence: sorted, so many would not
fit into memory."""


def measure_closed_set(gallery: Side, probes: Side) -> Recognition:
    """Measure rank-1, TAR at FAR and EER of one fold.

    A probe that was not found counts as a miss in ``rank1``, the CMC and ``tar_at_far``, and so
    does one whose subject's template could not be enrolled; impostor comparisons are those made.
    ``eer`` is of the comparisons made alone, and its n is the genuine ones among them.
    """
    asked, known = probes.subjects[probes.enrolled], gallery.subjects[gallery.enrolled]
    comparison = compare(probes.vectors, gallery.vectors, named(asked), named(known))
    measures = measure(comparison, RECOGNITION_FARS)
    mates = mates_of(gallery, probes)
    ranks = over_tried(probes, measures.ranks.rank)[mates > 0]
    tried = np.repeat(probes.subjects, mates)  # of each genuine pair
    curve, share = measures.curve, measures.curve.genuine / max(1, len(tried))
    size = len(asked) * len(known)
    error: Interval | None = None
    rates: list[Interval | None] = [None] * len(RECOGNITION_FARS)
    if size <= MOST_SORTED:
        error, rates = VerificationBootstrap(
            comparison.scores(),
            named(asked),
            named(np.sort(known)),
            tried=named(tried),
            resamples=int(np.clip(MATRIX_RESAMPLED // max(1, size), LEAST_RESAMPLES, RESAMPLES)),
        ).intervals(RECOGNITION_FARS)
    elif curve.genuine and curve.impostor:
        error, rates = _intervals(comparison, curve, asked, np.sort(known), tried)
    points: dict[str, Any] = {}
    for far, bounds in zip(RECOGNITION_FARS, rates, strict=True):
        point = far_point(curve, far)
        missed = 0.0 if len(tried) and point.threshold is not None else None  # all failed to enrol
        value = missed if point.tar is None else share * point.tar
        known_bounds = bounds
        if value is not None and value in (0.0, 1.0) and (people := len(np.unique(tried))) > 1:
            known_bounds = wilson_interval(value, people)  # resampling gives hardly any width
        points[far_name(far)] = point_rate(point, value, len(tried), known_bounds)
    metrics: dict[str, Any] = {
        "rank1": mean_rate(ranks == 1, probes.subjects[mates > 0]),
        "tar_at_far": points,
        "eer": rate(eer(curve), curve.genuine, error),
        **counted(gallery, probes, mates),
        "genuine": curve.genuine,
        "impostor": curve.impostor,
    }
    far_rates, tar_rates = roc(curve)
    return Recognition(
        metrics,
        np.stack([far_rates, share * tar_rates]),
        reached_by_rank(ranks, rivals(known, CMC_RANKS)),
        Best(measures.ranks.own_best, measures.ranks.other_best),
    )


def _intervals(
    comparison: Comparison, curve: ScoreCurve, asked: Int64, known: Int64, tried: Int64
) -> tuple[Interval | None, list[Interval | None]]:
    """Return the intervals of EER, and of TAR at ``RECOGNITION_FARS`` at the thresholds found.

    Args:
        comparison: of all that was enrolled.
        curve: of it, with comparisons of both sorts.
        asked: int64 (n,), subjects of the probes; ``NOBODY`` where it is not known.
        known: int64 (m,), subjects of the entries, rising.
        tried: int64 (t,), subject of each genuine pair, of failures to enrol, too.
    """
    subjects = int(max(asked.max(), known.max(), tried.max())) + 1
    pairs = np.bincount(tried, minlength=subjects).astype(np.float64)
    shares = matrix_shares(comparison, eer_threshold(curve), asked, known, subjects)
    mates, columns = genuine_places(comparison)
    scores = genuine_scores(comparison, mates, columns)
    rates: list[Interval | None] = []
    for far in RECOGNITION_FARS:
        point = far_point(curve, far)
        if point.tar is None or point.threshold is None:
            rates.append(None)
            continue
        accepted = scores >= np.float64(point.threshold)
        found = shares_of(accepted, asked[mates], None, subjects)
        value = point.tar * curve.genuine / len(tried)
        whole = Shares(pairs, found.counted, len(tried))
        rates.append(rate_interval(value, whole.influences(value)))
    return eer_interval(curve, *shares), rates
