"""The designs in the box, drawn by code: free of anyone's images and licences."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthesis.masks import shapes
from pipeline.synthesis.masks.design import MaskDesign
from pipeline.synthesis.masks.shapes import SIDE_PX, grid, ridge
from pipeline.types import Float32

RGB = tuple[int, int, int]
Draw = Callable[[str], MaskDesign]
"""Draws the design of this name."""
Pattern = Callable[[Float32, Float32], Float32]
"""Takes x and y of the texels, returns how much of the second colour there is, 0 to 1."""


@cache
def drawn_design(name: str) -> MaskDesign:
    """Draw a design of ``BUILTIN``, once.

    Raises:
        KeyError: there is none of this name.
    """
    return BUILTIN[name](name)


def _surgical(colour: str, rgb: RGB, material: str = "polypropylene") -> Draw:
    def draw(name: str) -> MaskDesign:
        alpha = shapes.filled(shapes.outline("surgical"))
        x, y = grid()
        relief = shapes.pleats((296, 350, 404), 0.13) + shapes.hem(alpha, 13, 0.03)
        wire = ridge(y - 219 - 0.0016 * (x - 256) ** 2, 5) * (np.abs(x - 256) < 62)
        relief += 0.04 * wire + shapes.wrinkles(1, 0.006, 7) + shapes.wrinkles(11, 0.05, 30)
        relief += shapes.drape(2, 0.16)
        return _made(name, ("surgical", colour, material), _cloth(rgb, 0.012), alpha, relief)

    return draw


def _folded(colour: str, rgb: RGB, material: str = "polypropylene") -> Draw:
    def draw(name: str) -> MaskDesign:
        alpha = shapes.filled(shapes.outline("kn95"))
        x, y = grid()
        seam = ridge(x - 256, 3.0)
        relief = 0.05 * seam + shapes.hem(alpha, 11, 0.025) + shapes.wrinkles(2, 0.008, 9)
        weld = ridge(shapes.from_rim(alpha) - 17, 1.5) * (np.sin(x * 0.9 + y * 0.9) > 0)
        relief -= 0.03 * weld
        middle = np.exp(-np.abs(x - 256) / 60) * np.exp(-(((y - 340) / 110) ** 2))
        return _made(
            name, ("kn95", colour, material), _cloth(rgb, 0.01), alpha, relief, 0.9 * middle
        )

    return draw


def _panelled(colour: str, rgb: RGB) -> Draw:
    def draw(name: str) -> MaskDesign:
        alpha = shapes.filled(shapes.outline("ffp2"))
        x, y = grid()
        bow = 0.0011 * (x - 256) ** 2
        upper, lower = y - 316 - bow * 0.5, y - 402 + bow * 0.6
        relief = 0.05 * (ridge(upper, 4) + ridge(lower, 4)) + shapes.hem(alpha, 12, 0.025)
        relief += shapes.wrinkles(3, 0.007, 8)
        middle = np.exp(-(((x - 256) / 120) ** 2)) * np.clip((upper + 40) / 40, 0, 1)
        middle *= np.clip((40 - lower) / 40, 0, 1)
        return _made(name, ("ffp2", colour, "polypropylene"), _cloth(rgb, 0.01), alpha, relief,
                     0.8 * cv2.GaussianBlur(middle, (0, 0), 10))  # fmt: skip

    return draw


def _valved(colour: str, rgb: RGB, valve: RGB) -> Draw:
    def draw(name: str) -> MaskDesign:
        alpha = shapes.filled(shapes.outline("cup"))
        x, y = grid()
        relief = shapes.hem(alpha, 16, 0.05) + shapes.wrinkles(4, 0.004, 3)
        radius = np.hypot(x - 256, (y - 352) * 1.05)
        disc = np.clip((46 - radius) / 2.0, 0, 1)
        slots = ridge(np.abs((y - 352) / 11 % 1 - 0.5), 0.22) * (radius < 34)
        relief += 0.22 * disc + 0.06 * ridge(radius - 40, 4) - 0.10 * slots * disc
        image = _cloth(rgb, 0.014)
        image += disc[..., None] * (np.array(valve, np.float32) - image)
        image *= 1 - 0.25 * (slots * disc)[..., None]
        middle = np.exp(-(((x - 256) / 130) ** 2) - ((y - 350) / 110) ** 2)
        return _made(name, ("valve", colour, "polypropylene"), image, alpha, relief, 0.9 * middle)

    return draw


def _sewn(colour: str, rgb: RGB, other: RGB | None = None, pattern: Pattern | None = None) -> Draw:
    def draw(name: str) -> MaskDesign:
        alpha = shapes.filled(shapes.outline("cloth"))
        x, y = grid()
        image = _cloth(rgb, 0.02)
        if other is not None and pattern is not None:
            share = np.clip(pattern(x, y), 0, 1)[..., None]
            image += share * (_cloth(other, 0.02) - image)
        weave = np.sin(x * np.pi / 1.5) * np.sin(y * np.pi / 1.5)
        image *= 1 + (0.02 * weave + shapes.wrinkles(7, 0.018, 20))[..., None]  # worn unevenly
        seam = ridge(x - 256, 2.0)
        relief = -0.04 * seam + 0.02 * ridge(np.abs(x - 256) - 6, 4) + shapes.hem(alpha, 15, 0.035)
        relief += shapes.wrinkles(5, 0.016, 11) + shapes.wrinkles(15, 0.07, 26)
        relief += shapes.drape(6, 0.26)
        middle = np.exp(-np.abs(x - 256) / 90) * np.exp(-(((y - 345) / 110) ** 2))
        return _made(name, ("cloth", colour, "cotton"), image, alpha, relief, 0.4 * middle)

    return draw


def _cloth(rgb: RGB, grain: float) -> Float32:
    """Return an even colour with a fine grain, float32 (512, 512, 3)."""
    noise = np.random.default_rng(0).standard_normal((SIDE_PX, SIDE_PX)).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), 0.9)
    grained = 1 + grain / fine.std() * fine
    return np.asarray(np.array(rgb, np.float32) * grained[..., None], np.float32)


def _made(
    name: str,
    words: tuple[str, str, str],
    image: Float32,
    alpha: Float32,
    relief: Float32,
    bulge: NDArray[np.floating] | None = None,
) -> MaskDesign:
    """Round a drawing to a design; ``words`` are its kind, colour and material."""
    return MaskDesign(
        name,
        *words,
        rgb=np.clip(np.rint(image), 0, 255).astype(np.uint8),
        alpha=np.rint(alpha * 255).astype(np.uint8),
        relief_cm=np.asarray(relief, np.float32),
        bulge_cm=np.zeros_like(relief) if bulge is None else np.asarray(bulge, np.float32),
        loops=True,
    )


def _stripes(x: Float32, y: Float32) -> Float32:
    return np.asarray(np.clip(np.sin(y * 0.26 + 0.6 * np.sin(x / 90)) * 4 + 0.5, 0, 1), np.float32)


def _checks(x: Float32, y: Float32) -> Float32:
    across, down = (np.clip(np.sin(each * 0.21) * 5 + 0.5, 0, 1) for each in (x, y))
    return np.asarray(0.5 * (across + down), np.float32)


def _dots(x: Float32, y: Float32) -> Float32:
    shifted = x + 13.0 * (np.floor(y / 26) % 2)
    radius = np.hypot(shifted % 26 - 13, y % 26 - 13)
    return np.asarray(np.clip(7.5 - radius, 0, 1), np.float32)


def _blotches(x: Float32, y: Float32) -> Float32:
    noise = shapes.wrinkles(9, 1.0, 14)
    return np.asarray(np.clip(noise * 6, 0, 1), np.float32)


BUILTIN: dict[str, Draw] = {
    "surgical_blue": _surgical("blue", (141, 188, 214)),
    "surgical_white": _surgical("white", (232, 234, 236)),
    "surgical_green": _surgical("green", (150, 205, 180)),
    "surgical_pink": _surgical("pink", (234, 178, 192)),
    "surgical_black": _surgical("black", (38, 39, 42), "carbon_black"),
    "kn95_white": _folded("white", (236, 236, 234)),
    "kn95_black": _folded("black", (36, 36, 38), "carbon_black"),
    "ffp2_white": _panelled("white", (234, 236, 238)),
    "valve_white": _valved("white", (232, 232, 228), (214, 216, 218)),
    "valve_grey": _valved("grey", (150, 152, 156), (70, 72, 76)),
    "cloth_navy": _sewn("navy", (42, 54, 92)),
    "cloth_grey": _sewn("grey", (128, 130, 134)),
    "cloth_red": _sewn("red", (166, 46, 48)),
    "cloth_striped": _sewn("striped", (226, 222, 214), (62, 86, 138), _stripes),
    "cloth_checked": _sewn("checked", (224, 220, 212), (160, 60, 60), _checks),
    "cloth_dotted": _sewn("dotted", (40, 60, 96), (232, 232, 228), _dots),
    "cloth_camouflage": _sewn("camouflage", (112, 116, 84), (64, 66, 48), _blotches),
}
"""Designs in the box, by name."""
