"""Position maps as a few kilobytes: the mesh under them, and what they differ from its surface.

Format, little-endian: ``CBP1``, the tolerance (float32, pixels), the mesh's origin (3 float32), the
lengths of mask and corrections (2 uint32, 0 where ``valid_texels`` and the mesh suffice), then one
zlib stream: mask bits, mesh, corrections, the bytes of an integer in planes of their own.

Reference:
    K. Zhao et al., Optimizing error-bounded lossy compression for scientific data by dynamic spline
    interpolation, ICDE 2021: cubic interpolation level by level, corrections where the error would
    exceed the bound.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.position_map import (
    MAP_PX,
    mesh_of_position_map,
    texel_weights,
    valid_texels,
)
from pipeline.types import Float32, Int32, Int64

TOLERANCE_PX = 0.05
"""Largest error of a coordinate after ``encode_position_map``."""
_TOLERANCE = float(np.float32(TOLERANCE_PX))
"""The same as the header holds it."""

_HEADER = struct.Struct("<4sf3fII")
_MAGIC = b"CBP1"
_GRID = MAP_PX + 1
_COARSEST = 64
_FRACTION = 8
"""Integer steps in one tolerance."""
_CORRECTION = 2 * (_FRACTION - 1) + 1
"""Integer steps in one correction: what remains is at most 7, and 1 is left for roundings."""
_MESH_SIZE = 468 * 3
_MESH_STEPS = 4
"""Steps of a mesh's coordinate in one tolerance."""

_Index = tuple[slice, slice]


def encode_mesh_map(mesh_xyz: Float32) -> bytes:
    """Encode ``position_map_of_mesh(mesh_xyz)`` without making it, to about 3 KB.

    Every coordinate of the decoded map is nearer than ``TOLERANCE_PX``.

    Args:
        mesh_xyz: float32 (468, 3), finite.
    """
    origin, steps = _steps(np.asarray(mesh_xyz, np.float64))
    return _packed(origin, b"", steps, b"")


def encode_position_map(position_map: Float32) -> bytes:
    """Encode a map: about 3 KB where a mesh made it, more where it has detail of its own.

    Args:
        position_map: float32 (256, 256, 3); NaN where there is no face.

    Raises:
        ValueError: another shape, no finite texel, or coordinates beyond ±2^20 pixels.
    """
    values = np.asarray(position_map, dtype=np.float64)
    if values.shape != (MAP_PX, MAP_PX, 3):
        raise ValueError(f"expected (256, 256, 3), got {values.shape}")
    known = np.isfinite(values).all(axis=2)
    if not known.any() or np.abs(values[known]).max() > 2**20:
        raise ValueError("the map has no finite texel, or lies beyond 2^20 pixels")
    usual = np.array_equal(known, valid_texels())
    # A map with holes of its own has no mesh: it is told from a point.
    around = np.broadcast_to(values[known].mean(axis=0), (468, 3))
    mesh = mesh_of_position_map(position_map).astype(np.float64) if usual else around
    origin, steps = _steps(mesh)
    rest = values - _surface(steps, origin, _TOLERANCE)
    rest[~known] = 0.0
    fine = b""
    if np.abs(rest).max() > _TOLERANCE:
        target = np.rint(rest * (_FRACTION / _TOLERANCE)).astype(np.int64)
        corrections = np.concatenate([each.ravel() for each in _encoded(_padded(target))])
        fine = _planes(corrections.astype(np.int32))
    mask = b"" if usual else np.packbits(known).tobytes()
    return _packed(origin, mask, steps, fine)


def decode_position_map(data: bytes) -> Float32:
    """Decode a map, float32 (256, 256, 3), NaN where there is no face.

    Raises:
        ValueError: the bytes are no encoded map.
    """
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise ValueError("these bytes are not a position map")
    _, tolerance, *centre, mask_bytes, fine_bytes = _HEADER.unpack_from(data)
    try:
        body = zlib.decompress(data[_HEADER.size :])
    except zlib.error as error:
        raise ValueError(f"the position map is damaged: {error}") from error
    mesh_end = mask_bytes + 4 * _MESH_SIZE
    if len(body) != mesh_end + fine_bytes:
        raise ValueError("the position map is damaged: its parts do not fit its header")
    steps = _integers(body[mask_bytes:mesh_end]).reshape(468, 3)
    made = _surface(steps, np.array(centre, np.float32), tolerance)
    if fine_bytes:
        grid = _decoded(_integers(body[mesh_end:]).astype(np.int64))
        made += grid[:MAP_PX, :MAP_PX] * (tolerance / _FRACTION)
    if mask_bytes:
        known = np.unpackbits(np.frombuffer(body, np.uint8, mask_bytes)).astype(bool)
    else:
        known = valid_texels().ravel()
    result = made.astype(np.float32)
    result.reshape(-1, 3)[~known] = np.nan
    return result


def _surface(steps: Int32, origin: Float32, tolerance: float) -> NDArray[np.float64]:
    """Return the smooth surface of an encoded mesh; beyond the face, its origin."""
    made = np.empty((MAP_PX, MAP_PX, 3))
    made[:] = origin
    made[valid_texels()] += texel_weights() @ (steps * (tolerance / _MESH_STEPS))
    return made


def _steps(mesh: NDArray[np.float64]) -> tuple[Float32, Int32]:
    """Round a mesh to steps from its middle."""
    origin = mesh.mean(axis=0).astype(np.float32)
    return origin, np.rint((mesh - origin) * (_MESH_STEPS / _TOLERANCE)).astype(np.int32)


def _packed(origin: Float32, mask: bytes, steps: Int32, fine: bytes) -> bytes:
    packed = zlib.compress(mask + _planes(steps.ravel()) + fine, 6)
    return _HEADER.pack(_MAGIC, _TOLERANCE, *origin, len(mask), len(fine)) + packed


def _planes(values: Int32) -> bytes:
    return values.astype("<i4").view(np.uint8).reshape(-1, 4).T.tobytes()


def _integers(planes: bytes) -> Int32:
    columns = np.frombuffer(planes, np.uint8).reshape(4, -1)
    return np.ascontiguousarray(columns.T).view("<i4").ravel().astype(np.int32)


def _padded(target: Int64) -> Int64:
    return np.pad(target, ((0, 1), (0, 1), (0, 0)))


def _encoded(target: Int64) -> Iterator[Int64]:
    grid = np.zeros_like(target)
    for index, predicted in _predictions(grid):
        correction = _rounded(target[index] - predicted, _CORRECTION)
        grid[index] = predicted + correction * _CORRECTION
        yield correction


def _decoded(corrections: Int64) -> Int64:
    grid = np.zeros((_GRID, _GRID, 3), dtype=np.int64)
    done = 0
    for index, predicted in _predictions(grid):
        part = corrections[done : done + predicted.size]
        if part.size != predicted.size:
            raise ValueError("the position map is damaged: it ends early")
        grid[index] = predicted + part.reshape(predicted.shape) * _CORRECTION
        done += predicted.size
    return grid


def _predictions(grid: Int64) -> Iterator[tuple[_Index, Int64]]:
    """Yield parts of the grid with their prediction; the caller sets each before the next."""
    coarse = slice(None, None, _COARSEST)
    yield (coarse, coarse), np.zeros_like(grid[coarse, coarse])
    stride = _COARSEST
    while stride > 1:
        half = stride // 2
        known, new, all_new = (
            slice(None, None, stride),
            slice(half, None, stride),
            slice(None, None, half),
        )
        yield (new, known), _between(grid[known, known])
        columns = grid[all_new, known].swapaxes(0, 1)
        yield (all_new, new), _between(columns).swapaxes(0, 1)
        stride = half


def _between(values: Int64) -> Int64:
    """Interpolate between neighbours along the first axis: cubic, at the ends linear."""
    middle = values[:-1] + values[1:]
    predicted = 8 * middle
    predicted[1:-1] += middle[1:-1] - values[:-3] - values[3:]
    return _rounded(predicted, 16)


def _rounded(values: Int64, divisor: int) -> Int64:
    return (values + divisor // 2) // divisor
