"""Random changes to images that leave the identity: a whole batch in one compiled call.

The call holds no lock of Python's and uses one thread, so that threads which draw batches ahead
leave the training's own alone.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.images import check_batch
from pipeline.types import Float32, UInt8

_RED, _GREEN, _BLUE = np.float32(0.299), np.float32(0.587), np.float32(0.114)
"""Rec. 601."""
_ONE, _WHITE = np.float32(1.0), np.float32(255.0)
_NEXT = np.uint64(1)
_DRAWS = 8
"""Of an image."""


@dataclass(frozen=True)
class Augmentation:
    """Ranges that an image's own changes are drawn from, all uniform.

    In this order: mirror; turn and scale about the middle and move, bilinear, black beyond the
    edge; brightness; contrast, about the image's mean grey; saturation, none of it if grey. A
    brightness of 0.35 multiplies by 0.65 to 1.35.

    Attributes:
        mirror: chance.
        turn_deg: largest angle, either way.
        move: largest shift, as a share of height and width.
        scale: largest change of size.
        brightness: largest change.
        contrast: largest change.
        saturation: largest change.
        grey: chance that the colour goes.
    """

    mirror: float
    turn_deg: float
    move: float
    scale: float
    brightness: float
    contrast: float
    saturation: float
    grey: float

    def draw(self, rng: np.random.Generator, count: int) -> Float32:
        """Draw what ``apply`` does to each image.

        Returns:
            float32 (count, 8): mirror (0 or 1), angle in radians, shift down and right as shares of
            height and width, scale, brightness, contrast, saturation (0 is grey).
        """
        drawn = rng.random((count, 9))
        signed = 2.0 * drawn - 1.0
        columns = [
            drawn[:, 0] < self.mirror,
            signed[:, 1] * np.deg2rad(self.turn_deg),
            signed[:, 2] * self.move,
            signed[:, 3] * self.move,
            1.0 + signed[:, 4] * self.scale,
            1.0 + signed[:, 5] * self.brightness,
            1.0 + signed[:, 6] * self.contrast,
            np.where(drawn[:, 8] < self.grey, 0.0, 1.0 + signed[:, 7] * self.saturation),
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def __call__(self, images: UInt8, rng: np.random.Generator) -> UInt8:
        """Change each image by draws of its own.

        Args:
            images: uint8 (n, h, w, 3), RGB.
            rng: to draw with.
        """
        return apply(images, self.draw(rng, len(images)))


FACES = Augmentation(
    mirror=0.5,
    turn_deg=6.0,
    move=0.03,
    scale=0.06,
    brightness=0.35,
    contrast=0.35,
    saturation=0.3,
    grey=0.5,
)
"""What an aligned face goes through."""


def apply(images: UInt8, drawn: Float32) -> UInt8:
    """Change images as drawn; none depends on the others.

    Args:
        images: uint8 (n, h, w, 3), RGB.
        drawn: float32 (n, 8), see ``Augmentation.draw``.

    Returns:
        uint8 (n, h, w, 3).

    Raises:
        ValueError: arrays of other shapes or types.
    """
    check_batch(images)
    if drawn.dtype != np.float32 or drawn.shape != (len(images), _DRAWS):
        raise ValueError(
            f"expected draws, float32 ({len(images)}, {_DRAWS}), got {drawn.dtype} {drawn.shape}"
        )
    changed = np.empty_like(images, order="C")
    _change(np.ascontiguousarray(images), drawn, _to_source(drawn, images.shape[1:3]), changed)
    return changed


def _to_source(drawn: Float32, hw: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the affine maps from pixels of the changed images to those of the given, (n, 2, 3).

    Both (x, y), pixel centres at integers.
    """
    mirror, angle, down, right, scale = drawn[:, :5].astype(np.float64).T
    middle = np.array([hw[1] - 1, hw[0] - 1]) / 2.0
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    turned = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)], 1)
    turned[:, 0] *= (1.0 - 2.0 * mirror)[:, None]
    moved = middle + np.stack([right * hw[1], down * hw[0]], axis=1)
    # written out: a product of matrices may sum in another order in a larger batch
    start = middle - (turned[:, :, 0] * moved[:, :1] + turned[:, :, 1] * moved[:, 1:])
    return np.concatenate([turned, start[:, :, None]], axis=2).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _change(images, drawn, to_source, changed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill ``changed``, image by image: contrast needs the mean of what is warped and lit."""
    count, height, width, _ = images.shape
    # a black pixel before, two behind: none of the four around a point has to be asked for
    bordered = np.zeros((height + 3, width + 3, 3), np.float32)
    lit = np.empty((3, height, width), np.float32)
    for image in range(count):
        for y in range(height):
            inner = bordered[y + 1].reshape(-1)[3 : 3 * width + 3]
            inner[:] = images[image, y].reshape(-1)
        _warp(bordered, to_source[image], drawn[image, 5], lit)
        _colour(lit, drawn[image, 6], drawn[image, 7], changed[image])


@numba.njit(cache=True, nogil=True)
def _warp(bordered, to_source, brightness, lit):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill ``lit`` (3, h, w) with the warped image times brightness, at most 255.

    Where a row's points lie is computed for all of it first: that loop takes several at once.
    """
    _, height, width = lit.shape
    corners, weights = np.empty(width, np.int32), np.empty((4, width), np.float32)
    pixels, row_step = bordered.reshape(-1), np.int32(3 * bordered.shape[1])
    for y in range(height):
        start_x = to_source[0, 1] * np.float32(y) + to_source[0, 2]
        start_y = to_source[1, 1] * np.float32(y) + to_source[1, 2]
        for x in range(np.uint64(width)):
            column = np.float32(np.int32(x))
            at_x = _between(to_source[0, 0] * column + start_x, -1.0, width) + _ONE
            at_y = _between(to_source[1, 0] * column + start_y, -1.0, height) + _ONE
            left, top = np.int32(at_x), np.int32(at_y)
            corners[x] = top * row_step + np.int32(3) * left
            share = at_x - np.float32(left)
            below = brightness * (at_y - np.float32(top))
            above = brightness - below
            weights[1, x], weights[3, x] = share * above, share * below
            weights[0, x], weights[2, x] = above - weights[1, x], below - weights[3, x]
        for channel in range(np.uint64(3)):
            _mix(pixels[channel:], corners, np.uint64(row_step), weights, lit[channel, y])


@numba.njit(cache=True, nogil=True, inline="always")
def _mix(pixels, corners, row_step, weights, line):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill a line of one channel with the weighted means of the four pixels around its points."""
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    # unsigned: numba then need not ask whether an index counts from the end
    for x in range(np.uint64(len(line))):
        above = np.uint64(corners[x])
        below, right = above + row_step, np.uint64(3)
        upper = a[x] * pixels[above] + b[x] * pixels[above + right]
        lower = c[x] * pixels[below] + d[x] * pixels[below + right]
        line[x] = min(upper + lower, _WHITE)


@numba.njit(cache=True, nogil=True)
def _colour(lit, contrast, saturation, changed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill ``changed`` (h, w, 3) with what contrast and saturation make of ``lit`` (3, h, w)."""
    _, height, width = lit.shape
    lift = (_ONE - contrast) * _mean_grey(lit)
    for y in range(height):
        reds, greens, blues = lit[0, y], lit[1, y], lit[2, y]
        line = changed[y].reshape(-1)
        for x in range(np.uint64(width)):
            red = _between(contrast * reds[x] + lift, 0.0, 255.0)
            green = _between(contrast * greens[x] + lift, 0.0, 255.0)
            blue = _between(contrast * blues[x] + lift, 0.0, 255.0)
            luma = (_ONE - saturation) * _grey(red, green, blue) + np.float32(0.5)
            at = x * np.uint64(3)
            line[at] = np.int32(_between(saturation * red + luma, 0.0, 255.0))
            line[at + _NEXT] = np.int32(_between(saturation * green + luma, 0.0, 255.0))
            line[at + _NEXT + _NEXT] = np.int32(_between(saturation * blue + luma, 0.0, 255.0))


@numba.njit(cache=True, nogil=True)
def _mean_grey(lit):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the mean grey of (3, h, w), summed in 64ths: whole numbers, in any order."""
    _, height, width = lit.shape
    total = np.int64(0)
    for y in range(height):
        reds, greens, blues = lit[0, y], lit[1, y], lit[2, y]
        row = np.int32(0)
        for x in range(width):
            row += np.int32(np.float32(64.0) * _grey(reds[x], greens[x], blues[x]))
        total += np.int64(row)
    return np.float32(total / (64 * height * width))


@numba.njit(cache=True, nogil=True, inline="always")
def _between(value, low, high):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return min(max(value, np.float32(low)), np.float32(high))


@numba.njit(cache=True, nogil=True, inline="always")
def _grey(red, green, blue):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return _RED * red + _GREEN * green + _BLUE * blue
