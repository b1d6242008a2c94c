"""What lies behind a head: the image without it.

The head's place is filled with the neck, carried upwards column by column, and elsewhere with a
smooth continuation of what surrounds it.
"""

import cv2
import numpy as np

from pipeline.synthesis.poses.fill import continuation, smooth_step
from pipeline.synthesis.poses.layers import Layers
from pipeline.types import Float32, UInt8

_COARSE = 2
HOLE_MARGIN_PX, _NECK_GAP_PX = 11, 5
"""At half the side, as all below: how wide the surroundings of what is taken out are doubted."""
_FRAME_MARGIN_PX = 25
"""So far around black that stays nothing is filled."""
_CUT_FROM, _CUT_OVER = 0.39, 0.06
"""From such a share of the crop's side off its middle, a head is taken to be cut by the crop."""
_STRAND_PX, _STRAND_REACH_PX, _STRAND_GAP_PX = 9, 61, 5
"""How wide stray hair is at most, within what square of the head, by what gap apart from it."""
_TEXTURED = 0.2
"""Where more of the surroundings is thin than this, it is the ground's texture."""
_STRAND_CONTRAST = (6.0, 14.0)
"""Grey levels between which what is thin goes from kept to taken out."""
_SKIP_PX, _SOURCE_PX, _LEAST_SOURCE_PX = 3, 7, 2
_NECK_SOFT_PX = 9.0
_SHOULDER_PX, _LEAST_NECK_PX = 18, 8
_NECK_END_PX = 10.0
_NECK_LIGHT = 0.72
"""What a chin's shadow leaves of the light at the neck's upper end."""


def background_of(
    context: UInt8,
    taken: Float32,
    layers: Layers,
    frame: UInt8,
    chin_y: float,
    top_y: float,
    *,
    margin_px: int = HOLE_MARGIN_PX,
) -> UInt8:
    """Take the head out of a context crop.

    Args:
        context: uint8 (s, s) or (s, s, 3).
        taken: float32 (s / 2, s / 2), the share of each pixel that is taken out.
        layers: what is neck, and what lies beyond the image.
        frame: uint8 (s, s), not 0 where what lies beyond stays black; elsewhere it is filled.
        chin_y: row of the chin.
        top_y: row up to which the neck is continued.
        margin_px: how wide what surrounds it is taken out too, at half the side; odd.
    """
    wh = (context.shape[1] // 2, context.shape[0] // 2)
    halves = (context, layers.head, layers.neck, layers.beyond)
    image, head, all_neck, beyond = (
        cv2.resize(each, wh, interpolation=cv2.INTER_AREA).astype(np.float32) for each in halves
    )
    side = wh[1]
    hole = np.asarray(cv2.dilate(taken, np.ones((margin_px, margin_px), np.uint8)), np.float32)
    # What the crop cuts off is not drawn again: it must not stay behind either.
    off = np.abs(np.arange(side, dtype=np.float32) / np.float32(side) - np.float32(0.5))
    hole = np.maximum(hole, head * np.clip((off - _CUT_FROM) / _CUT_OVER, 0.0, 1.0))
    hole = np.maximum(hole, _strands(image, hole, head) * (1.0 - np.clip(all_neck * 4.0, 0.0, 1.0)))
    # The image's last pixels have some of the black beyond: filled by them, a ground turns dark.
    dark = cv2.dilate(beyond, np.ones((HOLE_MARGIN_PX,) * 2, np.uint8))
    person = np.clip((head + all_neck) * 2.0, 0.0, 1.0)  # hair that the mesh does not reach, too
    known = (1.0 - person) * (1.0 - dark)
    known = np.asarray(np.where(hole > 0.02, 0.0, known), np.float32)
    smooth = continuation(image, known, side // _COARSE)
    filled = np.asarray(cv2.resize(smooth, wh), np.float32)
    near = np.asarray(
        cv2.dilate(taken, np.ones((_NECK_GAP_PX, _NECK_GAP_PX), np.uint8)), np.float32
    )
    neck = np.asarray(all_neck * (1.0 - beyond), np.float32)
    filled = _with_neck(filled, image, neck, near, chin_y / 2, top_y / 2)
    whole = context.shape[1::-1]
    # Wider, so that none of its black is left, be it a thin wedge at the crop's border.
    framed = cv2.resize(frame, wh, interpolation=cv2.INTER_AREA)
    stays = cv2.dilate(framed, np.ones((_FRAME_MARGIN_PX,) * 2, np.uint8)) > 0
    outside = cv2.dilate(np.where(stays, 0.0, beyond), np.ones((HOLE_MARGIN_PX,) * 2, np.uint8))
    out = np.asarray(np.maximum(hole, outside), np.float32)
    put = cv2.resize(cv2.GaussianBlur(out, (0, 0), 1.0), whole)
    fill = cv2.resize(np.clip(filled + 0.5, 0, 255).astype(np.uint8), whole)
    return np.asarray(cv2.blendLinear(fill, context, put, np.float32(1) - put), np.uint8)


def _strands(image: Float32, hole: Float32, head: Float32) -> Float32:
    """Find stray hair: what is thin, of the head's tone beside its ground, and hangs on the head.

    Left in the background, it would stand there when the head has turned away, and twice where the
    background is mirrored.

    Args:
        image: float32 (h, w[, c]).
        hole: float32 (h, w), the share that is taken out so far.
        head: float32 (h, w).

    Returns:
        float32 (h, w), 0 to 1; nothing before a ground of fine texture.
    """
    grey = np.asarray(image if image.ndim == 2 else image.mean(axis=2), np.float32)
    about = cv2.dilate(hole, np.ones((_STRAND_REACH_PX,) * 2, np.uint8)) > 0.5
    edge = (hole > 0.5) & (head < 0.95) & (head > 0.5)
    ring = about & (hole < 0.5)
    if not (edge.any() and ring.any()):
        return np.zeros_like(hole)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_STRAND_PX,) * 2)
    ground = cv2.medianBlur(np.asarray(np.clip(grey, 0, 255), np.uint8), 4 * _STRAND_PX + 1)
    darker = float(np.median(grey[edge])) < ground
    hats = (
        cv2.morphologyEx(grey, operation, disc)
        for operation in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT)
    )
    thin = smooth_step(np.where(darker, *hats) * about, _STRAND_CONTRAST)
    if (thin[ring] > 0.5).mean() > _TEXTURED:
        return np.zeros_like(hole)
    near = np.ones((_STRAND_GAP_PX,) * 2, np.uint8)
    joined = cv2.dilate(((thin > 0.2) | (hole > 0.5)).astype(np.uint8), near)
    _, parts = cv2.connectedComponents(joined)
    hanging = np.isin(parts, np.unique(np.asarray(parts)[hole > 0.5]))
    wide = cv2.dilate(np.asarray(thin * hanging, np.float32), np.ones((3, 3), np.uint8))
    return np.asarray(wide, np.float32)


def _with_neck(
    filled: Float32, colour: Float32, neck: Float32, hole: Float32, chin_y: float, top_y: float
) -> Float32:
    """Carry each column of the neck upwards, in the shadow of the chin."""
    side = len(neck)
    clear = (neck > 0.6) & (hole < 0.05)
    count, top = clear.sum(axis=0), clear.argmax(axis=0)
    # Where the neck widens into the shoulders, its upper end lies well below the chin.
    narrow = np.flatnonzero((count > 0) & (top < chin_y + _SHOULDER_PX))
    columns = narrow[count[narrow] >= _SKIP_PX + _LEAST_SOURCE_PX]
    if len(columns) < _LEAST_NECK_PX:
        return filled
    first, last = int(narrow[0]), int(narrow[-1]) + 1
    hidden = np.where(hole > 0.05, np.arange(side)[:, None], 0).max(axis=0)
    end = np.maximum(np.interp(np.arange(side), columns, top[columns]), hidden)

    rows = np.arange(side, dtype=np.float32)
    low = float(np.median(end[first:last])) + _SKIP_PX
    rise = np.clip((low - rows) / np.float32(max(low - top_y, 1.0)), 0.0, 1.0)
    light = 1.0 - (1.0 - _NECK_LIGHT) * smooth_step(rise, (0.0, 0.5))
    across = np.zeros((1, side), np.float32)
    across[0, first:last] = 1.0
    share = (
        cv2.GaussianBlur(across, (0, 0), 0.8)
        * smooth_step(rows, (top_y - _NECK_END_PX, top_y))[:, None]
    )
    until = (rows[:, None] <= end[None] + HOLE_MARGIN_PX / 2).astype(np.float32)
    share = np.asarray(share * cv2.GaussianBlur(until, (0, 0), 1.0), np.float32)
    line = _neck_line(colour, columns, top, count)
    drawn = (line[None] * light[:, None, None]).reshape(filled.shape)
    return np.asarray(
        filled + (share if filled.ndim == 2 else share[..., None]) * (drawn - filled), np.float32
    )


def _neck_line(colour: Float32, columns: np.ndarray, top: np.ndarray, count: np.ndarray) -> Float32:
    """Return the neck's colour at its upper end, float32 (s, c), smooth from column to column."""
    side = len(colour)
    found = np.zeros((len(columns), colour.reshape(side, side, -1).shape[2]))
    for number, column in enumerate(columns.tolist()):
        first = int(top[column]) + _SKIP_PX
        last = first + min(_SOURCE_PX, int(count[column]) - _SKIP_PX)
        found[number] = colour[first:last, column].mean(axis=0)
    # Columns in the chin's shadow tell little of the neck's light: the brighter count for more.
    trust = (found.mean(axis=1) + 1.0) ** 2
    everywhere = np.arange(side)
    weights = np.interp(everywhere, columns, trust)
    values = [np.interp(everywhere, columns, channel * trust) for channel in found.T]
    stacked = np.stack([*values, weights], axis=-1).astype(np.float32)[None]
    soft = cv2.GaussianBlur(stacked, (0, 0), _NECK_SOFT_PX)[0]
    return np.asarray(soft[:, :-1] / soft[:, -1:], np.float32)
