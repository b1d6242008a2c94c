"""A scene sampled on a sensor's grid, with the planes that band models share."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import cv2
import numpy as np

from pipeline.demo.bands.scene import MATERIALS, Scene
from pipeline.types import Float32

P = ParamSpec("P")
T = TypeVar("T")

_LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255],
    np.float32,
)
"""sRGB code values to linear light (IEC 61966-2-1)."""


@dataclass(frozen=True)
class Planes:
    """A scene on one grid.

    Attributes:
        linear: linear RGB, float32 (h, w, 3).
        luma: linear luminance, float32 (h, w).
        maps: material maps by name.
        face_uv: as in ``Scene``, or None.
        head_xyxy: as in ``Scene``, in pixels of this grid.
        relief: as in ``Scene``, or None.
        known: what ``once`` keeps.
    """

    linear: Float32
    luma: Float32
    maps: dict[str, Float32]
    face_uv: Float32 | None
    head_xyxy: tuple[float, float, float, float] | None
    relief: Float32 | None = None
    known: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the grid."""
        return self.luma.shape[0], self.luma.shape[1]

    @property
    def person(self) -> Float32:
        """Probability of a person."""
        return 1.0 - self.maps["background"]


def once(make: Callable[Concatenate[Planes, P], T]) -> Callable[Concatenate[Planes, P], T]:
    """Decorate what several band models make of the same planes: it is worked out once.

    Arguments beside the planes have to be hashable; nobody may write into what is returned.
    """

    @wraps(make)
    def found(planes: Planes, /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = make.__name__, args, tuple(sorted(kwargs.items()))
        if key not in planes.known:
            planes.known[key] = make(planes, *args, **kwargs)
        result: T = planes.known[key]
        return result

    return found


def sample_scene(scene: Scene, grid_hw: tuple[int, int]) -> Planes:
    """Sample a scene by area means on a grid that is not finer than the image."""
    height, width = scene.rgb.shape[:2]
    same = grid_hw == (height, width)

    def area(image: Float32) -> Float32:
        if same:
            return image
        return np.asarray(cv2.resize(image, grid_hw[::-1], interpolation=cv2.INTER_AREA))

    linear = area(np.asarray(cv2.LUT(scene.rgb, _LINEAR), np.float32))
    weights = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
    luma = np.asarray(cv2.transform(linear, weights), np.float32).reshape(grid_hw)
    uv = scene.face_uv
    if uv is not None and not same:
        # Means as of all else, over the face alone; OpenCV's nearest pixel is each cell's first.
        share = area(np.asarray(~np.isnan(uv[..., 0]), np.float32))
        mean = area(np.nan_to_num(uv)) / np.maximum(share, np.float32(1e-6))[..., None]
        uv = np.asarray(np.where(share[..., None] < 0.5, np.nan, mean), np.float32)
    head = scene.head_xyxy
    if head is not None:
        sx, sy = grid_hw[1] / width, grid_hw[0] / height
        head = head[0] * sx, head[1] * sy, head[2] * sx, head[3] * sy
    maps = {name: area(getattr(scene, name)) for name in MATERIALS}
    relief = None if scene.relief is None else area(scene.relief)
    return Planes(linear, luma, maps, uv, head, relief)


def weighted_median_level(values: Float32, weights: Float32, otherwise: float) -> float:
    """Return the median of the values where the weight exceeds one half, or ``otherwise``."""
    chosen = values[weights > 0.5]
    return float(np.median(chosen)) if len(chosen) >= 20 else otherwise


def blur(image: Float32, sigma_px: float) -> Float32:
    """Blur with a Gaussian; a wide one is computed on a coarser grid, where it costs little."""
    factor = int(sigma_px / 2.0)
    if factor <= 1 or min(image.shape[:2]) < 4 * factor:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32)
    height, width = image.shape[:2]
    small_wh = -(-width // factor), -(-height // factor)
    small = cv2.resize(image, small_wh, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def soft_step(values: Float32, low: float, high: float) -> Float32:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (low < high)."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def smooth_noise(seed: int, hw: tuple[int, int], cells: int) -> Float32:
    """Return slow noise of unit variance, about ``cells`` bumps along the longer side."""
    longer = max(hw)
    shape = max(2, round(cells * hw[0] / longer)), max(2, round(cells * hw[1] / longer))
    coarse = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return np.asarray(cv2.resize(coarse, hw[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
