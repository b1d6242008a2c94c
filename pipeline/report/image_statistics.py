"""What sets of images are like, without a network: detail by scale, colours, and a grid if any."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.evaluation.modality import kid
from pipeline.ops.codec import as_grey, as_rgb
from pipeline.types import Float64, UInt8

_OCTAVES, _CELLS = 4, 3
_LEAST = 1e-2
_BESIDE = (2, 3, 4)
"""Frequencies beside one, in lines of the spectrum, that it is compared with."""


def statistics_of(image: UInt8) -> Float64:
    """Return the logarithms of detail in each octave and cell, and the colours' means and spreads.

    Args:
        image: uint8 (h, w) or (h, w, 3), 48 pixels or more each way.

    Returns:
        float64 (42,).
    """
    grey, found = as_grey(image).astype(np.float32), []
    for _ in range(_OCTAVES):
        small = cv2.pyrDown(grey)
        detail = grey - cv2.pyrUp(small, dstsize=grey.shape[::-1])
        for band in np.array_split(detail, _CELLS):
            found += [np.log(cell.std() + _LEAST) for cell in np.array_split(band, _CELLS, axis=1)]
        grey = np.asarray(small, np.float32)
    colours = as_rgb(image).reshape(-1, 3) / 255.0
    return np.array([*found, *colours.mean(axis=0), *colours.std(axis=0)], np.float64)


def kid_of_statistics(
    real: Sequence[UInt8], made: Sequence[UInt8], scale: Sequence[UInt8]
) -> float | None:
    """Return the squared MMD of two sets of images by KID's kernel, over their statistics.

    Args:
        real: images of one kind.
        made: images of another.
        scale: images whose mean is 0 and whose deviation is 1 in each statistic; ``real`` among
            them.

    Returns:
        None where a set has fewer than two.

    Reference:
        M. Bińkowski et al., Demystifying MMD GANs, ICLR 2018; its features are a network's.
    """
    if min(len(real), len(made), len(scale)) < 2:
        return None
    common = np.stack([statistics_of(image) for image in scale])
    mean, spread = common.mean(axis=0), common.std(axis=0) + 1e-6
    sides = []
    for images in (real, made):
        values = (np.stack([statistics_of(image) for image in images]) - mean) / spread
        sides.append(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9))
    return kid(*sides)


def grid_of(images: Sequence[UInt8]) -> float | None:
    """Return how far a grid of every second or fourth pixel stands out of the mean spectrum.

    Args:
        images: of one shape.

    Returns:
        The largest of the energies at 1/2 and 1/4 of the sampling rate, along either axis, to the
        mean beside it: 1 to 5 where there is no grid; None without an image.
    """
    if not images:
        return None
    power = np.mean([_power(as_grey(image)) for image in images], axis=0)
    ratios = []
    for lines in (power, power.T):
        # Along each line of the other axis for itself, three of them together.
        smooth = lines + np.roll(lines, 1, axis=0) + np.roll(lines, -1, axis=0)
        for at in (smooth.shape[1] // 2, smooth.shape[1] // 4):
            around = [(at + sign * off) % smooth.shape[1] for off in _BESIDE for sign in (-1, 1)]
            beside = smooth[:, around].mean(axis=1)
            ratios.append(float((smooth[:, at] / np.maximum(beside, 1e-12)).max()))
    return max(ratios)


def colour_shift(before: Sequence[UInt8], after: Sequence[UInt8]) -> float | None:
    """Return the mean over pairs of how far an image's mean colour moved apart from its luma.

    Returns:
        Grey levels, the largest channel's; None without a pair.
    """
    shifts = []
    for first, second in zip(before, after, strict=True):
        moved = as_rgb(second).mean(axis=(0, 1)) - as_rgb(first).mean(axis=(0, 1))
        shifts.append(np.abs(moved - moved.mean()).max())
    return float(np.mean(shifts)) if shifts else None


def _power(grey: UInt8) -> Float64:
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    return np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2
