"""The skin of an identity: colour, fine relief and gloss as textures.

Colours follow the two absorbers of skin: melanin and blood darken red, green and blue each in its
own proportion, so reflectance falls as the exponential of their amounts. Levels are chosen by eye
after the range of human skin; nothing is measured.

Reference:
    S. Alotaibi, W. Smith, A biophysical 3D morphable model of face appearance, ICCV workshops 2017
    (melanin and haemoglobin as the two axes of skin colour).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.demo.people.atlas import (
    BOTTOM,
    BROWS,
    HEIGHT_PX,
    LOWER_LIDS,
    TOP,
    UPPER_LIDS,
    WIDTH_PX,
    Atlas,
    azimuth_height,
)
from pipeline.demo.people.identity import Identity
from pipeline.rng import rng_for
from pipeline.types import Float32

_PALE = np.log(np.array([0.66, 0.44, 0.335], np.float32))
_MELANIN = np.array([2.05, 2.5, 2.75], np.float32)
_BLOOD = np.array([0.09, 0.52, 0.42], np.float32)
_PER_UNIT_PX = HEIGHT_PX / (BOTTOM - TOP)
_SHIFT = 4


@dataclass(frozen=True)
class SkinTextures:
    """Textures of ``atlas``'s layout.

    Attributes:
        albedo: linear RGB reflectance, float32 (h, w, 3).
        relief: height of pores and wrinkles, units of the mesh, float32 (h, w).
        gloss: strength of the sheen, float32 (h, w).
        brows: how far hair of the brows covers, float32 (h, w).
        lashes: how far the rims of the lids are dark, float32 (h, w).
        beard: how far beard or stubble covers, float32 (h, w).
    """

    albedo: Float32
    relief: Float32
    gloss: Float32
    brows: Float32
    lashes: Float32
    beard: Float32


def skin_textures(atlas: Atlas, identity: Identity, seed: int) -> SkinTextures:
    """Paint an identity's skin; equal arguments give equal textures."""
    skin, points = identity.skin, atlas.points
    rng = rng_for(seed, f"{identity.subject_id}/skin/{skin.seed}")
    lips = atlas.lips * np.float32(1.0)
    brows = _brows(atlas, identity, rng)
    beard = _beard(atlas, identity, rng)
    melanin = skin.melanin + 0.045 * skin.mottle * _noise(rng, (9, 14, 40))
    blood = 0.35 + 0.35 * skin.blood + 0.10 * skin.mottle * _noise(rng, (8, 20, 60, 150))
    for index, (rx, ry), amount in (
        (4, (22, 16), 0.30), (205, (30, 28), 0.30), (425, (30, 28), 0.30),
        (152, (28, 14), 0.12), (9, (34, 18), 0.05), (234, (20, 40), 0.25), (454, (20, 40), 0.25),
    ):  # fmt: skip
        blood = blood + amount * skin.blood * atlas.spot(tuple(points[index]), (rx, ry))
    # Thin skin about the eyes is darker and redder, most of all below them.
    for lids, lower, radii, deep, red in (
        (UPPER_LIDS, 0, (26, 11), 0.03, 0.12),
        (LOWER_LIDS, 14, (30, 13), 0.13, 0.30),
    ):
        for lid in lids:
            x, y = points[list(lid)].mean(axis=0)
            shade = atlas.spot((x, y + lower), radii)
            melanin = melanin + (deep + 0.05 * skin.wrinkles) * shade
            blood = blood + red * shade
    melanin = melanin + 0.16 * _creases(atlas)
    melanin = melanin + _spots(atlas, identity, rng)
    melanin = melanin + lips * (0.16 * skin.melanin + 0.02)
    blood = blood + lips * (0.55 + 0.8 * skin.lips) * (1.0 + 0.12 * _noise(rng, (60, 160)))
    # Planes of colours: products with three numbers at each pixel would take several times as long.
    absorbed = zip(_PALE, _MELANIN, _BLOOD, strict=True)
    albedo = np.stack([np.exp(pale - melanin * m - blood * b) for pale, m, b in absorbed])
    lashes = _lid_lines(atlas)
    albedo = albedo * (1 - lashes) + 0.015 * lashes
    # Brows and beards are darker than fair hair, and grey later.
    ungreyed = replace(
        identity.hair,
        melanin=max(identity.hair.melanin, 0.55),
        grey=0.3 * identity.hair.grey,
    )
    for cover, grey, strength in ((beard, 0.012, 0.85), (brows, 0.016, 1.0)):
        dark = hair_colour(replace(identity, hair=ungreyed)) * 0.8 + grey * 0.2
        share = np.clip(cover * strength, 0.0, 1.0)
        albedo = albedo * (1.0 - share) + dark[:, None, None] * share
    grain = _grain(rng)
    relief = _relief(atlas, identity, rng, grain)
    albedo = albedo * (1.0 + 0.05 * skin.pores * np.clip(grain, -2, 2))
    oil = 0.35 + 0.65 * np.clip(
        sum(atlas.spot(tuple(points[i]), (34, 40)) for i in (4, 6, 9, 151, 152)), 0, 1
    )
    gloss = (0.3 + 0.7 * skin.gloss) * oil * (1.0 + 0.25 * grain)
    gloss = gloss * (1.0 - 0.85 * np.maximum(brows, 0.7 * beard)) + 0.45 * lips
    layers = [
        np.asarray(each, np.float32)
        for each in (np.dstack(list(albedo)), relief, gloss, brows, lashes, beard)
    ]
    if identity.mirrored:
        layers = [np.ascontiguousarray(each[:, ::-1]) for each in layers]
    return SkinTextures(*layers)


def hair_colour(identity: Identity) -> Float32:
    """Return the reflectance of an identity's hair, linear RGB, float32 (3,)."""
    hair = identity.hair
    dark, pale = np.array([0.012, 0.008, 0.006]), np.array([0.42, 0.27, 0.12])
    red = np.array([0.26, 0.075, 0.022])
    colour = np.exp(np.log(pale) + (np.log(dark) - np.log(pale)) * hair.melanin**0.7)
    colour = colour * (1 - 0.7 * hair.red) + red * 0.7 * hair.red
    return np.asarray(colour * (1 - hair.grey) + 0.30 * hair.grey, np.float32)


def _noise(rng: np.random.Generator, cells: tuple[int, ...]) -> Float32:
    """Return smooth noise of several scales, about unit deviation, float32 (h, w)."""
    total = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    for count in cells:
        coarse = rng.standard_normal((count, 4 * count // 3), dtype=np.float32)
        total += cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(total / total.std(), np.float32)


def _grain(rng: np.random.Generator) -> Float32:
    """Return noise of the size of pores."""
    white = rng.standard_normal((HEIGHT_PX, WIDTH_PX), dtype=np.float32)
    fine = cv2.GaussianBlur(white, (0, 0), 0.9) - cv2.GaussianBlur(white, (0, 0), 2.2)
    return np.asarray(fine / fine.std(), np.float32)


def _spots(atlas: Atlas, identity: Identity, rng: np.random.Generator) -> Float32:
    """Return additional melanin of freckles, moles and age spots."""
    canvas = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    skin = identity.skin
    for count, radius, depth, near in (
        (int(420 * skin.freckles), (0.8, 2.0), (0.12, 0.4), 1.0),
        (int(60 * skin.wrinkles), (2.0, 5.0), (0.04, 0.12), 2.0),
        (skin.moles, (1.6, 3.2), (0.7, 1.1), 1.6),
    ):
        for _ in range(count):
            x = WIDTH_PX / 2 + near * 75 * rng.standard_normal()
            y = atlas.points[5, 1] + near * 40 * rng.standard_normal()
            size, level = rng.uniform(*radius), float(rng.uniform(*depth))
            centre = round(x * 16), round(y * 16)
            cv2.circle(canvas, centre, round(size * 16), level, -1, cv2.LINE_AA, _SHIFT)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.8), np.float32)


def _creases(atlas: Atlas) -> Float32:
    """Return the shade of the folds above the upper lids."""
    line = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    for lid, (_, brow) in zip(UPPER_LIDS, BROWS, strict=True):
        rim = atlas.points[list(lid[1:-1])]
        above = float(atlas.points[list(brow), 1].mean() - rim[:, 1].mean())
        fixed = np.rint((rim + np.array([0.0, 0.42 * above])) * 16).astype(np.int32)
        cv2.polylines(line, [fixed], False, 1.0, 3, cv2.LINE_AA, _SHIFT)
    return np.asarray(cv2.GaussianBlur(line, (0, 0), 1.6), np.float32)


def _lid_lines(atlas: Atlas) -> Float32:
    """Draw the rims of the lids, where lashes root."""
    line = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    for lids, strength, width in ((UPPER_LIDS, 1.0, 4), (LOWER_LIDS, 0.7, 2)):
        for lid in lids:
            fixed = np.rint(atlas.points[list(lid)] * 16).astype(np.int32)
            cv2.polylines(line, [fixed], False, strength, width, cv2.LINE_AA, _SHIFT)
    return np.asarray(0.8 * np.clip(cv2.GaussianBlur(line, (0, 0), 0.8), 0, 1), np.float32)


def _brows(atlas: Atlas, identity: Identity, rng: np.random.Generator) -> Float32:
    """Draw brows hair by hair."""
    hair = identity.hair
    canvas = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    for side, (upper, lower) in zip((-1, 1), BROWS, strict=True):
        top, low = atlas.points[list(upper)], atlas.points[list(lower)]
        along = np.linspace(0, 1, len(top))
        count = int(240 + 320 * hair.brow_thick)
        drawn = [
            (
                rng.random() ** 0.9,
                rng.normal(0.0, 0.36),
                rng.uniform(5, 10),
                rng.uniform(0.35, 0.9),
            )
            for _ in range(count)
        ]
        t, v, length, weights = np.array(drawn).T
        thick = (0.26 + 0.48 * hair.brow_thick) * np.interp(
            t, (0, 0.3, 0.85, 1), (0.25, 0.9, 1.0, 0.75)
        )
        middle = [np.interp(t, along, 0.55 * top[:, k] + 0.45 * low[:, k]) for k in (0, 1)]
        height = np.interp(t, along, low[:, 1] - top[:, 1])
        arch = -3.5 * hair.brow_arch * np.sin(np.pi * (1 - t)) * np.interp(t, (0, 1), (1, 0.2))
        start = np.stack([middle[0], middle[1] + arch + v * thick * height])
        # Near the nose hairs stand up; farther out they lie along the brow.
        lean = np.interp(t, (0, 0.5, 0.9, 1), (0.25, 0.05, -0.6, -1.3)) - 0.25 * v
        length = length * (0.8 + 0.4 * hair.brow_thick)
        end = start + length * np.stack([side * np.cos(lean), np.sin(lean)])
        ends = np.rint(np.stack([start.T, end.T], axis=1) * 16).astype(np.int32).tolist()
        for (root, tip), weight in zip(ends, weights.tolist(), strict=True):
            cv2.line(canvas, root, tip, weight, 1, cv2.LINE_AA, _SHIFT)
    soft = cv2.GaussianBlur(canvas, (0, 0), 2.5)
    cover = np.clip(np.maximum(0.85 * canvas, 0.9 * soft), 0, 1)
    cover = (1 - (1 - cover) ** 2.5) * hair.brow_dark
    return np.asarray(np.clip(cv2.GaussianBlur(cover, (0, 0), 0.6), 0, 0.95), np.float32)


def _beard(atlas: Atlas, identity: Identity, rng: np.random.Generator) -> Float32:
    """Cover the beard's region: dots of stubble, or short strands."""
    skin, points = identity.skin, atlas.points
    if max(skin.stubble, skin.beard) == 0:
        return np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    region = atlas.polygon(
        (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288,
         361, 323, 454, 401, 435, 416, 434, 432, 287, 391, 2, 165, 57, 212, 214, 192, 215, 177),
        13.0,
    )  # fmt: skip
    _, height = azimuth_height()
    chin = float(TOP + points[152, 1] / _PER_UNIT_PX)
    below = np.clip(1.0 - (height - chin) / 0.22, 0, 1) * (height > chin - 0.3)
    azimuth, _ = azimuth_height()
    under = below * np.clip((1.25 - np.abs(azimuth)) / 0.3, 0, 1)
    region = np.maximum(region, np.where(height > chin - 0.02, under, 0)) * (1 - atlas.lips)
    region = region * (1.0 - 0.75 * atlas.spot(tuple(points[200]), (14, 9)))
    dots = np.clip(_grain(rng) - 0.2, 0, 1.6)
    white = rng.standard_normal((HEIGHT_PX, WIDTH_PX), dtype=np.float32)
    long = np.asarray(cv2.GaussianBlur(white, (0, 0), sigmaX=0.8, sigmaY=3.2), np.float32)
    strands = np.clip(0.75 + 0.35 * long / long.std(), 0, 1)
    patch = np.clip(0.8 + 0.25 * _noise(rng, (14, 40)), 0.3, 1)
    stubble = 0.45 * skin.stubble * (0.35 + 0.65 * dots)
    return np.asarray(
        np.clip(region * patch * np.maximum(stubble, skin.beard * strands), 0, 1), "f4"
    )


def _relief(atlas: Atlas, identity: Identity, rng: np.random.Generator, grain: Float32) -> Float32:
    """Return the height of pores, fine lines and lips."""
    skin, points = identity.skin, atlas.points
    relief = 0.0010 * (0.3 + 0.7 * skin.pores) * grain + 0.0007 * _noise(rng, (100, 200))
    columns = rng.standard_normal((1, WIDTH_PX), dtype=np.float32)
    lines = cv2.GaussianBlur(np.repeat(columns, HEIGHT_PX, axis=0), (0, 0), sigmaX=1.3, sigmaY=0.1)
    relief = relief * (1 - atlas.lips) + atlas.lips * 0.002 * lines / lines.std()
    if skin.wrinkles > 0.05:
        furrows = np.zeros_like(relief)
        paths = [points[[103, 67, 109, 10, 338, 297, 332]] + (0, dy) for dy in (16, 30, 44)]
        for index, side in ((130, -1), (359, 1)):
            corner = points[index]
            paths += [
                corner + np.array([[side * 3, a], [side * 16, 2.2 * a], [side * 28, 3.6 * a]])
                for a in (-4.0, 0.0, 4.0)
            ]
        for path in paths:
            wavy = path + rng.normal(0, 1.2, path.shape)
            fixed = np.rint(wavy * 16).astype(np.int32)
            depth = float(rng.uniform(0.4, 1.0))
            cv2.polylines(furrows, [fixed], False, depth, 2, cv2.LINE_AA, _SHIFT)
        relief = relief - 0.012 * skin.wrinkles * cv2.GaussianBlur(furrows, (0, 0), 1.6)
    return np.asarray(relief, np.float32)
