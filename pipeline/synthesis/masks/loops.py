"""Ear loops: two bands a side, from the mask's corners to the ear."""

from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True)
class Loops:
    """The loops of one side.

    Attributes:
        curves: float64 (24, 3) each, from the mask to the ear, pixels of the image.
        thickness: of a band, fine pixels.
        hidden_px: what lies so much behind the face is hidden.
    """

    curves: list[NDArray[np.float64]]
    thickness: int
    hidden_px: float

    def drawn(self, frame: Frame, face_depth: Float32) -> tuple[Float32, Frame]:
        """Draw what is seen of the loops; returns coverage, float32 (h, w), of a part of a window.

        Args:
            frame: window of the image.
            face_depth: (h, w) of the window.
        """
        seen = [self._seen(curve, frame, face_depth) for curve in self.curves]
        part = frame.around(seen, self.thickness / _FINE + 2)
        height, width = part.hw
        canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
        for points in seen:
            fixed = np.rint(((points[:, :2] - part.origin[:2] + 0.5) * _FINE - 0.5) * 16)
            lines = [fixed.astype(np.int32)]
            cv2.polylines(canvas, lines, False, 255, self.thickness, cv2.LINE_AA, shift=4)
        small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
        return small.astype(np.float32) / np.float32(255), part

    def _seen(
        self, curve: NDArray[np.float64], frame: Frame, face_depth: Float32
    ) -> NDArray[np.float64]:
        """Cut a curve off where it first goes behind the face."""
        height, width = face_depth.shape
        columns = np.clip(np.rint(curve[:, 0] - frame.left), 0, width - 1).astype(int)
        rows = np.clip(np.rint(curve[:, 1] - frame.top), 0, height - 1).astype(int)
        hidden = np.flatnonzero(curve[:, 2] > face_depth[rows, columns] + self.hidden_px)
        return curve[: hidden[0] + 1] if len(hidden) else curve


def loops_of(
    surface: MaskSurface, worn_xyz: Float32, design: MaskDesign, placement: Placement
) -> list[Loops]:
    """Span the loops on the sides that the camera sees.

    Args:
        surface: of the face.
        worn_xyz: (rows · columns, 3), the mask's vertices.
        design: the mask.
        placement: how it is worn.
    """
    scale = surface.pixels_per_cm
    t = np.linspace(0, 1, 24)[:, None]
    found = []
    corners = np.array([_corners(design, side) for side in (-1, 1)])
    starts = _on_surface(corners.reshape(4, 2), worn_xyz, design, placement).reshape(2, 2, 3)
    for side, ear, beside in zip((-1, 1), surface.ears_xyz, starts, strict=True):
        outward = surface.rotation @ (0.94 * side, 0.0, -0.34)
        if outward[2] > 0:
            continue
        curves = []
        for start, lift in zip(beside, (-_EAR_UP_CM, _EAR_DOWN_CM), strict=True):
            end = ear + (surface.rotation[:, 1] * lift * scale).astype(np.float32)
            middle = (start + end) / 2 + outward * 0.2 * scale
            curves.append((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end)
        thickness = max(1, round(_WIDTH_CM * scale * _FINE))
        found.append(Loops(curves, thickness, _HIDDEN_CM * scale))
    return found


@lru_cache(maxsize=64)
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
    texels: NDArray[np.float64], worn_xyz: Float32, design: MaskDesign, placement: Placement
) -> NDArray[np.float64]:
    """Return where points of the design, (n, 2), lie in the image, (n, 3)."""
    matrix = placement.texture_to_design
    uv_design = (texels + 0.5) / design.side_px
    u, v = np.linalg.solve(matrix[:, :2], (uv_design - matrix[:, 2]).T)
    x = (u - U_RANGE[0]) / (U_RANGE[1] - U_RANGE[0]) * (COLUMNS - 1)
    y = (v - V_RANGE[0]) / (V_RANGE[1] - V_RANGE[0]) * (ROWS - 1)
    grid = worn_xyz.reshape(ROWS, COLUMNS, 3)
    at = x.astype(np.float32)[None], y.astype(np.float32)[None]
    found = cv2.remap(grid, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found[0], np.float64)
