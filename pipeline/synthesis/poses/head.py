"""The mesh that is turned: the face, the head around it as far as it is seen, and its back.

From the face's outline, 36 spokes run outwards to where the head ends in the image. Along them
lie rings on an ellipsoid that ends there edge-on: the front, textured by the image. Every vertex
of the front has a partner on the other half, and a place in an atlas that is its own mirror image.
The back goes on from the front's last rings and closes the skull; it is textured by what lies
on the front beside it, since nothing shows it.

Reference:
    X. Zhu, Z. Lei, X. Liu, H. Shi, S. Z. Li, Face alignment across large poses: a 3D solution, CVPR
    2016, section 4.1 (face profiling: image meshing with anchors around the face). The rings, the
    back and the mirrored atlas are ours.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.face3d.head_pose import HeadPose
from pipeline.ops.contours import FACE_LOOP
from pipeline.ops.raster import Fragments, interpolate, rasterise
from pipeline.ops.templates import CONTEXT_PX
from pipeline.types import Float32, Int32

FACE_POINTS = 468
ATLAS_PX = 768
"""Side of the atlas; the face takes about half of it, at a little more than the context scale."""

_UV_PX = (380.0, 480.0)
_SHARES = (0.2, 0.45, 0.7, 0.88, 1.0)
"""Where the rings lie between the face's outline and the head's end."""
_MARGIN_CM = 1.6
"""So far beyond the head's end the last ring lies, for locks that stand out."""
_ATLAS_SHARES = (0.2, 0.42, 0.63, 0.78, 0.9, 1.0)
_RIM_PX = 14.0
"""Width of the face's rim in half the atlas: a mesh may be a little too wide."""
_START_DEG = 45.0
"""How far round its ellipse the head has come at the face's outline."""
_REACH_CM = (0.5, 12.0)
_REACH_STEP_CM = 0.2
_MOST_UP_CM, _MOST_DOWN_CM = 6.5, 3.0
_GAP_CM = 1.0
"""A longer gap ends the head; a shorter one is an earring's, or a parting's."""
_WIDEST_CM = 4.5
"""Depth at which a head is widest, in the canonical frame."""
_MEAN_REACH_CM = {"top": 4.4, "side": 1.6, "bottom": 0.5}
_SKULL_CM = 8.5
"""From where it is widest to its back."""
_SKULL_MIDDLE_CM = (0.0, -2.0)
_BACK_DEG = (10.0, 24.0, 38.0, 52.0, 66.0, 80.0)
_BACK_SHARES = (0.3, 0.6), (0.95, 0.2)
"""Where the back begins, by how far down a spoke points: there is none below the jaw."""
_BACK_TEXTURE = (3.2, 2.9, 2.5, 2.1, 1.7, 1.2, 0.8)
"""The front's rings, counted from 0, whose texture the back's rings take."""
_BACK_SPOKES = 4
"""So many spokes towards the crown the back beside the ears takes its texture: hair, not ears."""
_PIVOT_CM = np.array([0.0, 0.0, 4.0])
_CAMERA_CM = 90.0
"""From where portraits are taken; a little more or less turns the result by about a degree."""
_NO_MAP = np.empty(0, np.float32)
_SPOKES = len(FACE_LOOP)
_RINGS = len(_SHARES) + 1


@dataclass(frozen=True)
class HeadMesh:
    """What all heads have in common; arrays are read-only.

    Attributes:
        triangles: int32 (t, 3), the front: the face's 898 first, then ring by ring outwards.
        mirror: int32 (v,), each vertex's partner on the other half.
        atlas_xy: float32 (v, 2), pixels of the atlas.
        atlas: what the atlas's pixels see of the front that is spread over it.
        half: the same for an atlas of half the side.
        face: float32 (384, 384), how far a pixel of that belongs to the face, 0 to 1; it falls to
            0 at the first ring.
        core: float32 (384, 384), 1 inside the face, 0 at its outline.
        fade: float32 (384, 384), 1 up to the head's end and beyond, 0 at the last ring.
        back_triangles: int32 (s, 3), indices into the back's vertices.
        back_atlas_xy: float32 (w, 2), pixels of the atlas.
    """

    triangles: Int32
    mirror: Int32
    atlas_xy: Float32
    atlas: Fragments
    half: Fragments
    face: Float32
    core: Float32
    fade: Float32
    back_triangles: Int32
    back_atlas_xy: Float32


@cache
def head_mesh() -> HeadMesh:
    """Return the mesh's topology and its atlas."""
    _, face = canonical_texture()
    ids = np.vstack([FACE_LOOP, FACE_POINTS + np.arange(_RINGS * _SPOKES).reshape(-1, _SPOKES)])
    # The file winds the face the other way round than the rings.
    triangles = np.concatenate([face[:, ::-1], *_bands(ids)]).astype(np.int32)
    mirror = np.concatenate([_face_mirror(), *(_ring_mirror(ring) for ring in ids[1:])])
    rings = _atlas_rings(mirror)
    atlas_xy = np.concatenate([rings[0], *rings[1][1:]]).astype(np.float32)
    flat = np.column_stack([atlas_xy, np.zeros(len(atlas_xy), np.float32)])
    atlas = rasterise(flat, triangles, (ATLAS_PX, ATLAS_PX))
    small = np.asarray(flat / 2 - 0.25, np.float32)
    half = rasterise(small, triangles, (ATLAS_PX // 2, ATLAS_PX // 2))
    vertex = np.arange(len(atlas_xy))
    shares = np.column_stack([vertex < FACE_POINTS, vertex < len(vertex) - _SPOKES])
    carried = interpolate(half, triangles, shares.astype(np.float32))
    inside, fade = (np.ascontiguousarray(carried[..., c]) for c in range(2))
    fade = np.clip(fade * 3.0, 0.0, 1.0)
    depth = cv2.distanceTransform((inside > 0.999).astype(np.uint8), cv2.DIST_L2, 3)
    core = np.asarray(np.clip((depth - 2.0) / _RIM_PX, 0.0, 1.0), np.float32)
    back = np.arange((1 + len(_BACK_DEG)) * _SPOKES).reshape(-1, _SPOKES)
    back_triangles = np.concatenate(_bands(back)).astype(np.int32)
    back_xy = _back_atlas_xy(rings[1]).astype(np.float32)
    for array in (triangles, mirror, atlas_xy, inside, core, fade, back_triangles, back_xy):
        array.setflags(write=False)
    return HeadMesh(
        triangles, mirror, atlas_xy, atlas, half, inside, core, fade, back_triangles, back_xy
    )


def _bands(ids: NDArray[np.integer]) -> list[NDArray[np.integer]]:
    """Return the triangles between each ring and the next."""
    inner, outer = ids[:-1], ids[1:]
    inner_next, outer_next = np.roll(inner, -1, axis=1), np.roll(outer, -1, axis=1)
    return [
        np.stack(corners, axis=-1).reshape(-1, 3)
        for corners in ((inner, outer, outer_next), (inner, outer_next, inner_next))
    ]


def mean_reach() -> NDArray[np.float64]:
    """Return how far a head reaches beyond its face along each spoke, (36,) centimetres."""
    up, down = _up_down()
    top, side, bottom = _MEAN_REACH_CM.values()
    return np.asarray(up * top + down * bottom + (1.0 - up - down) * side)


def measured_reach(
    mesh_xyz: Float32, pose: HeadPose, head: Float32, beyond: Float32
) -> NDArray[np.float64]:
    """Find how far a head reaches beyond its face, so that it ends where it does in the image.

    Args:
        mesh_xyz: (468, 3), pixels of the context crop.
        pose: the face's, in the same frame.
        head: float32 (512, 512), the head's share of each pixel.
        beyond: float32 (512, 512), what lies beyond the source image: there, a head reaches as
            far as most do.

    Returns:
        (36,) centimetres along each spoke. Of a head that is turned, the far half takes the near
        one's.
    """
    outward, vertical = _spokes()
    outline_cm = pose.unplace(mesh_xyz[list(FACE_LOOP)])
    start = pose.place(outline_cm)[:, :2]
    along = pose.place(outline_cm + outward)[:, :2] - start
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    end_px, cut = _silhouette(start, along, head, beyond, pose.scale)
    reach = np.arange(*_REACH_CM, _REACH_STEP_CM)
    tried = np.repeat(reach[:, None], _SPOKES, axis=1)
    sheets = np.stack([_ring(outline_cm, tried, 1.0), *_back_rings(outline_cm, tried)])
    drawn_px = (((pose.place(sheets)[..., :2] - start) * along).sum(axis=-1)).max(axis=0)
    found = reach[np.minimum((drawn_px < end_px).sum(axis=0), len(reach) - 1)]
    found = np.where(cut, np.maximum(found, mean_reach()), found)
    # A spoke on the half that is turned away ends behind the face.
    mirrored = found[(-np.arange(_SPOKES)) % _SPOKES]
    away = np.clip((np.abs(pose.angles_deg[0]) - 8.0) / 8.0, 0.0, 1.0)
    far = outward[:, 0] * np.sign(pose.angles_deg[0]) > 0.05
    found = np.where(far, found + away * (mirrored - found), found)
    most = np.array([_MOST_UP_CM, _REACH_CM[1], _REACH_CM[1], _MOST_DOWN_CM])
    found = np.minimum(found, np.interp(vertical, (-0.6, 0.1, 0.7, 0.9), most))
    smooth = (np.roll(found, 1) + 2 * found + np.roll(found, -1)) / 4
    return np.asarray(np.maximum(found, smooth))


def _silhouette(
    start: NDArray[np.float64],
    along: NDArray[np.float64],
    head: Float32,
    beyond: Float32,
    scale: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Follow each spoke in the image: how many pixels to the head's end, and is it cut there."""
    steps = np.arange(0.0, CONTEXT_PX * 0.8, 3.0)
    places = (start[:, None] + along[:, None] * steps[:, None]).astype(np.float32)
    inside, outside = (
        np.asarray(cv2.remap(each, places, _NO_MAP, cv2.INTER_LINEAR, borderValue=value))
        for each, value in ((head, 0.0), (beyond, 1.0))
    )
    end, cut = np.zeros(_SPOKES), np.zeros(_SPOKES, bool)
    for spoke in range(_SPOKES):
        at = steps[(inside[spoke] > 0.5) & (outside[spoke] < 0.5)]
        gaps = np.flatnonzero(np.diff(at, prepend=0.0) > _GAP_CM * scale)
        at = at[: gaps[0]] if len(gaps) else at
        end[spoke] = at[-1] if len(at) else 0.0
        cut[spoke] = outside[spoke, min(int(end[spoke] / 3.0) + 4, len(steps) - 1)] > 0.5
    return end, cut


def spread_head(
    mesh_xyz: Float32,
    pose: HeadPose,
    reach_cm: NDArray[np.float64],
    head: Float32,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put the head around a face.

    Args:
        mesh_xyz: (468, 3), pixels of the context crop.
        pose: the face's, in the same frame.
        reach_cm: (36,), how far the head reaches beyond the face along each spoke.
        head: float32 (512, 512), the head's share of each pixel: nothing of the back is seen
            outside it before the head is turned.

    Returns:
        The front's vertices (v, 3) and the back's (w, 3), pixels of the context crop.
    """
    outward, _ = _spokes()
    outline_cm = pose.unplace(mesh_xyz[list(FACE_LOOP)])
    front_cm = [_ring(outline_cm, reach_cm, share) for share in _SHARES]
    margin = front_cm[-1] + outward * _MARGIN_CM
    rings = pose.place(np.stack([*front_cm, margin])).reshape(-1, 3)
    front = np.concatenate([np.asarray(mesh_xyz, np.float64), rings])
    least = np.minimum(np.minimum(np.roll(reach_cm, 1), np.roll(reach_cm, -1)), reach_cm)
    back = np.concatenate(_back_rings(outline_cm, least))
    return front, _carved(pose.place(back), pose, head)


def _ring(
    outline_cm: NDArray[np.float64],
    reach_cm: NDArray[np.float64],
    share: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Return the ring at a share of the way from the outline to the head's end, (…, 36, 3)."""
    outward, _ = _spokes()
    start = np.radians(_START_DEG)
    cosine = np.sqrt(1.0 - (np.sin(start) + share * (1.0 - np.sin(start))) ** 2)
    ring = outline_cm + outward * np.asarray(share * reach_cm)[..., None]
    ring[..., 2] += (1.0 - cosine / np.cos(start)) * _depth_of_end(outline_cm, reach_cm)
    return np.asarray(ring)


def _back_rings(
    outline_cm: NDArray[np.float64], reach_cm: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return the rings of the back, each (…, 36, 3)."""
    _, vertical = _spokes()
    first = _ring(outline_cm, reach_cm, np.interp(vertical, *_BACK_SHARES))
    skull = _SKULL_CM * np.interp(vertical, (0.25, 0.6), (1.0, 0.0))
    rings = [first]
    for angle in np.radians(_BACK_DEG):
        ring = first.copy()
        ring[..., :2] = _SKULL_MIDDLE_CM + (ring[..., :2] - _SKULL_MIDDLE_CM) * np.cos(angle)
        ring[..., 2] += skull * np.sin(angle)
        rings.append(ring)
    return rings


def _carved(back: NDArray[np.float64], pose: HeadPose, head: Float32) -> NDArray[np.float64]:
    """Draw the back in, towards the skull's middle, until it is within the head's silhouette."""
    middle = pose.place(np.array([*_SKULL_MIDDLE_CM, _WIDEST_CM]))
    shares = np.linspace(1.0, 0.0, 21)
    tried = middle + shares[:, None, None] * (back - middle)
    within = cv2.remap(
        cv2.erode(head, np.ones((9, 9), np.uint8)),
        tried[..., :2].astype(np.float32),
        _NO_MAP,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    first = (np.asarray(within) > 0.5).argmax(axis=0)
    drawn: NDArray[np.float64] = tried[first, np.arange(len(back))]
    return drawn


def turn_points(
    points: NDArray[np.floating], pose: HeadPose, yaw_deg: float, pitch_deg: float
) -> NDArray[np.float64]:
    """Turn points (..., 3) that belong to the head about the neck's axis.

    An image's geometry is seen in perspective, from about a metre: what is nearer is larger. So
    points are first put where they are in space, turned, and seen again. Turned as they lie in the
    image, heads would look turned by a sixth less than they are.
    """
    pivot = pose.place(_PIVOT_CM)
    camera = _CAMERA_CM * pose.scale
    solid = np.asarray(points - pivot, np.float64)
    solid[..., :2] *= 1.0 + solid[..., 2:] / camera
    turned: NDArray[np.float64] = solid @ pose.turn(yaw_deg, pitch_deg).T
    turned[..., :2] /= 1.0 + turned[..., 2:] / camera
    return turned + pivot


def _depth_of_end(
    outline_cm: NDArray[np.float64], reach_cm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far behind the outline the head's end lies, (…, 36): less below the ears."""
    outward, _ = _spokes()
    reach = reach_cm
    whole = np.maximum(_WIDEST_CM + 0.25 * np.clip(reach - 3.0, 0.0, 6.0) - outline_cm[:, 2], 1.5)
    jaw = np.minimum(1.0 + 0.4 * reach, whole)
    low = np.clip((outward[:, 1] + 0.1) / 0.4, 0.0, 1.0)
    return np.asarray(whole + low * (jaw - whole))


def _up_down() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far each spoke points up and how far down, (36,) each."""
    _, vertical = _spokes()
    return np.clip(-vertical, 0.0, 1.0) ** 2, np.clip(vertical, 0.0, 1.0) ** 2


@cache
def _spokes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each spoke's direction, (36, 3), and its part downwards, (36,)."""
    canonical = canonical_vertices()[list(FACE_LOOP)]
    middle = np.array([0.0, (canonical[0, 1] + canonical[18, 1]) / 2])
    outward = np.zeros((_SPOKES, 3))
    outward[:, :2] = canonical[:, :2] - middle
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    return outward, outward[:, 1]


def _atlas_rings(mirror: Int32) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lay the face's own texture coordinates into the middle and the rings around it.

    Returns:
        The face's places (468, 2), and the rings', the outline first, (7, 36, 2).
    """
    uv, _ = canonical_texture()
    even = (uv + uv[mirror[:FACE_POINTS]] * (-1.0, 1.0) + (1.0, 0.0)) / 2
    face = (even - (0.5, 0.53)) * _UV_PX
    outward, _ = _spokes()
    outline = face[list(FACE_LOOP)]
    half = ATLAS_PX / 2
    edge = outward[:, :2] * (half / np.abs(outward[:, :2]).max(axis=1, keepdims=True))
    rings = [outline + share * (edge - outline) for share in (0.0, *_ATLAS_SHARES)]
    middle = (ATLAS_PX - 1) / 2
    return face + middle, np.stack(rings) + middle


def _back_atlas_xy(rings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the back's rings take their texture, (w, 2)."""
    _, vertical = _spokes()
    numbers = np.arange(_SPOKES)
    signed = np.where(numbers > _SPOKES // 2, numbers - _SPOKES, numbers)
    found = []
    low = np.interp(vertical, (-0.7, -0.2, 0.3, 0.55), (0.0, 1.0, 1.0, 0.0))
    for ring in _BACK_TEXTURE:
        moved = np.abs(signed) - low * _BACK_SPOKES
        at = np.sign(signed) * np.maximum(moved, 0.0)
        spoke = np.floor(at).astype(int)
        share = (at - spoke)[:, None]
        inner = int(1 + ring)
        two = rings[inner] + (1 + ring - inner) * (rings[inner + 1] - rings[inner])
        found.append(two[spoke % _SPOKES] * (1 - share) + two[(spoke + 1) % _SPOKES] * share)
    return np.concatenate(found)


@cache
def _face_mirror() -> Int32:
    canonical = canonical_vertices()
    distances = np.linalg.norm((canonical * (-1.0, 1.0, 1.0))[:, None] - canonical[None], axis=2)
    return np.asarray(distances.argmin(axis=1), np.int32)


def _ring_mirror(ring: NDArray[np.integer]) -> Int32:
    return np.asarray(ring[(-np.arange(_SPOKES)) % _SPOKES], np.int32)
