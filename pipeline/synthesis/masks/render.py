"""Drawing a mask onto a face: the 3D surface, lit, anti-aliased, with its shadow and ear loops."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from pipeline.face3d.canonical import canonical_texture
from pipeline.ops.raster import Fragments, Int32, rasterise
from pipeline.synthesis.masks.bands import EMISSIVE, LOOKS
from pipeline.synthesis.masks.design import TEXELS_PER_CM, MaskDesign
from pipeline.synthesis.masks.fit import Placement
from pipeline.synthesis.masks.frame import Frame, frame_around
from pipeline.synthesis.masks.kernel import (
    blend,
    grid_normals,
    lay_under,
    paint,
    round_layer,
    tone_curve,
)
from pipeline.synthesis.masks.light import FaceLight, face_light
from pipeline.synthesis.masks.loops import loops_of
from pipeline.synthesis.masks.scene import BARE, Scene
from pipeline.synthesis.masks.surface import (
    COLUMNS,
    ROWS,
    MaskSurface,
    grid_uv,
    surface_on,
    surface_triangles,
)
from pipeline.types import Band, Float32, UInt8

_OVERSAMPLE = 2
_IN_FRONT_CM = 0.7
"""So far in front of the mask another part of the face has to be to hide it."""
_TURNED_AWAY = 0.3
"""Triangles whose corners all look away by this much are left out; the outline keeps its own."""
_SHADOW = 0.34
_SHADOW_CM = 0.35
_HEAT_BLUR_CM = 0.13
_FOLD_LIGHT = -0.22
"""Folds show some light from above even where the face is lit evenly."""


@dataclass(frozen=True)
class MaskLayer:
    """A drawn mask, to be laid over the image it was drawn for.

    Attributes:
        colour: uint8 (h, w) or (h, w, 3) like the image; 0 where ``alpha`` is.
        alpha: uint8 (h, w), share of the colour, shadow included; outside nothing changes.
        region: uint8 (h, w), share of each pixel that the mask itself covers, loops included.
    """

    colour: UInt8
    alpha: UInt8
    region: UInt8


def draw_mask(
    image: UInt8,
    mesh_xyz: Float32,
    design: MaskDesign,
    placement: Placement,
    *,
    band: Band = Band.VIS,
    loops: bool = True,
    scene: Scene = BARE,
) -> MaskLayer:
    """Draw a mask for a face.

    Args:
        image: uint8 (h, w) or (h, w, 3), the face's image.
        mesh_xyz: float32 (468, 3), pixels of the image, z away from the camera.
        design: the mask.
        placement: how it is worn.
        band: the image's; beyond VIS the mask looks as ``bands.LOOKS`` says.
        loops: whether ear loops are drawn where the design has them.
        scene: what is known of the image: what hides the mask, and how it was taken.

    Raises:
        ValueError: the mesh is not finite or has no extent.

    Reference:
        HSST, equation 4: T_MI = T_M + T̂_I. Here T_M is drawn alone and laid over the image, so
        that what it does not cover is never resampled.
    """
    surface = surface_on(mesh_xyz)
    hw = image.shape[0], image.shape[1]
    frame = frame_around(surface.taut_xyz[:, :2], surface.pixels_per_cm, hw)
    if frame is None:
        nothing = np.zeros(hw, np.uint8)
        return MaskLayer(np.zeros_like(image), nothing, nothing.copy())
    light = face_light(image, mesh_xyz, surface.rotation.astype(np.float32), band)
    worn = _worn(surface, design, placement)
    face_depth = _bare_depth(mesh_xyz, frame, design, placement)
    channels = 1 if image.ndim == 2 else 3
    cloth = np.zeros((*frame.hw, channels + 1), np.float32)
    texture, tint = _texture(design, band, channels, _halvings(design, surface.pixels_per_cm))
    texels = texture.shape[0] / design.side_px
    seen = _seen(worn, frame, face_depth, surface.pixels_per_cm)
    vertices = _lit_vertices(worn, surface, light, np.float32(texels))
    _paint_cloth(cloth, seen, worn.triangles, vertices, texture, light, band)
    if loops and design.loops:
        drawn = loops_of(frame, surface, worn.xyz, design, placement, face_depth)
        if scene.hair is not None:
            drawn *= 1 - scene.hair[frame.slices]
        lay_under(cloth, drawn, np.float32(_brightness(tint, light, band)))
    return _finished(cloth, frame, image, surface, face_depth, band, scene)


@dataclass(frozen=True)
class _Worn:
    """The mask's vertices: where they lie, and where in the design, texels."""

    xyz: Float32
    texel: Float32
    triangles: Int32


def _worn(surface: MaskSurface, design: MaskDesign, placement: Placement) -> _Worn:
    to_template = placement.texture_to_template
    texel = (grid_uv() @ to_template[:, :2].T + to_template[:, 2]) * design.side_px - 0.5
    texel = texel.astype(np.float32)
    shape = cv2.remap(
        _form(design),
        texel[:, 0].reshape(ROWS, COLUMNS),
        texel[:, 1].reshape(ROWS, COLUMNS),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    ).reshape(-1, 3)
    outward = _normals(surface.taut_xyz)
    xyz = surface.skin_xyz + shape[:, :1] * (surface.taut_xyz - surface.skin_xyz)
    xyz += outward * (shape[:, :1] * shape[:, 1:2] * np.float32(surface.pixels_per_cm))
    triangles = surface_triangles()
    covered, turned_away = shape[:, 2] > 0, _normals(xyz)[:, 2] > _TURNED_AWAY
    a, b, c = triangles.T  # corner by corner: ten times as quick as over an axis of three
    kept = (covered[a] | covered[b] | covered[c]) & ~(
        turned_away[a] & turned_away[b] & turned_away[c]
    )
    return _Worn(xyz, texel, np.ascontiguousarray(triangles[kept]))


@lru_cache(maxsize=64)
def _form(design: MaskDesign) -> Float32:
    """Return inset, bulge, and the mask with a cell of the surface around it, (s, s, 3)."""
    cell = 2 * round(design.side_px * 0.022) + 1
    around = cv2.dilate((design.alpha > 0).astype(np.float32), np.ones((cell, cell), np.uint8))
    return np.stack([design.inset, design.bulge_cm, around], axis=-1).astype(np.float32)


@lru_cache(maxsize=64)
def _texture(design: MaskDesign, band: Band, channels: int, halvings: int) -> tuple[Float32, float]:
    """Return what is painted for a band, and its mean colour.

    The first is linear colour, alpha, slopes and hollows, float32 (s, s, channels + 4), halved
    ``halvings`` times.
    """
    look = LOOKS[design.material][band]
    own = (design.rgb.astype(np.float32) / 255) ** np.float32(2.2)
    if look.fixed:
        luma = own @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        seen = design.alpha > 127
        median = float(np.median(luma[seen])) if seen.any() else 1.0
        relative = np.clip(luma / max(median, 1e-3), 0.2, 2.0)
        even = look.level * (1 + look.contrast * (relative - 1))
        if band in EMISSIVE:
            even = even + _breath(design.side_px)
        colour = np.repeat(even[..., None], channels, axis=2)
    elif channels == 1:
        colour = (own @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    else:
        colour = own
    alpha = design.alpha[..., None].astype(np.float32) / 255
    slopes = design.slopes.copy()
    if band in EMISSIVE:
        slopes[..., 2] = 1 - 0.3 * (1 - slopes[..., 2])
    tint = float(colour[design.alpha > 230].mean()) if (design.alpha > 230).any() else 0.5
    side = design.side_px >> halvings
    layers = np.concatenate([colour, alpha, slopes], axis=2)
    halved = [
        cv2.resize(np.ascontiguousarray(layers[..., k]), (side, side), interpolation=cv2.INTER_AREA)
        for k in range(layers.shape[2])
    ]
    return np.ascontiguousarray(np.stack(halved, axis=-1), np.float32), tint


def _halvings(design: MaskDesign, pixels_per_cm: float) -> int:
    """Return how often a design is halved so that its texels are about as large as pixels."""
    ratio = TEXELS_PER_CM * design.side_px / 512 / max(pixels_per_cm, 1e-3)
    return int(np.clip(np.rint(np.log2(max(ratio, 1e-3)) - 0.25), 0, 5))


def _breath(side_px: int) -> Float32:
    """Return the warmth that breath leaves around nose and mouth."""
    v, u = (np.mgrid[:side_px, :side_px].astype(np.float32) + 0.5) / side_px
    warmth = 0.3 * np.exp(-(((u - 0.5) / 0.13) ** 2) - ((v - 0.63) / 0.10) ** 2)
    return np.asarray(warmth, np.float32)


def _seen(worn: _Worn, frame: Frame, face_depth: Float32, pixels_per_cm: float) -> Fragments:
    """Return what is seen of the mask in each fine pixel."""
    # Centres of fine pixels lie between those of the image's.
    fine = (worn.xyz - frame.origin) * _OVERSAMPLE + np.float32((_OVERSAMPLE - 1) / 2)
    fine[:, 2] = worn.xyz[:, 2]
    limit = face_depth + np.float32(_IN_FRONT_CM * pixels_per_cm)
    limit = limit.repeat(_OVERSAMPLE, axis=0).repeat(_OVERSAMPLE, axis=1)
    fine_hw = frame.hw[0] * _OVERSAMPLE, frame.hw[1] * _OVERSAMPLE
    return rasterise(fine, worn.triangles, fine_hw, behind=limit)


def _lit_vertices(
    worn: _Worn, surface: MaskSurface, light: FaceLight, texels: np.float32
) -> Float32:
    """Return the vertices as ``paint`` takes them; ``texels`` of the texture to the design's."""
    to_image = surface.rotation @ light.direction
    smooth, skin = _normals(worn.xyz, blur=1.0), _normals(surface.skin_xyz, blur=3.0)
    form = (1 + smooth @ to_image) / np.maximum(1 + skin @ to_image, 0.25)
    return np.column_stack(
        [
            (worn.texel + 0.5) * texels - np.float32(0.5),
            grid_uv() * light.shade.shape[0] - 0.5,
            np.clip(form, 0.72, 1.3),
        ]
    ).astype(np.float32)


def _paint_cloth(
    cloth: Float32,
    seen: Fragments,
    triangles: Int32,
    vertices: Float32,
    texture: Float32,
    light: FaceLight,
    band: Band,
) -> None:
    heat = band in EMISSIVE
    down = 0.0 if heat else _FOLD_LIGHT
    bend = -np.array([light.direction[0], light.direction[1] + down], np.float32)
    room = light.room if heat else 0.0
    tone = tone_curve(heat)
    paint(
        seen.triangle, seen.weights, triangles, vertices, texture, light.shade,
        bend, np.float32(light.white), np.float32(room), tone, cloth,
    )  # fmt: skip


def _brightness(reflectance: float, light: FaceLight, band: Band) -> float:
    """Return a plain surface's display value, 0 to 255."""
    heat = band in EMISSIVE
    room = light.room if heat else 0.0
    value = room + reflectance * (light.white - room)
    value = min(value, 1.0)
    return 255 * (value if heat else value ** (1 / 2.2))


def _bare_depth(
    mesh_xyz: Float32, frame: Frame, design: MaskDesign, placement: Placement
) -> Float32:
    """Return the depth of the face that the mask leaves bare, +inf elsewhere, (h, w)."""
    uv, triangles = canonical_texture()
    matrix = placement.texture_to_template
    texel = np.floor((uv @ matrix[:, :2].T + matrix[:, 2]) * design.side_px).astype(int)
    within = ((texel >= 0) & (texel < design.side_px)).all(axis=1)
    column, row = np.where(within[:, None], texel, 0).T
    masked = within & (design.alpha[row, column] > 0)
    bare = triangles[~masked[triangles].all(axis=1)].astype(np.int32)
    mesh = np.asarray(mesh_xyz, np.float32) - frame.origin
    return rasterise(mesh, bare, frame.hw).depth


def _finished(
    cloth: Float32,
    frame: Frame,
    image: UInt8,
    surface: MaskSurface,
    face_depth: Float32,
    band: Band,
    scene: Scene,
) -> MaskLayer:
    """Add the shadow that the mask casts on the face, and round to 8 bits."""
    if band in EMISSIVE:  # heat cameras are coarse and warmth spreads: no sharp edge in a soft face
        blur = max(_HEAT_BLUR_CM * surface.pixels_per_cm, 0.3)
        shadow = np.zeros(frame.hw, np.float32)
    else:
        blur = 0.0
        shadow = scene.open(_shadow(cloth[..., -1], surface, face_depth), frame)
    cloth = scene.taken(cloth, frame, blur)
    colour = np.zeros((*frame.hw, cloth.shape[2] - 1), np.uint8)
    alpha, region = np.empty(frame.hw, np.uint8), np.empty(frame.hw, np.uint8)
    round_layer(cloth, shadow, colour, alpha, region)
    hw = image.shape[:2]
    placed = frame.placed(colour[..., 0] if image.ndim == 2 else colour, image.shape)
    return MaskLayer(placed, frame.placed(alpha, hw), frame.placed(region, hw))


def _shadow(region: Float32, surface: MaskSurface, face_depth: Float32) -> Float32:
    """Return how dark a mask's shadow is on the face around it, 0 to 1."""
    reach = np.float32(_SHADOW_CM * surface.pixels_per_cm)
    down = surface.rotation[:2, 1] * 0.45 * reach
    shift = np.array([[1, 0, down[0]], [0, 1, down[1]]])
    below = cv2.warpAffine(region, shift, region.shape[::-1])
    dark = cv2.GaussianBlur(below, (0, 0), max(0.45 * float(reach), 0.5))
    face = cv2.GaussianBlur(np.isfinite(face_depth).astype(np.float32), (0, 0), 1.0)
    return np.asarray(cv2.multiply(dark, face, scale=_SHADOW), np.float32)


def _normals(surface_xyz: Float32, blur: float = 0.0) -> Float32:
    """Return unit normals of the surface's vertices, of it smoothed by ``blur`` cells."""
    surface = surface_xyz.reshape(ROWS, COLUMNS, 3)
    if blur:
        surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), blur), np.float32)
    return np.asarray(grid_normals(surface).reshape(-1, 3), np.float32)


def composite(image: UInt8, layer: MaskLayer) -> UInt8:
    """Lay a mask over the image it was drawn for.

    Returns:
        A new image, equal to ``image`` in every pixel whose ``alpha`` is 0.
    """
    result = np.ascontiguousarray(image).copy()
    whole = (*image.shape[:2], -1)
    blend(result.reshape(whole), layer.colour.reshape(whole), layer.alpha)
    return result
