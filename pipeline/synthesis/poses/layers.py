"""What of a loose crop belongs to the head, what to the neck, and what lies behind them.

The head turns; the neck, the shoulders and the background stay. So the picture is cut into two
layers: the head's share of each pixel, from the parser's labels refined along the picture's edges,
and the ground, in which the head's place is filled: with the neck carried upwards where there is
one, elsewhere with a smooth continuation of what surrounds it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.ops.codec import as_rgb
from pipeline.ops.geometry import compose_affine, warp_affine
from pipeline.ops.spectral.guided import guided_upsample
from pipeline.synthesis.poses.fill import continuation, smooth_step
from pipeline.types import FaceClass, Float32, UInt8

_LOOSE_PX = 512
_COARSE = 4
_GUIDE_RADIUS_PX, _GUIDE_EPSILON = 3, 2e-3
_NOT_HEAD = (FaceClass.BACKGROUND, FaceClass.CLOTH)
_NECK_CLASSES = (FaceClass.NECK, FaceClass.NECKLACE)
_GROUND, _HEAD, _NECK = 1, 2, 3
_BLACK = 0.006
"""Loose crops are black beyond their picture."""
_TELLING = (FaceClass.HAIR, FaceClass.HAT, FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR)
_SHARPEN = (0.08, 0.6)
_HOLE_PX, _NECK_GAP_PX, _INNER_PX = 23, 9, 200.0
_NECK_SKIP_PX, _NECK_SOURCE_PX, _NECK_SOFT_PX = 5, 14, 18.0
_SHOULDER_PX, _LEAST_NECK_PX = 36, 16
_NECK_DARKER = 0.72
"""What a chin's shadow leaves of the light at the neck's upper end."""


@dataclass(frozen=True)
class Layers:
    """Shares of the loose crop's pixels, 0 to 1.

    Attributes:
        head: float32 (512, 512): skin, hair, ears and what is worn on them.
        neck: float32 (512, 512).
        beyond: float32 (512, 512), what lies beyond the source picture.
    """

    head: Float32
    neck: Float32
    beyond: Float32


def layers_of_labels(labels: UInt8, crop_to_loose: ArrayLike, loose: UInt8) -> Layers | None:
    """Carry labels of the aligned crop to the loose crop and refine them along its edges.

    Args:
        labels: uint8 (h, w), indices of ``FaceClass``.
        crop_to_loose: (2, 3); beyond the aligned crop, colour decides what belongs to what.
        loose: uint8 (512, 512) or (512, 512, 3).

    Returns:
        None where the labels know neither hair, hat nor ears, as those drawn from a mesh: they
        do not tell where the head ends.
    """
    if not np.isin(labels, _TELLING).any():
        return None
    guide = as_rgb(loose).astype(np.float32) / np.float32(255)
    side = _LOOSE_PX // _COARSE
    small = np.asarray(cv2.resize(guide, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    kinds = np.full(labels.shape, _HEAD, np.uint8)
    kinds[np.isin(labels, _NOT_HEAD)] = _GROUND
    kinds[np.isin(labels, _NECK_CLASSES)] = _NECK
    to_coarse = compose_affine(crop_to_loose, _shrinking(_COARSE))
    found = warp_affine(kinds, to_coarse, (side, side), interpolation="nearest")
    beyond = _beyond(small)
    maps = _flooded(np.asarray(found, np.uint8), small, beyond)
    refined = guided_upsample(maps, small, guide, _GUIDE_RADIUS_PX, _GUIDE_EPSILON)
    head, neck = (smooth_step(each, _SHARPEN) for each in refined)
    wide = cv2.resize(beyond.astype(np.float32), (_LOOSE_PX, _LOOSE_PX))
    return Layers(head, neck, np.asarray(wide, np.float32))


def _beyond(small: Float32) -> NDArray[np.bool_]:
    """Find what lies beyond the picture that the crop was cut from.

    It is black up to the crop's edge, and the picture, a rectangle, bulges nowhere into it: what is
    black inside the hull of all that is not, belongs to the picture.
    """
    black = (small.max(axis=2) < _BLACK).astype(np.uint8)
    _, regions = cv2.connectedComponents(black)
    edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    within = ~(np.isin(regions, edge) & (black > 0))
    hull = np.zeros(black.shape, np.uint8)
    points = np.argwhere(within)[:, ::-1].astype(np.int32)
    if len(points):
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return np.asarray(cv2.erode(hull, np.ones((5, 5), np.uint8)) == 0)


def _flooded(kinds: UInt8, colour: Float32, beyond: NDArray[np.bool_]) -> Float32:
    """Carry kinds on over what the aligned crop left out (0), up to the picture's edges.

    Returns:
        float32 (2, h, w), head and neck.
    """
    known = cv2.erode(kinds, np.ones((3, 3), np.uint8))
    markers = np.where(known == cv2.dilate(kinds, np.ones((3, 3), np.uint8)), kinds, 0)
    markers[beyond] = _GROUND
    picture = np.asarray(cv2.GaussianBlur(colour, (0, 0), 1.0) * 255, np.uint8)
    # A watershed leaves its lines, and the outermost pixels, to nobody.
    picture[beyond] = 255 - picture[beyond]  # no dark hair runs over into the black
    framed = cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    basins = cv2.copyMakeBorder(markers.astype(np.int32), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    flooded = np.maximum(cv2.watershed(framed, basins), 0)[1:-1, 1:-1].astype(np.uint8)
    flooded = np.where(flooded == 0, cv2.dilate(flooded, np.ones((3, 3), np.uint8)), flooded)
    whole = np.where((kinds > 0) & ~beyond, kinds, flooded)
    return np.stack([whole == _HEAD, whole == _NECK]).astype(np.float32)


def ground_of(
    loose: UInt8, taken: Float32, layers: Layers, chin_y: float, top_y: float
) -> UInt8:
    """Take the head out of a loose crop.

    Args:
        loose: uint8 (512, 512) or (512, 512, 3).
        taken: float32 (512, 512), the share of each pixel that is taken out.
        layers: what is neck, and what lies beyond the picture.
        chin_y: row of the chin.
        top_y: row up to which the neck is continued.
    """
    hole = cv2.dilate(taken, np.ones((_HOLE_PX, _HOLE_PX), np.uint8))
    near = cv2.dilate(taken, np.ones((_NECK_GAP_PX, _NECK_GAP_PX), np.uint8))
    # What the crop cuts off is not drawn again: it must not stay behind either.
    aside = np.clip((np.abs(np.arange(_LOOSE_PX) - _LOOSE_PX / 2) - _INNER_PX) / 30.0, 0.0, 1.0)
    hole = np.maximum(hole, layers.head * aside.astype(np.float32))
    kept = np.asarray(1.0 - cv2.GaussianBlur(hole, (0, 0), 2.0), np.float32)
    known = (1.0 - np.clip(layers.neck * 2.0, 0.0, 1.0)) * (1.0 - layers.beyond)
    known = np.asarray(np.where(hole > 0.02, 0.0, known), np.float32)
    colour = loose.astype(np.float32)
    smooth = continuation(colour, known, _LOOSE_PX // _COARSE)
    filled = cv2.resize(smooth, (_LOOSE_PX, _LOOSE_PX), interpolation=cv2.INTER_LINEAR)
    neck = np.asarray(layers.neck * (1.0 - layers.beyond), np.float32)
    filled = _with_neck(np.asarray(filled, np.float32), colour, neck, near, chin_y, top_y)
    share = kept if loose.ndim == 2 else kept[..., None]
    return np.asarray(np.clip(filled + share * (colour - filled) + 0.5, 0, 255), np.uint8)


def _with_neck(
    filled: Float32, colour: Float32, neck: Float32, hole: Float32, chin_y: float, top_y: float
) -> Float32:
    """Carry each column of the neck upwards, in the shadow of the chin."""
    clear = (neck > 0.6) & (hole < 0.05)
    count, top = clear.sum(axis=0), clear.argmax(axis=0)
    # Where the neck widens into the shoulders, its upper end lies well below the chin.
    narrow = (count > 0) & (top < chin_y + _SHOULDER_PX)
    columns = np.flatnonzero(narrow & (count > _NECK_SKIP_PX + 4))
    if len(columns) < _LEAST_NECK_PX:
        return filled
    low, high = np.flatnonzero(narrow)[[0, -1]].tolist()
    hidden = np.where(hole > 0.05, np.arange(_LOOSE_PX)[:, None], 0).max(axis=0)
    lower = np.interp(np.arange(_LOOSE_PX), columns, top[columns])
    lower = np.maximum(lower, hidden)
    share, source = np.zeros(_LOOSE_PX, np.float32), np.zeros((_LOOSE_PX, *colour.shape[2:]))
    share[low : high + 1] = 1.0
    light = np.zeros(_LOOSE_PX, np.float32)
    for column in columns.tolist():
        first = int(top[column]) + _NECK_SKIP_PX
        rows = slice(first, first + min(_NECK_SOURCE_PX, int(count[column]) - _NECK_SKIP_PX))
        source[column] = colour[rows, column].mean(axis=0)
        light[column] = source[column].mean() + 1.0
    everywhere = np.arange(_LOOSE_PX)
    channels = source.reshape(_LOOSE_PX, -1)[columns].T
    filled_up = [np.interp(everywhere, columns, channel) for channel in channels]
    line = np.stack(filled_up, axis=-1).astype(np.float32)[None]
    # Columns in the chin's shadow tell little of the neck's light: the brighter count for more.
    trust = np.asarray(np.interp(everywhere, columns, light[columns])[None] ** 2, np.float32)
    weight = np.maximum(cv2.GaussianBlur(trust, (0, 0), _NECK_SOFT_PX), 1e-6)
    line = cv2.GaussianBlur(line * trust[..., None], (0, 0), _NECK_SOFT_PX)
    line = line.reshape(1, _LOOSE_PX, -1) / weight[..., None]
    share = cv2.GaussianBlur(share[None], (0, 0), 1.5)[0]
    rows = np.arange(_LOOSE_PX, dtype=np.float32)
    lowest = float(np.median(lower[low : high + 1])) + _NECK_SKIP_PX
    rise = np.clip((lowest - rows) / max(lowest - top_y, 1.0), 0.0, 1.0)
    shade = 1.0 - (1.0 - _NECK_DARKER) * smooth_step(rise.astype(np.float32), (0.0, 0.5))
    fade = smooth_step(rows, (top_y - 20.0, top_y))
    until = (rows[:, None] <= lower[None] + _HOLE_PX / 2).astype(np.float32)
    alpha = share[None] * fade[:, None] * np.asarray(cv2.GaussianBlur(until, (0, 0), 2.0))
    neck_colour = (line * shade[:, None, None]).reshape(filled.shape)
    alpha = alpha if filled.ndim == 2 else alpha[..., None]
    return np.asarray(filled + alpha * (neck_colour - filled), np.float32)


def _shrinking(factor: int) -> Float32:
    """Return the map to a picture reduced by a whole factor."""
    offset = (1.0 / factor - 1.0) / 2.0
    return np.array([[1.0 / factor, 0, offset], [0, 1.0 / factor, offset]], np.float32)
