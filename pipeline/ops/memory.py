"""A lack of memory is told apart from a broken file: it would be rejected for good."""

import cv2
import numpy as np

_BYTES_A_PIXEL = 16
"""More than any decoder takes: of a progressive JPEG 8 for its coefficients, 4 for its colours."""


def by_opencv(data: bytes, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray | None:
    """Decode an image; None where OpenCV makes none of it.

    Args:
        data: the file's bytes.
        flags: OpenCV's ``IMREAD_``.

    Returns:
        ``[h, w]`` or ``[h, w, c]``, colours as BGR.

    Raises:
        MemoryError: its pixels do not fit into memory.
    """
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError("too little memory for an image's pixels") from error
        return None


def check_memory(hw: tuple[int, int]) -> None:
    """Make sure that an image was not lost for want of memory: most decoders do not say so.

    Raises:
        MemoryError: there is not enough to decode so many pixels, whatever the format.
    """
    np.empty((*hw, _BYTES_A_PIXEL), np.uint8)  # reserved, not touched: it costs nothing
