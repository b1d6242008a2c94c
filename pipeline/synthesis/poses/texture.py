"""A head's texture: what the image shows of it, and what the other half lends to the rest.

Where the camera does not see the head, its texture is the mirror image of the other half, its light
matched: the ratio of the two halves' low frequencies. What neither half shows is a smooth
continuation of what surrounds it.
"""

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.raster import interpolate, rasterise_depth, vertex_normals
from pipeline.synthesis.poses.fill import (
    PAD_PX,
    continuation,
    continued,
    fill,
    quotient,
    smooth_step,
    times,
)
from pipeline.synthesis.poses.head import ATLAS_PX, HeadMesh
from pipeline.synthesis.poses.layers import Layers
from pipeline.types import Float32, UInt8

NO_MAP = np.empty(0, np.float32)
"""``cv2.remap`` takes both coordinates from its first map."""
_DEPTH_PX = 256
_COARSE_PX = 96
_DEPTH_TOLERANCE_PX = 7.0
_FACING = (0.10, 0.26)
"""Cosines between which a surface goes from unseen to seen."""
_MORE = (0.08, 0.25)
"""By how much more the other half has to turn to the camera to be believed more."""
_STEEP = (0.35, 0.6)
"""Cosines up to which the face's own rim is doubted where the other half is seen better."""
_STREAKED, _SOFT_PX = (0.15, 0.5), 2.0
"""Cosines up to which a texture is too stretched, and its blur at a quarter of the atlas."""
_HEAD, _DOUBT_PX = (0.5, 0.95), 7
"""So near a pixel that is less of the head, colours are doubted: they are mixed with others."""
_FRONTAL = (0.5, 0.8)
"""Cosines from which the face's own colours are believed, whatever the labels say."""
_FACE = (0.3, 0.8)
_EQUAL_LIGHT = 0.02
_GAIN = (0.6, 1.6)


def head_texture(
    context: UInt8, layers: Layers, vertices: NDArray[np.float64], mesh: HeadMesh
) -> tuple[UInt8, UInt8]:
    """Unwrap a head into the atlas and fill what the image does not show.

    Args:
        context: the context crop, uint8 (512, 512) or (512, 512, 3).
        layers: what of the crop is head, and what lies beyond the image.
        vertices: (v, 3) of ``spread_head``, pixels of the crop.
        mesh: the head's topology.

    Returns:
        The texture, uint8 (768, 768[, 3]), and how far the head covers what is behind, uint8
        (384, 384), 0 to 255.
    """
    places = np.ascontiguousarray(vertices[:, :2] + PAD_PX, dtype=np.float32)
    xy = interpolate(mesh.atlas, mesh.triangles, places)
    padded = continued(context)
    drawn = cv2.remap(padded, xy, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    own = np.asarray(drawn, np.uint8)

    facing = np.clip(-vertex_normals(vertices.astype(np.float32), mesh.triangles)[:, 2], 0.0, 1.0)
    attributes = np.column_stack([vertices, facing]).astype(np.float32)
    texels = interpolate(mesh.half, mesh.triangles, attributes)
    unhidden = _unhidden(texels, vertices, mesh)
    lent, seen = _lent(unhidden, texels[..., 3], mesh.face)
    certain = cv2.erode(layers.head, np.ones((_DOUBT_PX, _DOUBT_PX), np.uint8))
    own_head = _carried(np.asarray(certain, np.float32), texels)
    here = np.maximum(_carried(layers.head, texels), smooth_step(mesh.face, _FACE))
    within = 1.0 - _carried(layers.beyond, texels)
    unhidden, lent, seen = (each * within for each in (unhidden, lent * within[:, ::-1], seen))
    alpha = here + lent * (here[:, ::-1] - here)
    inside = ((texels[..., :2] > -0.5) & (texels[..., :2] < context.shape[0] - 0.5)).all(axis=2)
    alpha = np.maximum(alpha, (1.0 - unhidden - lent) * inside) * mesh.fade

    frontal = mesh.core * smooth_step(texels[..., 3], _FRONTAL)
    sure = np.maximum(smooth_step(own_head, _HEAD), frontal)
    shown = np.asarray(unhidden * sure, np.float32)
    lent = np.asarray(lent * sure[:, ::-1], np.float32)
    both = mesh.face * seen
    small = np.asarray(cv2.resize(own, lent.shape, interpolation=cv2.INTER_AREA), np.float32)
    gain = _light_ratio(small, both * both[:, ::-1])
    own = _unstreaked(own, small, shown, texels[..., 3])
    smooth = continuation(small, np.asarray(shown * (1.0 - lent), np.float32), _COARSE_PX)
    channels = own.reshape(ATLAS_PX, ATLAS_PX, -1)
    smooth, gain = (np.ascontiguousarray(c.reshape(*c.shape[:2], -1)) for c in (smooth, gain))
    mixed = np.empty(channels.shape, np.uint8)
    _mix(channels, shown, lent, smooth, gain, mixed)
    return mixed.reshape(own.shape), np.asarray(np.clip(alpha * 255 + 0.5, 0, 255), np.uint8)


def _carried(share: Float32, texels: Float32) -> Float32:
    """Carry shares of the context crop's pixels into the atlas."""
    places = np.ascontiguousarray(texels[..., :2])
    carried = cv2.remap(share, places, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(carried, np.float32)


def _unstreaked(own: UInt8, small: Float32, shown: Float32, facing: Float32) -> UInt8:
    """Blur what is seen edge-on: few pixels, drawn out over the head's side, would be streaks."""
    weight = np.asarray(shown + np.float32(1e-3), np.float32)
    quarter = (shown.shape[1] // 2, shown.shape[0] // 2)
    total, known = (
        cv2.GaussianBlur(cv2.resize(each, quarter, interpolation=cv2.INTER_AREA), (0, 0), _SOFT_PX)
        for each in (times(small, weight), weight)
    )
    soft = quotient(np.asarray(total, np.float32), np.asarray(known, np.float32))
    whole = own.shape[1::-1]
    share = np.asarray(cv2.resize(1.0 - smooth_step(facing, _STREAKED), whole), np.float32)
    wide = cv2.resize(np.clip(soft + 0.5, 0, 255).astype(np.uint8), whole)
    return np.asarray(cv2.blendLinear(wide, own, share, 1.0 - share), np.uint8)


def _unhidden(texels: Float32, vertices: NDArray[np.float64], mesh: HeadMesh) -> Float32:
    """Say of each texel (x, y, z, …) whether it lies in the crop with nothing in front, 0 to 1."""
    half = (vertices * (0.5, 0.5, 1.0)).astype(np.float32)
    _, depth = rasterise_depth(half, mesh.triangles, (_DEPTH_PX, _DEPTH_PX))
    # The farther of the neighbours: at a silhouette the near surface is not behind itself.
    farther = cv2.dilate(np.where(np.isfinite(depth), depth, 1e6), np.ones((3, 3), np.uint8))
    front = cv2.remap(
        np.asarray(farther, np.float32),
        np.asarray(texels[..., :2] * np.float32(0.5), np.float32),
        NO_MAP,
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-1e6,
    )
    clear = (texels[..., 2] <= front + _DEPTH_TOLERANCE_PX).astype(np.float32)
    eroded = cv2.erode(clear, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(eroded, (0, 0), 1.25), np.float32)


def _lent(unhidden: Float32, facing: Float32, face: Float32) -> tuple[Float32, Float32]:
    """Return how much each texel takes from the other half, and how far it is seen itself.

    Around the face, where the shape is a guess, and at the face's rim, where a mesh that is a
    little too wide shows the background, the half that turns to the camera more is believed.
    """
    seen = unhidden * smooth_step(facing, _FACING)
    more = smooth_step(facing[:, ::-1] - facing, _MORE)
    steep = 1.0 - smooth_step(facing, _STEEP)
    lent = np.maximum(1.0 - seen, more * np.maximum(steep, 1.0 - face)) * seen[:, ::-1]
    return np.asarray(cv2.GaussianBlur(lent, (0, 0), 1.5), np.float32), seen


@numba.njit(cache=True, nogil=True)
def _mix(own, unhidden, lent, smooth, gain, mixed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Mix each texel's own colour, the light-matched mirror image and the smooth continuation."""
    side, half, coarse = own.shape[0], unhidden.shape[0], smooth.shape[0]
    for y in range(side):
        for x in range(side):
            own_share = unhidden[y * half // side, x * half // side]
            other = lent[y * half // side, x * half // side]
            if own_share > 0.999 and other < 0.002:
                mixed[y, x] = own[y, x]
                continue
            own_share = _between(unhidden, y, x, half / side)
            other = _between(lent, y, x, half / side)
            v = min(max((y + 0.5) * coarse / side - 0.5, 0.0), coarse - 1.001)
            u = min(max((x + 0.5) * coarse / side - 0.5, 0.0), coarse - 1.001)
            y0, x0 = int(v), int(u)
            fy, fx = v - y0, u - x0
            a, b = (1.0 - fy) * (1.0 - fx), (1.0 - fy) * fx
            d, e = fy * (1.0 - fx), fy * fx
            for c in range(own.shape[2]):
                value = (
                    smooth[y0, x0, c] * a
                    + smooth[y0, x0 + 1, c] * b
                    + smooth[y0 + 1, x0, c] * d
                    + smooth[y0 + 1, x0 + 1, c] * e
                )
                value += own_share * (own[y, x, c] - value)
                if other > 0.002:
                    light = (
                        gain[y0, x0, c] * a
                        + gain[y0, x0 + 1, c] * b
                        + gain[y0 + 1, x0, c] * d
                        + gain[y0 + 1, x0 + 1, c] * e
                    )
                    value += other * (own[y, side - 1 - x, c] * light - value)
                mixed[y, x, c] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


@numba.njit(cache=True, nogil=True)
def _between(values, y, x, scale):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = values.shape
    v = min(max((y + 0.5) * scale - 0.5, 0.0), height - 1.0)
    u = min(max((x + 0.5) * scale - 0.5, 0.0), width - 1.0)
    y0, x0 = int(v), int(u)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    fy, fx = v - y0, u - x0
    upper = values[y0, x0] * (1.0 - fx) + values[y0, x1] * fx
    lower = values[y1, x0] * (1.0 - fx) + values[y1, x1] * fx
    return upper * (1.0 - fy) + lower * fy


def _light_ratio(colour: Float32, both: Float32) -> Float32:
    """Compare the two halves' light where both are seen, and carry the ratio on from there.

    Returns:
        Own over mirrored light, on the coarse grid.
    """
    grid = (_COARSE_PX, _COARSE_PX)
    known = np.asarray(cv2.resize(both, grid, interpolation=cv2.INTER_AREA), np.float32)
    weighted = colour * (both[..., None] if colour.ndim == 3 else both)
    light = np.asarray(cv2.resize(weighted, grid, interpolation=cv2.INTER_AREA), np.float32)
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), 3.0), np.float32)
    share = cv2.GaussianBlur(known, (0, 0), 3.0)
    mean = quotient(light, np.maximum(share, 1e-6))
    ratio = np.clip((mean + 4.0) / (mean[:, ::-1] + 4.0), *_GAIN)
    # A little trust in equal light everywhere: far from what is known, the ratio tends to 1.
    prior = np.float32(_EQUAL_LIGHT)
    filled = fill(times(np.log(ratio), known), known + prior)
    return np.exp(np.asarray(cv2.GaussianBlur(filled, (0, 0), 3.0), np.float32))
