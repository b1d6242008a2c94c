"""Subjects and cameras as numbers: names of one sort, and nobody for those that are not known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.types import Int64

NOBODY = -1
"""Number of a subject that is not known: it is nobody's mate, nor another unknown one's."""


def codes_of(*columns: ArrayLike, name: str = "subjects") -> list[Int64]:
    """Number the values of several columns alike, in the order of the values.

    Args:
        columns: (n,), (m,) …: all text or all numbers. None, NaN and the empty text are nobody.
        name: what they are, for the message.

    Returns:
        int64 (n,), (m,) …, ``NOBODY`` where nothing is known.

    Raises:
        ValueError: text stands beside numbers, so that ``"7"`` would be another than ``7``.
    """
    arrays = [np.asarray(column) for column in columns]
    known = [_known(array) for array in arrays]
    named = [array[there] for array, there in zip(arrays, known, strict=True)]
    kinds = {kind for array in named for kind in _kinds(array)}
    if len(kinds) > 1:
        raise ValueError(
            f"{name}: expected text on both sides or numbers on both, found {' and '.join(kinds)}: "
            "read both with the same type"
        )
    whole = np.concatenate([array.astype(str) if kinds == {"text"} else array for array in named])
    if whole.dtype == object:
        whole = np.array(whole.tolist())
    _, numbers = np.unique(whole, return_inverse=True)
    found, start = [], 0
    for there in known:
        codes = np.full(len(there), NOBODY, np.int64)
        stop = start + int(there.sum())
        codes[there] = numbers[start:stop]
        found.append(codes)
        start = stop
    return found


def named(codes: Int64) -> NDArray[np.float64]:
    """Return codes as subjects, as ``codes_of`` takes them: NaN for nobody."""
    return np.where(codes == NOBODY, np.nan, codes)


def _known(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    if values.dtype.kind in "iuf":
        return np.isfinite(values.astype(np.float64))
    return np.array([v is not None and v == v and v != "" for v in values.tolist()], bool)


def _kinds(values: NDArray[np.generic]) -> Sequence[str]:
    if not len(values):
        return ()
    if values.dtype.kind == "O":
        texts = {isinstance(value, str) for value in values.tolist()}
        return sorted("text" if text else "numbers" for text in texts)
    return ("text" if values.dtype.kind in "US" else "numbers",)
