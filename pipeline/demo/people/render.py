"""From a person and an image's conditions to what the camera sees, exactly.

Skin, eyes, teeth, cloth and frames of glasses are opaque and rasterised at twice the image's
resolution; lenses and hair are laid over them with their own depth and opacity.
"""

from dataclasses import dataclass

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.background import draw_background
from pipeline.demo.people.clothes import over_neckline
from pipeline.demo.people.eyes import lid_shadow
from pipeline.demo.people.hair_light import light_hair
from pipeline.demo.people.head import CLOTH, FRAME, Head
from pipeline.demo.people.image import Image
from pipeline.demo.people.person import Person
from pipeline.demo.people.posed import Posed, pose_person
from pipeline.demo.people.samples import FACTOR, place_samples
from pipeline.demo.people.shadow import ShadowMap, shadow_map
from pipeline.demo.people.surface_light import Surface, light_surface, padded, read_surface
from pipeline.ops.raster import Fragments, interpolate_covered, rasterise, reduce
from pipeline.types import Float32, Int32, UInt8

_OFF_SKIN_PX = 24.0
"""Cloth wins over skin that pokes through by so much, pixels of the enlarged image."""
_REFLECTION = 0.10
"""Share of a lens that reflects the surroundings."""


@dataclass(frozen=True)
class Rendered:
    """A rendered image with what its ground truth is read from.

    Attributes:
        rgb: uint8 (h, w, 3).
        posed: the geometry.
        seen: fragments of the opaque layer, of the enlarged image.
        surface: the opaque layer's samples.
        hair: float32 (h, w), opacity of hair.
        lens: float32 (h, w), share of the pixel behind a lens.
    """

    rgb: UInt8
    posed: Posed
    seen: Fragments
    surface: Surface
    hair: Float32
    lens: Float32


def render(head: Head, person: Person, image: Image, side_px: int) -> Rendered:
    """Render an image, ``side_px`` square."""
    posed = pose_person(head, person, image, side_px)
    hw = side_px * FACTOR, side_px * FACTOR
    seen, part = _opaque(head, posed, image, hw)
    samples = place_samples(part)
    surface = read_surface(head, person, posed, seen, samples)
    shadow = _shadow(head, person, posed, image)
    colours = light_surface(person, image, posed, surface, shadow, lid_shadow(part))
    ones = np.ones((len(colours), 1), np.float32)
    spread = samples.spread(np.column_stack([colours, ones]))
    background = draw_background(np.random.default_rng(image.seed), (side_px, side_px))
    linear = background * (1 - spread[..., 3:]) + spread[..., :3]
    lens = _lens(person, posed, seen.depth, hw)
    fade = np.linspace(1.2, 0.3, side_px, dtype=np.float32)[:, None, None]
    linear += _REFLECTION * lens[..., None] * (image.lights.sky_rgb * fade - linear)
    hair = np.zeros((side_px, side_px), np.float32)
    if person.hair and posed.hair_seen is not None:
        enlarged = _enlarged(posed.hair_seen)
        hair, colour = light_hair(person, person.hair, posed, image, enlarged, seen.depth, shadow)
        linear = linear * (1 - hair[..., None]) + colour
    return Rendered(_develop(linear, image), posed, seen, surface, hair, lens)


def _enlarged(seen_xyz: Float32) -> Float32:
    """Take pixels of the image to those of the enlarged one."""
    enlarged = seen_xyz * np.float32(FACTOR)
    enlarged[:, :2] += np.float32((FACTOR - 1) / 2)
    return enlarged


def _opaque(
    head: Head, posed: Posed, image: Image, hw: tuple[int, int]
) -> tuple[Fragments, NDArray[np.int8]]:
    """Rasterise all but hair and lenses; cloth is cut along its neckline."""
    seen = _enlarged(posed.seen_xyz)
    cloth = posed.part == CLOTH
    bare = np.flatnonzero((_facing(seen, posed.triangles) | (posed.part == FRAME)) & ~cloth)
    dressed = np.flatnonzero(cloth & (_depth_below(head, posed, image) > -0.3))
    below = rasterise(seen, posed.triangles[bare], hw)
    above = rasterise(seen, posed.triangles[dressed], hw)
    worn = above.covered & (above.depth < below.depth + _OFF_SKIN_PX)
    rest = interpolate_covered(above, posed.triangles[dressed], head.bust.rest_xyz)
    worn[above.covered] &= over_neckline(rest, image.cloth.garment) > 0
    part = np.empty(hw, np.int8)
    _dress(
        (below.triangle, below.weights, below.depth, bare),
        (above.triangle, above.weights, above.depth, dressed),
        worn,
        posed.part,
        part,
    )
    return below, part


@numba.njit(cache=True, nogil=True)
def _dress(below, above, worn, part_of, part):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Lay what is worn over what is below, in place, and name triangles and their parts."""
    triangle, weights, depth, bare = below
    upper, upper_weights, upper_depth, dressed = above
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            if worn[y, x]:
                index = dressed[upper[y, x]]
                depth[y, x] = upper_depth[y, x]
                for corner in range(3):
                    weights[y, x, corner] = upper_weights[y, x, corner]
            elif triangle[y, x] >= 0:
                index = bare[triangle[y, x]]
            else:
                part[y, x] = -1
                continue
            triangle[y, x] = index
            part[y, x] = part_of[index]


def _facing(seen_xyz: Float32, triangles: Int32) -> NDArray[np.bool_]:
    """Return which triangles turn their outside to the camera."""
    a, b, c = (seen_xyz[triangles[:, k], :2] for k in range(3))
    first, second = b - a, c - a
    turned: NDArray[np.bool_] = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] > 0
    return turned


def _depth_below(head: Head, posed: Posed, image: Image) -> Float32:
    """Return how far triangles reach below the neckline at most."""
    rest = padded(head.bust.rest_xyz, len(posed.world_xyz))
    below = over_neckline(rest, image.cloth.garment)
    return np.asarray(below[posed.triangles].min(axis=1), np.float32)


def _shadow(head: Head, person: Person, posed: Posed, image: Image) -> ShadowMap:
    """Cast the main light's shadow, of cloth only where it is worn."""
    worn = _depth_below(head, posed, image) > 0
    triangles = posed.triangles[(posed.part != CLOTH) | worn]
    vertices = posed.world_xyz
    if person.hair is not None and posed.hair_world is not None:
        triangles = np.concatenate([triangles, person.hair.triangles + np.int32(len(vertices))])
        vertices = np.concatenate([vertices, posed.hair_world])
    return shadow_map(vertices, triangles, image.lights.key)


def _lens(person: Person, posed: Posed, depth: Float32, hw: tuple[int, int]) -> Float32:
    if posed.glasses_seen is None:
        return np.zeros((hw[0] // FACTOR, hw[1] // FACTOR), np.float32)
    seen = rasterise(_enlarged(posed.glasses_seen), person.spectacles.lenses, hw)
    return reduce((seen.covered & (seen.depth < depth)).astype(np.float32), FACTOR)


def _develop(linear: Float32, image: Image) -> UInt8:
    """Expose, blur as optics do, encode as sRGB, add a sensor's noise."""
    rng = np.random.default_rng(image.seed + 1)
    exposed = np.asarray(
        cv2.GaussianBlur(linear * np.float32(image.exposure), (0, 0), 0.45), np.float32
    )
    # A shoulder keeps highlights from clipping.
    bright = exposed > 0.7
    exposed[bright] = 0.7 + 0.3 * np.tanh((exposed[bright] - 0.7) / 0.3)
    noise = rng.standard_normal(exposed.shape, dtype=np.float32)
    exposed = exposed + noise * np.sqrt(1.2e-6 + 7e-5 * np.clip(exposed, 0, 1))
    clipped = np.clip(exposed, 0.0, 1.0)
    encoded = np.where(
        clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.power(clipped, 1 / 2.4) - 0.055
    )
    return np.asarray(np.rint(encoded * 255), np.uint8)
