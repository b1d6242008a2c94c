"""Colours of the opaque parts of an image: skin, eyes, mouth, cloth, frames of glasses."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.atlas import BOTTOM, HEIGHT_PX, TOP, WIDTH_PX, texture_xy
from pipeline.demo.people.clothes import cloth_albedo, over_neckline
from pipeline.demo.people.eyes import paint_eye
from pipeline.demo.people.head import (
    CLOTH,
    FRAME,
    LEFT_EYE,
    MOUTH,
    RIGHT_EYE,
    SKIN,
    TEETH,
    TONGUE,
    Head,
)
from pipeline.demo.people.image import Image
from pipeline.demo.people.person import Person
from pipeline.demo.people.posed import Posed
from pipeline.demo.people.samples import Samples
from pipeline.demo.people.shading import SurfacePoints, shade_surface
from pipeline.demo.people.shadow import ShadowMap, lit_share
from pipeline.ops.raster import Fragments, sample_bilinear, vertex_normals
from pipeline.types import Float32

_LOOK = np.zeros(8, np.int64)
_LOOK[[SKIN, MOUTH, RIGHT_EYE, LEFT_EYE, TEETH, TONGUE, CLOTH, FRAME]] = (0, 1, 2, 2, 3, 1, 4, 5)
_BIAS = 0.06
"""A surface so far behind the shadow map is still lit, units of the mesh."""
_DOWN = HEIGHT_PX / (BOTTOM - TOP)
_ACROSS = WIDTH_PX / (2 * np.pi * 0.85)
"""Texels per unit of the mesh, downwards and around."""


@dataclass(frozen=True)
class Surface:
    """The opaque layer's samples.

    Attributes:
        samples: where it is shaded.
        rest_xyz: float32 (n, 3), places on the mean body.
        texture_xy: float32 (n, 2), places in textures.
        world_xyz: float32 (n, 3).
        normals: float32 (n, 3), unit, towards the camera.
        back: bool (n,), the inside of cloth.
        open_share: float32 (n,).
    """

    samples: Samples
    rest_xyz: Float32
    texture_xy: Float32
    world_xyz: Float32
    normals: Float32
    back: NDArray[np.bool_]
    open_share: Float32


def read_surface(
    head: Head, person: Person, posed: Posed, seen: Fragments, samples: Samples
) -> Surface:
    """Carry what shading needs from the vertices to the samples."""
    count = len(posed.world_xyz)
    attributes = np.column_stack(
        [
            vertex_normals(posed.world_xyz, posed.triangles),
            padded(person.open_share[:, None], count),
            padded(head.bust.rest_xyz, count),
            posed.world_xyz,
        ]
    )
    carried = samples.gather(seen, posed.triangles, attributes)
    normals = carried[:, :3] / np.maximum(
        np.linalg.norm(carried[:, :3], axis=1, keepdims=True), np.float32(1e-6)
    )
    back = (normals[:, 2] > 0.25) & (samples.part == CLOTH)
    normals[back] *= -1
    rest = np.ascontiguousarray(carried[:, 4:7])
    world = np.ascontiguousarray(carried[:, 7:10])
    return Surface(samples, rest, texture_xy(rest), world, normals, back, carried[:, 3].copy())


def light_surface(
    person: Person,
    image: Image,
    posed: Posed,
    surface: Surface,
    shadow: ShadowMap,
    eyes: Float32,
) -> Float32:
    """Return the samples' linear colours, float32 (n, 3).

    Args:
        person: who is seen.
        image: the image's conditions.
        posed: the geometry.
        surface: the samples.
        shadow: of the main light.
        eyes: float32 (h, w), how open the eyes lie between their lids.
    """
    which = surface.samples.part
    count = len(which)
    albedo = np.full((count, 3), 0.02, np.float32)
    gloss = np.full(count, 0.4, np.float32)
    normals, open_share = surface.normals.copy(), surface.open_share.copy()
    skin = np.flatnonzero((which == SKIN) | (which == MOUTH))
    at = surface.texture_xy[skin]
    found = sample_bilinear(person.paint, at)
    albedo[skin], gloss[skin] = found[:, :3], found[:, 3]
    normals[skin] = _bumped(person, at, found[:, 4], surface.normals[skin], posed.turn)
    for part, colour, sheen in (
        (MOUTH, (0.22, 0.055, 0.05), 0.35),
        (TONGUE, (0.34, 0.11, 0.10), 0.4),
        (TEETH, (0.68, 0.60, 0.48), 0.5),
    ):
        inside = which == part
        albedo[inside], gloss[inside] = colour, sheen
        open_share[inside] = np.clip(open_share[inside], 0.05, 1.0) ** 1.2
    cloth = np.flatnonzero(which == CLOTH)
    albedo[cloth] = cloth_albedo(image.cloth, surface.rest_xyz[cloth])
    open_share[cloth] *= np.where(surface.back[cloth], 0.4, 1.0)
    frame = which == FRAME
    albedo[frame], open_share[frame] = _frame_colour(person.identity.glasses), 0.9
    gap = -over_neckline(surface.rest_xyz[skin], image.cloth.garment)
    open_share[skin] *= 1.0 - 0.55 * np.exp(-np.maximum(gap, 0.0) / 0.035)
    gaze = np.array([image.gaze[0], image.gaze[1], -1.0])
    gaze = posed.turn @ (gaze / np.linalg.norm(gaze))
    for centre, part in zip(posed.eyes_world, (RIGHT_EYE, LEFT_EYE), strict=True):
        own = np.flatnonzero(which == part)
        if len(own):
            painted = paint_eye(person.identity, surface.world_xyz[own] - centre, gaze, posed.turn)
            albedo[own], normals[own], gloss[own] = painted
            open_share[own] = eyes.reshape(-1)[surface.samples.pixel[own]]
    lit = lit_share(shadow, surface.world_xyz, _BIAS, 1.1)
    look = _LOOK[which]
    points = SurfacePoints(normals, surface.normals, albedo, gloss, open_share, lit, look)
    return shade_surface(points, image.lights)


def padded(values: Float32, count: int) -> Float32:
    """Append zeros for vertices that have no such value."""
    missing = np.zeros((count - len(values), values.shape[1]), np.float32)
    return np.concatenate([values, missing])


def _frame_colour(form: float) -> Float32:
    dark, horn = np.array([0.02, 0.018, 0.016]), np.array([0.13, 0.10, 0.055])
    return np.asarray(horn if form % 0.3 > 0.22 else dark, np.float32)


def _bumped(
    person: Person, at: Float32, level: Float32, smooth: Float32, turn: NDArray[np.float64]
) -> Float32:
    """Tilt normals by the slope of the relief."""
    relief = person.relief
    right = sample_bilinear(relief, at + np.array([1.0, 0.0], np.float32))[:, 0] - level
    down = sample_bilinear(relief, at + np.array([0.0, 1.0], np.float32))[:, 0] - level
    tilted = np.empty_like(smooth)
    _tilt(smooth, turn[:, 1].astype(np.float32), _ACROSS * right, _DOWN * down, tilted)
    return tilted


@numba.njit(cache=True, nogil=True)
def _tilt(smooth, axis, right, down, tilted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Tilt normals (n, 3) against the slopes to the right and down a surface around an axis."""
    ax, ay, az = axis
    for i in range(len(smooth)):
        x, y, z = smooth[i]
        ex, ey, ez = y * az - z * ay, z * ax - x * az, x * ay - y * ax  # east
        length = max((ex * ex + ey * ey + ez * ez) ** 0.5, 1e-4)
        ex, ey, ez = ex / length, ey / length, ez / length
        sx, sy, sz = ey * z - ez * y, ez * x - ex * z, ex * y - ey * x  # south
        tx = x - right[i] * ex - down[i] * sx
        ty = y - right[i] * ey - down[i] * sy
        tz = z - right[i] * ez - down[i] * sz
        length = (tx * tx + ty * ty + tz * tz) ** 0.5
        tilted[i, 0], tilted[i, 1], tilted[i, 2] = tx / length, ty / length, tz / length
