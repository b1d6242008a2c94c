"""Ear loops: two bands a side, from the mask's corners to the ear."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthesis.masks.design import MaskDesign
from pipeline.synthesis.masks.fit import Placement
from pipeline.synthesis.masks.frame import Frame
from pipeline.synthesis.masks.surface import COLUMNS, ROWS, U_RANGE, V_RANGE, MaskSurface
from pipeline.types import Float32

_FINE = 2
_WIDTH_CM = 0.22
_EAR_UP_CM, _EAR_DOWN_CM = 1.3, 1.2
_HIDDEN_CM = 0.9


def loops_of(
    frame: Frame,
    surface: MaskSurface,
    worn_xyz: Float32,
    design: MaskDesign,
    placement: Placement,
    face_depth: Float32,
) -> Float32:
    """Draw the loops on the sides that the camera sees.

    Args:
        frame: window of the image.
        surface: of the face.
        worn_xyz: (rows · columns, 3), the mask's vertices.
        design: the mask.
        placement: how it is worn.
        face_depth: (h, w) of the window; what lies well behind the face is hidden.

    Returns:
        float32 (h, w) of the window: coverage.
    """
    height, width = frame.hw
    canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
    thickness = max(1, round(_WIDTH_CM * surface.pixels_per_cm * _FINE))
    for side, ear in zip((-1, 1), surface.ears_xyz, strict=True):
        outward = surface.rotation @ (0.94 * side, 0.0, -0.34)
        if outward[2] > 0:
            continue
        for texel, lift in zip(_corners(design, side), (-_EAR_UP_CM, _EAR_DOWN_CM), strict=True):
            start = _on_surface(texel, worn_xyz, design, placement)
            end = ear + (surface.rotation[:, 1] * lift * surface.pixels_per_cm).astype(np.float32)
            middle = (start + end) / 2 + outward * 0.2 * surface.pixels_per_cm
            t = np.linspace(0, 1, 24)[:, None]
            curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
            points = _seen(curve - frame.origin, face_depth, surface.pixels_per_cm)
            fixed = np.rint(((points[:, :2] + 0.5) * _FINE - 0.5) * 16).astype(np.int32)
            cv2.polylines(canvas, [fixed], False, 255, thickness, cv2.LINE_AA, shift=4)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(255)


def _corners(design: MaskDesign, side: int) -> list[tuple[float, float]]:
    """Return the upper and the lower end of the design's side edge, texels."""
    left, _, right, _ = design.extent_uv
    size = design.side_px
    inset = 0.03 * (right - left)
    column = int(((left + inset) if side < 0 else (right - inset)) * size)
    rows = np.flatnonzero(design.alpha[:, min(column, size - 1)] > 127)
    if not len(rows):
        rows = np.flatnonzero((design.alpha > 127).any(axis=1))
    return [(column, rows[0] + 0.025 * size), (column, rows[-1] - 0.025 * size)]


def _on_surface(
    texel: tuple[float, float], worn_xyz: Float32, design: MaskDesign, placement: Placement
) -> NDArray[np.float64]:
    """Return where a point of the design lies in the image."""
    matrix = placement.texture_to_template
    uv_template = (np.array(texel) + 0.5) / design.side_px
    u, v = np.linalg.solve(matrix[:, :2], uv_template - matrix[:, 2])
    x = (u - U_RANGE[0]) / (U_RANGE[1] - U_RANGE[0]) * (COLUMNS - 1)
    y = (v - V_RANGE[0]) / (V_RANGE[1] - V_RANGE[0]) * (ROWS - 1)
    grid = worn_xyz.reshape(ROWS, COLUMNS, 3)
    at = np.array([[x]], np.float32), np.array([[y]], np.float32)
    found = cv2.remap(grid, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found[0, 0], np.float64)


def _seen(
    curve: NDArray[np.float64], face_depth: Float32, pixels_per_cm: float
) -> NDArray[np.float64]:
    """Cut a curve off where it first goes behind the face."""
    height, width = face_depth.shape
    columns = np.clip(np.rint(curve[:, 0]), 0, width - 1).astype(int)
    rows = np.clip(np.rint(curve[:, 1]), 0, height - 1).astype(int)
    hidden = np.flatnonzero(curve[:, 2] > face_depth[rows, columns] + _HIDDEN_CM * pixels_per_cm)
    return curve[: hidden[0] + 1] if len(hidden) else curve
