"""Similarities, affine maps and warps.

Convention: points are (x, y), shapes are (h, w), pixel centres lie at integers, and a matrix
``source_to_target`` of shape (2, 3) takes source points to target points:
``target = matrix[:, :2] @ source + matrix[:, 2]``.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.types import Float32

INTERPOLATIONS: dict[str, int] = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_LINEAR,  # of two-by-two samples a target pixel, see warp_affine
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
"""Interpolations by name."""

BORDERS: dict[str, int] = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
}
"""What lies outside the source, by name; ``reflect`` does not repeat the edge pixel."""

_DEGENERATE = 1e-6
"""Smallest spread (relative to the coordinates) and correlation that still fix a similarity."""
_MOST_PX = 32_766
"""Longest side of an image that OpenCV warps."""
_LARGE_PX = 1 << 22
"""An image of more pixels is cut to what a warp reads: to reduce all of it takes 4 to 20 times as
long (12 megapixels, faces of 1,200 and 400 pixels)."""
_REACH_PX = 8
"""So far about a point any interpolation reads."""


def similarity_from_points(source_xy: ArrayLike, target_xy: ArrayLike) -> Float32:
    """Fit the similarity (rotation, uniform scale, shift; no reflection) with least squared error.

    In the plane, Umeyama's problem is one complex linear regression, ``target = a·source + b``,
    whose solution is closed: no SVD and no sign to correct.

    Args:
        source_xy: (k, 2), k ≥ 2, pixels of the source.
        target_xy: (k, 2), the same points in the target.

    Returns:
        source_to_target, float32 (2, 3); computed in float64.

    Raises:
        ValueError: shapes differ, a coordinate is not finite, or the points are degenerate: all in
            one place, or matched so badly (as in a mirror) that no rotation is better than another.

    Reference:
        S. Umeyama, Least-squares estimation of transformation parameters between two point
        patterns, PAMI 13(4), 1991, equations 39–43.
    """
    source = np.asarray(source_xy, dtype=np.float64)
    target = np.asarray(target_xy, dtype=np.float64)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2 or len(source) < 2:
        raise ValueError(f"expected two (k, 2) sets, k >= 2; got {source.shape}, {target.shape}")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("a point is not finite")
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    dx, dy = (source - source_mean).T
    du, dv = (target - target_mean).T
    variance = float(dx @ dx + dy @ dy)
    target_variance = float(du @ du + dv @ dv)
    for spread, points in ((variance, source), (target_variance, target)):
        if spread <= (_DEGENERATE * (1.0 + float(np.abs(points).max()))) ** 2:
            raise ValueError("all points lie in one place")
    real, imaginary = float(dx @ du + dy @ dv), float(dx @ dv - dy @ du)
    if np.hypot(real, imaginary) <= _DEGENERATE * np.sqrt(variance * target_variance):
        raise ValueError("the points do not determine a rotation")
    cos, sin = real / variance, imaginary / variance
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = target_mean - linear @ source_mean
    return np.column_stack([linear, shift]).astype(np.float32)


def invert_affine(source_to_target: ArrayLike) -> Float32:
    """Return target_to_source, float32 (2, 3).

    Raises:
        ValueError: the matrix has no inverse.
    """
    matrix = _matrix(source_to_target)
    determinant = float(np.linalg.det(matrix[:, :2]))
    if not np.isfinite(determinant) or determinant == 0.0:
        raise ValueError("the affine map has no inverse")
    return _inverse(matrix).astype(np.float32)


def compose_affine(first: ArrayLike, then: ArrayLike) -> Float32:
    """Return the map that applies ``first`` and then ``then``; all (2, 3), the result float32."""
    return _compose(_matrix(first), _matrix(then)).astype(np.float32)


def affine_between(source_to_first: ArrayLike, source_to_second: ArrayLike) -> Float32:
    """Return the map from one crop's frame to another's, both of one source; all (2, 3)."""
    return compose_affine(invert_affine(source_to_first), source_to_second)


def transform_points(xy: ArrayLike, matrix: ArrayLike) -> Float32:
    """Apply an affine map to points of shape (..., 2); returns float32 of the same shape."""
    points, affine = np.asarray(xy, dtype=np.float64), _matrix(matrix)
    moved: NDArray[np.float64] = points @ affine[:, :2].T + affine[:, 2]
    return moved.astype(np.float32)


def transform_mesh(mesh_xyz: Float32, source_to_target: ArrayLike) -> Float32:
    """Carry a mesh through a similarity; z is scaled with it. (n, 3), the result float32."""
    xy = transform_points(mesh_xyz[:, :2], source_to_target)
    z = mesh_xyz[:, 2] * np.float32(scale_of(source_to_target))
    return np.column_stack([xy, z]).astype(np.float32)


def scale_of(source_to_target: ArrayLike) -> float:
    """Return target pixels per source pixel: the square root of the area's magnification."""
    return float(np.sqrt(abs(np.linalg.det(_matrix(source_to_target)[:, :2]))))


def reduction_of(source_to_target: ArrayLike) -> tuple[int, int]:
    """Return by which whole factors ``warp_affine`` first reduces a source along x and y, or 1."""
    x, y = (max(1, int(1.0 / each + 1e-6)) for each in _steps(_matrix(source_to_target)))
    return x, y


def _steps(source_to_target: NDArray[np.float64]) -> list[float]:
    """Return how far apart in the target a source's neighbours along x and y lie."""
    steps: list[float] = np.hypot(*source_to_target[:, :2]).tolist()
    return steps


def warp_affine(
    image: NDArray[Any],
    source_to_target: ArrayLike,
    hw: tuple[int, int],
    *,
    interpolation: str = "linear",
    border: str = "constant",
) -> NDArray[Any]:
    """Resample an image through an affine map.

    A warp that shrinks at least twofold would skip source pixels and alias. Except under
    ``nearest`` (label maps must not mix), the source is first reduced by the whole factor
    ``floor(shrink)`` of each of its axes with an area mean, and that reduction is folded exactly
    into the map. ``area`` moreover takes the mean of two-by-two samples a target pixel whenever the
    warp shrinks.

    Args:
        image: (h, w) or (h, w, c), uint8 or float32.
        source_to_target: (2, 3).
        hw: height and width of the result.
        interpolation: a name of ``INTERPOLATIONS``.
        border: a name of ``BORDERS``; ``constant`` is 0.

    Returns:
        The image in the target's frame, of the source's dtype and number of channels.

    Raises:
        ValueError: a shape, dtype or name that is not offered, or a map without an inverse.
    """
    if image.dtype not in (np.uint8, np.float32) or image.ndim not in (2, 3) or image.size == 0:
        raise ValueError(f"expected uint8 or float32 grey or RGB, got {image.dtype} {image.shape}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation {interpolation!r} is none of {list(INTERPOLATIONS)}")
    if border not in BORDERS:
        raise ValueError(f"border {border!r} is none of {list(BORDERS)}")
    matrix = _matrix(source_to_target)
    scale = scale_of(matrix)
    if not np.isfinite(scale) or scale == 0.0:
        raise ValueError("the affine map has no inverse")
    most = max(image.shape[:2])
    block = (1, 1) if interpolation == "nearest" else reduction_of(matrix)
    block = min(block[0], most), min(block[1], most)
    if most > _MOST_PX or image.shape[0] * image.shape[1] > _LARGE_PX:
        image, matrix = _of_part(image, matrix, hw, border, block)
    if max(block) >= 2:
        image, reduced_to_source = _reduce(image, block, BORDERS[border])
        matrix = _compose(reduced_to_source, matrix)
    oversample = 2 if interpolation == "area" and min(_steps(matrix)) < 1.0 - 1e-6 else 1
    if oversample == 2:
        matrix = _compose(matrix, _pixel_scaling(oversample, oversample))
    warped: NDArray[Any] = cv2.warpAffine(
        image,
        _inverse(matrix),
        (hw[1] * oversample, hw[0] * oversample),
        flags=INTERPOLATIONS[interpolation] | cv2.WARP_INVERSE_MAP,
        borderMode=BORDERS[border],
    )
    if oversample == 2:
        warped = cv2.resize(warped, hw[::-1], interpolation=cv2.INTER_AREA)
    return warped


def _reduce(
    image: NDArray[Any], factors: tuple[int, int], border: int
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Take means of so many pixels along x and y; return them with reduced_to_source."""
    x, y = factors
    bottom, right = -image.shape[0] % y, -image.shape[1] % x
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, border)
    wh = image.shape[1] // x, image.shape[0] // y
    reduced = cv2.resize(image, wh, interpolation=cv2.INTER_AREA)
    return reduced, _pixel_scaling(x, y)


def _of_part(
    image: NDArray[Any],
    source_to_target: NDArray[np.float64],
    hw: tuple[int, int],
    border: str,
    block_xy: tuple[int, int],
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Cut an image to what a warp reads, at ends of its blocks; return the part's map."""
    block = np.array(block_xy)
    to_source = _inverse(source_to_target)
    corners = np.array([(x, y) for x in (0, hw[1] - 1) for y in (0, hw[0] - 1)])
    places = corners @ to_source[:, :2].T + to_source[:, 2]
    low = np.floor(places.min(axis=0)) - _REACH_PX * block
    high = np.ceil(places.max(axis=0)) + _REACH_PX * block + 1
    wh = np.array(image.shape[1::-1])
    if border == "reflect":  # beyond an edge, as far before it is read
        low, high = np.minimum(low, 2 * wh - high), np.maximum(high, -low)
    left, top = np.clip(low, 0, wh - 1).astype(int) // block * block
    right, bottom = np.clip(-(-high // block) * block, np.add((left, top), block), wh).astype(int)
    part_to_image = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    return image[top:bottom, left:right], _compose(part_to_image, source_to_target)


def _pixel_scaling(x: int, y: int) -> NDArray[np.float64]:
    """Return the map from pixels to the finer grid that holds x × y pixels in each."""
    # Shifted because centres, not corners, lie at integers.
    return np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2]])


def _matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(matrix, dtype=np.float64)
    if array.shape != (2, 3):
        raise ValueError(f"an affine map has shape (2, 3), got {array.shape}")
    return array


def _compose(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([then[:, :2] @ first[:, :2], then[:, :2] @ first[:, 2] + then[:, 2]])


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])
