"""The mesh that is turned: the face, the head around it, and the background it lies in.

From the face's outline, 36 spokes run outwards. Along them lie rings: of the head (hair, ears,
neck), which turn with the face as one solid, and of the background, which follow ever less until
the outermost stays where it is. So the picture is moved as one cloth: there is nothing to tear.
Every vertex has a partner on the other half, and a place in an atlas that is its own mirror image.

Reference:
    X. Zhu, Z. Lei, X. Liu, H. Shi, S. Z. Li, Face alignment across large poses: a 3D solution, CVPR
    2016, section 4.1 (face profiling: image meshing with anchors around the face). The rings and
    the mirrored atlas are ours.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.face3d.head_pose import HeadPose
from pipeline.ops.contours import FACE_LOOP
from pipeline.ops.raster import Fragments, Int32, interpolate, rasterise
from pipeline.types import Float32

FACE_POINTS = 468
ATLAS_PX = 768
"""Side of the atlas; the face takes about half of it, at a little more than the loose scale."""

_UV_PX = (380.0, 480.0)
_HEAD_OUT_CM = (0.6, 1.8, 4.4)
_HEAD_BACK_CM = {"top": (1.6, 3.8, 6.6), "side": (2.5, 4.7, 7.2), "bottom": (3.0, 5.6, 7.2)}
_CROWN_BACK_CM = (0.6, 1.6, 2.6)
"""The skull is roundest between top and side."""
_HEAD_ATLAS_PX = (30.0, 62.0, 96.0)
_GROUND_SHARES = (0.3, 0.65, 1.0)
_GROUND_RADIUS_PX = 560.0
_GROUND_ATLAS_SHARES = (0.4, 0.75, 1.0)
_PIVOT_CM = np.array([0.0, 0.0, 4.0])
_CAMERA_CM = 90.0
"""From where portraits are taken; a little more or less turns the result by about a degree."""
_BEHIND_PX = 12.0
_SPOKES = len(FACE_LOOP)
_HEAD_RINGS, _GROUND_RINGS = len(_HEAD_OUT_CM), len(_GROUND_SHARES)
_LOOSE_CENTRE = 255.5


@dataclass(frozen=True)
class HeadMesh:
    """What all heads have in common; arrays are read-only.

    Attributes:
        triangles: int32 (t, 3): the face's 898 first, then ring by ring outwards.
        mirror: int32 (v,), each vertex's partner on the other half.
        atlas_xy: float32 (v, 2), pixels of the atlas.
        atlas: what the atlas's pixels see of the mesh that is spread over it.
        half: the same for an atlas of half the side.
        face: float32 (384, 384), how far a pixel of that belongs to the face, 0 to 1; it falls to
            0 at the first ring.
        solid: number of vertices that turn with the face; the others are background.
    """

    triangles: Int32
    mirror: Int32
    atlas_xy: Float32
    atlas: Fragments
    half: Fragments
    face: Float32
    solid: int


@cache
def head_mesh() -> HeadMesh:
    """Return the mesh's topology and its atlas."""
    _, face = canonical_texture()
    rings = 1 + _HEAD_RINGS + _GROUND_RINGS
    ids = np.vstack(
        [FACE_LOOP, FACE_POINTS + np.arange((rings - 1) * _SPOKES).reshape(-1, _SPOKES)]
    )
    inner, outer = ids[:-1], ids[1:]
    inner_next, outer_next = np.roll(inner, -1, axis=1), np.roll(outer, -1, axis=1)
    quads = [
        np.stack(corners, axis=-1).reshape(-1, 3)
        for corners in ((inner, outer, outer_next), (inner, outer_next, inner_next))
    ]
    # The file winds the face the other way round than the rings.
    triangles = np.concatenate([face[:, ::-1], *quads]).astype(np.int32)
    mirror = np.concatenate([_face_mirror(), *(_ring_mirror(ring) for ring in ids[1:])])
    atlas_xy = _atlas_xy(mirror).astype(np.float32)
    flat = np.column_stack([atlas_xy, np.zeros(len(atlas_xy), np.float32)])
    atlas = rasterise(flat, triangles, (ATLAS_PX, ATLAS_PX))
    small = np.asarray(flat / 2 - 0.25, np.float32)
    half = rasterise(small, triangles, (ATLAS_PX // 2, ATLAS_PX // 2))
    inside = (np.arange(len(atlas_xy)) < FACE_POINTS).astype(np.float32)[:, None]
    share: Float32 = interpolate(half, triangles, inside)[..., 0]
    for array in (triangles, mirror, atlas_xy, share):
        array.setflags(write=False)
    solid = FACE_POINTS + _HEAD_RINGS * _SPOKES
    return HeadMesh(triangles, mirror, atlas_xy, atlas, half, share, solid)


def spread_head(mesh_xyz: Float32, pose: HeadPose) -> NDArray[np.float64]:
    """Put the rings around a face.

    Args:
        mesh_xyz: (468, 3), pixels of the loose crop.
        pose: the face's, in the same frame.

    Returns:
        float64 (v, 3), pixels of the loose crop.
    """
    outward, back = _ring_shape()
    outline_cm = pose.unplace(mesh_xyz[list(FACE_LOOP)])
    rings_cm = outline_cm + outward[None] * np.array(_HEAD_OUT_CM)[:, None, None]
    rings_cm[..., 2] += back
    head = pose.place(rings_cm)
    return _with_ground(np.asarray(mesh_xyz, np.float64), head, head[-1])


def turn_head(
    vertices: NDArray[np.float64], pose: HeadPose, yaw_deg: float, pitch_deg: float
) -> NDArray[np.float64]:
    """Turn a head; the background follows less and less, the outermost ring stays.

    Args:
        vertices: of ``spread_head``.
        pose: the face's before the turn.
        yaw_deg: what is added to its yaw.
        pitch_deg: what is added to its pitch.

    Returns:
        float64 (v, 3), in the frame of ``vertices``.
    """
    solid = vertices[: head_mesh().solid]
    turned = turn_points(solid, pose, yaw_deg, pitch_deg)
    head = turned[FACE_POINTS:].reshape(_HEAD_RINGS, _SPOKES, 3)
    return _with_ground(turned[:FACE_POINTS], head, solid[-_SPOKES:])


def turn_points(
    points: NDArray[np.floating], pose: HeadPose, yaw_deg: float, pitch_deg: float
) -> NDArray[np.float64]:
    """Turn points (..., 3) that belong to the head about the neck's axis.

    A picture's geometry is seen in perspective, from about a metre: what is nearer is larger. So
    points are first put where they are in space, turned, and seen again. Turned as they lie in the
    picture, heads would look turned by a sixth less than they are.
    """
    pivot = pose.place(_PIVOT_CM)
    camera = _CAMERA_CM * pose.scale
    solid = np.asarray(points - pivot, np.float64)
    solid[..., :2] *= 1.0 + solid[..., 2:] / camera
    turned: NDArray[np.float64] = solid @ pose.turn(yaw_deg, pitch_deg).T
    turned[..., :2] /= 1.0 + turned[..., 2:] / camera
    return turned + pivot


def _with_ground(
    face: NDArray[np.float64], head: NDArray[np.float64], rim_before: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Append the background's rings; ``rim_before`` is the head's last ring before the turn."""
    outward, _ = _ring_shape()
    far = _LOOSE_CENTRE + _GROUND_RADIUS_PX * outward[:, :2]
    moved = head[-1, :, :2] - rim_before[:, :2]
    deepest = max(float(face[:, 2].max()), float(head[..., 2].max()))
    ground = []
    for share in _GROUND_SHARES:
        xy = rim_before[:, :2] + share * (far - rim_before[:, :2]) + (1.0 - share) ** 1.5 * moved
        ground.append(np.column_stack([xy, np.full(_SPOKES, deepest + _BEHIND_PX * (1 + share))]))
    return np.concatenate([face, head.reshape(-1, 3), *ground])


@cache
def _ring_shape() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each spoke's direction, (36, 3), and how far back the head's rings lie, (3, 36)."""
    canonical = canonical_vertices()[list(FACE_LOOP)]
    middle = np.array([0.0, (canonical[0, 1] + canonical[18, 1]) / 2])
    outward = np.zeros((_SPOKES, 3))
    outward[:, :2] = canonical[:, :2] - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    up, down = np.clip(-outward[:, 1], 0.0, 1.0) ** 2, np.clip(outward[:, 1], 0.0, 1.0) ** 2
    top, side, bottom = (
        np.array(_HEAD_BACK_CM[name])[:, None] for name in ("top", "side", "bottom")
    )
    crown = 4.0 * up * (1.0 - up) * np.array(_CROWN_BACK_CM)[:, None]
    return outward, up * top + down * bottom + (1.0 - up - down) * side + crown


def _atlas_xy(mirror: Int32) -> NDArray[np.float64]:
    """Lay the face's own texture coordinates into the middle and the rings around it."""
    uv, _ = canonical_texture()
    even = (uv + uv[mirror[:FACE_POINTS]] * (-1.0, 1.0) + (1.0, 0.0)) / 2
    face = (even - (0.5, 0.53)) * _UV_PX
    outward, _ = _ring_shape()
    outline = face[list(FACE_LOOP)]
    head = [outline + px * outward[:, :2] for px in _HEAD_ATLAS_PX]
    half = ATLAS_PX / 2
    edge = outward[:, :2] * (half / np.abs(outward[:, :2]).max(axis=1, keepdims=True))
    ground = [head[-1] + share * (edge - head[-1]) for share in _GROUND_ATLAS_SHARES]
    return np.concatenate([face, *head, *ground]) + (ATLAS_PX - 1) / 2


@cache
def _face_mirror() -> Int32:
    canonical = canonical_vertices()
    distances = np.linalg.norm((canonical * (-1.0, 1.0, 1.0))[:, None] - canonical[None], axis=2)
    return np.asarray(distances.argmin(axis=1), np.int32)


def _ring_mirror(ring: NDArray[np.integer]) -> Int32:
    return np.asarray(ring[(-np.arange(_SPOKES)) % _SPOKES], np.int32)
