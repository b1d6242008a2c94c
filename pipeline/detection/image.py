"""How every detector makes its image small and takes its landmarks back."""

import numpy as np

from pipeline.ops.images import check_rgb
from pipeline.ops.reduction import reduce_to
from pipeline.types import Float32, UInt8


def reduced(image_rgb: UInt8, max_side_px: int) -> tuple[UInt8, Float32]:
    """Scale an image down until its longer side is at most ``max_side_px``; never up.

    Args:
        image_rgb: uint8 (h, w, 3).
        max_side_px: the limit, at least 1.

    Returns:
        The image (the same object where it is small enough) and float32 (2,), pixels of the
        original per pixel of the result in x and y; they differ a little, as sides are whole.

    Raises:
        ValueError: see ``check_rgb``.
    """
    check_rgb(image_rgb)
    small = reduce_to(image_rgb, max_side_px)
    factors = np.divide(image_rgb.shape[1::-1], small.shape[1::-1])
    return small, factors.astype(np.float32)


def from_corner(xy: Float32) -> Float32:
    """Count from the first pixel's centre what a network counts from the image's corner.

    Detectors learn from mirrored images, too, in which ``x`` has become ``width - x``. So it is
    about the image's corner that they find an image's faces and those of its mirror image alike.

    Args:
        xy: float32 (..., 2), pixels of the network's image, which spans 0 to its width and height.

    Returns:
        float32 (..., 2), pixel centres at integers.
    """
    return xy - np.float32(0.5)


def restored(xy: Float32, pixels_per_pixel: Float32) -> Float32:
    """Take landmarks (..., 2) of the reduced image back to the original, pixel centres at integers.

    Args:
        xy: float32 (..., 2), pixels of the reduced image.
        pixels_per_pixel: what ``reduced`` returned.
    """
    half = np.float32(0.5)
    return (xy + half) * pixels_per_pixel - half
