"""What stands behind the people: sky, trees, a building, ground with a path; all procedural."""

from copy import copy
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.scenes.camera import Camera
from pipeline.demo.scenes.figure import Light
from pipeline.types import Band, Float32

ROOM_LOW_C, ROOM_SPAN_C = 18.0, 19.6
"""The temperatures that the emissive bands display as black, and the span up to white."""

_GRASS, _DRY = (0.16, 0.22, 0.08), (0.30, 0.27, 0.15)
_ASPHALT, _GRAVEL = (0.26, 0.26, 0.27), (0.42, 0.38, 0.32)
_BARK = (0.10, 0.08, 0.06)
_WALLS = ((0.45, 0.32, 0.26), (0.62, 0.58, 0.50), (0.52, 0.53, 0.55), (0.58, 0.46, 0.34))

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Backdrop:
    """A background that does not move.

    Attributes:
        values: float32 (h, w, 3) sRGB in [0, 1], or (h, w) signal of an infra-red band in [0, 1].
        light: of the take.
    """

    values: Float32
    light: Light


class _Canvas:
    """Linear colour, temperature and SWIR reflectance of one background, painted far to near.

    A part of a canvas shares its pixels: what is painted on it is painted on the whole.
    """

    def __init__(self, camera: Camera, rng: np.random.Generator) -> None:
        self.camera, self.rng = camera, rng
        self.hw = camera.height_px, camera.width_px
        y, x = np.mgrid[: self.hw[0], : self.hw[1]].astype(np.float32)
        # x, y, red, green, blue, °C, reflectance in SWIR
        self.planes: Float32 = np.concatenate(
            [x[..., None], y[..., None], np.zeros((*self.hw, 5), np.float32)], axis=2
        )
        self.window: tuple[slice, slice] = np.s_[0 : self.hw[0], 0 : self.hw[1]]

    @property
    def x(self) -> Float32:
        """Column of each pixel."""
        return self.planes[..., 0]

    @property
    def y(self) -> Float32:
        """Row of each pixel."""
        return self.planes[..., 1]

    def part(self, left: float, top: float, right: float, bottom: float) -> Self:
        """Return the part of the canvas inside some bounds; at least one pixel."""
        height, width = self.hw
        x0, y0 = (int(np.clip(low, 0, side - 1)) for low, side in ((left, width), (top, height)))
        x1, y1 = (
            int(np.clip(high, low + 1, side))
            for high, low, side in ((right + 1, x0, width), (bottom + 1, y0, height))
        )
        found = copy(self)
        found.window = np.s_[y0:y1, x0:x1]
        found.planes = self.planes[found.window]
        found.hw = y1 - y0, x1 - x0
        return found

    def lay(
        self, share: Floats, rgb: Floats, celsius: Floats | float, swir: Floats | float
    ) -> None:
        """Cover what is there by a share of something nearer; ``rgb`` (3,) or (h, w, 3)."""
        covered, weight = self.planes[..., 2:], share.astype(np.float32)
        covering = np.empty(covered.shape, np.float32)
        covering[..., :3], covering[..., 3], covering[..., 4] = rgb, celsius, swir
        covering -= covered
        covering *= weight[..., None]
        covered += covering

    def noise(self, cells: float, octaves: int = 4, stretch: float = 1.0) -> Float32:
        """Return noise of several octaves, about 0 with unit variance; ``cells`` across."""
        total = np.zeros(self.hw, np.float32)
        for octave in range(octaves):
            across = max(2, round(cells * 2**octave))
            down = max(2, round(cells * 2**octave * self.hw[0] / self.hw[1] * stretch))
            coarse = self.rng.standard_normal((down, across), dtype=np.float32)
            fine = cv2.resize(coarse, self.hw[::-1], interpolation=cv2.INTER_CUBIC)
            total += np.float32(0.6**octave) * np.asarray(fine, np.float32)
        return np.asarray(total / total.std(), np.float32)


def make_backdrop(camera: Camera, band: Band, rng: np.random.Generator) -> Backdrop:
    """Make a background.

    Args:
        camera: whose frame it fills.
        band: which band sees it.
        rng: of the take; equal states give equal backgrounds.
    """
    canvas = _Canvas(camera, rng)
    side = float(rng.choice((-1.0, 1.0)))
    sun = np.array([side * rng.uniform(0.25, 0.6), -rng.uniform(0.5, 0.8), -0.55])
    sun /= np.linalg.norm(sun)
    warm = float(rng.uniform(0.0, 0.12))
    light = Light((float(sun[0]), float(sun[1]), float(sun[2])), (1.0 + warm, 1.0, 1.0 - warm))
    edge = camera.ground_xy(0.0, 2.1 * camera.far_m)[1]  # where the ground ends
    _sky(canvas)
    if rng.random() < 0.75:
        _building(canvas, edge, side)
    _trees(canvas, edge)
    _ground(canvas, edge)
    _bushes(canvas, edge)
    if band is Band.VIS:
        tone = np.array(light.warmth, np.float32)
        return Backdrop(
            np.power(np.clip(canvas.planes[..., 2:5] * tone, 0, 1), np.float32(1 / 2.2)), light
        )
    if band is Band.SWIR:
        return Backdrop(np.power(np.clip(canvas.planes[..., 6], 0, 1), np.float32(1 / 1.9)), light)
    signal = (canvas.planes[..., 5] - ROOM_LOW_C) / ROOM_SPAN_C
    if band is Band.MWIR:  # by day the sun is reflected, too
        signal = 0.9 * signal + 0.12 * canvas.planes[..., 6]
    return Backdrop(np.clip(signal, 0.0, 1.0).astype(np.float32), light)


def _sky(canvas: _Canvas) -> None:
    height = canvas.hw[0]
    clouds = np.clip(canvas.noise(3.0, 5, stretch=2.5) * 0.5 + 0.2, 0.0, 1.0)
    fade = canvas.y / height
    blue = np.stack([0.22 + 0.5 * fade, 0.42 + 0.4 * fade, 0.72 + 0.2 * fade], axis=2)
    rgb = blue + clouds[..., None] * (np.float32(0.85) - blue)
    ones = np.ones(canvas.hw, np.float32)
    canvas.lay(ones, rgb, 6.0 + 9.0 * clouds, 0.12 + 0.5 * clouds)


def _building(canvas: _Canvas, edge: float, side: float) -> None:
    rng, width = canvas.rng, canvas.hw[1]
    metre = canvas.camera.scale_at(2.2 * canvas.camera.far_m)
    wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))], np.float32)
    wide = rng.uniform(0.45, 0.8) * width
    left = rng.uniform(-0.1, 0.5) * width
    tall = rng.uniform(6.0, 11.0) * metre
    inside = (canvas.x > left) & (canvas.x < left + wide) & (canvas.y > edge - tall)
    inside &= canvas.y < edge + 2
    shade = 0.75 + 0.15 * side * (canvas.x - left) / wide + 0.05 * canvas.noise(14.0)
    course = np.sin(2 * np.pi * (canvas.y - edge) / max(0.24 * metre, 2.5))
    shade += 0.03 * course * (metre > 10)
    share = inside.astype(np.float32)
    canvas.lay(
        share, wall * shade[..., None].astype(np.float32),
        22.5 + 1.5 * shade, 0.30 * shade + 0.15,
    )  # fmt: skip
    pitch_x, pitch_y = 2.6 * metre, 3.0 * metre
    u, v = (canvas.x - left) % pitch_x, (edge - canvas.y) % pitch_y
    pane = (u > 0.8 * metre) & (u < 2.0 * metre) & (v > 0.9 * metre) & (v < 2.3 * metre) & inside
    frame = (u > 0.7 * metre) & (u < 2.1 * metre) & (v > 0.8 * metre) & (v < 2.4 * metre) & inside
    canvas.lay(frame * np.float32(0.8), np.full(3, 0.7, np.float32), 21.5, 0.5)
    sheen = 0.10 + 0.12 * np.clip(canvas.noise(8.0), 0, 1)
    glass = np.stack([sheen * 0.8, sheen * 0.95, sheen * 1.15], axis=2).astype(np.float32)
    canvas.lay(pane * np.float32(0.95), glass, 16.5, 0.4 * sheen)


def _trees(canvas: _Canvas, edge: float) -> None:
    rng, width = canvas.rng, canvas.hw[1]
    metre = canvas.camera.scale_at(2.05 * canvas.camera.far_m)
    texture, coarse = canvas.noise(70.0, 4), canvas.noise(24.0, 3)
    for _ in range(int(rng.integers(4, 8))):
        middle, wide = rng.uniform(-0.05, 1.05) * width, rng.uniform(2.0, 4.5) * metre
        base, tall = edge - 1.4 * metre, rng.uniform(3.5, 8.0) * metre
        crown = canvas.part(middle - 1.5 * wide, base - 1.45 * tall, middle + 1.5 * wide, edge + 2)
        x, y, fine, rough = crown.x, crown.y, texture[crown.window], coarse[crown.window]
        trunk = (np.abs(x - middle) < 0.16 * metre) & (y > base - tall / 2)
        crown.lay(trunk * np.float32(0.95), np.array(_BARK, np.float32), 19.5, 0.22)
        dx, dy = (x - middle) / wide, (y - (base - tall / 2)) / (0.62 * tall)
        reach = 1.0 - np.hypot(dx, dy) + 0.16 * rough + 0.07 * fine
        lit = 0.55 + 0.18 * fine - 0.35 * dy + 0.15 * rough
        _leaves(crown, np.clip(reach * 9.0, 0.0, 1.0), lit, rng.uniform(0.8, 1.2))
    hedge = np.clip((canvas.y - (edge - (0.9 + 0.25 * coarse) * metre)) * 0.5, 0, 1)
    hedge = hedge * (canvas.y < edge + 2)
    _leaves(canvas, hedge, 0.45 + 0.25 * texture, 0.85)


def _leaves(canvas: _Canvas, share: Floats, lit: Floats, tone: float) -> None:
    green = np.array((0.10, 0.17, 0.05), np.float32) * np.float32(tone)
    lit = np.clip(lit, 0.12, 1.6).astype(np.float32)
    canvas.lay(
        share.astype(np.float32), green * lit[..., None], 18.6 + 0.8 * lit, 0.16 + 0.14 * lit
    )


def _ground(canvas: _Canvas, edge: float) -> None:
    camera, rng = canvas.camera, canvas.rng
    below = np.maximum(canvas.y - camera.horizon_px, 1.0)
    distance = camera.above_m * camera.focal_px / below
    across = (canvas.x - camera.width_px / 2) * distance / camera.focal_px
    patches = _ground_noise(rng, across, distance, 3.0)
    blades = _ground_noise(rng, across, distance, 0.35)
    specks = canvas.noise(camera.width_px / 3, 2, stretch=0.6)
    dry = np.clip(0.35 + 0.3 * patches, 0.0, 1.0)[..., None]
    grass = np.array(_GRASS, np.float32) * (1 - dry) + np.array(_DRY, np.float32) * dry
    lit = np.clip(0.95 + 0.12 * blades + 0.16 * specks + 0.08 * patches, 0.2, 2.0)
    share = np.clip((canvas.y - edge) / 2, 0, 1).astype(np.float32)
    canvas.lay(share, grass * lit[..., None], 20.0 + 0.7 * patches + 0.5 * blades, 0.25 * lit)
    paved = np.array(_ASPHALT if rng.random() < 0.5 else _GRAVEL, np.float32)
    slope, start = rng.uniform(-0.5, 0.5), rng.uniform(0.35, 0.65)
    middle = camera.near_m + start * (camera.far_m - camera.near_m)
    half = 0.17 * (camera.far_m - camera.near_m)
    reach = half - np.abs(distance - middle - slope * across) + 0.04 * half * blades
    share = share * np.clip(reach / (0.05 * half), 0.0, 1.0)
    stones = np.clip(1.0 + 0.07 * specks + 0.05 * patches, 0.3, 1.6)
    canvas.lay(share, paved * stones[..., None], 24.0 + 0.5 * patches, 0.24 * stones)


def _ground_noise(
    rng: np.random.Generator, across: Float32, distance: Float32, metres: float
) -> Float32:
    """Return noise that lies on the ground, lumps of some metres; it repeats every 256 lumps."""
    field = cv2.GaussianBlur(
        rng.standard_normal((256, 256), dtype=np.float32),
        (0, 0),
        1.0,
        borderType=cv2.BORDER_REFLECT,
    )
    field = np.asarray(field / field.std(), np.float32)
    u, v = ((axis / metres + 127) % 255 for axis in (across, distance))
    found = cv2.remap(field, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(found, np.float32)


def _bushes(canvas: _Canvas, edge: float) -> None:
    rng, camera = canvas.rng, canvas.camera
    texture = canvas.noise(60.0, 4)
    for _ in range(int(rng.integers(1, 4))):
        away = rng.uniform(1.15, 1.7) * camera.far_m
        metre = camera.scale_at(away)
        x, y = camera.ground_xy(0.0, away)
        x += rng.uniform(-0.5, 0.5) * camera.width_px
        wide, tall = rng.uniform(0.5, 1.1) * metre, rng.uniform(0.5, 1.1) * metre
        bush = canvas.part(x - 1.6 * wide, y - 1.6 * tall, x + 1.6 * wide, y)
        fine = texture[bush.window]
        dx, dy = (bush.x - x) / wide, (bush.y - (y - tall / 2)) / (0.6 * tall)
        share = np.clip((1.0 - np.hypot(dx, dy) + 0.12 * fine) * 8.0, 0.0, 1.0)
        _leaves(bush, share, 0.6 + 0.25 * fine - 0.4 * dy, 1.0)
