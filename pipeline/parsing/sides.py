"""Whose left? Settling the left and the right of brows, eyes and ears by position.

The released BiSeNet confuses the sides: half a face is mirrored to it now and then. A part's place
beside the face's mid-line is a surer witness.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import FaceClass, Float32, UInt8

SIDED_PAIRS = (
    (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
    (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    (FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR),
)
"""Classes that differ by the side alone: (left, right), the subject's."""

_SPANNING_EXTENT = 0.6
_SPANNING_SHARE = 0.25
"""A component is two parts grown together (brows that meet) when it is wider than this share of the
distance from eyes to mouth (which yaw doesn't shorten: one brow is about half of it, a pair more
than its whole) and at least this share of its pixels lies on the smaller side."""


def settle_left_right(labels: UInt8, landmarks_xy: Float32) -> UInt8:
    """Give each connected component of brows, eyes and ears to the side it lies on.

    Both classes of a pair are merged; each 8-connected component goes whole to the side of the
    face's mid-line (through the middle of the eyes and the middle of the mouth corners) on which
    its centroid lies. At the eyes' height that is the side of the closer eye point, so a lone eye
    in profile goes to the point it shows. The line is directed from eyes to mouth, so that it turns
    with the head's roll and does not depend on the order of the eye points. A component that spans
    both sides, such as brows that meet, is divided at the line. No pixel changes its kind of part,
    and none is dropped.

    Args:
        labels: uint8 (h, w) of ``FaceClass``.
        landmarks_xy: (5, 2), pixels of the same frame, order of ``pipeline.ops.templates``: two
            eyes, nose tip, two mouth corners. The image is not mirrored.

    Returns:
        uint8 (h, w).

    Raises:
        ValueError: the points fix no mid-line.
    """
    points = np.asarray(landmarks_xy, dtype=np.float64)
    if points.shape != (5, 2):
        raise ValueError(f"expected five landmarks, got shape {points.shape}")
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = mouth - eyes
    length = float(np.hypot(*down))
    if not np.isfinite(length) or length == 0.0:
        raise ValueError(
            "eyes and mouth lie in one place, or are not finite: they give no mid-line"
        )
    to_left = np.array([down[1], -down[0]]) / length
    settled = labels.copy()
    for left, right in SIDED_PAIRS:
        y, x = np.nonzero((labels == left) | (labels == right))
        if len(x):
            leftness = (np.stack([x, y], axis=1) - eyes) @ to_left
            components = _components(x, y, labels.shape)
            on_left = _on_left(components, leftness, _SPANNING_EXTENT * length)
            settled[y, x] = np.where(on_left, left, right)
    return settled


def _components(x: NDArray[np.intp], y: NDArray[np.intp], hw: tuple[int, ...]) -> NDArray[np.int32]:
    """Number the 8-connected components of a set of pixels; int32 (k,), from 0."""
    mask = np.zeros(hw, dtype=np.uint8)
    mask[y, x] = 1
    _, numbered = cv2.connectedComponents(mask, connectivity=8)
    return numbered[y, x].astype(np.int32) - np.int32(1)


def _on_left(
    components: NDArray[np.int32], leftness: NDArray[np.float64], spanning_px: float
) -> NDArray[np.bool_]:
    """Decide each pixel's side from signed distances to the mid-line; bool (k,)."""
    pixels = np.bincount(components)
    mean = np.bincount(components, weights=leftness) / pixels
    left_share = np.bincount(components, weights=leftness > 0) / pixels
    furthest = np.full(len(pixels), -np.inf)
    nearest = np.full(len(pixels), np.inf)
    np.maximum.at(furthest, components, leftness)
    np.minimum.at(nearest, components, leftness)
    minority = np.minimum(left_share, 1 - left_share)
    spans = (furthest - nearest > spanning_px) & (minority >= _SPANNING_SHARE)
    whole: NDArray[np.bool_] = mean[components] > 0
    return np.where(spans[components], leftness > 0, whole)
