"""Outlines and folds of the drawn designs, in texels of 512."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from pipeline.types import Float32

SIDE_PX = 512
_FINE = 4

# The left half of an image's outlines mirrors the right one, from the nose's bridge down to under
# the chin. A point given twice is a corner.
OUTLINES: dict[str, tuple[tuple[float, float], ...]] = {
    "surgical": (
        *((256, 203), (284, 211), (318, 233), (372, 257), (446, 280), (446, 280)),
        *((451, 345), (444, 408), (444, 408), (404, 442), (352, 478), (304, 499), (256, 506)),
    ),
    "kn95": (
        *((256, 198), (282, 207), (322, 236), (390, 270), (462, 298), (462, 298)),
        *((466, 335), (458, 372), (458, 372), (414, 428), (358, 474), (306, 499), (256, 508)),
    ),
    "ffp2": (
        *((256, 196), (290, 206), (336, 238), (396, 262), (458, 284), (458, 284)),
        *((464, 340), (452, 398), (452, 398), (404, 444), (350, 478), (304, 498), (256, 505)),
    ),
    "cup": (
        *((256, 197), (288, 206), (330, 236), (384, 272), (428, 314)),
        *((440, 362), (424, 410), (384, 452), (332, 484), (294, 498), (256, 503)),
    ),
    "cloth": (
        *((256, 199), (286, 210), (326, 240), (388, 262), (450, 286), (450, 286)),
        *((458, 338), (450, 396), (450, 396), (400, 450), (344, 484), (298, 501), (256, 507)),
    ),
}


def outline(name: str) -> NDArray[np.float64]:
    """Return a closed outline as many points (n, 2), (x, y) in texels of 512."""
    half = np.array(OUTLINES[name], dtype=np.float64)
    corners = [i for i in range(1, len(half)) if np.array_equal(half[i], half[i - 1])]
    parts = np.split(half, corners)
    curves = []
    for number, part in enumerate(parts):
        steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(part, axis=0), axis=1))])
        # Level where the halves meet, free at corners.
        ends = [
            (1, np.array([1.0, 0.0])) if number == 0 else (2, np.zeros(2)),
            (1, np.array([-1.0, 0.0])) if number == len(parts) - 1 else (2, np.zeros(2)),
        ]
        curve = CubicSpline(steps, part, bc_type=tuple(ends))
        curves.append(curve(np.linspace(0, steps[-1], 80)))
    right = np.concatenate(curves)
    return np.concatenate([right, (right * (-1, 1) + (512, 0))[::-1]])


def filled(points: NDArray[np.float64]) -> Float32:
    """Fill a closed outline, anti-aliased: float32 (512, 512), 0 to 1."""
    # The line that OpenCV draws around it is an eighth of a texel wide, 0.04 mm on a face.
    fine = np.zeros((SIDE_PX * _FINE, SIDE_PX * _FINE), np.uint8)
    cv2.fillPoly(fine, [np.rint(points * _FINE * 16).astype(np.int32)], 255, shift=4)
    small = cv2.resize(fine, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), 0.8)
    return np.asarray(soft, np.float32)


def from_rim(alpha: Float32) -> Float32:
    """Return the distance from the rim inwards, texels."""
    inside = (alpha > 0.5).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32)


def grid() -> tuple[Float32, Float32]:
    """Return x and y of each texel."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    return x, y


def ridge(distance: Float32, width: float) -> Float32:
    """Return a smooth ridge: 1 where the distance is 0, 0 beyond ``width``."""
    inside = np.clip(1 - np.abs(distance) / width, 0, 1)
    return np.asarray(inside * inside * (3 - 2 * inside), np.float32)


def hem(alpha: Float32, width: float, height_cm: float) -> Float32:
    """Return a welt along the rim, float32 (512, 512), centimetres, with its seam."""
    distance = from_rim(alpha)
    welt = np.clip(distance / 2.5, 0, 1) * np.clip((width - distance) / 2.0, 0, 1)
    return np.asarray(height_cm * welt - 0.02 * ridge(distance - width - 1, 2.0), np.float32)


def pleats(rows: tuple[float, ...], height_cm: float) -> Float32:
    """Return horizontal folds: each rises slowly from above and falls at its row."""
    x, y = grid()
    sag = y + 9.0 * ((x - 256) / 256) ** 2
    relief = np.zeros_like(x)
    for row in rows:
        below = sag - row
        rise = np.clip(1 + below / 34.0, 0, 1) ** 2 * (below <= 0)
        fall = np.clip(1 - below / 4.0, 0, 1) * (below > 0)
        relief += height_cm * (rise + fall)
    return np.asarray(cv2.GaussianBlur(relief, (0, 0), 1.2), np.float32)


def wrinkles(seed: int, height_cm: float, scale_texels: float) -> Float32:
    """Return soft random unevenness."""
    noise = np.random.default_rng(seed).standard_normal((SIDE_PX, SIDE_PX)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), scale_texels)
    return np.asarray(height_cm * smooth / smooth.std(), np.float32)


def drape(seed: int, height_cm: float) -> Float32:
    """Return folds that run from where the loops pull to the middle, float32 (512, 512), cm.

    They are sharp near the ears and fade towards the nose; no two are alike, nor both halves.
    """
    rng = np.random.default_rng(seed)
    x, y = grid()
    relief = np.zeros_like(x)
    bend = wrinkles(seed, 1.0, 40)
    for side in (-1, 1):
        for corner_y, folds in ((288, 9.0), (392, 7.0)):
            across, down = side * (256 + side * 196 - x), y - corner_y
            radius = np.hypot(across, down) + 1
            turn = np.arctan2(down, np.maximum(across, 1))
            phase = rng.uniform(0, 2 * np.pi)
            wave = np.sin(folds * turn * (1 + 0.12 * rng.uniform(-1, 1)) + 0.55 * bend + phase)
            # A fold's crest is narrower than its valley.
            crest = np.sign(wave) * np.abs(wave) ** np.where(wave > 0, 1.6, 0.8)
            relief += crest * np.exp(-radius / 130) * np.clip(radius / 24, 0, 1)
    return np.asarray(height_cm * cv2.GaussianBlur(relief, (0, 0), 1.5), np.float32)
