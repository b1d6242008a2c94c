"""The light on a face, read from its own texture map.

A mask is lit as the skin it covers: brightness that changes slowly over T_I, and the direction that
skin's brightness follows, for the folds.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pipeline.face3d.bezier import surface_weights
from pipeline.face3d.canonical import canonical_texture
from pipeline.ops import contours
from pipeline.ops.codec import as_grey
from pipeline.synthesis.masks.bands import SKIN_REFLECTANCE
from pipeline.synthesis.masks.grid import grid_normals, weighted
from pipeline.types import HEAT_BANDS, Band, Float32, UInt8

SIDE = 48
"""Side of the coarse texture in which light is measured."""
_GAMMA = 2.2
_VIS_SKIN_REFLECTANCE = 0.42
"""Of light skin, brightly lit parts; darker skin is told by an image's own whites."""
_DARK_SKIN_REFLECTANCE = 0.2
"""An image that is brighter still is so elsewhere: beyond a car's window, not on the face."""
_WHITE_SHARE = 0.85
"""Least share of the image's brightest light that a white mask returns."""
_EDGE_TEXELS, _EDGE_LOG = 9, 0.3
"""Reach in which light is smoothed, and the step of its logarithm that stays: a shadow's."""
_LIGHTS = (0.12, 5.0)
"""Least and most light on skin, to that of the median: hard sun beside a shadow."""
_DARK_TEXELS, _BRIGHT_TEXELS = 13, 9
_UNLIKE_SKIN = (
    contours.RIGHT_EYE_LOOP,
    contours.LEFT_EYE_LOOP,
    contours.MOUTH_LOOP,
    contours.RIGHT_BROW_LOOP,
    contours.LEFT_BROW_LOOP,
)
"""Contours of eyes, lips and brows: their darkness is not shade."""


@dataclass(frozen=True)
class FaceLight:
    """The light on a face.

    Attributes:
        shade: float32 (48, 48) over the texture, 1 at the median.
        direction: float32 (3,), how brightness grows with the normal, in the head's axes.
        white: linear brightness, 0 to 1, of an even white surface; of heat, of the skin.
        room: linear brightness of the room, for heat.
    """

    shade: Float32
    direction: Float32
    white: float
    room: float


def face_light(image: UInt8, mesh_xyz: Float32, rotation: Float32, band: Band) -> FaceLight:
    """Measure the light on a face.

    Args:
        image: uint8 (h, w) or (h, w, 3).
        mesh_xyz: float32 (468, 3), pixels of the image.
        rotation: (3, 3), the head's axes to the image's.
        band: the image's.
    """
    grid, skin = _coarse()
    mesh = np.asarray(mesh_xyz, np.float64)
    surface = weighted(grid.data, grid.indices, grid.indptr, mesh).reshape(SIDE, SIDE, 3)
    grey = as_grey(image)
    texture = cv2.remap(
        grey, surface[..., 0], surface[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    normals = grid_normals(surface)
    weight, total, level = _skin_seen(surface, normals, skin, texture, grey.shape)
    if total < 4.0:
        return FaceLight(np.ones((SIDE, SIDE), np.float32), np.zeros(3, np.float32), 0.8, 0.1)
    median = float(_to_linear()[level])
    white, room = _levels(grey, median, band)
    if band in HEAT_BANDS:
        even = np.ones((SIDE, SIDE), np.float32)
        return FaceLight(even, np.zeros(3, np.float32), white, room)
    relative = np.clip(_to_linear()[texture] / max(median, 1e-3), *_LIGHTS)
    direction = _direction(np.clip(relative, 0.25, 2.2), normals, weight) @ rotation
    return FaceLight(_spread(relative, weight), direction.astype(np.float32), white, room)


@numba.njit(cache=True, nogil=True)
def _skin_seen(surface, normals, skin, texture, hw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return how far each texel shows skin, (n, n), their sum, and the median grey level there."""
    weight = np.zeros(skin.shape, np.float32)
    counts, total = np.zeros(256, np.float64), 0.0
    for v in range(skin.shape[0]):
        for u in range(skin.shape[1]):
            x, y = surface[v, u, 0], surface[v, u, 1]
            if x < 0.0 or y < 0.0 or x > hw[1] - 1 or y > hw[0] - 1:
                continue
            facing = -normals[v, u, 2] / np.float32(0.35)
            weight[v, u] = skin[v, u] * min(max(facing, np.float32(0.0)), np.float32(1.0))
            counts[texture[v, u]] += weight[v, u]
            total += weight[v, u]
    level, below = 0, counts[0]
    while below < total / 2 and level < 255:
        level += 1
        below += counts[level]
    return weight, total, level


def _levels(grey: UInt8, skin: float, band: Band) -> tuple[float, float]:
    counts = np.cumsum(_histogram(grey).sum(axis=0))
    lit = counts - counts[0] * (counts[0] < counts[-1])  # padding's black is no part of a scene
    low, high = np.searchsorted(lit, np.array([0.05, 0.99]) * lit[-1])
    brightest, room = float(_to_linear()[high]), float(_to_linear()[low])
    if band in HEAT_BANDS:  # heat is shown without a camera's gamma
        return skin ** (1 / _GAMMA), min(room, skin) ** (1 / _GAMMA)
    reflectance = SKIN_REFLECTANCE.get(band)
    white = skin / (reflectance or _VIS_SKIN_REFLECTANCE)
    if reflectance is None:
        white = max(white, min(_WHITE_SHARE * brightest, skin / _DARK_SKIN_REFLECTANCE))
    return float(np.clip(white, 0.02, 1.15)), room


@numba.njit(cache=True, nogil=True)
def _histogram(grey):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the levels of uint8 (h, w), in four parts: int64 (4, 256)."""
    # Four counts in turn: like neighbours need not wait for each other's. Their sum is NumPy's: to
    # compile it takes two seconds.
    counts = np.zeros((4, 256), np.int64)
    for y in range(grey.shape[0]):
        row = grey[y]
        whole = len(row) // 4 * 4
        for x in range(0, whole, 4):
            counts[0, row[x]] += 1
            counts[1, row[x + 1]] += 1
            counts[2, row[x + 2]] += 1
            counts[3, row[x + 3]] += 1
        for x in range(whole, len(row)):
            counts[0, row[x]] += 1
    return counts


def _direction(relative: Float32, normals: Float32, weight: Float32) -> Float32:
    """Fit brightness = a + b·n over the skin; b/a, damped where few normals are seen.

    Reference:
        R. Ramamoorthi, P. Hanrahan, An efficient representation for irradiance environment maps,
        SIGGRAPH 2001: its first order.
    """
    n, w, values = normals.reshape(-1, 3), weight.ravel(), relative.ravel()
    basis = np.column_stack([np.ones(len(n), np.float32), n])
    normal = (basis.T * w) @ basis + np.diag([0, 1, 1, 1]) * 0.03 * w.sum()
    a, *b = np.linalg.solve(normal.astype(np.float64), (basis.T * w) @ values)
    direction = np.array(b) / max(a, 0.2)
    length = float(np.linalg.norm(direction))
    return np.asarray(direction * min(1.0, 1.2 / max(length, 1e-6)), np.float32)


def _spread(relative: Float32, weight: Float32) -> Float32:
    """Smooth brightness over the texture, on into what is not seen; shadows keep their edges."""
    result = np.ones_like(relative)
    for sigma in (9.0, 5.0):
        weights = cv2.GaussianBlur(weight, (0, 0), sigma) + np.float32(0.02)
        smooth = cv2.GaussianBlur(weight * relative, (0, 0), sigma) + np.float32(0.02) * result
        result = smooth / weights
    light = weight * relative + (1 - weight) * result
    kept = np.asarray(np.log(np.maximum(light, 0.05)), np.float32)
    # What is smaller than a cast shadow is the face's own: nostrils, lips, the nose's glint.
    for operation, texels in ((cv2.MORPH_CLOSE, _DARK_TEXELS), (cv2.MORPH_OPEN, _BRIGHT_TEXELS)):
        shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (texels, texels))
        found = cv2.morphologyEx(kept, operation, shape, borderType=cv2.BORDER_REPLICATE)
        kept = np.asarray(found, np.float32)
    for _ in range(2):
        found = cv2.bilateralFilter(kept, _EDGE_TEXELS, _EDGE_LOG, _EDGE_TEXELS / 2)
        kept = np.asarray(found, np.float32)
    return np.exp(kept)


@cache
def _to_linear() -> Float32:
    return ((np.arange(256) / 255.0) ** _GAMMA).astype(np.float32)


@cache
def _coarse() -> tuple[csr_array, Float32]:
    """Return the coarse texels' weights on the mesh, and which of them lie on skin, (48, 48)."""
    uv, triangles = canonical_texture()
    u, v = np.meshgrid(*(((np.arange(SIDE) + 0.5) / SIDE,) * 2))
    fine = 16
    inside, skin = np.zeros((SIDE * fine,) * 2, np.uint8), np.zeros((SIDE * fine,) * 2, np.uint8)
    pixel = np.rint(uv * SIDE * fine - 0.5).astype(np.int32)
    for triangle in triangles:  # with their lines, which leave no gaps between them
        cv2.fillConvexPoly(inside, pixel[triangle], 1)
    skin[:] = cv2.erode(inside, np.ones((fine, fine), np.uint8))
    for contour in _UNLIKE_SKIN:
        shape = cv2.convexHull(pixel[list(contour)])
        cv2.fillConvexPoly(skin, shape, 0)
        cv2.polylines(skin, [shape], True, 0, fine)
    small = [
        np.asarray(cv2.resize(each.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        for each in (inside, skin)
    ]
    weights = surface_weights(_onto_face(np.stack([u.ravel(), v.ravel()], axis=1), uv, small[0]))
    return weights, np.asarray(small[1] > 0.95, np.float32)


def _onto_face(
    points: NDArray[np.float64], rim: NDArray[np.float64], inside: NDArray[Any]
) -> NDArray[np.float64]:
    nearest = rim[np.linalg.norm(points[:, None] - rim[None], axis=2).argmin(axis=1)]
    return np.where(inside.ravel()[:, None] > 0, points, nearest)
