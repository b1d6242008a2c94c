"""The crop of a body: one window of the image, warped once to height × width."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.ops.geometry import warp_affine
from pipeline.ops.images import check_image
from pipeline.types import Float32, Float64, UInt8


@dataclass(frozen=True)
class BodyCrop:
    """A body, cut out.

    Attributes:
        image: uint8 (h, w) or (h, w, 3).
        warp_2x3: float32, source to crop.
        shown: bool (h, w), the pixels that show the image; the others are black.
    """

    image: UInt8
    warp_2x3: Float32
    shown: NDArray[np.bool_]


def _stretched(box: Float64, hw: tuple[int, int]) -> tuple[Float64, Float64]:
    return box, box


def _padded(box: Float64, hw: tuple[int, int]) -> tuple[Float64, Float64]:
    return _grown_to(box, hw), box


def _with_context(box: Float64, hw: tuple[int, int]) -> tuple[Float64, Float64]:
    window = _grown_to(box, hw)
    return window, window


POLICIES: dict[str, Callable[[Float64, tuple[int, int]], tuple[Float64, Float64]]] = {
    "stretch": _stretched,
    "pad": _padded,
    "context": _with_context,
}
"""What becomes of a box of another shape than the crop, by name.

``stretch`` fills the crop with the box, as person re-identification does and the paper's "cropped
and resized" says; ``pad`` keeps the proportions and leaves black beside the box; ``context`` keeps
them too and shows what the image has there. Each returns the window that becomes the crop, and
the part of it that is shown.
"""


def body_window(
    box_xyxy: Float32, hw: tuple[int, int], *, policy: str, margin_fraction: float = 0.0
) -> tuple[Float64, Float64]:
    """Return the window of a body's crop and the part of it that is shown, float64 (4,) each.

    Args:
        box_xyxy: (4,), pixels of the image, with an area.
        hw: height and width of the crop.
        policy: a name of ``POLICIES``.
        margin_fraction: how far the box is first widened on each side, of its own side.

    Raises:
        ValueError: the policy is not offered, or the box has no area.
    """
    if policy not in POLICIES:
        raise ValueError(f"policy {policy!r} is none of {list(POLICIES)}")
    box = np.asarray(box_xyxy, np.float64)
    sides = box[2:] - box[:2]
    if not np.isfinite(box).all() or not (sides > 0).all():
        raise ValueError(f"expected a box with an area, found {box.tolist()}")
    margin = margin_fraction * sides
    return POLICIES[policy](np.concatenate([box[:2] - margin, box[2:] + margin]), hw)


def crop_body(
    image: UInt8,
    box_xyxy: Float32,
    hw: tuple[int, int],
    *,
    policy: str,
    margin_fraction: float = 0.0,
    interpolation: str = "area",
) -> BodyCrop:
    """Cut a body out of an image.

    Args:
        image: uint8 (h, w) or (h, w, 3).
        box_xyxy: (4,), pixels of the image.
        hw: height and width of the crop.
        policy: a name of ``POLICIES``.
        margin_fraction: see ``body_window``.
        interpolation: a name of ``geometry.INTERPOLATIONS``.

    Raises:
        ValueError: see ``body_window``, and ``check_image`` for the image.
    """
    check_image(image)
    window, shown = body_window(box_xyxy, hw, policy=policy, margin_fraction=margin_fraction)
    height, width = hw
    scale = np.array([width, height]) / (window[2:] - window[:2])
    # Edges of windows lie half a pixel before the first centre, in source and crop alike.
    shift = -0.5 - scale * window[:2]
    warp = np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]]])
    part, origin = _around(image, shown)
    local = warp.copy()
    local[:, 2] += scale * origin
    # Of a person at the image's edge no pixel is mixed with black: a rim would tell where it was.
    crop = warp_affine(part, local, hw, interpolation=interpolation, border="replicate")
    edges = np.array([-0.5, -0.5, image.shape[1] - 0.5, image.shape[0] - 0.5])
    seen = np.concatenate([np.maximum(shown[:2], edges[:2]), np.minimum(shown[2:], edges[2:])])
    inside = _pixels_in(seen, scale, shift)
    framed, shows = np.zeros(crop.shape, np.uint8), np.zeros(hw, bool)
    framed[inside], shows[inside] = crop[inside], True
    return BodyCrop(framed, warp.astype(np.float32), shows)


def _pixels_in(part: Float64, scale: Float64, shift: Float64) -> tuple[slice, slice]:
    """Return the rows and columns of a crop whose centres lie in a part of the image."""
    low = np.ceil(part[:2] * scale + shift).astype(int).clip(0)
    high = (np.floor(part[2:] * scale + shift).astype(int) + 1).clip(0)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _around(image: UInt8, shown: Float64) -> tuple[UInt8, NDArray[np.int64]]:
    """Cut the image to what a window can show, so that a warp does not read all of it.

    Returns:
        The part and where its first pixel lies, (x, y).
    """
    wh = np.array(image.shape[1::-1])
    reach = 2 + np.ceil(0.05 * (shown[2:] - shown[:2]))  # what area means at the rim take in
    low = np.clip(np.floor(shown[:2] - reach), 0, wh - 1).astype(np.int64)
    high = np.clip(np.ceil(shown[2:] + reach) + 1, low + 1, wh).astype(np.int64)
    return image[low[1] : high[1], low[0] : high[0]], low


def _grown_to(box: Float64, hw: tuple[int, int]) -> Float64:
    """Grow a box about its centre to the crop's proportions."""
    centre, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    grown = np.maximum(sides, sides[::-1] * np.array([hw[1] / hw[0], hw[0] / hw[1]]))
    return np.concatenate([centre - grown / 2, centre + grown / 2])
