"""The inner loops over a block of scores, compiled by numba.

A float32's bits, with those below the sign turned over where it is negative, are integers in the
order of the numbers: its *key*. The upper 16 bits of a key are its bin, the lower 16 its place.
Minus zero, which equals zero but has other bits, may not occur.
"""

import numba
import numpy as np
from numpy.typing import NDArray

BINS = 2**16

KEY_BELOW_SIGN = np.int32(0x7FFFFFFF)
HALF = np.int32(BINS // 2)
SCANNED = 64
"""Scores that are looked at together for one that counts."""


@numba.njit(cache=True, nogil=True, inline="always")
def _key(bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return bits ^ ((bits >> 31) & KEY_BELOW_SIGN)


@numba.njit(cache=True, nogil=True)
def count_scores(  # type: ignore[no-untyped-def]  # noqa: ANN201
    bits,  # noqa: ANN001
    own_start,  # noqa: ANN001
    own_stop,  # noqa: ANN001
    probe_camera,  # noqa: ANN001
    gallery_camera,  # noqa: ANN001
    wanted,  # noqa: ANN001
    bins,  # noqa: ANN001
    kept,  # noqa: ANN001
):
    """Count a block's scores by bin, and keep those of a few bins.

    More arguments because numba takes arrays, no objects.

    Args:
        bits: int32 (rows, m), the scores' bits.
        own_start: int64 (rows,); with the next three see ``Comparison``.
        own_stop: int64 (rows,).
        probe_camera: int64 (rows,).
        gallery_camera: int64 (m,).
        wanted: uint8 (BINS,), 1 where a bin's scores are kept.
        bins: int64 (2, 2, BINS), added to: impostor and genuine scores, in two halves each, as two
            increments of one number in a row wait for each other.
        kept: int32 (2, rows · m + 1), set: the kept keys of impostor and genuine scores.

    Returns:
        How many keys were kept of impostor and of genuine scores.
    """
    columns = bits.shape[1]
    impostor, genuine = np.uint64(0), np.uint64(0)
    for row in range(bits.shape[0]):
        start, stop = own_start[row], own_stop[row]
        line = bits[row]
        for part in (line[:start], line[stop:columns]):
            impostor = _count(part, wanted, bins[0], kept[0], impostor)
        for column in range(start, stop):
            if gallery_camera[column] != probe_camera[row]:
                one = line[column : column + 1]
                genuine = _count(one, wanted, bins[1], kept[1], genuine)
    return impostor, genuine


@numba.njit(cache=True, nogil=True)
def _count(bits, wanted, bins, kept, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    # Unsigned indices: numba then need not ask whether one counts from the end. No branches: what
    # is not kept is overwritten by the next.
    even, odd = bins[0], bins[1]
    pairs = len(bits) // 2
    for pair in range(pairs):
        first, second = _key(bits[np.uint64(2 * pair)]), _key(bits[np.uint64(2 * pair + 1)])
        one, other = np.uint32((first >> 16) + HALF), np.uint32((second >> 16) + HALF)
        even[one] += 1
        odd[other] += 1
        kept[count] = first
        count += np.uint64(wanted[one])
        kept[count] = second
        count += np.uint64(wanted[other])
    for column in range(2 * pairs, len(bits)):
        key = _key(bits[column])
        last = np.uint32((key >> 16) + HALF)
        even[last] += 1
        kept[count] = key
        count += np.uint64(wanted[last])
    return count


@numba.njit(cache=True, nogil=True)
def count_places(keys, slot_of_bin, places):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Count keys by place.

    Args:
        keys: int32 (k,), sorted, as they would otherwise be scattered over all of ``places``.
        slot_of_bin: int16 (BINS,), line of a bin in ``places``, -1 where nobody asks.
        places: int64 (slots, BINS), added to.
    """
    for key in keys:
        slot = slot_of_bin[(key >> 16) + HALF]
        if slot >= 0:
            places[slot, key & 0xFFFF] += 1


@numba.njit(cache=True, nogil=True)
def rank_rows(  # type: ignore[no-untyped-def]  # noqa: ANN201
    scores,  # noqa: ANN001
    own_start,  # noqa: ANN001
    own_stop,  # noqa: ANN001
    probe_camera,  # noqa: ANN001
    gallery_camera,  # noqa: ANN001
    subject,  # noqa: ANN001
    rank,  # noqa: ANN001
    entry_rank,  # noqa: ANN001
    precision,  # noqa: ANN001
    penalty,  # noqa: ANN001
    own_best,  # noqa: ANN001
    other_best,  # noqa: ANN001
):
    """Rank each probe's own entries among all; ties count against the probe.

    More arguments because numba takes arrays, no objects; more lines because each has its own.

    Args:
        scores: float32 (rows, m).
        own_start: int64 (rows,); with the next four see ``Comparison``.
        own_stop: int64 (rows,).
        probe_camera: int64 (rows,).
        gallery_camera: int64 (m,).
        subject: int64 (m,).
        rank: int64 (rows,), set: place of the own subject among subjects, 0 where it has no entry.
        entry_rank: int64 (rows,), set: place of the best own entry among entries, 0 likewise.
        precision: float64 (rows,), set: average precision.
        penalty: float64 (rows,), set: inverse negative penalty.
        own_best: float32 (rows,), set: best score of the own subject, NaN where it has no entry.
        other_best: float32 (rows,), set: best score of another subject, NaN where there is none.
    """
    columns = scores.shape[1]
    own = np.empty(columns, np.float32)
    above = np.empty(columns + 1, np.int64)
    rivals = np.empty(columns + 1, np.int32)
    for row in range(scores.shape[0]):
        line, start, stop = scores[row], own_start[row], own_stop[row]
        count = 0
        for column in range(start, stop):
            if gallery_camera[column] != probe_camera[row]:
                own[count] = line[column]
                count += 1
        mine = np.sort(own[:count])
        others = columns - (stop - start)
        found = np.uint64(0)
        if count:
            found = _at_least(line, 0, start, mine[0], rivals, found)
            found = _at_least(line, stop, columns, mine[0], rivals, found)
        if others and not found:  # far below, or nothing to compare with: all count
            best = max(_highest(line[:start]), _highest(line[stop:]))
        else:
            best = np.float32(-np.inf if others else np.nan)
        above[: count + 1] = 0
        place, last_subject = 1, -1
        for index in range(found):
            column = rivals[index]
            score = line[column]
            best = max(best, score)
            above[np.searchsorted(mine, score, "right")] += 1  # own scores at or below this one
            if score >= mine[count - 1] and subject[column] != last_subject:
                last_subject = subject[column]
                place += 1
        rank[row] = place if count else 0
        entry_rank[row] = 1 + above[count] if count else 0
        own_best[row] = mine[count - 1] if count else np.float32(np.nan)
        other_best[row] = best
        precision[row], penalty[row] = _precision(mine, above)


@numba.njit(cache=True, nogil=True)
def _at_least(line, first, last, bound, rivals, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Note the columns whose score reaches a bound; without a branch, as in ``_count``."""
    for column in range(first, last):
        rivals[found] = column
        found += np.uint64(line[column] >= bound)
    return found


@numba.njit(cache=True, nogil=True)
def _highest(scores):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    highest = np.float32(-np.inf)
    for score in scores:
        highest = max(highest, score)
    return highest


@numba.njit(cache=True, nogil=True)
def _precision(mine, above):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Walk down the own scores; returns average precision and inverse negative penalty."""
    count = len(mine)
    if count == 0:
        return np.nan, np.nan
    total, others, index = 0.0, 0, count - 1
    while index >= 0:
        first = index
        others += above[index + 1]
        while first > 0 and mine[first - 1] == mine[index]:
            first -= 1
            others += above[first + 1]
        reached = count - first
        total += (index - first + 1) * (reached / (reached + others))
        index = first - 1
    return total / count, count / (count + others)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def score_pairs(left, right, left_row, right_row, scores):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Multiply pairs of rows: nothing is gathered, and a pair's score depends on no other.

    Args:
        left: float32 (n, d).
        right: float32 (m, d).
        left_row: int64 (k,).
        right_row: int64 (k,).
        scores: float32 (k,), set.
    """
    for pair in range(len(scores)):
        one, other = left[left_row[pair]], right[right_row[pair]]
        total = np.float32(0.0)
        for index in range(len(one)):
            total += one[index] * other[index]
        scores[pair] = total


@numba.njit(cache=True, nogil=True)
def keep_best(scores, lowest, best):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Keep each column's best scores.

    Args:
        scores: float32 (rows, m).
        lowest: float32 (m,), scores below are of no use; rises as better ones are kept.
        best: float32 (m, k), rising in each line; the worst make room.
    """
    columns, most = scores.shape[1], best.shape[1]
    for row in range(scores.shape[0]):
        line = scores[row]
        for start in range(0, columns, SCANNED):
            stop = min(start + SCANNED, columns)
            any_ = False
            for column in range(start, stop):  # no branch: several at once
                any_ |= line[column] >= lowest[column]
            if not any_:
                continue
            for column in range(start, stop):
                score = line[column]
                if score >= lowest[column]:
                    kept, place = best[column], 0
                    while place + 1 < most and kept[place + 1] < score:
                        kept[place] = kept[place + 1]
                        place += 1
                    kept[place] = score
                    lowest[column] = max(lowest[column], kept[0])


def keys_of(scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the keys of scores; minus zero has that of zero."""
    bits = (scores + np.float32(0.0)).view(np.int32)
    return bits ^ ((bits >> 31) & KEY_BELOW_SIGN)


def bits_of(scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return float32 scores as their bits, without a copy."""
    return scores.view(np.int32)


def score_of(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores of keys."""
    narrow = keys.astype(np.int32)
    return (narrow ^ ((narrow >> 31) & KEY_BELOW_SIGN)).view(np.float32).astype(np.float64)


@numba.njit(cache=True, nogil=True)
def resampled_eer(  # type: ignore[no-untyped-def]  # noqa: ANN201
    probe,  # noqa: ANN001
    gallery,  # noqa: ANN001
    last,  # noqa: ANN001
    draw,  # noqa: ANN001
    impostor,  # noqa: ANN001
    genuine,  # noqa: ANN001
):
    """Return the equal error rate of weighted comparisons, going down no farther than it lies.

    Args:
        probe: int64 (n,), subject of each comparison's probe, best score first.
        gallery: int64 (n,), subject of its gallery entry.
        last: bool (n,), true at the last of equal scores.
        draw: int64 (subjects,), how often each was drawn.
        impostor: sum of the impostor comparisons' weights, above 0.
        genuine: sum of the genuine comparisons' weights, above 0.
    """
    false_accepts, true_accepts = 0, 0
    far_before, frr_before = 0.0, 1.0
    for at in range(len(probe)):
        one, other = probe[at], gallery[at]
        if one == other:
            true_accepts += draw[one]
        else:
            false_accepts += draw[one] * draw[other]
        if last[at]:
            far, frr = false_accepts / impostor, 1.0 - true_accepts / genuine
            if far >= frr:
                before, after = frr_before - far_before, far - frr
                return far_before + before / (before + after) * (far - far_before)
            far_before, frr_before = far, frr
    return far_before
