"""Garments of a bust: where the neckline runs, and what the cloth looks like."""

from dataclasses import dataclass

import numpy as np

from pipeline.types import Float32

GARMENTS = {
    "crew": (-5.78, -6.0, -6.17),
    "scoop": (-5.42, -5.86, -6.05),
    "vee": (-5.25, -5.95, -6.15),
    "turtle": (-6.42, -6.5, -6.55),
}
"""Height of the neckline on the mean body in front, at the sides and behind."""
THICKNESS = 0.065
"""How far cloth lies off the skin, units of the mesh."""
_NECK_Z = -0.1
_SHOULDER = 0.62
"""Beyond it, sideways, the neckline falls along the shoulder."""


@dataclass(frozen=True)
class Cloth:
    """A garment of one session.

    Attributes:
        garment: one of ``GARMENTS``.
        colours: linear reflectances of two colours, float32 (2, 3).
        pattern: ``plain``, ``stripes``, ``checks`` or ``heather``.
        period: of the pattern, units of the mesh.
    """

    garment: str
    colours: Float32
    pattern: str
    period: float


def draw_cloth(rng: np.random.Generator, male: bool) -> Cloth:
    """Draw a garment."""
    shares = (0.55, 0.05, 0.25, 0.15) if male else (0.35, 0.3, 0.2, 0.15)
    hue = rng.uniform(0, 1, 2)
    value = rng.uniform(0.04, 0.62) ** 1.2
    colours = [
        _colour(h, rng.uniform(0.0, 0.75), v)
        for h, v in zip(hue, (value, rng.uniform(0.05, 0.7)), strict=True)
    ]
    return Cloth(
        str(rng.choice(list(GARMENTS), p=shares)),
        np.array(colours, np.float32),
        str(rng.choice(("plain", "stripes", "checks", "heather"), p=(0.5, 0.18, 0.12, 0.2))),
        float(rng.uniform(0.12, 0.4)),
    )


def over_neckline(rest_xyz: Float32, garment: str) -> Float32:
    """Return how far places of the mean body lie below the neckline, float32 (n,)."""
    front, side, back = GARMENTS[garment]
    azimuth = np.abs(np.arctan2(rest_xyz[..., 0], _NECK_Z - rest_xyz[..., 2]))
    if garment == "vee":
        line = np.interp(azimuth, (0, 1.25, np.pi), (front, side, back))
    else:
        towards = np.cos(azimuth)
        line = side + np.where(
            towards > 0, (front - side) * np.maximum(towards, 0) ** 1.5, (back - side) * -towards
        )
    beyond = np.maximum(np.abs(rest_xyz[..., 0]) - _SHOULDER, 0.0)
    return np.asarray(rest_xyz[..., 1] - line + 1.6 * beyond, np.float32)


def cloth_albedo(cloth: Cloth, rest_xyz: Float32) -> Float32:
    """Return the cloth's reflectance at places of the mean body, float32 (n, 3)."""
    x, y, z = (rest_xyz[:, axis] for axis in range(3))
    depth = over_neckline(rest_xyz, cloth.garment)
    weave = 1 + 0.03 * np.sin(97 * y + 5 * np.sin(31 * x)) * np.sin(89 * (x + z))
    if cloth.pattern == "stripes":
        mix = (np.mod(y, cloth.period) < 0.4 * cloth.period).astype(np.float32)
    elif cloth.pattern == "checks":
        mix = 0.45 * (np.mod(x, cloth.period) < cloth.period / 2) + 0.45 * (
            np.mod(y, cloth.period) < cloth.period / 2
        )
    elif cloth.pattern == "heather":
        mix = 0.25 + 0.2 * np.sin(97 * x + 30 * z) * np.sin(83 * y + 71 * x)
    else:
        mix = np.zeros_like(x)
    albedo = cloth.colours[0] + np.asarray(mix, np.float32)[:, None] * (
        cloth.colours[1] - cloth.colours[0]
    )
    rib = (depth < 0.11) & (cloth.garment != "vee")
    hem = np.where(rib, 0.86 + 0.10 * np.sin(90 * np.arctan2(x, _NECK_Z - z)), 1.0)
    return np.asarray(albedo * (weave * hem)[:, None], np.float32)


def _colour(hue: float, saturation: float, value: float) -> Float32:
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue + np.array([0.0, 1 / 3, 2 / 3])))
    return np.asarray(value * (1 - saturation + saturation * wheel * 1.3), np.float32)
