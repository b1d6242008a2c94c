"""From a person and a picture's conditions to what the camera sees, exactly.

The picture is rendered at twice its resolution and averaged. Skin, eyes, teeth, cloth and frames of
glasses are opaque; lenses and hair are laid over them with their own depth and opacity.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.ops.raster import (
    Fragments,
    interpolate,
    rasterise,
    reduce,
    sample_bilinear,
    vertex_normals,
)
from pipeline.procedural.anny import Int32
from pipeline.procedural.atlas import HEIGHT_PX, WIDTH_PX, texture_xy
from pipeline.procedural.background import draw_background
from pipeline.procedural.clothes import cloth_albedo, over_neckline
from pipeline.procedural.eyes import paint_eyes
from pipeline.procedural.head import (
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
from pipeline.procedural.person import Person
from pipeline.procedural.picture import Picture, rotation_of
from pipeline.procedural.shading import shade_hair, shade_surface
from pipeline.procedural.shadow import lit_share, shadow_map
from pipeline.procedural.skin import _PER_UNIT_PX
from pipeline.types import Float32, UInt8

FACTOR = 2
_LOOK = np.zeros(8, np.int64)
_LOOK[[SKIN, MOUTH, RIGHT_EYE, LEFT_EYE, TEETH, TONGUE, CLOTH, FRAME]] = (0, 1, 2, 2, 3, 1, 4, 5)
_OFF_SKIN_PX = 24.0
"""Cloth wins over skin that pokes through by so much, pixels of the enlarged picture."""
_LENS = 0.10
"""Share of a lens that reflects the surroundings."""


@dataclass(frozen=True)
class Posed:
    """A person in the camera's frame.

    Attributes:
        triangles: int32 (t, 3) of all opaque parts.
        part: uint8 (t,).
        world_xyz: float32 (v, 3), posed, units of the mesh.
        seen_xyz: float32 (v, 3), pixels of the picture; z in pixels, 0 at the head's middle.
        face_xyz: float32 (468, 3), the canonical vertices, as ``seen_xyz``.
        face_world: float32 (468, 3), as ``world_xyz``.
        eyes_world: float32 (2, 3), centres of the eyeballs.
        turn: (3, 3), rotation of the head.
        hair_world, hair_seen: of the hair's shell, or None.
        lens_world, lens_seen: of the spectacles, or None.
    """

    triangles: Int32
    part: NDArray[np.uint8]
    world_xyz: Float32
    seen_xyz: Float32
    face_xyz: Float32
    face_world: Float32
    eyes_world: Float32
    turn: NDArray[np.float64]
    hair_world: Float32 | None
    hair_seen: Float32 | None
    glasses_world: Float32 | None
    glasses_seen: Float32 | None


def pose_person(head: Head, person: Person, picture: Picture, side_px: int) -> Posed:
    """Bend, turn and project a person."""
    bust = head.bust
    bent = person.bust_xyz.copy()
    for name in sorted(picture.units):
        rows, offsets = head.unit(name)
        bent[rows] += np.float32(picture.units[name]) * offsets
    turn = rotation_of(picture.pose_deg)
    body = rotation_of((picture.body_yaw_deg, 0.0, 0.0))
    relative = Rotation.from_matrix(body.T @ turn).as_rotvec()
    motions = head.motions(person.joints_xyz, Rotation.from_rotvec(relative / 4).as_matrix())
    middle = head.canonical.on(person.bust_xyz)[[10, 152]].mean(axis=0) + (0, 0, 0.75)
    rotation, shift = motions[-1]
    origin = body @ (rotation @ middle + shift)

    def world(points: Float32) -> Float32:
        return np.asarray((points @ rotation.T + shift) @ body.T - origin, np.float32)

    posed = np.asarray(head.turn(bent, motions) @ body.T - origin, np.float32)
    scale = picture.scale * side_px
    centre = np.array(picture.centre) * (side_px - 1)

    def seen(points: Float32) -> Float32:
        near = picture.distance / (picture.distance + points[:, 2:])
        return np.column_stack(
            [points[:, :2] * near * scale + centre, points[:, 2:] * scale]
        ).astype("f4")

    triangles, part = bust.triangles, bust.part
    glasses = None
    vertices = posed
    if picture.glasses:
        glasses = world(person.spectacles.vertices_xyz)
        triangles = np.concatenate([triangles, person.spectacles.frame + len(posed)])
        part = np.concatenate([part, np.full(len(person.spectacles.frame), FRAME, np.uint8)])
        vertices = np.concatenate([posed, glasses])
    hair = None if person.hair is None else world(person.hair.vertices_xyz)
    face = head.canonical.on(posed)
    return Posed(
        triangles=triangles,
        part=part,
        world_xyz=vertices,
        seen_xyz=seen(vertices),
        face_xyz=seen(face),
        face_world=face,
        eyes_world=world(person.eyes_xyz),
        turn=turn,
        hair_world=hair,
        hair_seen=None if hair is None else seen(hair),
        glasses_world=glasses,
        glasses_seen=None if glasses is None else seen(glasses),
    )


@dataclass(frozen=True)
class Layers:
    """What the pixels of the enlarged picture see.

    Attributes:
        surface: fragments of the opaque triangles.
        part: int8 (h, w), ``SKIN`` …, −1 for the background.
        rest_xyz: float32 (h, w, 3), place on the mean body.
        texture_xy: float32 (h, w, 2), place in textures.
        hair: float32 (h, w), opacity of hair.
        lens: float32 (h, w), 1 where a lens is in front.
    """

    surface: Fragments
    part: NDArray[np.int8]
    rest_xyz: Float32
    texture_xy: Float32
    hair: Float32
    lens: Float32


@dataclass(frozen=True)
class Rendered:
    """A rendered picture.

    Attributes:
        rgb: uint8 (h, w, 3).
        layers: at twice the resolution.
        posed: the geometry.
    """

    rgb: UInt8
    layers: Layers
    posed: Posed


def render(head: Head, person: Person, picture: Picture, side_px: int) -> Rendered:
    """Render a picture, ``side_px`` square."""
    posed = pose_person(head, person, picture, side_px)
    hw = side_px * FACTOR, side_px * FACTOR
    surface, part = _opaque(head, posed, picture, hw)
    covered = part >= 0
    rest = np.zeros((*hw, 3), np.float32)
    rest_vertices = np.concatenate(
        [head.bust.rest_xyz, np.zeros((len(posed.world_xyz) - len(head.bust.rest_xyz), 3), "f4")]
    )
    rest = interpolate(surface, posed.triangles, rest_vertices)
    places = texture_xy(rest)
    caster = posed.world_xyz
    worn = over_neckline(rest_vertices, picture.cloth.garment)[posed.triangles].min(axis=1) > 0
    casters = posed.triangles[(posed.part != CLOTH) | worn]
    if posed.hair_world is not None and person.hair is not None:
        casters = np.concatenate([casters, person.hair.triangles + len(caster)])
        caster = np.concatenate([caster, posed.hair_world])
    shadow = shadow_map(caster, casters, picture.lights.key)
    world = interpolate(surface, posed.triangles, posed.world_xyz)
    linear = np.repeat(
        np.repeat(
            draw_background(np.random.default_rng(picture.seed), (side_px, side_px)), FACTOR, 0
        ),
        FACTOR,
        1,
    )
    lit = lit_share(shadow, world[covered], 0.06, 1.1)
    linear[covered] = _surface_light(
        head, person, picture, posed, surface, part, rest, places, world, lit
    )
    lens = _lens(person, posed, surface.depth, hw)
    reflected = (
        picture.lights.sky_rgb * np.linspace(1.2, 0.3, hw[0], dtype=np.float32)[:, None, None]
    )
    linear = linear * (1 - _LENS * lens[..., None]) + _LENS * lens[..., None] * reflected
    hair = np.zeros(hw, np.float32)
    if person.hair is not None:
        hair, shade = _hair_light(person, posed, picture, surface.depth, shadow, hw)
        linear = linear * (1 - hair[..., None]) + shade * hair[..., None]
    layers = Layers(surface, part, rest, places, hair, lens)
    return Rendered(_develop(reduce(linear, FACTOR), picture), layers, posed)


def _enlarged(seen_xyz: Float32) -> Float32:
    """Take pixels of the picture to those of the enlarged one."""
    enlarged = seen_xyz * np.float32(FACTOR)
    enlarged[:, :2] += np.float32((FACTOR - 1) / 2)
    return enlarged


def _facing(seen_xyz: Float32, triangles: Int32) -> NDArray[np.bool_]:
    """Return which triangles turn their outside to the camera."""
    a, b, c = (seen_xyz[triangles[:, k], :2] for k in range(3))
    turned: NDArray[np.bool_] = (
        (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    ) > 0
    return turned


def _opaque(
    head: Head, posed: Posed, picture: Picture, hw: tuple[int, int]
) -> tuple[Fragments, NDArray[np.int8]]:
    """Rasterise all but hair and lenses; cloth is cut along its neckline."""
    seen = _enlarged(posed.seen_xyz)
    facing = _facing(seen, posed.triangles) | (posed.part == FRAME)
    cloth = posed.part == CLOTH
    bare = np.flatnonzero(facing & ~cloth)
    dressed = np.flatnonzero(cloth)
    below = rasterise(seen, posed.triangles[bare], hw)
    above = rasterise(seen, posed.triangles[dressed], hw)
    rest = interpolate(above, posed.triangles[dressed], _padded(head.bust.rest_xyz, len(seen)))
    worn = above.covered & (above.depth < below.depth + _OFF_SKIN_PX)
    worn[worn] = over_neckline(rest[worn], picture.cloth.garment) > 0
    triangle = np.where(below.covered, bare[below.triangle], -1).astype(np.int32)
    triangle[worn] = dressed[above.triangle[worn]]
    weights = np.where(worn[..., None], above.weights, below.weights)
    depth = np.where(worn, above.depth, below.depth)
    part = np.where(triangle >= 0, posed.part[triangle].astype(np.int8), np.int8(-1))
    return Fragments(triangle, weights, depth), part


def _padded(values: Float32, count: int) -> Float32:
    return np.concatenate([values, np.zeros((count - len(values), values.shape[1]), np.float32)])


def _surface_light(
    head: Head,
    person: Person,
    picture: Picture,
    posed: Posed,
    surface: Fragments,
    part: NDArray[np.int8],
    rest: Float32,
    places: Float32,
    world: Float32,
    lit: Float32,
) -> Float32:
    """Return the linear colours of the covered pixels, float32 (n, 3)."""
    covered = part >= 0
    normals_of = vertex_normals(posed.world_xyz, posed.triangles)
    carried = interpolate(
        surface,
        posed.triangles,
        np.column_stack([normals_of, _padded(person.open_share[:, None], len(normals_of))]),
    )[covered]
    smooth = carried[:, :3] / np.maximum(
        np.linalg.norm(carried[:, :3], axis=1, keepdims=True), 1e-6
    )
    open_share = carried[:, 3]
    which, at, place = part[covered], places[covered], rest[covered]
    count = len(which)
    albedo = np.full((count, 3), 0.02, np.float32)
    gloss = np.full(count, 0.4, np.float32)
    normals = smooth.copy()
    skin = (which == SKIN) | (which == MOUTH)
    stack = np.concatenate(
        [person.skin.albedo, person.skin.gloss[..., None], person.skin.relief[..., None]], axis=-1
    )
    found = sample_bilinear(stack, at[skin])
    albedo[skin], gloss[skin] = found[:, :3], found[:, 3]
    normals[skin] = _bumped(person, at[skin], found[:, 4], smooth[skin], posed.turn)
    inside = which == MOUTH
    albedo[inside], gloss[inside] = (0.22, 0.055, 0.05), 0.35
    albedo[which == TONGUE] = (0.34, 0.11, 0.10)
    albedo[which == TEETH], gloss[which == TEETH] = (0.68, 0.60, 0.48), 0.5
    backs = smooth[:, 2] > 0.25
    cloth = which == CLOTH
    smooth[backs & cloth] *= -1  # the inside of a collar
    normals[cloth] = smooth[cloth]
    albedo[cloth] = cloth_albedo(picture.cloth, place[cloth])
    open_share[cloth & backs] *= 0.4
    frame = which == FRAME
    if frame.any():
        tone = person.identity.glasses
        albedo[frame] = np.array([0.02, 0.018, 0.016]) + 0.25 * (tone % 0.3 > 0.22) * np.array(
            [0.45, 0.32, 0.16]
        )
        open_share[frame] = 0.9
    mouth_dark = np.isin(which, (MOUTH, TEETH, TONGUE))
    open_share[mouth_dark] = np.clip(open_share[mouth_dark], 0.05, 1) ** 1.2
    shadowed = _neck_shadow(picture, which, place)
    open_share = open_share * shadowed
    paint_eyes(person, posed, picture, part, world, albedo, normals, gloss, open_share)
    return shade_surface(
        normals, smooth, albedo, gloss, open_share, lit, _LOOK[which], picture.lights
    )


def _bumped(
    person: Person, at: Float32, level: Float32, smooth: Float32, turn: NDArray[np.float64]
) -> Float32:
    """Tilt normals by the slope of the relief."""
    relief = person.skin.relief[..., None]
    right = sample_bilinear(relief, at + np.array([1.0, 0.0], np.float32))[:, 0] - level
    down = sample_bilinear(relief, at + np.array([0.0, 1.0], np.float32))[:, 0] - level
    across = _PER_UNIT_PX * right * (WIDTH_PX / (2 * np.pi * 0.85)) / _PER_UNIT_PX
    along = down * _PER_UNIT_PX
    axis = turn[:, 1].astype(np.float32)
    east = np.cross(axis, smooth).astype(np.float32)
    east /= np.maximum(np.linalg.norm(east, axis=1, keepdims=True), 1e-4)
    south = np.cross(smooth, east)
    tilted = (
        smooth
        + across[:, None] * east * np.float32(1.0)
        - along[:, None] * south * np.float32(-1.0) * -1.0
    )
    return np.asarray(tilted / np.linalg.norm(tilted, axis=1, keepdims=True), np.float32)


def _neck_shadow(picture: Picture, which: NDArray[np.int8], place: Float32) -> Float32:
    """Darken skin along the neckline, where cloth stands off it."""
    shade = np.ones(len(which), np.float32)
    skin = which == SKIN
    gap = over_neckline(place[skin], picture.cloth.garment)
    shade[skin] = 1.0 - 0.55 * np.exp(-np.maximum(-gap, 0.0) / 0.035)
    return shade


def _lens(person: Person, posed: Posed, depth: Float32, hw: tuple[int, int]) -> Float32:
    if posed.glasses_seen is None:
        return np.zeros(hw, np.float32)
    seen = rasterise(_enlarged(posed.glasses_seen), person.spectacles.lenses, hw)
    return (seen.covered & (seen.depth < depth)).astype(np.float32)


def _hair_light(
    person: Person, posed: Posed, picture: Picture, depth: Float32, shadow, hw: tuple[int, int]
) -> tuple[Float32, Float32]:
    """Return opacity and linear colour of hair."""
    hair = person.hair
    assert hair is not None and posed.hair_seen is not None and posed.hair_world is not None
    seen = rasterise(_enlarged(posed.hair_seen), hair.triangles, hw)
    front = seen.covered & (seen.depth < depth + 2.0)
    normals_of = vertex_normals(posed.hair_world, hair.triangles)
    tangents_of = hair.tangents @ posed.turn.T.astype(np.float32)
    carried = interpolate(
        seen,
        hair.triangles,
        np.column_stack(
            [normals_of, tangents_of, hair.strand, hair.solid, hair.shade, posed.hair_world]
        ).astype(np.float32),
    )[front]
    normals, tangents = carried[:, :3], carried[:, 3:6]
    strand, solid, shade, world = carried[:, 6:8], carried[:, 8], carried[:, 9], carried[:, 10:13]
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    tangents = tangents / np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-6)
    rim = np.clip(np.abs(normals[:, 2]) * 6 + 0.55, 0, 1)
    inner = normals[:, 2] > 0  # the inside of hair that hangs on the other side
    normals[inner] *= -1
    at = np.column_stack(
        [strand[:, 0] % hair.texture.shape[1], strand[:, 1] % hair.texture.shape[0]]
    )
    light = sample_bilinear(hair.texture, at.astype(np.float32))[:, 0]
    slope = sample_bilinear(hair.texture, (at + (3.0, 0.0)).astype(np.float32))[:, 0] - light
    sideways = np.cross(tangents, normals)
    normals = normals + 0.22 * slope[:, None] * sideways
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    opacity = np.zeros(hw, np.float32)
    t = np.clip(solid + 0.35 * light + 0.15, 0, 1)
    opacity[front] = t * t * (3 - 2 * t) * rim
    grey = person.identity.hair.grey
    tone = np.exp(0.30 * light + 0.5 * grey * (light > 1.0))
    albedo = person.hair_rgb * tone[:, None]
    albedo = np.where(inner[:, None], 0.35 * albedo, albedo)
    lit = lit_share(shadow, world.astype(np.float32), 0.09, 1.6)
    colour = np.zeros((*hw, 3), np.float32)
    colour[front] = shade_hair(
        normals.astype(np.float32), tangents.astype(np.float32), albedo.astype(np.float32),
        (shade * np.where(inner, 0.4, 1.0)).astype(np.float32), lit, picture.lights,
    )  # fmt: skip
    return opacity, colour


def _develop(linear: Float32, picture: Picture) -> UInt8:
    """Expose, blur as optics do, encode as sRGB, add a sensor's noise."""
    rng = np.random.default_rng(picture.seed + 1)
    exposed = cv2.GaussianBlur(linear * np.float32(picture.exposure), (0, 0), 0.45)
    # A shoulder keeps highlights from clipping.
    exposed = np.where(exposed > 0.7, 0.7 + 0.3 * np.tanh((exposed - 0.7) / 0.3), exposed)
    noise = rng.standard_normal(exposed.shape, dtype=np.float32)
    exposed = exposed + noise * np.sqrt(1.2e-6 + 7e-5 * np.clip(exposed, 0, 1))
    clipped = np.clip(exposed, 0.0, 1.0)
    encoded = np.where(
        clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.power(clipped, 1 / 2.4) - 0.055
    )
    return np.asarray(np.rint(encoded * 255), np.uint8)


__all__ = ["HEIGHT_PX", "Layers", "Posed", "Rendered", "pose_person", "render"]
