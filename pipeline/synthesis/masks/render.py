"""Drawing a mask onto a face: the 3D surface, lit, anti-aliased, with its shadow and ear loops."""

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_texture
from pipeline.ops.raster import rasterise_depth, rasterise_onto
from pipeline.ops.raster_finer import rasterise_finer
from pipeline.synthesis.masks.bands import LOOKS
from pipeline.synthesis.masks.design import TEXELS_PER_CM, MaskDesign
from pipeline.synthesis.masks.fit import Placement
from pipeline.synthesis.masks.frame import Frame, frame_around
from pipeline.synthesis.masks.grid import put_on, relit
from pipeline.synthesis.masks.kernel import blend, lay_under, planes_of, seams
from pipeline.synthesis.masks.light import SIDE, FaceLight, face_light
from pipeline.synthesis.masks.loops import Loops, loops_of
from pipeline.synthesis.masks.paint import LAYERS, paint, tone_curve
from pipeline.synthesis.masks.scene import BARE, Scene
from pipeline.synthesis.masks.soft import SOFT_PX, blurred, doubled, half_sigma, halved, soft
from pipeline.synthesis.masks.surface import (
    COLUMNS,
    ROWS,
    MaskSurface,
    grid_uv,
    surface_on,
    surface_triangles,
)
from pipeline.types import HEAT_BANDS, Band, Float32, Int32, UInt8

_IN_FRONT_CM = 0.7
"""So far in front of the mask another part of the face has to be to hide it."""
_TURNED_AWAY = 0.3
"""Triangles whose corners all look away by this much are left out; the outline keeps its own."""
_SHADOW = 0.34
_SHADOW_CM = 0.35
_SHADOW_REACH_CM = 0.8
"""So far from the mask its shadow ends, blur and shift together."""
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
    reach = frame_around(surface.taut_xyz[:, :2], surface.pixels_per_cm, hw)
    if reach is None:
        nothing = np.zeros(hw, np.uint8)
        return MaskLayer(np.zeros_like(image), nothing, nothing.copy())
    worn = _worn(surface, design, placement)
    tied = loops_of(surface, worn.xyz, design, placement) if loops and design.loops else []
    # Heat cameras are coarse and warmth spreads: no sharp edge in a soft face.
    least_px = max(_HEAT_BLUR_CM * surface.pixels_per_cm, 0.3) if band in HEAT_BANDS else 0.0
    blur_px = scene.blur_px(least_px)
    frame = _window(reach, worn, tied, surface.pixels_per_cm, blur_px)
    face_depth = _bare_depth(mesh_xyz, frame, design, placement)
    light = face_light(image, mesh_xyz, surface.rotation.astype(np.float32), band)
    texture, tint = _texture(design, band, image.ndim, _halvings(design, surface.pixels_per_cm))
    xyz = worn.xyz - frame.origin
    vertices = _lit_vertices(worn, surface, light, np.float32(texture.shape[0] / design.side_px))
    planes = planes_of(xyz, worn.triangles, vertices)
    limit = face_depth + np.float32(_IN_FRONT_CM * surface.pixels_per_cm)
    seen = _seen(xyz, worn.triangles, planes, texture, limit)
    cloth = _cloth(seen, planes, texture, light, band, 1 if image.ndim == 2 else 3)
    for each in tied:
        _lay_loops(cloth, each, frame, face_depth, scene, _brightness(tint, light, band))
    # Of heat there are no shadows.
    shadow = None if band in HEAT_BANDS else _shadow(cloth[..., -1], surface, face_depth)
    finished = blurred(cloth, blur_px)
    return MaskLayer(*scene.finished(finished, shadow, frame, reach, image))


def _lay_loops(
    cloth: Float32, tied: Loops, frame: Frame, face_depth: Float32, scene: Scene, value: float
) -> None:
    drawn, part = tied.drawn(frame, face_depth)
    if scene.hair is not None:
        drawn *= 1 - scene.hair[part.slices]
    at = part.left - frame.left, part.top - frame.top
    lay_under(cloth, drawn, np.float32(value), at)


@dataclass(frozen=True)
class _Worn:
    """The mask's vertices: where they lie, where in the design, texels, and how far they reach."""

    xyz: Float32
    texel: Float32
    triangles: Int32
    ends: Float32


def _worn(surface: MaskSurface, design: MaskDesign, placement: Placement) -> _Worn:
    to_design = placement.texture_to_design
    texel = (grid_uv() @ to_design[:, :2].T + to_design[:, 2]) * design.side_px - 0.5
    texel = texel.astype(np.float32)
    shape = cv2.remap(
        _form(design),
        texel[:, 0].reshape(ROWS, COLUMNS),
        texel[:, 1].reshape(ROWS, COLUMNS),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    xyz, triangles, ends = put_on(
        surface.taut_xyz.reshape(ROWS, COLUMNS, 3),
        surface.skin_xyz.reshape(ROWS, COLUMNS, 3),
        shape,
        np.float32(surface.pixels_per_cm),
        surface_triangles(),
        np.float32(_TURNED_AWAY),
    )
    return _Worn(xyz, texel, triangles, ends if len(triangles) else ends[:0])


def _window(
    reach: Frame, worn: _Worn, tied: list[Loops], pixels_per_cm: float, blur_px: float
) -> Frame:
    """Return the part of the image that this mask, its blur and its shadow change."""
    curves = [curve for each in tied for curve in each.curves]
    margin = _SHADOW_REACH_CM * pixels_per_cm + 4 + np.ceil(4 * blur_px)
    return reach.around([worn.ends, *curves], margin)


@lru_cache(maxsize=64)
def _form(design: MaskDesign) -> Float32:
    """Return inset, bulge, and the mask with a cell of the surface around it, (s, s, 3)."""
    cell = 2 * round(design.side_px * 0.022) + 1
    around = cv2.dilate((design.alpha > 0).astype(np.float32), np.ones((cell, cell), np.uint8))
    return np.stack([design.inset, design.bulge_cm, around], axis=-1).astype(np.float32)


@lru_cache(maxsize=64)
def _texture(design: MaskDesign, band: Band, axes: int, halvings: int) -> tuple[Float32, float]:
    """Return what is painted for a band, and its mean colour.

    The first is as ``paint.paint`` takes it, halved ``halvings`` times.
    """
    look, channels = LOOKS[design.material][band], 1 if axes == 2 else 3
    own = (design.rgb.astype(np.float32) / 255) ** np.float32(2.2)
    if look.fixed:
        luma = own @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        seen = design.alpha > 127
        median = float(np.median(luma[seen])) if seen.any() else 1.0
        relative = np.clip(luma / max(median, 1e-3), 0.2, 2.0)
        even = look.level * (1 + look.contrast * (relative - 1))
        if band in HEAT_BANDS:
            even = even + _breath(design.side_px)
        colour = np.repeat(even[..., None], channels, axis=2)
    elif channels == 1:
        colour = (own @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    else:
        colour = own
    alpha = design.alpha[..., None].astype(np.float32) / 255
    slopes = design.slopes.copy()
    if band in HEAT_BANDS:
        slopes[..., 2] = 1 - 0.3 * (1 - slopes[..., 2])
    tint = float(colour[design.alpha > 230].mean()) if (design.alpha > 230).any() else 0.5
    side = design.side_px >> halvings
    layers = np.concatenate([colour, alpha, slopes], axis=2)
    texture = np.zeros((side, side, LAYERS), np.float32)
    places = [*range(channels), *range(3, LAYERS - 1)]
    for k, place in enumerate(places):
        layer = np.ascontiguousarray(layers[..., k])
        texture[..., place] = cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA)
    return texture, tint


def _halvings(design: MaskDesign, pixels_per_cm: float) -> int:
    """Return how often a design is halved so that its texels are about as large as pixels."""
    ratio = TEXELS_PER_CM * design.side_px / 512 / max(pixels_per_cm, 1e-3)
    return int(np.clip(np.rint(np.log2(max(ratio, 1e-3)) - 0.25), 0, 5))


def _breath(side_px: int) -> Float32:
    """Return the warmth that breath leaves around nose and mouth."""
    v, u = (np.mgrid[:side_px, :side_px].astype(np.float32) + 0.5) / side_px
    warmth = 0.3 * np.exp(-(((u - 0.5) / 0.13) ** 2) - ((v - 0.63) / 0.10) ** 2)
    return np.asarray(warmth, np.float32)


@dataclass(frozen=True)
class _Seen:
    """Which triangle each pixel sees and, at edges, each of its quarters: see ``paint.paint``."""

    triangle: Int32
    numbers: Int32
    finer: Int32


def _seen(
    xyz: Float32,
    triangles: Int32,
    planes: NDArray[np.float64],
    texture: Float32,
    limit: Float32,
) -> _Seen:
    """Find what is seen of the mask in a window, in front of ``limit``, float32 (h, w)."""
    triangle = rasterise_onto(xyz, triangles, limit.copy())
    numbers = np.empty_like(triangle)
    if not seams(triangle, planes, texture, numbers):
        return _Seen(triangle, numbers, np.empty((0, 4), np.int32))
    return _Seen(triangle, numbers, rasterise_finer(xyz, triangles, numbers, limit))


def _lit_vertices(
    worn: _Worn, surface: MaskSurface, light: FaceLight, texels: np.float32
) -> Float32:
    """Return the vertices as ``paint`` takes them; ``texels`` of the texture to the design's."""
    to_image = surface.rotation @ light.direction
    return np.column_stack(
        [
            (worn.texel + 0.5) * texels - np.float32(0.5),
            _light_texels(),
            relit(_smoothed(worn.xyz, 1.0), _smoothed(surface.skin_xyz, 3.0), to_image),
        ]
    )


@cache
def _light_texels() -> Float32:
    """Return where in the texture of light the vertices lie, (rows · columns, 2)."""
    return (grid_uv() * SIDE - 0.5).astype(np.float32)


def _smoothed(surface_xyz: Float32, cells: float) -> Float32:
    """Smooth a surface, (rows · columns, 3), by some of its cells: (rows, columns, 3)."""
    grid = surface_xyz.reshape(ROWS, COLUMNS, 3)
    return np.asarray(cv2.GaussianBlur(grid, (0, 0), cells), np.float32)


def _cloth(
    seen: _Seen,
    planes: NDArray[np.float64],
    texture: Float32,
    light: FaceLight,
    band: Band,
    channels: int,
) -> Float32:
    """Return premultiplied colour, 0 to 255, and coverage, (h, w, channels + 1)."""
    heat = band in HEAT_BANDS
    down = 0.0 if heat else _FOLD_LIGHT
    bend = -light.direction[0], -(light.direction[1] + down)
    lit_by = np.array([*bend, light.white, light.room if heat else 0.0], np.float32)
    cloth = np.zeros((*seen.triangle.shape, channels + 1), np.float32)
    paint(
        seen.triangle,
        (seen.numbers, seen.finer),
        planes,
        texture,
        light.shade,
        lit_by,
        tone_curve(heat),
        cloth,
    )
    return cloth


def _brightness(reflectance: float, light: FaceLight, band: Band) -> float:
    """Return a plain surface's display value, 0 to 255."""
    heat = band in HEAT_BANDS
    room = light.room if heat else 0.0
    value = room + reflectance * (light.white - room)
    value = min(value, 1.0)
    return 255 * (value if heat else value ** (1 / 2.2))


def _bare_depth(
    mesh_xyz: Float32, frame: Frame, design: MaskDesign, placement: Placement
) -> Float32:
    """Return the depth of the face that the mask leaves bare, +inf elsewhere, (h, w)."""
    uv, triangles = canonical_texture()
    matrix = placement.texture_to_design
    texel = np.floor((uv @ matrix[:, :2].T + matrix[:, 2]) * design.side_px).astype(int)
    within = ((texel >= 0) & (texel < design.side_px)).all(axis=1)
    column, row = np.where(within[:, None], texel, 0).T
    masked = within & (design.alpha[row, column] > 0)
    bare = triangles[~masked[triangles].all(axis=1)].astype(np.int32)
    mesh = np.asarray(mesh_xyz, np.float32) - frame.origin
    return rasterise_depth(mesh, bare, frame.hw)[1]


def _shadow(region: Float32, surface: MaskSurface, face_depth: Float32) -> Float32:
    """Return how dark a mask's shadow is on the face around it, 0 to 1."""
    reach = np.float32(_SHADOW_CM * surface.pixels_per_cm)
    down = surface.rotation[:2, 1] * 0.45 * reach
    sigma = max(0.45 * float(reach), 0.5)
    face = np.isfinite(face_depth).astype(np.float32)
    if sigma >= SOFT_PX:
        dark = soft(halved(region, down), half_sigma(sigma))
        return doubled(cv2.multiply(dark, halved(face), dst=dark, scale=_SHADOW), region.shape)
    shift = np.array([[1, 0, down[0]], [0, 1, down[1]]])
    moved = np.asarray(cv2.warpAffine(region, shift, region.shape[::-1]), np.float32)
    dark = soft(moved, sigma)
    return np.asarray(cv2.multiply(dark, soft(face, 1.0), dst=dark, scale=_SHADOW), np.float32)


def composite(image: UInt8, layer: MaskLayer) -> UInt8:
    """Lay a mask over the image it was drawn for.

    Returns:
        A new image, equal to ``image`` in every pixel whose ``alpha`` is 0.
    """
    result = np.ascontiguousarray(image).copy()
    whole = (*image.shape[:2], -1)
    blend(result.reshape(whole), layer.colour.reshape(whole), layer.alpha)
    return result
