"""Backgrounds: rooms, walls, streets and gardens out of focus."""

import cv2
import numpy as np

from pipeline.types import Float32

_LAMP_RIM_PX = 10
"""How far a lamp's blurred rim reaches at most."""
KINDS = ("wall", "room", "lights", "garden", "studio")


def draw_background(rng: np.random.Generator, hw: tuple[int, int]) -> Float32:
    """Paint a background, linear RGB, float32 (h, w, 3)."""
    kind = str(rng.choice(KINDS, p=(0.25, 0.3, 0.12, 0.18, 0.15)))
    height, width = hw
    base = _tint(rng, rng.uniform(0.08, 0.55), 0.25)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    lean = rng.normal(0, 0.22, 2).tolist()
    image = base * np.exp(lean[0] * x + lean[1] * y)
    if kind == "studio":
        glow = np.exp(-((x - rng.normal(0, 0.3)) ** 2 + (y - rng.normal(0, 0.3)) ** 2) / 0.8)
        image = image * (0.55 + 0.9 * glow)
    elif kind == "room":
        image = _boxes(rng, image, 14, 5.0)
    elif kind == "lights":
        image = _lamps(rng, _boxes(rng, image * 0.3, 8, 9.0))
    elif kind == "garden":
        image = _foliage(rng, hw)
    if kind == "wall":
        grain = rng.standard_normal((height, width), dtype=np.float32)
        plaster = cv2.GaussianBlur(grain, (0, 0), 1.2) + 2.5 * cv2.GaussianBlur(grain, (0, 0), 6)
        image = image * (1 + 0.07 * plaster / plaster.std())[..., None]
        if rng.random() < 0.5:
            image = _boxes(rng, image, 2, 2.0)
    mottle = cv2.resize(
        rng.standard_normal((7, 7), dtype=np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    return np.asarray(np.clip(image * (1 + 0.06 * mottle[..., None]), 0.002, 2.0), np.float32)


def _boxes(rng: np.random.Generator, image: Float32, count: int, blur_px: float) -> Float32:
    """Put furniture, frames and windows into an image, out of focus."""
    height, width = image.shape[:2]
    canvas = np.array(np.broadcast_to(image, (height, width, 3)), np.float32)
    for _ in range(count):
        x, y = int(rng.integers(-40, width)), int(rng.integers(-40, height))
        w, h = int(rng.integers(15, width // 2)), int(rng.integers(15, height // 2))
        colour = _tint(rng, float(rng.uniform(0.03, 0.8)), 0.4)
        cv2.rectangle(canvas, (x, y), (x + w, y + h), colour.tolist(), -1)
        if rng.random() < 0.4:
            edge = (0.4 * colour).tolist()
            cv2.rectangle(canvas, (x, y), (x + w, y + h), edge, int(rng.integers(2, 7)))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur_px), np.float32)


def _lamps(rng: np.random.Generator, image: Float32) -> Float32:
    """Add discs of light out of focus, each on its own part of the image."""
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(10, 30))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        colour = _tint(rng, rng.uniform(0.4, 1.6), 0.6)
        radius = int(rng.integers(5, 18))
        reach = radius + _LAMP_RIM_PX
        left, top = max(x - reach, 0), max(y - reach, 0)
        part = image[top : y + reach + 1, left : x + reach + 1]
        spot = np.zeros(part.shape[:2], np.float32)
        cv2.circle(spot, (x - left, y - top), radius, 1.0, -1, cv2.LINE_AA)
        part += cv2.GaussianBlur(spot, (0, 0), 1.5)[..., None] * colour * 0.5
    return image


def _foliage(rng: np.random.Generator, hw: tuple[int, int]) -> Float32:
    height, width = hw
    total = np.zeros(hw, np.float32)
    for cells, share in ((6, 1.0), (14, 0.8), (34, 0.6)):
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        total += share * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    light = np.clip(0.5 + 0.35 * total / total.std(), 0, 1)[..., None]
    leaf = np.array([0.10, 0.19, 0.05], np.float32) * rng.uniform(0.6, 1.4)
    sky = np.array([0.55, 0.62, 0.68], np.float32)
    gap = np.clip((total / total.std())[..., None] * 1.5 - 1.6, 0, 1)
    return np.asarray((0.25 + 1.3 * light) * leaf * (1 - gap) + gap * sky, np.float32)


def _tint(rng: np.random.Generator, level: float, saturation: float) -> Float32:
    return np.asarray(level * np.exp(saturation * rng.normal(0, 0.6, 3)), np.float32)
