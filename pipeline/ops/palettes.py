"""False colours of heat, back to grey: palettes inverted, and recognised.

A palette gives each of 256 levels a colour of its own, so the level of a pixel is that of the
nearest colour: exact where the file kept the colours, within a few levels after JPEG.
"""

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.types import Float32, UInt8

LEVELS = 256
FOREIGN = 48.0
"""Distance in RGB from every colour of the palette, from which a pixel is no heat: text, marks."""
_RECOGNISED = (
    13.0  # median distance of a palette's own images: 0 as it was, 13 after a paper's figure
)
_MOST = 75.0  # percentile of the distances by which palettes are told apart
_INPAINT_RADIUS_PX = 3
_CHUNK = 8192

_IRONBOW = (
    *((0, 0, 10), (10, 0, 112), (56, 0, 143), (100, 0, 155), (145, 0, 156), (179, 1, 150)),
    *((200, 16, 136), (217, 42, 96), (230, 70, 22), (239, 96, 4), (244, 122, 0), (249, 144, 0)),
    *((253, 168, 0), (254, 199, 0), (255, 222, 25), (255, 241, 119), (255, 254, 244)),
)
"""The iron palette of many cameras, as evenly spaced stops; makers differ by some levels."""
_RAINBOW = (
    *((0, 0, 0), (50, 0, 110), (0, 0, 220), (0, 120, 230), (0, 200, 140), (60, 220, 0)),
    *((210, 230, 0), (255, 180, 0), (255, 80, 0), (225, 0, 30), (255, 255, 255)),
)
"""The rainbow of many cameras, from black by blue, green and red to white, as stops."""


def _stops(colours: tuple[tuple[int, int, int], ...]) -> UInt8:
    places = np.linspace(0, LEVELS - 1, len(colours))
    levels = np.arange(LEVELS)
    channels = [np.interp(levels, places, channel) for channel in np.array(colours).T]
    return np.asarray(np.rint(np.stack(channels, axis=1)), np.uint8)


def _opencv(colormap: int) -> Callable[[], UInt8]:
    def table() -> UInt8:
        ramp = np.arange(LEVELS, dtype=np.uint8)[:, None]
        return np.asarray(cv2.applyColorMap(ramp, colormap)[:, 0, ::-1], np.uint8)

    return table


def _grey(step: int) -> Callable[[], UInt8]:
    return lambda: np.repeat(np.arange(LEVELS, dtype=np.uint8)[::step, None], 3, axis=1)


PALETTES: dict[str, Callable[[], UInt8]] = {
    "white_hot": _grey(1),
    "black_hot": _grey(-1),
    "inferno": _opencv(cv2.COLORMAP_INFERNO),
    "magma": _opencv(cv2.COLORMAP_MAGMA),
    "plasma": _opencv(cv2.COLORMAP_PLASMA),
    "hot": _opencv(cv2.COLORMAP_HOT),
    "jet": _opencv(cv2.COLORMAP_JET),
    "turbo": _opencv(cv2.COLORMAP_TURBO),
    "ironbow": lambda: _stops(_IRONBOW),
    "rainbow": lambda: _stops(_RAINBOW),
}
"""Tables by name: uint8 (256, 3), RGB from the coldest level to the hottest."""


def levels_of(image_rgb: UInt8, palette: str) -> tuple[UInt8, Float32]:
    """Look each pixel's level up.

    Args:
        image_rgb: uint8 (h, w, 3).
        palette: a name of ``PALETTES``.

    Returns:
        uint8 (h, w), 255 the hottest; and float32 (h, w), the distance in RGB from the palette.
    """
    table = PALETTES[palette]().astype(np.float32)
    packed = image_rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, where = np.unique(packed, return_inverse=True)
    rgb = np.stack([colours >> 16, (colours >> 8) & 255, colours & 255], axis=1).astype(np.float32)
    nearest, distance = np.empty(len(rgb), np.uint8), np.empty(len(rgb), np.float32)
    for start in range(0, len(rgb), _CHUNK):
        squared = ((rgb[start : start + _CHUNK, None] - table) ** 2).sum(axis=2)
        nearest[start : start + _CHUNK] = squared.argmin(axis=1)
        distance[start : start + _CHUNK] = np.sqrt(squared.min(axis=1))
    where = where.reshape(image_rgb.shape[:2])
    return nearest[where], distance[where]


def heat_of(image_rgb: UInt8, palette: str) -> UInt8:
    """Turn false colours into heat; text and marks burned in are filled from what is around them.

    Args:
        image_rgb: uint8 (h, w, 3).
        palette: a name of ``PALETTES``.

    Returns:
        uint8 (h, w), 255 the hottest.
    """
    levels, distance = levels_of(image_rgb, palette)
    foreign = (distance > FOREIGN).astype(np.uint8)
    if not foreign.any() or foreign.all():
        return levels
    foreign = np.asarray(cv2.dilate(foreign, np.ones((3, 3), np.uint8)), np.uint8)
    return np.asarray(cv2.inpaint(levels, foreign, _INPAINT_RADIUS_PX, cv2.INPAINT_TELEA), np.uint8)


def recognised(image_rgb: UInt8) -> str | None:
    """Name the palette of an image, None where it is none of ``PALETTES``.

    Grey counts as ``white_hot``: which end is hot can't be seen, only named.

    Args:
        image_rgb: uint8 (h, w, 3).
    """
    step = max(1, max(image_rgb.shape) // 128)
    seen = np.ascontiguousarray(image_rgb[::step, ::step])
    far = {name: levels_of(seen, name)[1] for name in PALETTES if name != "black_hot"}
    best = min(far, key=lambda name: float(np.percentile(far[name], _MOST)))
    return best if float(np.median(far[best])) <= _RECOGNISED else None
