"""Smooth continuations of what is known over what is not."""

import cv2
import numpy as np

from pipeline.types import Float32, UInt8

PAD_PX = 160
"""How far a context crop is continued on each side."""
_MIRRORED_PX = 90.0
"""So far beyond the edge the mirror image has given way to a smooth continuation."""
_UNKNOWN = 1e-5
_COARSE, _SOFT_PX = 4, 5.0


def continuation(colour: Float32, weight: Float32, side_px: int) -> Float32:
    """Spread what is known smoothly over what is not.

    Args:
        colour: float32 (h, w[, c]).
        weight: float32 (h, w), how far a pixel is known, 0 to 1.
        side_px: side of the square that is returned.
    """
    grid = (side_px, side_px)
    known = np.asarray(cv2.resize(weight, grid, interpolation=cv2.INTER_AREA), np.float32)
    total = cv2.resize(times(colour, weight), grid, interpolation=cv2.INTER_AREA)
    filled = fill(np.asarray(total, np.float32), known)
    return np.asarray(cv2.GaussianBlur(filled, (0, 0), 3.0), np.float32)


def continued(image: UInt8) -> UInt8:
    """Continue a square image by ``PAD_PX`` beyond its border.

    At the edge it is its own mirror image, so that its texture goes on; farther out, where that
    would show a neck or a face twice, a blurred continuation of its outermost pixels.
    """
    mirrored = cv2.copyMakeBorder(image, *(PAD_PX,) * 4, cv2.BORDER_REFLECT_101)
    quarter = (image.shape[1] // _COARSE, image.shape[0] // _COARSE)
    coarse = cv2.resize(image, quarter, interpolation=cv2.INTER_AREA)
    wide = cv2.copyMakeBorder(coarse, *(PAD_PX // _COARSE,) * 4, cv2.BORDER_REPLICATE)
    wide = cv2.GaussianBlur(wide, (0, 0), _SOFT_PX, borderType=cv2.BORDER_REPLICATE)
    soft = cv2.resize(wide, mirrored.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    side = mirrored.shape[0]
    out = np.abs(np.arange(side, dtype=np.float32) - (side - 1) / 2) - image.shape[0] / 2
    ramp = smooth_step(out, (0.0, _MIRRORED_PX))
    share = np.maximum(ramp[:, None], ramp[None, :])
    return np.asarray(cv2.blendLinear(mirrored, soft, 1.0 - share, share), np.uint8)


def fill(total: Float32, known: Float32) -> Float32:
    """Fill holes of weighted sums: each level of a pyramid fills those of the finer one."""
    totals, weights = [total], [known]
    while weights[-1].shape[0] > 3:
        wh = (weights[-1].shape[1] // 2, weights[-1].shape[0] // 2)
        for levels in (totals, weights):
            smaller = cv2.resize(levels[-1], wh, interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(smaller, np.float32))
    # A part of which nothing is known near by takes the mean of all: it would be black.
    everything = totals[-1].sum(axis=(0, 1)) / max(float(weights[-1].sum()), 1e-6)
    unknown = weights[-1] < _UNKNOWN
    filled = quotient(totals[-1], np.maximum(weights[-1], 1e-6))
    filled[unknown] = everything
    for sums, weight in zip(totals[-2::-1], weights[-2::-1], strict=True):
        wider = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        mean = quotient(sums, np.maximum(weight, 1e-6))
        filled = np.asarray(wider + times(mean - wider, weight / (weight + 0.05)), np.float32)
    return filled


def times(values: Float32, weight: Float32) -> Float32:
    """Weigh pixels, (h, w[, c]) by (h, w)."""
    product: Float32 = values * (weight[..., None] if values.ndim == 3 else weight)
    return product


def quotient(total: Float32, known: Float32) -> Float32:
    """Divide weighted sums, (h, w[, c]), by their weights, (h, w)."""
    ratio: Float32 = total / (known[..., None] if total.ndim == 3 else known)
    return ratio


def smooth_step(values: Float32, edges: tuple[float, float]) -> Float32:
    """Rise from 0 to 1 between two values without a kink."""
    low, high = edges
    clipped = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    step: Float32 = clipped * clipped * (3.0 - 2.0 * clipped)
    return step
