"""How a face is lit and how sharp its image is, measured on the aligned crop."""

import cv2
import numpy as np

from pipeline.types import Bool, Float32, UInt8

_FACE_HALF_AXES = (0.32, 0.42)
"""Half axes of the ellipse about the middle of ArcFace's crop that is all face, in crop sides."""
_LEAST_DEVIATION = 1.0
_EDGE = np.ones((5, 5), np.uint8)
"""Beside what lies beyond the image a pixel is mixed with it, and the Laplacian reads the next."""


def focus_measure(crop: UInt8, shown: Bool | None = None) -> float:
    """Return the variance of the Laplacian over the variance of the grey values.

    The quotient does not change with the contrast of the image, so bands can be compared. It is
    taken over the face's ellipse, where hair and background have no say.

    Args:
        crop: uint8 (h, w) or (h, w, 3) RGB, aligned by an ArcFace template.
        shown: bool (h, w), where the crop shows the image: nothing else counts; None: everywhere.

    Returns:
        0 for a flat face, about 0.01 for a blurred one, 0.1 and more for a sharp one at 112 × 112.

    Reference:
        S. Pertuz et al., Analysis of focus measure operators for shape-from-focus, Pattern
        Recognition 46(5), 2013 (LAP4); the normalisation is ours.
    """
    grey = _grey(crop)
    face = _face(grey.shape, shown)
    if not face.any():
        return 0.0
    laplacian = cv2.Laplacian(grey, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)
    variance = float(grey[face].var())
    return float(laplacian[face].var()) / variance if variance >= _LEAST_DEVIATION**2 else 0.0


def illumination(crop: UInt8, shown: Bool | None = None) -> tuple[float, float]:
    """Return how bright a face is and how unevenly it is lit from the sides.

    Args:
        crop: uint8 (h, w) or (h, w, 3) RGB, aligned by an ArcFace template.
        shown: of ``focus_measure``.

    Returns:
        Mean grey value of the face, 0 to 1; and the difference of its halves over their sum, −1 to
        1, positive where the half on the image's right (the subject's left) is brighter. Of a
        half that the image does not show, the other one's value stands in.
    """
    grey = _grey(crop)
    face = _face(grey.shape, shown)
    columns = np.arange(grey.shape[1])[None, :] - (grey.shape[1] - 1) / 2
    halves = [grey[face & side] for side in (columns < 0, columns > 0)]
    means = [float(half.mean()) for half in halves if half.size]
    left, right = (means[0], means[-1]) if means else (0.0, 0.0)
    total = left + right
    return total / 2 / 255.0, (right - left) / total if total else 0.0


def _grey(crop: UInt8) -> Float32:
    grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.float32)


def _face(hw: tuple[int, ...], shown: Bool | None) -> Bool:
    """Return the ellipse that is all face, bool (h, w), as far as it is shown."""
    y, x = np.indices(hw, dtype=np.float64)
    across = (x - (hw[1] - 1) / 2) / (_FACE_HALF_AXES[0] * hw[1])
    down = (y - 0.62 * (hw[0] - 1)) / (_FACE_HALF_AXES[1] * hw[0])
    inside: Bool = across**2 + down**2 <= 1.0
    if shown is None or shown.all():
        return inside
    return inside & (cv2.erode(shown.astype(np.uint8), _EDGE) > 0)
