"""A mask design: the texture map T_M of a mask in the canonical face's layout.

Reference:
    HSST, section II-B: T_M, cut out of images of people who fit masks; ours are drawn.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.types import Float32, UInt8

SIDES_PX = (256, 512, 1024)
"""Sides that a design may have."""
TEXELS_PER_CM = 29.0
"""Of a design of 512: the canonical face is 17.7 cm high and takes 434 texels below 512."""


@dataclass(frozen=True, eq=False)
class MaskDesign:
    """A mask, unwrapped.

    Attributes:
        name: what ``masks.designs`` calls it.
        kind: surgical, kn95, ffp2, valve, cloth; of a user's own, what its metadata says.
        colour: a word for its colour in visible light.
        material: a name of ``bands.LOOKS``.
        rgb: uint8 (s, s, 3), colour in even white light; texel centres at integers, as in a map.
        alpha: uint8 (s, s), 0 where there is no mask.
        relief_cm: float32 (s, s), height of folds and seams over the mask's smooth shape.
        bulge_cm: float32 (s, s), how much further than taut the mask stands off the face.
        loops: whether it has ear loops.
    """

    name: str
    kind: str
    colour: str
    material: str
    rgb: UInt8
    alpha: UInt8
    relief_cm: Float32
    bulge_cm: Float32
    loops: bool

    @property
    def side_px(self) -> int:
        """Side of the design."""
        return int(self.alpha.shape[0])

    @cached_property
    def inset(self) -> Float32:
        """Distance from the rim, 0 there to 1 where the mask is off the skin, (s, s)."""
        inside = (self.alpha > 127).astype(np.uint8)
        inside[[0, -1]] = 0
        inside[:, [0, -1]] = 0
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5) * (512 / self.side_px)
        ramp = np.clip(distance / 34.0, 0.0, 1.0)
        return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)

    @cached_property
    def slopes(self) -> Float32:
        """Slopes of the relief along u and v, and its hollows' darkness, (s, s, 3)."""
        step_cm = 512 / self.side_px / TEXELS_PER_CM
        along_v, along_u = np.gradient(self.relief_cm, step_cm)
        hollow = cv2.GaussianBlur(self.relief_cm, (0, 0), self.side_px / 100) - self.relief_cm
        shade = np.exp(-np.clip(hollow, 0.0, None) / 0.05)
        return np.stack([along_u, along_v, shade], axis=-1).astype(np.float32)

    @cached_property
    def extent_uv(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what is not transparent, texture coordinates."""
        rows, columns = (np.flatnonzero((self.alpha > 8).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            raise ValueError(f"design {self.name!r} is transparent everywhere")
        edges = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        left, top, right, bottom = (float(edge) / self.side_px for edge in edges)
        return left, top, right, bottom
