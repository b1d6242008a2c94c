"""How far an image is from grey: what tells a band that was named wrongly."""

from pipeline.ops.images import check_image
from pipeline.types import UInt8

COLOURED = 12.0
"""Mean distance of an image's channels (grey levels) from which it has colour."""


def channels_apart(image: UInt8) -> float:
    """Return the mean over pixels of the largest channel minus the least, grey levels.

    Args:
        image: uint8 (h, w) or (h, w, 3).

    Raises:
        ValueError: the image is another array.
    """
    check_image(image)
    if image.ndim == 2:
        return 0.0
    return float((image.max(axis=2) - image.min(axis=2)).mean())


def saturation_of(image: UInt8) -> float:
    """Return the mean over pixels of HSV's saturation, 0 to 1; black pixels have none.

    Args:
        image: uint8 (h, w) or (h, w, 3).

    Raises:
        ValueError: the image is another array.
    """
    check_image(image)
    if image.ndim == 2:
        return 0.0
    most = image.max(axis=2)
    apart = (most - image.min(axis=2)).astype("float32")
    return float((apart / most.clip(1)).mean())
