"""All measures of a comparison, exact and in bounded memory, mostly in one pass over its scores.

Scores are counted by the upper half of their bits, which tells in which bins the wanted thresholds
lie, and in those few bins by the lower half, which resolves every score. Which bins these will be
is foreseen from some of the probes. Where that fails, a second pass counts what is missing: the
result is the same. Nothing is interpolated or sampled. Threads share the blocks of scores; what
they count are whole numbers, so the result is the same for any number of them.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from threading import Lock, local

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from pipeline.evaluation.comparison import Comparison
from pipeline.evaluation.curve import ScoreCurve, accepts_allowed
from pipeline.evaluation.kernels import (
    BINS,
    bits_of,
    count_places,
    count_scores,
    keep_best,
    keys_of,
    rank_rows,
    score_of,
)
from pipeline.types import Int64

FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""The usual false accept rates."""
FORESIGHT_STEP = 16
FORESIGHT_SPREAD = 2.5
MOST_RESOLVED = 96
"""Bins counted by place: 96 MiB."""
LISTED_AT_ONCE = 2**20
"""Listed scores that are counted at once."""


@dataclass(frozen=True)
class ProbeRanks:
    """How each probe fared; ties count against it.

    Attributes:
        rank: int64 (n,), place of the own subject among the gallery's subjects, each by its best
            entry; 1 is right, 0 says that the gallery holds no entry of it.
        entry_rank: int64 (n,), place of the own best entry among all entries; 0 likewise.
        average_precision: float64 (n,), over gallery entries; NaN where the rank is 0.
        inverse_negative_penalty: float64 (n,), genuine entries over the rank of the last of them.
        own_best: float32 (n,), best score of the own subject, NaN where the rank is 0.
        other_best: float32 (n,), best score of another subject, NaN where there is none.
    """

    rank: Int64
    entry_rank: Int64
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    own_best: NDArray[np.float32]
    other_best: NDArray[np.float32]

    def of(self, probes: NDArray[np.bool_]) -> "ProbeRanks":
        """Return some of the probes."""
        return ProbeRanks(*(getattr(self, each.name)[probes] for each in fields(self)))

    def put(self, rows: Int64, ranks: "ProbeRanks") -> None:
        """Set those of some probes."""
        for each in fields(self):
            getattr(self, each.name)[rows] = getattr(ranks, each.name)


@dataclass(frozen=True)
class Measures:
    """What a comparison gives.

    Attributes:
        curve: thresholds and accepts; every score is a threshold of its own around the rates asked
            for and the equal error rate, elsewhere every 65,536th float is one.
        ranks: how each probe fared.
    """

    curve: ScoreCurve
    ranks: ProbeRanks


def measure(comparison: Comparison, fars: Sequence[float] = FARS) -> Measures:
    """Measure a comparison.

    Args:
        comparison: probes and gallery.
        fars: false accept rates at which ``tar_at_far`` will be asked; each in (0, 1].

    Raises:
        ValueError: a rate is not in (0, 1].
    """
    for far in fars:
        accepts_allowed(far, 0)
    ranks = empty_ranks(len(comparison.probes))

    def rank(run: slice, scores: NDArray[np.float32]) -> None:
        _rank(comparison, run, scores, ranks)

    return Measures(_streamed(comparison, np.empty(0, np.float32), fars, rank), ranks)


def measure_scores(
    genuine: ArrayLike, impostor: ArrayLike, fars: Sequence[float] = FARS
) -> ScoreCurve:
    """Make the curve of lists of scores, (n,) and (m,), taken as float32, as ``measure`` does.

    Raises:
        ValueError: a score is not finite, or a rate is not in (0, 1].
    """
    sides = [np.asarray(side, np.float32) for side in (impostor, genuine)]
    if not all(np.isfinite(side).all() for side in sides):
        raise ValueError("scores have to be finite: leave failures to enrol out and count them")
    bins = np.stack([_listed(side, np.empty(0, np.int64)).bins for side in sides])
    wanted = _wanted(bins, fars, spread=0.0)
    places = np.stack([_listed(side, wanted).places for side in sides])
    return _curve(_Counts(bins, wanted, places))


@dataclass(frozen=True)
class Search:
    """Probes among distractors.

    Attributes:
        curve: of the given genuine scores and all scores of probes with distractors.
        above: int64 (k,), how many distractors score at or above each of ``own_scores``; of more
            than ``most`` that many.
        best: float32 (n,), of each probe its best score with a distractor where that reaches the
            least of its ``own_scores``, elsewhere minus infinity.
    """

    curve: ScoreCurve
    above: Int64
    best: NDArray[np.float32]


def search_among(
    comparison: Comparison,
    own_probe: Int64,
    own_scores: NDArray[np.float32],
    most: int,
    fars: Sequence[float] = FARS,
) -> Search:
    """Search probes among distractors, a block of these at a time.

    Of each probe its best distractors are kept, as many as ``most``: after some thousand of them
    hardly another one counts.

    Args:
        comparison: ``against_others`` of the distractors and the probes, in this order: few probes
            then stay in the processor's cache, and millions of distractors pass by.
        own_probe: int64 (k,), place of a probe in the comparison's gallery.
        own_scores: float32 (k,), that probe's score with one of its mates.
        most: so many distractors above a mate are counted, 1 or more.
        fars: as of ``measure``.
    """
    probes = len(comparison.gallery)
    least = np.full(probes, np.inf, np.float32)
    np.minimum.at(least, own_probe, own_scores)
    kept: list[NDArray[np.float32]] = []
    mine = local()

    def look(_: slice, scores: NDArray[np.float32]) -> None:
        if not hasattr(mine, "best"):
            mine.lowest = least.copy()
            mine.best = np.full((probes, most), -np.inf, np.float32)
            kept.append(mine.best)
        keep_best(scores, mine.lowest, mine.best)

    curve = _streamed(comparison, own_scores, fars, look)
    best = np.concatenate(kept, axis=1)
    above = np.empty(len(own_scores), np.int64)
    step = max(1, LISTED_AT_ONCE // best.shape[1])
    for start in range(0, len(above), step):
        run = slice(start, start + step)
        above[run] = (best[own_probe[run]] >= own_scores[run, None]).sum(axis=1)
    return Search(curve, np.minimum(above, most), best.max(axis=1))


def rank_probes(comparison: Comparison) -> ProbeRanks:
    """Rank the probes alone, in one pass."""
    ranks = empty_ranks(len(comparison.probes))

    def rank(first: int, step: int) -> None:
        for run, scores in comparison.blocks(first, step):
            _rank(comparison, run, scores, ranks)

    in_threads(comparison, rank)
    return ranks


def in_threads(comparison: Comparison, work: Callable[[int, int], None]) -> None:
    """Call ``work(first, step)`` in a thread for each core, so that they share the blocks.

    Each multiplies matrices in its own thread alone: else they wait for one another, and the
    rounding of scores would depend on the number of cores.
    """
    threads = min(len(os.sched_getaffinity(0)), comparison.block_count)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(max(1, threads)) as pool:
        for done in [pool.submit(work, first, threads) for first in range(threads)]:
            done.result()


def _rank(
    comparison: Comparison, run: slice, scores: NDArray[np.float32], ranks: ProbeRanks
) -> None:
    rank_rows(
        scores,
        *_rows(comparison, run),
        comparison.gallery_subject,
        ranks.rank[run],
        ranks.entry_rank[run],
        ranks.average_precision[run],
        ranks.inverse_negative_penalty[run],
        ranks.own_best[run],
        ranks.other_best[run],
    )


@dataclass(frozen=True)
class _Counts:
    """Scores counted by bin, and in the resolved bins by place.

    Attributes:
        bins: int64 (2, BINS), impostor and genuine scores.
        resolved: int64 (slots,), bins counted by place, rising.
        places: int64 (2, slots, BINS).
    """

    bins: Int64
    resolved: Int64
    places: Int64


Look = Callable[[slice, NDArray[np.float32]], None]
"""What else is done with a block of scores while it is there: the run of probes and the scores."""


def _streamed(
    comparison: Comparison, genuine: NDArray[np.float32], fars: Sequence[float], look: Look
) -> ScoreCurve:
    """Count a comparison's scores, and listed genuine ones, to a curve; mostly in one pass."""
    resolved = _foreseen(comparison, genuine, fars)
    counts = _with(_count(comparison, resolved, look), genuine)
    wanted = _wanted(counts.bins, fars, spread=0.0)
    if not np.isin(wanted, counts.resolved).all():
        again = _with(_count(comparison, wanted), genuine)
        if (again.bins != counts.bins).any():
            raise RuntimeError("two passes over the same embeddings gave different scores")
        counts = again
    return _curve(counts)


def _listed(scores: NDArray[np.float32], resolved: Int64) -> _Counts:
    """Count listed scores: ``bins`` int64 (BINS,), ``places`` int64 (slots, BINS)."""
    slot_of_bin = np.full(BINS, -1, np.int64)
    slot_of_bin[resolved] = np.arange(len(resolved))
    bins = np.zeros(BINS, np.int64)
    places = np.zeros(len(resolved) * BINS, np.int64)
    for start in range(0, len(scores), LISTED_AT_ONCE):
        keys = keys_of(scores[start : start + LISTED_AT_ONCE])
        number = (keys >> 16).astype(np.int64) + BINS // 2
        bins += np.bincount(number, minlength=BINS)
        slot = slot_of_bin[number]
        at = (slot * BINS + (keys & 0xFFFF))[slot >= 0]
        places += np.bincount(at, minlength=len(places))
    return _Counts(bins, resolved, places.reshape(len(resolved), BINS))


def _with(counts: _Counts, genuine: NDArray[np.float32]) -> _Counts:
    """Add listed genuine scores."""
    if not len(genuine):
        return counts  # the places are up to 96 MiB to copy
    listed = _listed(genuine, counts.resolved)
    bins, places = counts.bins.copy(), counts.places.copy()
    bins[1] += listed.bins
    places[1] += listed.places
    return _Counts(bins, counts.resolved, places)


def _count(comparison: Comparison, resolved: Int64, look: Look | None = None) -> _Counts:
    """Count the scores in one pass; ``look`` sees each block, in several threads."""
    slot_of_bin = np.full(BINS, -1, np.int16)
    slot_of_bin[resolved] = np.arange(len(resolved))
    wanted = np.zeros(BINS, np.uint8)
    wanted[resolved] = 1
    bins = np.zeros((2, BINS), np.int64)
    places = np.zeros((2, len(resolved), BINS), np.int64)
    lock = Lock()

    def count(first: int, step: int) -> None:
        halves = np.zeros((2, 2, BINS), np.int64)
        kept = np.empty((2, comparison.block_rows * len(comparison.gallery) + 1), np.int32)
        for run, scores in comparison.blocks(first, step):
            rows = _rows(comparison, run)
            found = count_scores(bits_of(scores), *rows, wanted, halves, kept)
            keys = [np.sort(side[:number]) for side, number in zip(kept, found, strict=True)]
            if look is not None:
                look(run, scores)
            with lock:
                for side in range(2):
                    count_places(keys[side], slot_of_bin, places[side])
        with lock:
            np.add(bins, halves.sum(axis=1), out=bins)

    in_threads(comparison, count)
    return _Counts(bins, resolved, places)


def _foreseen(comparison: Comparison, genuine: NDArray[np.float32], fars: Sequence[float]) -> Int64:
    """Return the bins that will probably be wanted, as some of the probes have it."""
    sample = _with(_count(comparison.every(FORESIGHT_STEP), np.empty(0, np.int64)), genuine)
    return _wanted(sample.bins, fars, spread=FORESIGHT_SPREAD)[-MOST_RESOLVED:]


def _curve(counts: _Counts) -> ScoreCurve:
    """Join bins and places to one curve."""
    coarse = counts.bins.copy()
    coarse[:, counts.resolved] = 0
    bins = np.flatnonzero(coarse.any(axis=0))
    slots, places = np.nonzero(counts.places.any(axis=0))
    keys = np.r_[(bins - BINS // 2) << 16, ((counts.resolved[slots] - BINS // 2) << 16) + places]
    order = np.argsort(-keys)
    each = np.concatenate([coarse[:, bins], counts.places[:, slots, places]], axis=1)[:, order]
    false_accepts, true_accepts = np.cumsum(np.pad(each, ((0, 0), (1, 0))), axis=1)
    impostor, genuine = (int(total) for total in counts.bins.sum(axis=1))
    thresholds = np.r_[np.inf, score_of(keys[order])]
    return ScoreCurve(thresholds, false_accepts, true_accepts, impostor, genuine)


def _wanted(bins: Int64, fars: Sequence[float], spread: float) -> Int64:
    """Return the bins in which a rate's border or the equal error rate lies, rising.

    Args:
        bins: int64 (2, BINS), impostor and genuine scores.
        fars: the rates.
        spread: standard deviations of the counts by which to widen each; 0 gives the bins alone.
    """
    false_accepts, true_accepts = np.cumsum(bins[:, ::-1], axis=1)
    impostor, genuine = int(false_accepts[-1]), int(true_accepts[-1])
    borders = [accepts_allowed(far, impostor) for far in fars]
    if impostor and genuine:
        gap = false_accepts / impostor - 1.0 + true_accepts / genuine
        borders.append(max(0, int(false_accepts[int(np.argmax(gap >= 0))]) - 1))
    found: set[int] = set()
    for border in borders:
        margin = spread * np.sqrt(border + 1.0)
        low, high = np.searchsorted(false_accepts, [border - margin, border + margin], "right")
        found.update(range(int(low), int(high) + 1))
    occupied = np.flatnonzero(bins.sum(axis=0)[::-1])
    return np.sort(BINS - 1 - np.intersect1d(occupied, sorted(found))).astype(np.int64)


def _rows(comparison: Comparison, run: slice) -> tuple[Int64, Int64, Int64, Int64]:
    return (
        comparison.own_start[run],
        comparison.own_stop[run],
        comparison.probe_camera[run],
        comparison.gallery_camera,
    )


def empty_ranks(count: int) -> ProbeRanks:
    """Return ranks of probes that have no mate."""
    return ProbeRanks(
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.full(count, np.nan, np.float32),
        np.full(count, np.nan, np.float32),
    )
