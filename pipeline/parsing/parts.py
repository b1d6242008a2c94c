"""PRAM's four facial parts: masks, boxes, and crops of a fixed window around each.

Boxes are outer edges: a part of one pixel at (x, y) has the box (x − 0.5, y − 0.5, x + 0.5,
y + 0.5), as pixel centres lie at integers.

Reference:
    PRAM + CAT: sections 2.1 and 3.1. The paper centres each partial image on "the center point of
    the rectangle bounding box that contains the mask regions"; it does not publish the window.
"""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.ops.geometry import compose_affine, warp_affine
from pipeline.types import FACE_PARTS, MOUTH, NOSE, FaceClass, Float32, UInt8

PART_CLASSES: dict[str, tuple[FaceClass, ...]] = {
    "left_eye": (FaceClass.LEFT_EYE,),
    "right_eye": (FaceClass.RIGHT_EYE,),
    "nose": NOSE,
    "mouth": MOUTH,
}
"""What makes up each part. Glasses and closed lids hide an eye: then it has no pixels."""

_IN_PART = {part: np.isin(np.arange(256), classes) for part, classes in PART_CLASSES.items()}
"""Whether a label is of a part: looked up ten times as fast as ``isin`` finds it in a map."""


def part_masks(labels: UInt8) -> NDArray[np.bool_]:
    """Cut label maps into the four parts.

    Args:
        labels: uint8 (..., h, w) of ``FaceClass``, left and right settled.

    Returns:
        bool (..., 4, h, w), in the order of ``FACE_PARTS``.
    """
    return np.stack([_IN_PART[part][labels] for part in FACE_PARTS], axis=-3)


def part_boxes(masks: NDArray[np.bool_], *, min_pixels: int) -> Float32:
    """Bound each part.

    An 8-connected component smaller than ``min_pixels`` does not count: a stray pixel would pull
    the box, and so the crop, far off. The masks keep it.

    Args:
        masks: bool (..., h, w).
        min_pixels: at least 1.

    Returns:
        float32 (..., 4), xyxy, pixels of the masks' frame; NaN where the part is not found.

    Raises:
        ValueError: the masks are not bool.
    """
    if masks.dtype != np.bool_:  # its bytes would be counted as pixels
        raise ValueError(f"expected bool masks, got {masks.dtype}")
    flat = np.ascontiguousarray(masks).reshape(-1, *masks.shape[-2:])
    boxes = np.full((len(flat), 4), np.nan, dtype=np.float32)
    for row, mask in enumerate(flat):
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        x, y, width, height, _ = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= min_pixels].T
        if len(x):
            edges = x.min(), y.min(), (x + width).max(), (y + height).max()
            boxes[row] = np.array(edges, dtype=np.float32) - 0.5
    return boxes.reshape(*masks.shape[:-2], 4)


def part_windows(boxes_xyxy: Float32, *, eye_px: int, nose_px: int, mouth_px: int) -> Float32:
    """Put a square window of fixed side on each part's centre.

    The window keeps its centre where it reaches past the frame; nothing is clipped.

    Args:
        boxes_xyxy: float32 (..., 4, 4), in the order of ``FACE_PARTS``; NaN stays NaN.
        eye_px: side of both eyes' windows, pixels of the frame.
        nose_px: side of the nose's.
        mouth_px: side of the mouth's.

    Returns:
        float32 (..., 4, 4), xyxy, outer edges.
    """
    centres = _centres(boxes_xyxy)
    halves = np.array([eye_px, eye_px, nose_px, mouth_px], dtype=np.float32)[:, None] / 2
    return np.concatenate([centres - halves, centres + halves], axis=-1, dtype=np.float32)


def crop_part(
    source_image: UInt8,
    source_to_frame: ArrayLike,
    window_xyxy: ArrayLike,
    crop_hw: tuple[int, int],
) -> UInt8:
    """Cut a window of the frame out of the image the frame was warped from: one resampling.

    Args:
        source_image: uint8 (h, w) or (h, w, 3): the context crop or the source image, sharper than
            the frame's own image.
        source_to_frame: (2, 3), source pixels to frame pixels.
        window_xyxy: (4,), outer edges, pixels of the frame.
        crop_hw: height and width of the result.

    Returns:
        uint8 (h, w) or (h, w, 3); what lies beyond the source is black.

    Raises:
        ValueError: the window is empty or not finite (the part was not found).
    """
    x1, y1, x2, y2 = np.asarray(window_xyxy, dtype=np.float64)
    if not (np.isfinite([x1, y1, x2, y2]).all() and x1 < x2 and y1 < y2):
        raise ValueError(f"no window to crop: {[x1, y1, x2, y2]}")
    scale_x, scale_y = crop_hw[1] / (x2 - x1), crop_hw[0] / (y2 - y1)
    frame_to_crop = [[scale_x, 0.0, -0.5 - scale_x * x1], [0.0, scale_y, -0.5 - scale_y * y1]]
    source_to_crop = compose_affine(source_to_frame, frame_to_crop)
    return warp_affine(source_image, source_to_crop, crop_hw)


def centre_distance_percent(
    first_xyxy: Float32, second_xyxy: Float32, interocular_px: ArrayLike
) -> Float32:
    """Compare where two backends find the parts.

    Args:
        first_xyxy: float32 (..., 4, 4), in the order of ``FACE_PARTS``.
        second_xyxy: alike, in the same frame.
        interocular_px: (...,), distance of the eye points in that frame, above 0.

    Returns:
        float32 (..., 4): distance of the boxes' centres, % of the inter-ocular distance; NaN where
        either did not find the part.
    """
    apart = _centres(first_xyxy) - _centres(second_xyxy)
    interocular = np.asarray(interocular_px, dtype=np.float64)[..., None]
    percent: NDArray[np.float64] = 100 * np.hypot(apart[..., 0], apart[..., 1]) / interocular
    return percent.astype(np.float32)


def _centres(boxes_xyxy: Float32) -> Float32:
    return (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / np.float32(2)
