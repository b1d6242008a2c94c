"""Face, torso and lower body of a crop: where the local semantic tokens look.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, section III: "the local token consists of different local areas, including face, torso,
    and lower body". The paper gives no boundaries.
"""

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.geometry import transform_points
from pipeline.ops.polygons import filled
from pipeline.types import Float32, UInt8

BACKENDS = ("keypoints", "proportions")


class BodyRegion(IntEnum):
    """Class index of a region map; where regions overlap, the one named first shows."""

    NONE = 0
    FACE = 1
    TORSO = 2
    LOWER_BODY = 3


CHIN, HIP = 0.130, 0.470
"""Where chin and crotch lie below the crown, of the stature: 1 − 0.870 and 1 − 0.530.

Reference:
    R. Drillis, R. Contini, Body segment parameters, 1966 (as in D. Winter, Biomechanics and motor
    control of human movement, figure 4.1).
"""
SHOULDER_WIDTH, HEAD_WIDTH = 0.259, 0.100
"""Of the stature: shoulders from the same table; a head is 0.75 to 0.8 of its height wide."""

_HEAD, _SHOULDERS, _HIPS, _LEGS = slice(0, 5), slice(5, 7), slice(11, 13), slice(13, 17)


@dataclass(frozen=True)
class LocatedRegions:
    """The three regions of a body.

    Attributes:
        boxes_xyxy: float32 (3, 4), pixels of the crop and inside it: face, torso, lower body;
            NaN where the crop shows nothing of a region.
        labels: uint8 (h, w) of ``BodyRegion``.
        backends: which backend gave each.
    """

    boxes_xyxy: Float32
    labels: UInt8
    backends: tuple[str, str, str]


def locate_body_regions(
    box_xyxy: Float32,
    keypoints_xy: Float32 | None,
    keypoint_scores: Float32 | None,
    source_to_crop: Float32,
    hw: tuple[int, int],
    *,
    backend: str = "keypoints",
    min_score: float = 0.5,
    shown: NDArray[np.bool_] | None = None,
) -> LocatedRegions:
    """Find face, torso and lower body.

    ``keypoints``: the face is a square about the points of the head, as wide as a head of that
    stature where they lie closer; the torso reaches from the shoulders to the hips; the lower body
    from the hips over knees and ankles to the box's lower edge. A region for which too few points
    are sure falls back to ``proportions``: the bands of a standing person that the box shows from
    crown to sole. A box that ends at the waist is not known to, so its bands are then wrong.
    More arguments because each is a column of a body's row or a param of the stage.

    Args:
        box_xyxy: (4,) the body, pixels of the source.
        keypoints_xy: (17, 2), pixels of the source; None where there are none.
        keypoint_scores: (17,); None where there are none.
        source_to_crop: (2, 3).
        hw: height and width of the crop.
        backend: a name of ``BACKENDS``.
        min_score: in [0, 1]; points below are not believed.
        shown: bool (h, w), where the crop shows the image, outside of which no region is; None for
            everywhere.

    Raises:
        ValueError: the backend is not offered.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend {backend!r} is none of {list(BACKENDS)}")
    box = np.asarray(box_xyxy, np.float64)
    polygons: list[NDArray[np.float64] | None] = [None] * 3
    if backend == "keypoints" and keypoints_xy is not None and keypoint_scores is not None:
        points = np.asarray(keypoints_xy, np.float64)
        sure = (np.asarray(keypoint_scores) >= min_score) & np.isfinite(points).all(axis=1)
        polygons = [_face(points, sure, box), _torso(points, sure), _lower(points, sure, box)]
    bands = _proportions(box)
    backends = tuple("proportions" if shape is None else "keypoints" for shape in polygons)
    shapes = [band if shape is None else shape for shape, band in zip(polygons, bands, strict=True)]
    labels = np.zeros(hw, np.uint8)
    boxes = np.full((3, 4), np.nan, np.float32)
    for index in (2, 1, 0):
        corners = transform_points(shapes[index], source_to_crop).astype(np.float64)
        mask = filled(corners, hw)
        if shown is not None:
            mask &= shown
        labels[mask] = index + 1
        boxes[index] = _bounds(mask)
    return LocatedRegions(boxes, labels, (backends[0], backends[1], backends[2]))


def _proportions(box: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    x0, y0, x1, y1 = box
    height, middle = y1 - y0, (x0 + x1) / 2
    head, trunk = HEAD_WIDTH * height / 2, SHOULDER_WIDTH * height / 2
    chin, hip = y0 + CHIN * height, y0 + HIP * height
    return [
        _rectangle(max(x0, middle - head), y0, min(x1, middle + head), chin),
        _rectangle(max(x0, middle - trunk), chin, min(x1, middle + trunk), hip),
        _rectangle(x0, hip, x1, y1),
    ]


def _face(
    points: NDArray[np.float64], sure: NDArray[np.bool_], box: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    head = points[_HEAD][sure[_HEAD]]
    if len(head) < 2:
        return None
    middle = (head.min(axis=0) + head.max(axis=0)) / 2
    side = max(np.ptp(head, axis=0).max(), HEAD_WIDTH * (box[3] - box[1])) * 1.1
    x0, y0 = np.maximum(middle - side / 2, box[:2])
    x1, y1 = np.minimum(middle + side / 2, box[2:])
    return _rectangle(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _torso(points: NDArray[np.float64], sure: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    if not (sure[_SHOULDERS].all() and sure[_HIPS].all()):
        return None
    shoulders, hips = points[_SHOULDERS], points[_HIPS]
    length = float(np.hypot(*(shoulders.mean(axis=0) - hips.mean(axis=0))))
    if length == 0.0:
        return None
    # Joints lie inside the body: its outline is a tenth of the torso further out.
    return _hull(np.vstack([shoulders, hips]), 0.1 * length)


def _lower(
    points: NDArray[np.float64], sure: NDArray[np.bool_], box: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    legs = points[_LEGS][sure[_LEGS]]
    if not sure[_HIPS].all() or len(legs) < 2:
        return None
    joints = np.vstack([points[_HIPS], legs])
    if sure[15:17].any():  # the sole lies below the ankle, at the box's edge
        ankles = points[15:17][sure[15:17]]
        joints = np.vstack([joints, np.column_stack([ankles[:, 0], np.full(len(ankles), box[3])])])
    return _hull(joints, 0.04 * float(box[3] - box[1]))


def _hull(points: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return the convex hull of discs of a radius about points."""
    angles = np.arange(0, 2 * np.pi, np.pi / 8)
    ring = np.column_stack([np.cos(angles), np.sin(angles)]) * reach
    every = (points[:, None] + ring[None]).reshape(-1, 2).astype(np.float32)
    return np.asarray(cv2.convexHull(every), np.float64).reshape(-1, 2)


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> NDArray[np.float64]:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)


def _bounds(mask: NDArray[np.bool_]) -> Float32:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.full(4, np.nan, np.float32)
    edges = [columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5]
    return np.array(edges, np.float32)
