"""What is taken for an image: networks make something of any array, and nobody notices."""

import numpy as np

from pipeline.types import UInt8


def check_rgb(image: UInt8) -> None:
    """Refuse what is no RGB image.

    Raises:
        ValueError: it is not uint8 (h, w, 3), or has no pixels.
    """
    if image.ndim != 3 or not _is_image(image):
        raise ValueError(f"expected uint8 (h, w, 3), got {image.dtype} {image.shape}")


def check_image(image: UInt8) -> None:
    """Refuse what is neither an RGB nor a grey image.

    Raises:
        ValueError: it is not uint8 (h, w, 3) or (h, w), or has no pixels.
    """
    if not _is_image(image):
        raise ValueError(f"expected uint8 (h, w, 3) or (h, w), got {image.dtype} {image.shape}")


def check_batch(images: UInt8) -> None:
    """Refuse what is no batch of RGB images.

    Raises:
        ValueError: it is not uint8 (n, h, w, 3), or its images have no pixels.
    """
    rgb = images.ndim == 4 and images.shape[3] == 3
    if images.dtype != np.uint8 or not rgb or 0 in images.shape[1:]:
        raise ValueError(f"expected uint8 (n, h, w, 3), got {images.dtype} {images.shape}")


def _is_image(image: UInt8) -> bool:
    grey_or_rgb = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    return bool(image.dtype == np.uint8 and grey_or_rgb and image.size)
