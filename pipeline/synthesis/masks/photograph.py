"""How an image was taken, as far as it shows on what is drawn into it: blur, grain, its tones.

A mask that is sharper, cleaner or more colourful than its image is told from the face at a glance,
by people and by networks: it gets the image's own blur, grain and tones.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.codec import as_grey
from pipeline.types import Float32, UInt8

_MARGIN = 0.15
"""Of a face's sides: its outline and some hair have the strongest edges."""
_FINE_PX, _COARSE_PX = 1.0, 2.0
_STRONG_SHARE = 0.03
"""Share of the pixels, those of steepest change, whose edges are measured."""
_SHARP_EDGES = 0.3
"""The sharper edges are the camera's; softer ones are soft things."""
_MOST_BLUR_PX = 24.0
_FAR_PX, _SHRINK = 4.0, 3
_FLAT_SHARE = 0.3
_SMALLER, _SMALLER_OF_NORMAL = 0.3, 0.3853
"""A share, and the value under which it lies of the sizes of normal noise."""
_ENOUGH_PIXELS = 1000
_TILE_PX = 512
_TONED_SHARE, _TONED_LEVELS = 0.025, 0.75
"""Of the mean luma, and grey levels more, by which colours may differ from those of a toned image:
grain and JPEG do."""
_LEVELS, _LEAST_A_LEVEL = 16, 8
"""Parts of the range of luma, and pixels of which a part's colour is told."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_EVERY = 3
_CREST = 0.98
"""Of the steepest neighbour's slope: the ratio tells the blur at an edge's middle only."""
_LEAST_SLOPE = 8.0
"""Of Sobel's operator: what is flatter is no edge."""


@dataclass(frozen=True)
class Photograph:
    """What a camera, a lens and a codec left in an image.

    Attributes:
        blur_px: standard deviation of the blur of its sharper edges.
        grain: float32 (c, c): times standard normal noise of c channels it has the grain's
            covariance, grey levels.
        grain_px: side of a grain: of the sensor's pixel in pixels of the image.
        tones: uint8 (256, 3), the colour of each luma where one follows from the other, as in grey
            and sepia images; None where it does not.
    """

    blur_px: float
    grain: Float32
    grain_px: float
    tones: UInt8 | None


def photograph_of(image: UInt8, known: UInt8, grain_px: float) -> Photograph:
    """Measure an image around a face.

    Args:
        image: uint8 (h, w) or (h, w, 3).
        known: uint8 (h, w), 0 where the image shows nothing.
        grain_px: pixels of this image to one of the camera's.
    """
    kernel = np.ones((9, 9), np.uint8)
    inside = cv2.erode(known, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    return Photograph(
        blur_of(as_grey(image), inside),
        _grain_of(image, inside, max(grain_px, 1.0)),
        max(grain_px, 1.0),
        tones_of(image, inside) if image.ndim == 3 else None,
    )


def face_window(mesh_xyz: Float32, hw: tuple[int, ...]) -> tuple[slice, slice]:
    """Return rows and columns around a face, in which an image is measured.

    Of a face beyond the image they are the pixels nearest to it.
    """
    low, high = mesh_xyz[:, :2].min(axis=0), mesh_xyz[:, :2].max(axis=0)
    margin, wh = _MARGIN * (high - low), np.array(hw[1::-1])
    left, top = np.floor(np.clip(low - margin, 0, wh - 1)).astype(int).tolist()
    right, bottom = np.ceil(np.clip(high + margin, 1, wh)).astype(int).tolist()
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def blur_of(grey: UInt8, inside: NDArray[np.bool_]) -> float:
    """Return the blur of the sharper ones of an image's strong edges, pixels.

    A step blurred by σ has at its middle a slope in proportion to 1/σ: blurred twice more, by a and
    by b, the ratio of both slopes tells σ.

    Args:
        grey: uint8 (h, w).
        inside: bool (h, w), where it is measured.

    Returns:
        Standard deviation, 0 where there is no edge.

    Reference:
        S. Zhuo, T. Sim, Defocus map estimation from a single image, Pattern Recognition 44 (2011).
    """
    coarse = _slope(_blurred(grey, _COARSE_PX))
    few = coarse[inside][:: _EVERY * _EVERY]
    if not len(few):
        return 0.0
    least = max(float(np.quantile(few, 1 - _STRONG_SHARE)), _LEAST_SLOPE)
    crest = coarse >= _CREST * cv2.dilate(coarse, np.ones((3, 3), np.uint8))
    strong = np.flatnonzero((coarse >= least) & crest & inside)
    if len(strong) < 12:
        return 0.0
    fine = _slope(_blurred(grey, _FINE_PX)).ravel()[strong]
    ratio = np.square(fine / coarse.ravel()[strong]).clip(1.0 + 1e-3, None)
    squares = (_COARSE_PX**2 - ratio * _FINE_PX**2) / (ratio - 1)
    blur = float(np.sqrt(np.clip(np.quantile(squares, _SHARP_EDGES), 0, _MOST_BLUR_PX**2)))
    if blur <= _FAR_PX or min(grey.shape) < 9 * _SHRINK:
        return blur
    # Both slopes are nearly alike: measured again where pixels are coarser.
    wh = grey.shape[1] // _SHRINK, grey.shape[0] // _SHRINK
    small = cv2.resize(grey, wh, interpolation=cv2.INTER_AREA)
    within = cv2.resize(inside.astype(np.uint8), wh, interpolation=cv2.INTER_NEAREST) > 0
    return _SHRINK * blur_of(np.asarray(small, np.uint8), within)


def tones_of(image: UInt8, inside: NDArray[np.bool_]) -> UInt8 | None:
    """Return the colour of each luma, (256, 3), None where an image has colours of its own."""
    pixels = image[::_EVERY, ::_EVERY][inside[::_EVERY, ::_EVERY]].astype(np.float32)
    if len(pixels) < _LEVELS * _LEAST_A_LEVEL:  # or there might be no level to tell from
        return None
    luma = pixels @ _LUMA
    level = np.minimum(luma * (_LEVELS / 256), _LEVELS - 1).astype(int)
    counts = np.bincount(level, minlength=_LEVELS)
    offsets = pixels - luma[:, None]
    mean = np.stack(
        [np.bincount(level, offsets[:, k], _LEVELS) / np.maximum(counts, 1) for k in range(3)], 1
    )
    off = np.abs(offsets - mean[level]).mean(axis=1)
    if np.quantile(off, 0.95) > _TONED_SHARE * float(luma.mean()) + _TONED_LEVELS:
        return None
    seen = np.flatnonzero(counts >= _LEAST_A_LEVEL)
    centre = (np.arange(_LEVELS) + 0.5) * (256 / _LEVELS)
    at = np.arange(256, dtype=np.float64)
    colours = [at + np.interp(at, centre[seen], mean[seen, k]) for k in range(3)]
    return np.asarray(np.clip(np.rint(np.stack(colours, axis=1)), 0, 255), np.uint8)


def grain_like(photo: Photograph, hw: tuple[int, int], seed: int) -> Float32:
    """Draw grain for a window, (h, w, c), grey levels around 0.

    Args:
        photo: whose grain.
        hw: height and width.
        seed: another one gives another grain.
    """
    rng = np.random.default_rng(seed)
    return _grown(rng.integers(0, 2**16, 2).tolist(), hw, photo.grain_px, photo.grain)


def _grain_of(image: UInt8, inside: NDArray[np.bool_], grain_px: float) -> Float32:
    """Measure the covariance of noise between channels where the image is flat; returns its root.

    Second differences along both diagonals leave noise, and nothing of planes; the smaller ones
    are noise alone where others are structure.

    Reference:
        J. Immerkær, Fast noise variance estimation, Computer Vision and Image Understanding 64
        (1996).
    """
    wh = tuple(max(round(side / grain_px), 1) for side in image.shape[1::-1])
    small = np.asarray(cv2.resize(image, wh, interpolation=cv2.INTER_LINEAR), np.uint8)
    within = cv2.resize(inside.astype(np.uint8), wh, interpolation=cv2.INTER_NEAREST) > 0
    pixels = small.reshape(*small.shape[:2], -1)
    channels = pixels.shape[2]
    flat = within & (pixels.max(axis=2) < 250) & (pixels.min(axis=2) > 3)
    if flat.sum() < 64:
        return np.zeros((channels, channels), np.float32)
    slope = _slope(_blurred(as_grey(small), 3.0))
    flat &= slope <= np.quantile(slope[flat], _FLAT_SHARE)
    found = _bends(small).reshape(*pixels.shape)[flat]
    usual = np.quantile(np.abs(found), _SMALLER, axis=0) / _SMALLER_OF_NORMAL
    found = found[(np.abs(found) <= 3 * usual + 1).all(axis=1)]
    correlation = np.eye(channels)
    if len(found) > 64 and (found.std(axis=0) > 1e-3).all():
        correlation = np.corrcoef(found.T).reshape(channels, channels)
    # In few pixels, as of a tiny face, noise is not told from structure: rather too little.
    scale = usual / _bends_of_grain(grain_px) * min(1.0, len(found) / _ENOUGH_PIXELS)
    covariance = correlation * np.outer(scale, scale)
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.0)), np.float32)


def _bends(image: UInt8 | Float32) -> Float32:
    kernel = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
    return np.asarray(cv2.filter2D(image, cv2.CV_32F, kernel), np.float32)


def _grown(start: list[int], hw: tuple[int, int], grain_px: float, root: Float32) -> Float32:
    """Cut grain out of the tile of noise and enlarge it as an image is enlarged."""
    height, width = (min(max(round(side / grain_px), 1), _TILE_PX) for side in hw)
    top, left = start[0] % (_TILE_PX - height + 1), start[1] % (_TILE_PX - width + 1)
    noise = _normal_tile()[top : top + height, left : left + width, : len(root)]
    coloured = cv2.transform(np.ascontiguousarray(noise), root)
    grown = cv2.resize(coloured, hw[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown.reshape(*hw, len(root)), np.float32)


@lru_cache(maxsize=256)
def _bends_of_grain(grain_px: float) -> float:
    """Return how large ``_bends`` are of grain that is drawn with a deviation of 1."""
    drawn = _grown([0, 0], (224, 224), grain_px, np.eye(1, dtype=np.float32))[..., 0]
    # The sensor's pixels of an image that was warped lie between those looked at, half on average.
    shifted = drawn[round(grain_px / 3) :, round(grain_px / 3) :][:192, :192]
    side = max(round(192 / grain_px), 1)
    small = cv2.resize(shifted, (side, side), interpolation=cv2.INTER_LINEAR)
    bends = _bends(np.asarray(small, np.float32))
    return float(np.quantile(np.abs(bends), _SMALLER)) / _SMALLER_OF_NORMAL


@cache
def _normal_tile() -> Float32:
    rng = np.random.default_rng(20)
    return rng.standard_normal((_TILE_PX, _TILE_PX, 3), dtype=np.float32)


def _blurred(grey: UInt8, sigma: float) -> UInt8:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.uint8)


def _slope(grey: UInt8) -> Float32:
    """Return the length of the gradient by Sobel's operator, eight times that of a ramp.

    OpenCV's ``magnitude`` rounds by where in memory its input lies.
    """
    along_x, along_y = (cv2.Sobel(grey, cv2.CV_32F, *axes, ksize=3) for axes in ((1, 0), (0, 1)))
    squares = np.square(along_x, out=along_x)
    squares += np.square(along_y, out=along_y)
    return np.asarray(np.sqrt(squares, out=squares), np.float32)
