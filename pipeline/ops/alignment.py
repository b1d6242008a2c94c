"""Aligning one face: one similarity, one warp, and how much of the crop the image covers."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.geometry import invert_affine, scale_of, transform_points, warp_affine
from pipeline.ops.templates import AlignmentTemplate, warp_to_template
from pipeline.types import Float32, UInt8

_SURE_PX = 1 / 16
"""Farther from the border than places are rounded in an image of 65,500 pixels a side."""


@dataclass(frozen=True)
class AlignedFace:
    """A face in a template's crop.

    Attributes:
        crop: uint8 (h, w, 3) or (h, w), of the template's ``hw``.
        warp_2x3: source_to_crop.
        outside_fraction: share of the crop that lies beyond the image, 0 to 1.
    """

    crop: UInt8
    warp_2x3: Float32
    outside_fraction: float


def align_face(
    image: UInt8,
    landmarks_xy: Float32,
    template: AlignmentTemplate,
    *,
    interpolation: str = "linear",
    border: str = "constant",
) -> AlignedFace:
    """Warp a face into a template.

    Args:
        image: (h, w) or (h, w, 3), the source image.
        landmarks_xy: (5, 2), pixels of the image.
        template: where the landmarks shall lie.
        interpolation: a name of ``geometry.INTERPOLATIONS``.
        border: a name of ``geometry.BORDERS``: what lies beyond the image.

    Raises:
        ValueError: the landmarks are degenerate; reject the face.
    """
    warp = warp_to_template(landmarks_xy, template)
    crop = warp_affine(image, warp, template.hw, interpolation=interpolation, border=border)
    return AlignedFace(crop, warp, outside_fraction(warp, image.shape[:2], template.hw))


def outside_fraction(
    source_to_crop: Float32, source_hw: tuple[int, ...], crop_hw: tuple[int, int]
) -> float:
    """Return which share of a crop's area lies beyond the source image, 0 to 1."""
    crop = transform_points(_corners(crop_hw), invert_affine(source_to_crop))
    covered, _ = cv2.intersectConvexConvex(crop, _corners(source_hw[:2]))
    whole = cv2.contourArea(crop)
    return float(np.clip(1.0 - covered / whole, 0.0, 1.0)) if whole else 1.0


def beyond_image(
    source_to_crop: Float32, source_hw: tuple[int, int], crop_hw: tuple[int, int]
) -> NDArray[np.bool_]:
    """Tell which pixels of a crop lie beyond the source image.

    Args:
        source_to_crop: float32 (2, 3).
        source_hw: height and width of the source image.
        crop_hw: of the crop.

    Returns:
        bool (h, w).
    """
    if _lies_within(source_to_crop, source_hw, crop_hw):
        return np.zeros(crop_hw, np.bool_)
    return _outside(_places(source_to_crop, crop_hw), source_hw)


def replicated(crop: UInt8, source_to_crop: Float32, source_hw: tuple[int, int]) -> UInt8:
    """Fill what lies beyond the source image with the image's border.

    A network that was trained on whole photographs takes a black border for a hat.

    Args:
        crop: uint8 (h, w, 3) or (h, w).
        source_to_crop: float32 (2, 3).
        source_hw: height and width of the source image.

    Returns:
        A new crop, or the same object where nothing lies beyond.
    """
    hw = crop.shape[0], crop.shape[1]
    if _lies_within(source_to_crop, source_hw, hw):
        return crop
    xy = _places(source_to_crop, hw)
    outside = _outside(xy, source_hw)
    if not outside.any():
        return crop
    # One source pixel, and one of the crop, inside: the very edge is mixed with what lies beyond.
    inset = 0.5 + 1.0 / scale_of(source_to_crop)
    high = np.maximum(np.array([source_hw[1], source_hw[0]]) - 1 - inset, inset)
    nearest = np.clip(xy, inset, high).astype(np.float32)
    back = transform_points(nearest.reshape(-1, 2), source_to_crop).reshape(xy.shape)
    filled = cv2.remap(
        crop, back[..., 0], back[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    keep = ~outside if crop.ndim == 2 else ~outside[..., None]
    return np.where(keep, crop, filled).astype(np.uint8)


def _lies_within(
    source_to_crop: Float32, source_hw: tuple[int, int], crop_hw: tuple[int, int]
) -> bool:
    """Tell whether a crop surely lies within its image: its corner pixels do, so all others do."""
    bottom, right = crop_hw[0] - 1, crop_hw[1] - 1
    corners = np.array([(0, 0), (right, 0), (right, bottom), (0, bottom)], np.float64)
    places = transform_points(corners, invert_affine(source_to_crop))
    high = np.array([source_hw[1], source_hw[0]]) - 0.5
    return bool((places > _SURE_PX - 0.5).all() and (places < high - _SURE_PX).all())


def _outside(places: Float32, source_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which of places (h, w, 2) lie beyond the source image, bool (h, w)."""
    x, y = places[..., 0], places[..., 1]
    right, bottom = np.float32(source_hw[1] - 0.5), np.float32(source_hw[0] - 0.5)
    return (x < -0.5) | (x > right) | (y < -0.5) | (y > bottom)


def _places(source_to_crop: Float32, crop_hw: tuple[int, int]) -> Float32:
    """Return where each pixel of a crop lies in the source image, float32 (h, w, 2)."""
    places = transform_points(_pixels(crop_hw), invert_affine(source_to_crop))
    return places.reshape(*crop_hw, 2)


@lru_cache(maxsize=4)
def _pixels(hw: tuple[int, int]) -> NDArray[np.float64]:
    """Return the (x, y) of each pixel of a crop, float64 (h · w, 2), read-only."""
    rows, columns = np.indices(hw, dtype=np.float64)
    pixels = np.stack([columns, rows], axis=2).reshape(-1, 2)
    pixels.setflags(write=False)
    return pixels


def interocular_px(landmarks_xy: Float32) -> float:
    """Return the distance between the eyes of five landmarks (5, 2)."""
    return float(np.hypot(*(landmarks_xy[1] - landmarks_xy[0])))


def eyes_to_mouth_px(landmarks_xy: Float32) -> float:
    """Return the distance from the middle of the eyes to that of the mouth corners, of (5, 2)."""
    return float(np.hypot(*(landmarks_xy[3:].mean(axis=0) - landmarks_xy[:2].mean(axis=0))))


def _corners(hw: tuple[int, ...]) -> Float32:
    """Return an image's outer corners; pixel centres lie at integers."""
    right, bottom = hw[1] - 0.5, hw[0] - 0.5
    return np.array([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)], np.float32)
