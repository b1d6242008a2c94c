"""Smaller images."""

import cv2
import numpy as np

from pipeline.types import UInt8


def reduce_to(image: UInt8, max_side_px: int) -> UInt8:
    """Reduce an image to a longer side of ``max_side_px`` by area means; never enlarge it."""
    height, width = image.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1.0:
        return image
    reduced_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, reduced_wh, interpolation=cv2.INTER_AREA), np.uint8)
