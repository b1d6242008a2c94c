"""Light on surfaces: one numba kernel for skin, eyes, teeth and cloth, one for hair.

All colours are linear. Directions point from the surface to the light, in the camera's axes (x
right, y down, z away).
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Float32

LOOKS = np.array(
    [
        # wrap of red, green, blue; how far normals stay smooth for red; sheen; polish
        (0.42, 0.20, 0.14, 0.6, 1.00, 0.55),  # skin
        (0.30, 0.12, 0.10, 0.6, 1.20, 1.50),  # inside of the mouth
        (0.30, 0.28, 0.28, 0.0, 0.15, 30.00),  # eye
        (0.30, 0.28, 0.25, 0.0, 0.80, 3.00),  # teeth
        (0.10, 0.10, 0.10, 0.0, 0.12, 0.00),  # cloth
        (0.05, 0.05, 0.05, 0.0, 0.60, 5.00),  # frame of glasses
    ],
    np.float32,
)
"""How materials scatter; rows in the order above."""


@dataclass(frozen=True)
class Lights:
    """The light of an image.

    Attributes:
        key: unit vector towards the main light, float32 (3,).
        key_rgb: its colour and strength.
        fill, fill_rgb: a weaker light without shadows.
        sky_rgb, ground_rgb: ambient light from above and from below.
    """

    key: Float32
    key_rgb: Float32
    fill: Float32
    fill_rgb: Float32
    sky_rgb: Float32
    ground_rgb: Float32

    def packed(self) -> Float32:
        """Return all as float32 (6, 3)."""
        return np.stack(
            [self.key, self.key_rgb, self.fill, self.fill_rgb, self.sky_rgb, self.ground_rgb]
        ).astype(np.float32)


@dataclass(frozen=True)
class SurfacePoints:
    """Points of a surface that are to be shaded.

    Attributes:
        normals: float32 (n, 3), unit, with fine relief.
        smooth: float32 (n, 3), unit, without it.
        albedo: float32 (n, 3), linear reflectance.
        gloss: float32 (n,), strength of the sheen.
        open_share: float32 (n,), share of the surroundings that light the point.
        lit: float32 (n,), share of the main light that is not shadowed.
        look: int64 (n,) row of ``LOOKS``.
    """

    normals: Float32
    smooth: Float32
    albedo: Float32
    gloss: Float32
    open_share: Float32
    lit: Float32
    look: NDArray[np.int64]


def shade_surface(points: SurfacePoints, lights: Lights) -> Float32:
    """Return the linear radiance of surface points, float32 (n, 3)."""
    result = np.empty_like(points.albedo)
    _shade(
        points.normals,
        points.smooth,
        points.albedo,
        points.gloss,
        points.open_share,
        points.lit,
        points.look,
        LOOKS,
        lights.packed(),
        result,
    )
    return result


def shade_hair(
    normals: Float32,
    tangents: Float32,
    albedo: Float32,
    open_share: Float32,
    lit: Float32,
    lights: Lights,
) -> Float32:
    """Shade hair by its strands' directions.

    Reference:
        J. Kajiya, T. Kay, Rendering fur with three dimensional textures, SIGGRAPH 1989, with the
        two shifted highlights of S. Marschner et al., SIGGRAPH 2003.
    """
    result = np.empty_like(albedo)
    _shade_hair(normals, tangents, albedo, open_share, lit, lights.packed(), result)
    return result


@numba.njit(cache=True, nogil=True, fastmath=False)
def _shade(normals, smooth, albedo, gloss, open_share, lit, look, looks, lights, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Shade ``SurfacePoints``.

    More arguments because numba takes arrays, no objects; more lines because one pass over the
    points reads each once.
    """
    for i in range(len(normals)):
        nx, ny, nz = normals[i]
        sx, sy, sz = smooth[i]
        row = looks[look[i]]
        up = 0.5 - 0.5 * ny
        ambient = open_share[i]
        keep = row[3]
        facing = max(-nz, 0.0)
        rim = 1.0 - facing
        rim2 = rim * rim
        fresnel = 0.028 + 0.35 * rim2 * rim2 * rim
        sheen = 0.0
        total_r = total_g = total_b = 0.0
        for c in range(3):
            sky = lights[4, c] * up + lights[5, c] * (1.0 - up)
            # Light that enters beside a crease leaves reddish inside it.
            soft = ambient if c > 0 else ambient**0.8
            value = sky * soft
            for source in range(2):
                lx, ly, lz = lights[2 * source]
                rough = nx * lx + ny * ly + nz * lz
                plain = sx * lx + sy * ly + sz * lz
                dot = rough + keep * (1.0 - 0.5 * c) * (plain - rough) if c < 2 else rough
                wrap = row[c]
                diffuse = max(0.0, (dot + wrap) / (1.0 + wrap))
                diffuse = diffuse * diffuse * wrap + diffuse * (1.0 - wrap)
                shadow = lit[i] if source == 0 else 0.35 + 0.65 * ambient
                value += lights[2 * source + 1, c] * diffuse * shadow
            value *= albedo[i, c]
            if c == 0:
                total_r = value
            elif c == 1:
                total_g = value
            else:
                total_b = value
        for source in range(2):
            lx, ly, lz = lights[2 * source]
            hx, hy, hz = lx, ly, lz - 1.0
            length = (hx * hx + hy * hy + hz * hz) ** 0.5 + 1e-6
            half = max(0.0, (nx * hx + ny * hy + nz * hz) / length)
            towards = max(0.0, min(1.0, 4.0 * (nx * lx + ny * ly + nz * lz)))
            shadow = lit[i] if source == 0 else ambient
            h2 = half * half
            h4 = h2 * h2
            h8 = h4 * h4
            h16 = h8 * h8
            h64 = h16 * h16 * h16 * h16
            lobe = gloss[i] * row[4] * (1.6 * h8 * half + 3.0 * h16 * h4)
            if row[5] > 4.0:
                # A polished surface mirrors the lamp: a small point, no veil.
                lobe += row[5] * gloss[i] * (0.08 * h64 + 2.5 * h64 * h64 * h64 * h64)
            else:
                lobe += row[5] * gloss[i] * 1.5 * h64
            strength = fresnel * lobe * towards * shadow
            total_r += lights[2 * source + 1, 0] * strength
            total_g += lights[2 * source + 1, 1] * strength
            total_b += lights[2 * source + 1, 2] * strength
        sheen = 0.35 * gloss[i] * row[4] * fresnel * ambient
        result[i, 0] = total_r + sheen * lights[4, 0]
        result[i, 1] = total_g + sheen * lights[4, 1]
        result[i, 2] = total_b + sheen * lights[4, 2]


@numba.njit(cache=True, nogil=True)
def _shade_hair(normals, tangents, albedo, open_share, lit, lights, result):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(normals)):
        nx, ny, nz = normals[i]
        tx, ty, tz = tangents[i]
        ambient = open_share[i]
        up = 0.5 - 0.5 * ny
        for c in range(3):
            result[i, c] = (
                albedo[i, c] * ambient * (lights[4, c] * up + lights[5, c] * (1.0 - up)) * 0.8
            )
        for source in range(2):
            lx, ly, lz = lights[2 * source]
            shadow = (0.15 + 0.85 * lit[i]) * ambient if source == 0 else ambient * ambient
            along = tx * lx + ty * ly + tz * lz
            sine = max(0.0, 1.0 - along * along) ** 0.5
            wrapped = max(0.0, (nx * lx + ny * ly + nz * lz + 0.25) / 1.25)
            diffuse = sine * (0.25 + 0.75 * wrapped) * min(1.0, 4.0 * wrapped)
            hx, hy, hz = lx, ly, lz - 1.0
            length = (hx * hx + hy * hy + hz * hz) ** 0.5 + 1e-6
            hx, hy, hz = hx / length, hy / length, hz / length
            first = tx * (hx + 0.12 * nx) + ty * (hy + 0.12 * ny) + tz * (hz + 0.12 * nz)
            second = tx * (hx - 0.2 * nx) + ty * (hy - 0.2 * ny) + tz * (hz - 0.2 * nz)
            white = max(0.0, 1.0 - first * first) ** 40.0
            tinted = max(0.0, 1.0 - second * second) ** 9.0
            visible = min(1.0, 3.0 * wrapped)
            for c in range(3):
                light = lights[2 * source + 1, c] * shadow
                gleam = (0.05 * white + 0.55 * tinted * albedo[i, c]) * visible
                result[i, c] += light * (0.75 * albedo[i, c] * diffuse + gleam)
