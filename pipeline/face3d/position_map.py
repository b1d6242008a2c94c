"""UV position maps: where each point of a face's surface lies, the one form of a 3D face here.

Convention: a map is float32 (256, 256, 3): x and y in pixels of the image it belongs to, z in the
same unit, away from the camera. Texel (row, column) stands for ``u = (column + 0.5) / 256, v =
(row + 0.5) / 256`` of the canonical face's texture (``canonical_texture``), so texel centres lie at
integers. Texels beyond the face, those outside ``valid_texels()``, are NaN.

Reference:
    Y. Feng et al., Joint 3D face reconstruction and dense alignment with position map regression
    network, ECCV 2018, section 3.1. The layout of the texture is MediaPipe's, not PRNet's.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from pipeline.face3d.bezier import surface_weights
from pipeline.face3d.canonical import canonical_texture
from pipeline.ops.geometry import scale_of
from pipeline.ops.raster import rasterise, rasterise_depth
from pipeline.types import Float32, Int32, UInt8

MAP_PX = 256
"""Side of a position map."""


@cache
def valid_texels() -> NDArray[np.bool_]:
    """Return the texels that stand for a point of the face, bool (256, 256), read-only.

    They cover the canonical face and one texel around it, so that every point of the face can be
    read between four valid texels.
    """
    uv, triangles = canonical_texture()
    xy = texel_of_uv(uv)
    flat = np.column_stack([xy, np.zeros(len(xy))]).astype(np.float32)
    covered = rasterise(flat, triangles.astype(np.int32), (MAP_PX, MAP_PX)).covered
    valid = np.asarray(cv2.dilate(covered.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    columns, rows = np.floor(xy).astype(int).T
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        valid[rows + row, columns + column] = True
    valid.setflags(write=False)
    return valid


def texel_of_uv(uv: ArrayLike) -> NDArray[np.float64]:
    """Return texture coordinates (..., 2) as (column, row) of a map."""
    return np.asarray(uv, dtype=np.float64) * MAP_PX - 0.5


def position_map_of_mesh(mesh_xyz: Float32) -> Float32:
    """Spread a 468-point mesh over the face.

    The surface is smooth: a cubic Bézier triangle over each triangle of the mesh, through its
    points, with one tangent plane in each, so that drawings of it show no facets. Only the opening
    between the lips stays flat.

    Args:
        mesh_xyz: (468, 3), x right, y down, z away from the camera, one unit for all.

    Returns:
        float32 (256, 256, 3), NaN outside ``valid_texels()``.

    Raises:
        ValueError: another shape, or a point that is not finite.
    """
    mesh = np.asarray(mesh_xyz, dtype=np.float64)
    if mesh.shape != (468, 3) or not np.isfinite(mesh).all():
        raise ValueError(f"expected 468 finite points, got {mesh.shape}")
    made = np.full((MAP_PX, MAP_PX, 3), np.nan, dtype=np.float32)
    made[valid_texels()] = texel_weights() @ mesh
    return made


@cache
def texel_weights() -> csr_array:
    """Return the map from a mesh's points to the valid texels in row-major order, (n, 468)."""
    rows, columns = np.nonzero(valid_texels())
    return surface_weights((np.column_stack([columns, rows]) + 0.5) / MAP_PX)


def mesh_of_position_map(position_map: Float32) -> Float32:
    """Return the 468 points whose smooth surface comes nearest to a map.

    The inverse of ``position_map_of_mesh``; of any other map, the least-squares fit.

    Args:
        position_map: float32 (256, 256, 3), every valid texel finite.

    Returns:
        float32 (468, 3).

    Raises:
        ValueError: another shape, or a valid texel that is not finite.
    """
    texels = _checked(position_map)[valid_texels()].astype(np.float64)
    weights, factor = _fit()
    centre = texels.mean(axis=0)
    points = cho_solve(factor, weights @ (texels - centre)) + centre
    mesh: Float32 = points.astype(np.float32)
    return mesh


@cache
def _fit() -> tuple[csr_array, tuple[NDArray[np.float64], bool]]:
    """Return the transposed weights and the factor of the normal equations."""
    weights = texel_weights()
    transposed = csr_array(weights.T)
    return transposed, cho_factor((transposed @ weights).toarray())


def transform_map(position_map: Float32, source_to_target: ArrayLike) -> Float32:
    """Carry a map into another frame by a similarity; z is scaled with it.

    Args:
        position_map: float32 (256, 256, 3), pixels of the source.
        source_to_target: (2, 3).
    """
    matrix = np.asarray(source_to_target, dtype=np.float64)
    solid = np.zeros((3, 4))
    solid[:2, :2], solid[:2, 3] = matrix[:, :2], matrix[:, 2]
    solid[2, 2] = scale_of(matrix)
    moved = cv2.transform(np.ascontiguousarray(position_map, dtype=np.float32), solid)
    return np.asarray(moved, np.float32)


def map_normals(position_map: Float32) -> Float32:
    """Return the surface's unit normals, float32 (256, 256, 3), out of the face; NaN outside.

    A point that faces the camera has a normal of (0, 0, −1).
    """
    along_u, along_v = _slope(position_map, axis=1), _slope(position_map, axis=0)
    normals: Float32 = np.cross(along_v, along_u).astype(np.float32)
    lengths = np.linalg.norm(normals, axis=2, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, 1e-12), np.float32)


def _slope(values: Float32, axis: int) -> Float32:
    """Halve the difference of the neighbours on both sides, or take that to the valid one."""
    ahead, behind = np.full_like(values, np.nan), np.full_like(values, np.nan)
    difference = np.diff(values, axis=axis)
    if axis == 0:
        ahead[:-1], behind[1:] = difference, difference
    else:
        ahead[:, :-1], behind[:, 1:] = difference, difference
    both = np.where(np.isnan(ahead), behind, ahead) + np.where(np.isnan(behind), ahead, behind)
    return np.asarray(both / 2, np.float32)


@cache
def grid_triangles(step: int = 2) -> tuple[Int32, Int32]:
    """Return a mesh over the valid texels, for drawing a map.

    Args:
        step: texels between the mesh's vertices: 1, 2 or 4.

    Returns:
        Flat indices of texels that are vertices, int32 (n,), and triangles, int32 (t, 3), indices
        into them; wound clockwise as the camera sees a face that looks at it. Read-only.
    """
    if step not in (1, 2, 4):
        raise ValueError(f"step {step} is none of 1, 2, 4")
    valid = valid_texels()[::step, ::step]
    number = np.full(valid.shape, -1, dtype=np.int32)
    number[valid] = np.arange(valid.sum())
    rows, columns = np.nonzero(valid)
    texels = (rows * step * MAP_PX + columns * step).astype(np.int32)
    a, b, d, c = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    # Each cell is cut by the diagonal a-c or b-d, in turn: no direction is favoured.
    row, column = np.indices(a.shape)
    even = (row + column) % 2 == 0
    halves = [(a, b, c, even), (a, c, d, even), (a, b, d, ~even), (b, c, d, ~even)]
    triangles = np.concatenate(
        [np.stack(corners, axis=-1)[chosen] for *corners, chosen in halves]
    ).astype(np.int32)
    triangles = np.ascontiguousarray(triangles[(triangles >= 0).all(axis=1)])
    for array in (texels, triangles):
        array.setflags(write=False)
    return texels, triangles


def map_visibility(position_map: Float32) -> Float32:
    """Say how far the camera sees each texel: float32 (256, 256), 0 unseen to 1; 0 outside.

    Seen is what turns towards the camera and has no other part of the face in front of it. The
    value rises from 0 where the surface is edge-on to 1 at 70° from the line of sight, and does not
    tell what a hand or a hair hides.
    """
    facing = -np.nan_to_num(map_normals(position_map)[..., 2])
    seen: Float32 = np.clip(facing / np.float32(0.342), 0.0, 1.0) * _unhidden(position_map)
    return seen


def visible_fraction(mesh_xyz: Float32) -> Float32:
    """Return which share of the face's right and left half the camera sees.

    A triangle counts where it turns towards the camera and nothing lies in front of its middle,
    and by its area in the texture.

    Args:
        mesh_xyz: float32 (468, 3).

    Returns:
        float32 (2,), 0 to 1.
    """
    uv, triangles = canonical_texture()
    mesh = np.asarray(mesh_xyz, np.float32)
    low = mesh.min(axis=0)
    frame_px = 96
    scale = (frame_px - 3) / max(float(np.ptp(mesh[:, :2], axis=0).max()), 1e-6)
    moved = ((mesh - low) * scale + 1).astype(np.float32)
    _, depth = rasterise_depth(moved, triangles.astype(np.int32), (frame_px, frame_px))
    middle = moved[triangles].mean(axis=1)
    columns, rows = np.rint(middle[:, :2]).astype(int).T
    front = np.where(np.isinf(depth), np.float32(1e6), depth)[rows, columns]
    seen = (doubled_areas(moved[:, :2]) * np.sign(doubled_areas(uv)) > 0) & (
        middle[:, 2] < front + 0.04 * frame_px
    )
    area = np.abs(doubled_areas(uv))
    left = uv[triangles, 0].mean(axis=1) > 0.5
    shares = [area[half & seen].sum() / area[half].sum() for half in (~left, left)]
    return np.array(shares, np.float32)


def doubled_areas(xy: NDArray[Any]) -> NDArray[np.float64]:
    """Return twice the signed area of each canonical triangle, (898,)."""
    corners = np.asarray(xy, np.float64)[canonical_texture()[1]]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _unhidden(position_map: Float32) -> NDArray[np.bool_]:
    """Compare each texel's depth with the nearest surface's where it lies."""
    texels, triangles = grid_triangles(4)
    flat = position_map.reshape(-1, 3)
    low = np.nanmin(flat, axis=0)
    side = float(np.nanmax(np.nanmax(flat, axis=0)[:2] - low[:2]))
    frame_px = 128
    scale = (frame_px - 3) / max(side, 1e-6)
    moved = (position_map - low) * np.float32(scale) + np.array([1, 1, 0], np.float32)
    _, depth = rasterise_depth(moved.reshape(-1, 3)[texels], triangles, (frame_px, frame_px))
    # The nearest surface within a pixel has to be well in front: a face is smooth beside noses.
    farthest = cv2.dilate(
        np.where(np.isinf(depth), -1e6, depth).astype(np.float32), np.ones((3, 3))
    )
    x, y = np.nan_to_num(moved[..., 0]), np.nan_to_num(moved[..., 1])
    front = cv2.remap(farthest, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    with np.errstate(invalid="ignore"):
        hidden = (moved[..., 2] - front > 0.03 * frame_px) & (front > -1e5)
    unhidden: NDArray[np.bool_] = ~hidden & valid_texels()
    return unhidden


def uv_texture(image: UInt8, position_map: Float32) -> UInt8:
    """Unwrap an image: T_I, the colour of each texel.

    Args:
        image: uint8 (h, w) or (h, w, 3), the image that the map belongs to; its border is
            repeated where the face reaches beyond it.
        position_map: float32 (256, 256, 3).

    Returns:
        uint8 (256, 256[, 3]), 0 outside the face. Texels that the camera does not see hold what
        lies in front of them: weigh with ``map_visibility``.

    Reference:
        HSST, section II-B: the texture map T_I of a face image I.
    """
    x, y = (np.ascontiguousarray(np.nan_to_num(position_map[..., axis])) for axis in (0, 1))
    texture = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    texture[~valid_texels()] = 0
    return np.asarray(texture, np.uint8)


def _checked(position_map: Float32) -> Float32:
    made = np.asarray(position_map, dtype=np.float32)
    if made.shape != (MAP_PX, MAP_PX, 3):
        raise ValueError(f"expected a map of (256, 256, 3), got {made.shape}")
    if not np.isfinite(made[valid_texels()]).all():
        raise ValueError("a valid texel of the map is not finite")
    return made
