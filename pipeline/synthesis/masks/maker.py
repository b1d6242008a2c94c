"""Making a design: a mask cut out of an image of someone who fits one, and unwrapped.

Reference:
    HSST, section II-B: "we first segment the facial mask from the real masked face images and
    obtain the UV texture map of mask design T_M".
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_texture
from pipeline.ops.codec import as_grey, as_rgb
from pipeline.ops.polygons import filled
from pipeline.ops.reduction import reduce_to
from pipeline.synthesis.masks.surface import COLUMNS, ROWS, U_RANGE, V_RANGE, surface_on
from pipeline.types import MOUTH, FaceClass, Float32, UInt8

SIDE_PX = 512
_BARE = (
    *(FaceClass.SKIN, FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW, FaceClass.LEFT_EYE),
    *(FaceClass.RIGHT_EYE, FaceClass.HAIR, FaceClass.NECK, FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR),
)
_MOST_LIPS = 0.1
"""Share of what every mask covers in which the parser may see lips: of bare faces it sees a third
or more, of worn masks none. Skin tells nothing, as many a mask is taken for it."""
_LIPS_UV = (0.5, 0.70)
"""Middle of what every mask covers, texture coordinates."""
_EVEN_HALVES = 0.85
"""Of a head turned so far that one half is seen by less than this share, the other is mirrored."""
_MARGIN_PX = 6
"""Transparent rim of a design."""
_MOST_FACE_PX = 640.0
"""Of a face this long a design has about one texel for each pixel and a half."""
_AROUND = 0.5
"""So much of its length an image is looked at on each side of a face."""


def near_face(image: UInt8, mesh_xyz: Float32) -> tuple[UInt8, Float32]:
    """Reduce an image to what a design needs of it: a face and what is around it.

    A large photograph has several pixels for each texel, of which a few would be read, with their
    grain and as moiré; and ``region_of_labels`` would look at all of it, for minutes.

    Args:
        image: uint8 (h, w) or (h, w, 3).
        mesh_xyz: float32 (468, 3), pixels of the image.

    Returns:
        The part, each of its pixels a mean of the image's, and image_to_part, float32 (2, 3).

    Raises:
        ValueError: the face has no extent in the image.
    """
    low, high = mesh_xyz[:, :2].min(axis=0), mesh_xyz[:, :2].max(axis=0)
    length = float((high - low).max())
    wh = np.array(image.shape[1::-1])
    if not (length > 0 and (high > 0).all() and (low < wh - 1).all()):
        raise ValueError("the face has no extent in the image")
    left, top = np.clip(np.floor(low - _AROUND * length), 0, wh).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + _AROUND * length) + 1, 0, wh).astype(int).tolist()
    part = image[top:bottom, left:right]
    small = reduce_to(part, round(max(part.shape[:2]) * min(1.0, _MOST_FACE_PX / length)))
    along_x, along_y = np.divide(small.shape[1::-1], part.shape[1::-1]).tolist()
    to_part = [
        [along_x, 0.0, (0.5 - left) * along_x - 0.5],
        [0.0, along_y, (0.5 - top) * along_y - 0.5],
    ]
    return np.ascontiguousarray(small), np.array(to_part, np.float32)


def region_of_polygon(points_xy: NDArray[np.floating], hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill the polygon that the user gave.

    Args:
        points_xy: (k, 2), k ≥ 3, pixels of the image.
        hw: its height and width.

    Raises:
        ValueError: fewer than three points, or no pixel of the image inside.
    """
    points = np.asarray(points_xy, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise ValueError(f"a polygon needs three or more x,y points, got {len(points)}")
    region = filled(points, hw)
    if not region.any():
        raise ValueError(f"the polygon contains no pixel of the image of {hw[1]} × {hw[0]}")
    return region


def region_of_labels(image_rgb: UInt8, labels: UInt8, mesh_xyz: Float32) -> NDArray[np.bool_]:
    """Find the mask by colour, from where the parser sees bare skin and where every mask is.

    Args:
        image_rgb: uint8 (h, w, 3).
        labels: uint8 (h, w), ``FaceClass``, in the same frame.
        mesh_xyz: (468, 3), pixels of the image.

    Raises:
        ValueError: nothing was found, or the mouth is bare: give a polygon.

    Reference:
        C. Rother et al., GrabCut, SIGGRAPH 2004 (OpenCV's).
    """
    uv, _ = canonical_texture()
    xy = mesh_xyz[:, :2]
    face = cv2.convexHull(np.rint(xy).astype(np.int32))
    inside = cv2.fillConvexPoly(np.zeros(labels.shape, np.uint8), face, 1)
    # A rim of half a pixel on hulls is nothing to what is taken around them, or refined after.
    width = float(np.ptp(xy[:, 0]))
    near = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=max(1, int(0.06 * width))) > 0
    lower = np.rint(xy[np.hypot(*(uv - _LIPS_UV).T) < 0.10]).astype(np.int32)
    core = cv2.fillConvexPoly(np.zeros(labels.shape, np.uint8), cv2.convexHull(lower), 1) > 0
    if np.isin(labels[core], MOUTH).mean() > _MOST_LIPS:
        raise ValueError(
            "no mask was found, as the mouth is uncovered: give its outline, --polygon"
        )
    upper = np.rint(xy[uv[:, 1] < 0.36]).astype(np.int32)
    brow = cv2.fillConvexPoly(np.zeros(labels.shape, np.uint8), cv2.convexHull(upper), 1) > 0
    seeds = np.full(labels.shape, cv2.GC_BGD, np.uint8)
    seeds[near] = cv2.GC_PR_FGD
    seeds[near & np.isin(labels, _BARE)] = cv2.GC_PR_BGD
    seeds[brow] = cv2.GC_BGD
    seeds[core] = cv2.GC_FGD
    bgr = np.ascontiguousarray(image_rgb[..., ::-1])
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(bgr, seeds, (0, 0, 1, 1), *models, 5, cv2.GC_INIT_WITH_MASK)
    found = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(found)
    if count < 2:
        raise ValueError("no mask was found: give its outline, --polygon")
    largest = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    closed = cv2.morphologyEx(largest.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    return np.asarray(closed > 0)


def unwrap_mask(image: UInt8, region: NDArray[np.bool_], mesh_xyz: Float32) -> tuple[UInt8, UInt8]:
    """Unwrap a mask into the canonical face's texture.

    Of a turned head the better seen half is taken, and mirrored. Slow changes of light are taken
    out, since the wearer's light is not the next face's.

    Args:
        image: uint8 (h, w) or (h, w, 3).
        region: bool (h, w), the mask in it.
        mesh_xyz: float32 (468, 3), pixels of the image.

    Returns:
        Colour, uint8 (512, 512, 3), and alpha, uint8 (512, 512).

    Raises:
        ValueError: the mask covers next to nothing of the face.
    """
    surface = surface_on(mesh_xyz)
    at = _upsampled(surface.taut_xyz)
    x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
    rgb = np.asarray(cv2.remap(as_rgb(image), x, y, cv2.INTER_LINEAR), np.float32)
    soft = cv2.GaussianBlur(region.astype(np.float32), (0, 0), 1.0)
    alpha = np.asarray(cv2.remap(soft, x, y, cv2.INTER_LINEAR), np.float32)
    along_v, along_u = np.gradient(at, axis=(0, 1))
    normals = np.cross(along_v, along_u)
    facing = -normals[..., 2] / np.maximum(np.linalg.norm(normals, axis=2), 1e-9)
    alpha *= np.clip(facing / 0.12, 0, 1).astype(np.float32)  # what turns away hides itself
    # Two halves seen at different angles would not meet: of a turned head, one serves as both.
    middle = SIDE_PX // 2
    covered = alpha > 0.5
    right, left = ((facing * covered)[:, side].sum() for side in np.s_[:middle, middle:])
    if min(right, left) < _EVEN_HALVES * max(right, left):
        better = slice(None, middle) if right > left else slice(middle, None)
        worse = slice(middle, None) if right > left else slice(None, middle)
        alpha[:, worse] = alpha[:, better][:, ::-1]
        rgb[:, worse] = rgb[:, better][:, ::-1]
    alpha[alpha < 0.02] = 0
    rim = np.zeros_like(alpha)
    rim[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX] = 1
    alpha *= cv2.GaussianBlur(rim, (0, 0), 1.0)
    alpha[[0, -1]] = 0
    alpha[:, [0, -1]] = 0
    if (alpha > 0.5).mean() < 0.02:
        raise ValueError("the mask covers almost none of the face: check the outline")
    even = _evened(rgb, alpha)
    return even, np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8)


def _upsampled(surface_xyz: Float32) -> Float32:
    """Return the surface at each texel of a design, (512, 512, 3)."""
    step = (np.arange(SIDE_PX) + 0.5) / SIDE_PX
    x = (step - U_RANGE[0]) / (U_RANGE[1] - U_RANGE[0]) * (COLUMNS - 1)
    y = (step - V_RANGE[0]) / (V_RANGE[1] - V_RANGE[0]) * (ROWS - 1)
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    grid = surface_xyz.reshape(ROWS, COLUMNS, 3)
    found = cv2.remap(grid, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _evened(rgb: Float32, alpha: Float32) -> UInt8:
    """Take slow changes of brightness out; beyond the mask, continue its colour."""
    sigma = SIDE_PX / 10
    inside = (alpha > 0.9).astype(np.float32)
    grey = as_grey(np.clip(rgb, 0, 255).astype(np.uint8)).astype(np.float32)
    weights = cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-6
    slow = cv2.GaussianBlur(grey * inside, (0, 0), sigma) / weights
    level = float(np.median(grey[inside > 0])) if inside.any() else 128.0
    gain = np.clip(level / np.maximum(slow, 1.0), 0.5, 2.0)
    even = rgb * gain[..., None]
    near = (
        cv2.GaussianBlur(even * inside[..., None], (0, 0), 6)
        / (cv2.GaussianBlur(inside, (0, 0), 6) + 1e-6)[..., None]
    )
    filled = np.where(inside[..., None] > 0, even, near)
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)
