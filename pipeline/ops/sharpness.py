"""How sharp a face is, in one number that does not depend on its contrast."""

import cv2
import numpy as np

from pipeline.ops.images import check_image
from pipeline.types import UInt8

SIGMA_PX = 1.0
"""Scale at which detail is looked for; finer than that is mostly noise."""


def sharpness(image: UInt8) -> float:
    """Measure an image's share of fine detail.

    It is the standard deviation of the Laplacian of a Gaussian (``SIGMA_PX``) over that of the grey
    image: changing brightness or contrast leaves it as it is, blur lowers it. Compare images of
    one frame only, in which faces have one scale.

    Args:
        image: uint8 (h, w) or (h, w, 3).

    Returns:
        0 for a flat image. Medians of the sample's faces, in a frame of 172 pixels: sharp ones
        0.11, degraded ones 0.07.

    Raises:
        ValueError: the image is another array.
    """
    check_image(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    values = grey.astype(np.float32)
    contrast = float(values.std())
    if contrast == 0.0:
        return 0.0
    smooth = cv2.GaussianBlur(values, (0, 0), SIGMA_PX, borderType=cv2.BORDER_REFLECT_101)
    detail = cv2.Laplacian(smooth, cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REFLECT_101)
    return float(detail.std()) / contrast
