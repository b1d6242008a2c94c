"""The inner loops over a block of scores, compiled by numba.

A float32's bits, with those below the sign turned over where it is negative, are integers in the
order of the numbers: its *key*. The upper 16 bits of a key are its bin, the lower 16 its place.
"""

import numba
import numpy as np
from numpy.typing import NDArray

BINS = 2**16
CHUNK = 32
"""Scores that are looked at only where the highest of them matters."""

KEY_BELOW_SIGN = np.int32(0x7FFFFFFF)
MINUS_ZERO = np.int32(-(2**31))


@numba.njit(cache=True, nogil=True, inline="always")
def _key(bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if bits == MINUS_ZERO:  # equal to zero, so it has zero's key
        return np.int32(0)
    return bits ^ ((bits >> 31) & KEY_BELOW_SIGN)


@numba.njit(cache=True, nogil=True)
def count_scores(  # type: ignore[no-untyped-def]  # noqa: ANN201
    bits,  # noqa: ANN001
    own_start,  # noqa: ANN001
    own_stop,  # noqa: ANN001
    probe_camera,  # noqa: ANN001
    gallery_camera,  # noqa: ANN001
    resolved,  # noqa: ANN001
    lowest_bin,  # noqa: ANN001
    bins,  # noqa: ANN001
    kept,  # noqa: ANN001
):
    """Count a block's scores by bin, and in a few bins by place.

    Args:
        bits: int32 (rows, m), the scores' bits.
        own_start: int64 (rows,); with the next three see ``Comparison``.
        own_stop: int64 (rows,).
        probe_camera: int64 (rows,).
        gallery_camera: int64 (m,).
        resolved: bool (BINS,), bins whose scores are counted by place.
        lowest_bin: the lowest of them.
        bins: int64 (2, 2, BINS), added to: impostor and genuine scores, in two halves each, as two
            increments of one number in a row wait for each other.
        kept: int32 (2, rows · m), set: keys in resolved bins, of impostor and genuine scores.

    Returns:
        How many keys were kept of impostor and of genuine scores.
    """
    columns = bits.shape[1]
    impostor, genuine = 0, 0
    for row in range(bits.shape[0]):
        start, stop = own_start[row], own_stop[row]
        line = bits[row]
        for part in (line[:start], line[stop:columns]):
            impostor = _count(part, resolved, lowest_bin, bins[0], kept[0], impostor)
        for column in range(start, stop):
            if gallery_camera[column] != probe_camera[row]:
                one = line[column : column + 1]
                genuine = _count(one, resolved, lowest_bin, bins[1], kept[1], genuine)
    return impostor, genuine


@numba.njit(cache=True, nogil=True)
def _count(bits, resolved, lowest_bin, bins, kept, count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    # Unsigned indices: numba then need not ask whether one counts from the end.
    even, odd = bins[0], bins[1]
    for column in range(len(bits)):
        key = _key(bits[column])
        high = np.uint32((key >> 16) + 32768)
        if column & 1:
            odd[high] += 1
        else:
            even[high] += 1
        if high >= lowest_bin and resolved[high]:
            kept[np.uint64(count)] = key
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def count_places(keys, slot_of_bin, places):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Count keys by place.

    Args:
        keys: int32 (k,), sorted, as they would otherwise be scattered over all of ``places``.
        slot_of_bin: int16 (BINS,), the line of each resolved bin.
        places: int64 (slots, BINS), added to.
    """
    for key in keys:
        places[slot_of_bin[(key >> 16) + 32768], key & 0xFFFF] += 1


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _highest(scores):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    highest = scores[0]
    for score in scores:
        highest = max(highest, score)
    return highest


@numba.njit(cache=True, nogil=True)
def rank_rows(  # type: ignore[no-untyped-def]  # noqa: ANN201
    scores,  # noqa: ANN001
    own_start,  # noqa: ANN001
    own_stop,  # noqa: ANN001
    probe_camera,  # noqa: ANN001
    gallery_camera,  # noqa: ANN001
    subject,  # noqa: ANN001
    rank,  # noqa: ANN001
    precision,  # noqa: ANN001
    penalty,  # noqa: ANN001
    own_best,  # noqa: ANN001
    other_best,  # noqa: ANN001
):
    """Rank each probe's own entries among all; ties count against the probe.

    Args:
        scores: float32 (rows, m).
        own_start: int64 (rows,); with the next four see ``Comparison``.
        own_stop: int64 (rows,).
        probe_camera: int64 (rows,).
        gallery_camera: int64 (m,).
        subject: int64 (m,).
        rank: int64 (rows,), set: place of the own subject among subjects, 0 where it has no entry.
        precision: float64 (rows,), set: average precision.
        penalty: float64 (rows,), set: inverse negative penalty.
        own_best: float32 (rows,), set: best score of the own subject, NaN where it has no entry.
        other_best: float32 (rows,), set: best score of another subject, NaN where there is none.
    """
    columns = scores.shape[1]
    own = np.empty(columns, np.float32)
    above = np.empty(columns + 1, np.int64)
    for row in range(scores.shape[0]):
        start, stop = own_start[row], own_stop[row]
        count = 0
        for column in range(start, stop):
            if gallery_camera[column] != probe_camera[row]:
                own[count] = scores[row, column]
                count += 1
        mine = np.sort(own[:count])
        above[: count + 1] = 0
        place, best, last_subject = 1, np.float32(-np.inf), -1
        for first, last in ((0, start), (stop, columns)):
            for chunk in range(first, last, CHUNK):
                end = min(chunk + CHUNK, last)
                highest = _highest(scores[row, chunk:end])
                best = max(best, highest)
                if count == 0 or highest < mine[0]:
                    continue
                for column in range(chunk, end):
                    score = scores[row, column]
                    if score >= mine[0]:
                        # how many own scores lie at or below this one
                        above[np.searchsorted(mine, score, "right")] += 1
                        if score >= mine[count - 1] and subject[column] != last_subject:
                            last_subject = subject[column]
                            place += 1
        rank[row] = place if count else 0
        own_best[row] = mine[count - 1] if count else np.float32(np.nan)
        other_best[row] = best if start > 0 or stop < columns else np.float32(np.nan)
        precision[row], penalty[row] = _precision(mine, above)


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


def bits_of(scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return float32 scores as their bits, without a copy."""
    return scores.view(np.int32)


def score_of(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores of keys."""
    narrow = keys.astype(np.int32)
    return (narrow ^ ((narrow >> 31) & KEY_BELOW_SIGN)).view(np.float32).astype(np.float64)
