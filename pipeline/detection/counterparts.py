"""Landmarks of a face in heat from its visible counterpart: two cameras side by side, one moment.

Networks know faces in visible light, and in heat they fail where a head is turned far, cut by the
border or behind glasses. The outlines of a head and its parts lie at the same places in both
images, whichever side of them is the brighter. So the visible landmarks are moved by the one shift
at which the directions of edges agree best.

Reference:
    E. Haber, J. Modersitzki, Intensity gradient based registration and fusion of multi-modal
    images, MICCAI 2006 (normalised gradient fields).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.geometry import warp_affine
from pipeline.types import Float32, UInt8

REACH = 0.35
"""The longest shift that is looked for, in spans (see ``_span``): the cameras' images of a face lie
up to a third of its eyes' distance apart."""

_SPAN_PX = 100.0
"""Faces are scaled to this span, so that edges mean the same in all of them."""
_AROUND = 0.5
"""How far around the landmarks edges count, in spans."""
_BLUR_PX = 1.5
_EDGE = 2.0
"""Grey levels a pixel: the slope of an edge that counts half."""
_LEAST_INSIDE = 0.7
"""Share of the landmarks' surroundings that has to lie within the heat image."""
_LEAST_DISTINCT = 1.05


@dataclass(frozen=True)
class Shift:
    """Where a face of the visible image lies in the heat image.

    Attributes:
        xy: float32 (2,), pixels, to be added to the visible landmarks.
        agreement: 0 to 1, the mean squared cosine between edges, 0 where there is none.
        distinct: how many times larger that is than at any place farther off than a tenth of a
            span: 1 says that another place is as good.
    """

    xy: Float32
    agreement: float
    distinct: float

    @property
    def is_sure(self) -> bool:
        """Tell whether no other place is as good: see docs/decisions/detection.md."""
        return self.distinct >= _LEAST_DISTINCT


def shift_between(visible: UInt8, heat: UInt8, landmarks_xy: Float32) -> Shift:
    """Find the shift from a visible face to the same face in heat.

    Args:
        visible: uint8 (h, w), grey.
        heat: uint8 (h, w), of the same moment and view.
        landmarks_xy: float32 (5, 2), of the face in ``visible``, as of ``Faces``.

    Raises:
        ValueError: the images differ in size, or the landmarks have no extent in the image.
    """
    if visible.shape != heat.shape or visible.ndim != 2:
        raise ValueError(
            f"expected two grey images of one size, found {visible.shape} and {heat.shape}"
        )
    span = _span(landmarks_xy)
    height, width = visible.shape
    inside = (landmarks_xy >= 0).all(axis=1) & (landmarks_xy < (width, height)).all(axis=1)
    if span < 1 or not inside.any():
        raise ValueError("expected five landmarks apart from each other, at least one in the image")
    scale = _SPAN_PX / span
    margin = (_AROUND + REACH) * span
    low = np.floor(landmarks_xy.min(axis=0) - margin)
    size = np.ceil((landmarks_xy.max(axis=0) + margin - low) * scale).astype(int)
    to_window = np.array([[scale, 0, -scale * low[0]], [0, scale, -scale * low[1]]], np.float32)
    first, second = (_edges(image, to_window, size) for image in (visible, heat))
    reach = round(REACH * _SPAN_PX)
    face = (slice(reach, size[1] - reach), slice(reach, size[0] - reach))
    agreement = np.zeros((2 * reach + 1, 2 * reach + 1))
    for (one, other), weight in zip(((0, 0), (0, 1), (1, 1)), (1, 2, 1), strict=True):
        # Squared, so that an edge counts whichever of its sides is the brighter.
        product = np.ascontiguousarray((first[one] * first[other])[face])
        agreement += weight * cv2.matchTemplate(second[one] * second[other], product, cv2.TM_CCORR)
    known = cv2.warpAffine(np.ones_like(heat, np.float32), to_window, size.tolist())
    ones = np.ones((face[0].stop - reach, face[1].stop - reach), np.float32)
    share = cv2.matchTemplate(known, ones, cv2.TM_CCORR) / ones.size
    mean = np.where(share < _LEAST_INSIDE, 0.0, agreement / np.maximum(share, 1e-6) / ones.size)
    return _best(mean, reach, scale)


def _span(landmarks_xy: Float32) -> float:
    """Return the longer of the eyes' distance and that from eyes to mouth; one is short in turn."""
    eyes, mouth = landmarks_xy[:2], landmarks_xy[3:]
    down = mouth.mean(axis=0) - eyes.mean(axis=0)
    return float(max(np.hypot(*(eyes[1] - eyes[0])), np.hypot(*down)))


def _edges(
    image: UInt8, to_window: NDArray[np.float32], size: NDArray[np.int_]
) -> NDArray[np.float32]:
    """Return the direction of the slope in each pixel of a window, (2, h, w), shorter than 1."""
    grey = image.astype(np.float32)
    wide, high = size.tolist()
    shown = warp_affine(grey, to_window, (high, wide), interpolation="area", border="replicate")
    smooth = cv2.GaussianBlur(shown, (0, 0), _BLUR_PX)
    slope = np.stack([cv2.Scharr(smooth, cv2.CV_32F, *axis) / 32 for axis in ((1, 0), (0, 1))])
    directed: Float32 = slope / np.sqrt((slope**2).sum(axis=0) + _EDGE**2)
    return directed


def _best(agreement: NDArray[np.float64], reach: int, scale: float) -> Shift:
    down, right = np.unravel_index(int(agreement.argmax()), agreement.shape)
    best = float(agreement[down, right])
    rows, columns = np.indices(agreement.shape)
    apart = np.hypot(rows - down, columns - right) > _SPAN_PX / 10
    elsewhere = float(agreement[apart].max())
    xy = np.array([right - reach, down - reach], np.float32) / np.float32(scale)
    return Shift(xy, best, best / elsewhere if elsewhere > 0 else 1.0)
