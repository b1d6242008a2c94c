"""Long hair: a curtain that hangs from the head's sides and back."""

import numpy as np

from pipeline.types import Float32, Int32

_COLUMNS, _ROWS = 25, 9
_SWEEP_DEG = 112.0
"""How far the curtain reaches round from the back to either side."""


class Curtain:
    """The curtain's mesh.

    Args:
        scalp_xyz: float32 (n, 3), vertices of the scalp at rest, decimetres.
        length: how far it hangs below the scalp's middle, decimetres.
    """

    def __init__(self, scalp_xyz: Float32, length: float) -> None:
        low, high = scalp_xyz.min(axis=0), scalp_xyz.max(axis=0)
        middle, half = (low + high) / 2, (high - low) / 2
        angle = np.radians(np.linspace(-_SWEEP_DEG, _SWEEP_DEG, _COLUMNS))
        down = np.linspace(0.0, 1.0, _ROWS)[:, None]
        # Full at the ears, drawn in at the neck, wide again over the shoulders; shorter in front.
        radius = 1.18 - 0.10 * np.sin(np.pi * np.minimum(1.3 * down, 1.0)) ** 2 + 0.08 * down
        reach = length * (0.75 + 0.25 * np.cos(angle / 2))
        ragged = 1.0 + 0.04 * np.sin(7.0 * angle) * down
        x = middle[0] + half[0] * radius * np.sin(angle)
        y = middle[1] - 0.25 * half[1] + reach * down * ragged
        z = middle[2] + half[2] * radius * np.cos(angle) + 0.25 * down
        self.vertices = np.stack([x, y, z], axis=2).reshape(-1, 3).astype(np.float32)
        first = (np.arange(_ROWS - 1)[:, None] * _COLUMNS + np.arange(_COLUMNS - 1)).ravel()
        right, below = first + 1, first + _COLUMNS
        corners = [first, below, right, right, below, below + 1]
        self.triangles: Int32 = np.stack(corners, axis=1).reshape(-1, 3).astype(np.int32)
