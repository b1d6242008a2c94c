"""Backgrounds: rooms, walls, streets and gardens out of focus."""

import cv2
import numpy as np

from pipeline.types import Float32

_LAMP_RIM_PX = 10
"""How far a lamp's blurred rim reaches at most."""
KINDS = ("wall", "room", "lights", "garden", "studio")


def draw_background(generator: np.random.Generator, hw: tuple[int, int]) -> Float32:
    """Paint a background, linear RGB, float32 (h, w, 3)."""
    kind = str(generator.choice(KINDS, p=(0.25, 0.3, 0.12, 0.18, 0.15)))
    height, width = hw
    base = _tint(generator, generator.uniform(0.08, 0.55), 0.25)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    lean = generator.normal(0, 0.22, 2).tolist()
    image = base * np.exp(lean[0] * x + lean[1] * y)
    if kind == "studio":
        glow = np.exp(
            -((x - generator.normal(0, 0.3)) ** 2 + (y - generator.normal(0, 0.3)) ** 2) / 0.8
        )
        image = image * (0.55 + 0.9 * glow)
    elif kind == "room":
        image = _boxes(generator, image, 14, 5.0)
    elif kind == "lights":
        image = _lamps(generator, _boxes(generator, image * 0.3, 8, 9.0))
    elif kind == "garden":
        image = _foliage(generator, hw)
    if kind == "wall":
        grain = generator.standard_normal((height, width), dtype=np.float32)
        plaster = cv2.GaussianBlur(grain, (0, 0), 1.2) + 2.5 * cv2.GaussianBlur(grain, (0, 0), 6)
        image = image * (1 + 0.07 * plaster / plaster.std())[..., None]
        if generator.random() < 0.5:
            image = _boxes(generator, image, 2, 2.0)
    mottle = cv2.resize(
        generator.standard_normal((7, 7), dtype=np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    return np.asarray(np.clip(image * (1 + 0.06 * mottle[..., None]), 0.002, 2.0), np.float32)


def _boxes(generator: np.random.Generator, image: Float32, count: int, blur_px: float) -> Float32:
    """Put furniture, frames and windows into an image, out of focus."""
    height, width = image.shape[:2]
    canvas = np.array(np.broadcast_to(image, (height, width, 3)), np.float32)
    for _ in range(count):
        x, y = int(generator.integers(-40, width)), int(generator.integers(-40, height))
        w, h = int(generator.integers(15, width // 2)), int(generator.integers(15, height // 2))
        colour = _tint(generator, float(generator.uniform(0.03, 0.8)), 0.4)
        cv2.rectangle(canvas, (x, y), (x + w, y + h), colour.tolist(), -1)
        if generator.random() < 0.4:
            edge = (0.4 * colour).tolist()
            cv2.rectangle(canvas, (x, y), (x + w, y + h), edge, int(generator.integers(2, 7)))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur_px), np.float32)


def _lamps(generator: np.random.Generator, image: Float32) -> Float32:
    """Add discs of light out of focus, each on its own part of the image."""
    height, width = image.shape[:2]
    for _ in range(int(generator.integers(10, 30))):
        x, y = int(generator.integers(0, width)), int(generator.integers(0, height))
        colour = _tint(generator, generator.uniform(0.4, 1.6), 0.6)
        radius = int(generator.integers(5, 18))
        reach = radius + _LAMP_RIM_PX
        left, top = max(x - reach, 0), max(y - reach, 0)
        part = image[top : y + reach + 1, left : x + reach + 1]
        spot = np.zeros(part.shape[:2], np.float32)
        cv2.circle(spot, (x - left, y - top), radius, 1.0, -1, cv2.LINE_AA)
        part += cv2.GaussianBlur(spot, (0, 0), 1.5)[..., None] * colour * 0.5
    return image


def _foliage(generator: np.random.Generator, hw: tuple[int, int]) -> Float32:
    height, width = hw
    total = np.zeros(hw, np.float32)
    for cells, share in ((6, 1.0), (14, 0.8), (34, 0.6)):
        coarse = generator.standard_normal((cells, cells), dtype=np.float32)
        total += share * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    light = np.clip(0.5 + 0.35 * total / total.std(), 0, 1)[..., None]
    leaf = np.array([0.10, 0.19, 0.05], np.float32) * generator.uniform(0.6, 1.4)
    sky = np.array([0.55, 0.62, 0.68], np.float32)
    gap = np.clip((total / total.std())[..., None] * 1.5 - 1.6, 0, 1)
    return np.asarray((0.25 + 1.3 * light) * leaf * (1 - gap) + gap * sky, np.float32)


def _tint(generator: np.random.Generator, level: float, saturation: float) -> Float32:
    return np.asarray(level * np.exp(saturation * generator.normal(0, 0.6, 3)), np.float32)
