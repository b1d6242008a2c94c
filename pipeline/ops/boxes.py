"""Boxes: xyxy in float pixels, x1 < x2 and y1 < y2, pixel centres at integers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from pipeline.types import Float32, Float64


def areas(boxes_xyxy: ArrayLike) -> Float64:
    """Return the areas of boxes (n, 4), float64 (n,); a box turned inside out has none."""
    return _areas(_table(boxes_xyxy))


def intersections(first_xyxy: ArrayLike, second_xyxy: ArrayLike) -> Float64:
    """Return the area that boxes share, pair by pair: (k, 4) and (k, 4) to float64 (k,)."""
    return _shared(_table(first_xyxy), _table(second_xyxy))


def iou(first_xyxy: ArrayLike, second_xyxy: ArrayLike) -> Float64:
    """Return intersection over union of all against all: (n, 4) and (m, 4) to float64 (n, m)."""
    return _iou(_table(first_xyxy)[:, None], _table(second_xyxy)[None, :])


def paired_iou(first_xyxy: ArrayLike, second_xyxy: ArrayLike) -> Float64:
    """Return intersection over union pair by pair: (k, 4) and (k, 4) to float64 (k,)."""
    return _iou(_table(first_xyxy), _table(second_xyxy))


def boxes_about(points: ArrayLike) -> Float32:
    """Return the smallest boxes that hold all points: (n, k, 2 or 3), x and y first, to (n, 4)."""
    xy = np.asarray(points, dtype=np.float32)[..., :2]
    return np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)


def ratio(part: Float64, whole: Float64) -> Float64:
    """Divide areas; of a whole that has none the ratio is 0."""
    divided: Float64 = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return divided


def _table(boxes_xyxy: ArrayLike) -> Float64:
    return np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)


def _areas(boxes: Float64) -> Float64:
    sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0.0, None)
    area: Float64 = sides[..., 0] * sides[..., 1]
    return area


def _shared(first: Float64, second: Float64) -> Float64:
    low = np.maximum(first[..., :2], second[..., :2])
    sides = np.clip(np.minimum(first[..., 2:], second[..., 2:]) - low, 0.0, None)
    shared: Float64 = sides[..., 0] * sides[..., 1]
    return shared


def _iou(first: Float64, second: Float64) -> Float64:
    shared = _shared(first, second)
    return ratio(shared, _areas(first) + _areas(second) - shared)


_ON_BOX_IOU = 0.2
"""Of boxes of one face by different hands: some frame the head, some end at the chin."""

Choice = Callable[[Float32, Float32, tuple[int, int], Float32 | None], list[int]]


def _largest(
    boxes: Float32, scores: Float32, hw: tuple[int, int], known: Float32 | None
) -> list[int]:
    return [int(np.argmax(areas(boxes)))]


def _most_central(
    boxes: Float32, scores: Float32, hw: tuple[int, int], known: Float32 | None
) -> list[int]:
    centres = (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2
    offsets = centres - np.array([hw[1] - 1, hw[0] - 1]) / 2
    return [int(np.argmin(np.hypot(*offsets.T)))]


def _highest_score(
    boxes: Float32, scores: Float32, hw: tuple[int, int], known: Float32 | None
) -> list[int]:
    return [int(np.argmax(scores))]


def _only(boxes: Float32, scores: Float32, hw: tuple[int, int], known: Float32 | None) -> list[int]:
    return [0] if len(boxes) == 1 else []


def _annotated(
    boxes: Float32, scores: Float32, hw: tuple[int, int], known: Float32 | None
) -> list[int]:
    if known is None:
        return _largest(boxes, scores, hw, known)
    overlap = iou(known, boxes)[0]
    best = int(np.argmax(overlap))
    return [best] if overlap[best] >= _ON_BOX_IOU else []


def _all(boxes: Float32, scores: Float32, hw: tuple[int, int], known: Float32 | None) -> list[int]:
    return list(range(len(boxes)))


CHOICES: dict[str, Choice] = {
    "largest": _largest,
    "most_central": _most_central,
    "highest_score": _highest_score,
    "only": _only,
    "annotated": _annotated,
    "all": _all,
}
"""Policies for an image that shows several faces, by name."""


def choose(
    boxes_xyxy: Float32,
    scores: Float32,
    hw: tuple[int, int],
    policy: str,
    known_xyxy: Float32 | None = None,
) -> list[int]:
    """Choose among the faces of an image.

    Args:
        boxes_xyxy: (n, 4).
        scores: (n,).
        hw: height and width of the image.
        policy: a name of ``CHOICES``; of equals the first wins; ``only`` takes no one of several;
            ``annotated`` takes the one that lies on the known box, the largest where there is none.
        known_xyxy: (4,), the face that the data set means; None where it names none.

    Returns:
        The indices of the chosen faces; none where there is none or the policy takes none.

    Raises:
        ValueError: the policy is not offered.
    """
    if policy not in CHOICES:
        raise ValueError(f"policy {policy!r} is none of {list(CHOICES)}")
    return CHOICES[policy](boxes_xyxy, scores, hw, known_xyxy) if len(boxes_xyxy) else []
