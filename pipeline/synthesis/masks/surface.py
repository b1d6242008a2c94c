"""The surface a mask lies on: taut over nose, cheeks and chin, a little off the skin.

A mask spans the hollows beside the nose and lips instead of following them. Its shape is worked out
once on the canonical face, over the texture's coordinates and on below the chin; a face then moves
it as a whole by its head's similarity, and locally by a smooth share of what its mesh differs by.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, RBFInterpolator
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
    maximum_filter,
    zoom,
)
from scipy.sparse import csr_array

from pipeline.face3d.bezier import surface_weights
from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.face3d.pose import similarity_of
from pipeline.face3d.position_map import MAP_PX, valid_texels
from pipeline.ops.raster import vertex_normals
from pipeline.synthesis.masks.grid import weighted
from pipeline.types import Float32, Float64, Int32

COLUMNS, ROWS = 57, 57
_COARSE = 29
U_RANGE, V_RANGE = (-0.02, 1.02), (0.28, 1.26)
"""The part of the texture, and beyond it under the chin, that a mask may cover."""
_JAW = (
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454),
)
_REACH_UV = (0.10, 0.24)
_REACH_CM = (1.5, 4.2)
_CLEARANCE_CM = 0.30
_CONTACT_CM = 0.06
_AXIS_Z_CM = 3.0
_EVEN_CELLS = 6.0
_CELLS = 96
_LOW, _HIGH = np.array([-1.7, -5.0]), np.array([1.7, 13.0])
"""Turn (radians) and height (centimetres) at the ends of the membrane's grid."""
_SMOOTH_UV = 0.07
_EAR_CM = (7.35, -0.6, 4.0)
"""The left ear's root; the right one's mirrors it."""


@dataclass(frozen=True)
class MaskSurface:
    """Where masks lie on one face.

    Attributes:
        taut_xyz: float32 (rows · columns, 3), the surface off the skin, pixels.
        skin_xyz: alike, the skin itself, continued under the chin.
        pixels_per_cm: of the head.
        rotation: float64 (3, 3), canonical axes to the image's.
        ears_xyz: float32 (2, 3): the roots of the right and the left ear.
    """

    taut_xyz: Float32
    skin_xyz: Float32
    pixels_per_cm: float
    rotation: Float64
    ears_xyz: Float32


def surface_on(mesh_xyz: Float32) -> MaskSurface:
    """Lay the surface over a face.

    Args:
        mesh_xyz: (468, 3), x right, y down, z away from the camera, one unit for all.

    Raises:
        ValueError: the mesh is not finite or has no extent.
    """
    mesh = np.asarray(mesh_xyz, dtype=np.float64)
    scale, rotation, shift = similarity_of(mesh)
    shape = _canonical_shape()
    own = (mesh - (canonical_vertices() @ rotation.T * scale + shift)).astype(np.float32)
    smooth, exact = _spread()
    coarse = (own.T @ smooth).T.reshape(_COARSE, _COARSE, 3)
    moved = _refined(np.asarray(coarse, np.float64))
    taut = shape.taut_cm @ (rotation.T * scale) + shift + moved
    local = weighted(exact.data, exact.indices, exact.indptr, own)
    skin = shape.skin_cm @ (rotation.T * scale) + shift + local
    ears = np.array([_EAR_CM, _EAR_CM]) * ((-1, 1, 1), (1, 1, 1))
    return MaskSurface(
        taut.astype(np.float32),
        skin.astype(np.float32),
        scale,
        rotation,
        (ears @ (rotation.T * scale) + shift).astype(np.float32),
    )


@cache
def grid_uv() -> Float64:
    """Return the texture coordinates of the surface's vertices, (rows · columns, 2)."""
    u, v = np.meshgrid(np.linspace(*U_RANGE, COLUMNS), np.linspace(*V_RANGE, ROWS))
    return np.stack([u.ravel(), v.ravel()], axis=1)


@cache
def surface_triangles() -> Int32:
    """Return the surface's triangles, int32 (t, 3), wound as ``grid_triangles``."""
    number = np.arange(ROWS * COLUMNS, dtype=np.int32).reshape(ROWS, COLUMNS)
    a, b, d, c = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    halves = [np.stack(each, axis=-1).reshape(-1, 3) for each in ((a, b, c), (a, c, d))]
    return np.ascontiguousarray(np.concatenate(halves))


@dataclass(frozen=True)
class _Shape:
    taut_cm: Float64
    skin_cm: Float64


@cache
def _canonical_shape() -> _Shape:
    """Shape the surface on the canonical face, centimetres."""
    points, at = _with_neck()
    skin = RBFInterpolator(at, points, kernel="thin_plate_spline")(grid_uv())
    taut = _stretched(skin)
    skin_out = vertex_normals(skin.astype(np.float32), surface_triangles())
    taut_out = vertex_normals(taut.astype(np.float32), surface_triangles())
    return _Shape(taut + _CLEARANCE_CM * taut_out, skin + _CONTACT_CM * skin_out)


def _stretched(skin: Float64) -> Float64:
    """Stretch a membrane over nose and chin, held at the rim of the covered part.

    It is the least surface, measured outwards from the head's vertical axis at each turn and
    height, that smoothing no longer lowers below the skin; hollows and the nose's underside lie
    behind it. The texture crowds at lips and nostrils, cloth does not: its threads are spread
    evenly over the membrane.
    """
    axis = np.array([0.0, 0.0, _AXIS_Z_CM])
    u, v = grid_uv().reshape(ROWS, COLUMNS, 2).transpose(2, 0, 1)
    free = np.clip((0.43 - np.abs(u - 0.5)) / 0.08, 0, 1) * np.clip((v - 0.38) / 0.05, 0, 1)
    free *= np.clip((1.0 - v) / 0.08, 0, 1)
    turn, height, _ = _about(skin - axis)
    even = np.stack(
        [
            each + free.ravel() * (gaussian_filter(grid, _EVEN_CELLS).ravel() - each)
            for each, grid in ((at, at.reshape(ROWS, COLUMNS)) for at in (turn, height))
        ]
    )
    radius = _membrane(skin - axis, free)
    cells = (even - _LOW[:, None]) / (_HIGH - _LOW)[:, None] * (_CELLS - 1)
    reach = map_coordinates(radius, cells, order=1, mode="nearest")
    x, z = reach * np.sin(even[0]), -reach * np.cos(even[0])
    membrane = np.stack([x, even[1], z], axis=1) + axis
    stretched: Float64 = skin + free.reshape(-1, 1) * (membrane - skin)
    return stretched


def _membrane(skin: Float64, free: Float64) -> Float64:
    """Return the membrane's radius over a grid of turn and height, (96, 96)."""
    fine = np.stack([zoom(each, 6, order=3) for each in skin.T.reshape(3, ROWS, COLUMNS)], axis=-1)
    turn, height, away = _about(fine.reshape(-1, 3))
    place = (np.stack([turn, height]) - _LOW[:, None]) / (_HIGH - _LOW)[:, None] * (_CELLS - 1)
    cells = np.rint(place).astype(int)
    inside = ((cells >= 0) & (cells < _CELLS)).all(axis=0)
    radius, hold = np.full((_CELLS, _CELLS), -1.0), np.zeros((_CELLS, _CELLS))
    np.maximum.at(radius, tuple(cells[:, inside]), away[inside])
    np.maximum.at(hold, tuple(cells[:, inside]), zoom(free, 6, order=1).ravel()[inside])
    known = radius > 0
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    radius, hold = radius[tuple(nearest)], hold[tuple(nearest)]
    membrane = radius.copy()
    for _ in range(600):
        membrane = np.maximum(radius, gaussian_filter(membrane, 2.5))
        membrane = radius + hold * (membrane - radius)
    smooth = gaussian_filter(membrane, 2.5)
    # Rounding has cut the nose's tip off: lift what lies below the skin, and what is around it.
    for _ in range(2):
        smooth += gaussian_filter(maximum_filter(np.maximum(radius - smooth, 0.0), 7), 3.0) * hold
    made: Float64 = radius + hold * (smooth - radius)
    return made


def _about(points: Float64) -> tuple[Float64, Float64, Float64]:
    """Return turn about the vertical axis (0 forwards), height and distance from the axis."""
    x, y, z = points.T
    return np.arctan2(x, -z), y, np.hypot(x, z)


def _with_neck() -> tuple[Float64, Float64]:
    """Return the canonical points and more under the jaw, and their texture coordinates."""
    uv, _ = canonical_texture()
    vertices = canonical_vertices()
    jaw = list(_JAW)
    outward = uv[jaw] - (0.5, 0.42)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # Back towards the neck, and further inwards the further back.
    inwards = np.stack([-np.sign(vertices[jaw, 0]), np.zeros(len(jaw)), np.zeros(len(jaw))], axis=1)
    points, at = [vertices], [uv]
    for reach_uv, reach_cm, tuck in zip(_REACH_UV, _REACH_CM, (0.0, 0.25), strict=True):
        down = (0.0, 0.35, 0.94)
        points.append(vertices[jaw] + reach_cm * (np.array(down) + tuck * inwards))
        at.append(uv[jaw] + reach_uv * outward)
    return np.concatenate(points), np.concatenate(at)


@cache
def _spread() -> tuple[Float32, csr_array]:
    """Return how a mesh's own shape reaches the surface: smoothly, and exactly.

    What is smooth is worked out at every other vertex each way (see ``_refined``). Points beyond
    the face take after the nearest of its rim.
    """
    uv, _ = canonical_texture()
    distance = np.linalg.norm(grid_uv()[:, None] - uv[None], axis=2)
    rim = uv[distance.argmin(axis=1)]
    every_other = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)[::2, ::2].ravel()
    distance = distance[every_other]
    nearest = distance.min(axis=1, keepdims=True)
    kernel = np.exp(-(distance**2 - nearest**2) / (2 * _SMOOTH_UV**2))
    # Dense parts of the mesh (lips, eyes) would outweigh the cheeks: each point counts its area.
    own = np.exp(-((np.linalg.norm(uv[:, None] - uv[None], axis=2) / 0.04) ** 2)).sum(axis=1)
    kernel /= own
    smooth = (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    inside = _inside(grid_uv())
    exact = surface_weights(np.where(inside[:, None], grid_uv(), rim))
    return np.ascontiguousarray(smooth.T), exact


def _refined(coarse: Float64) -> Float64:
    """Carry a smooth grid at every other vertex, (29, 29, 3), to all, (rows · columns, 3)."""
    along_rows = np.tensordot(_refinement(), coarse, axes=1)
    both = np.matmul(_refinement(), along_rows)
    return np.asarray(both.reshape(-1, 3), np.float64)


@cache
def _refinement() -> Float64:
    """Return the cubic spline from every other vertex of a row to all, (57, 29)."""
    spline = CubicSpline(np.arange(_COARSE) * 2, np.eye(_COARSE))
    return np.asarray(spline(np.arange(COLUMNS)), np.float64)


def _inside(points_uv: Float64) -> NDArray[np.bool_]:
    texel = np.clip(np.floor(points_uv * MAP_PX).astype(int), 0, MAP_PX - 1)
    within = ((points_uv > 0) & (points_uv < 1)).all(axis=1)
    return np.asarray(valid_texels()[texel[:, 1], texel[:, 0]] & within)
