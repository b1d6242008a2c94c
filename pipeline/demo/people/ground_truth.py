"""What is known of a rendered image: classes, materials, points, box, pose, visibility."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.demo.bands.scene import MATERIALS, Scene
from pipeline.demo.people.atlas import JAW, Atlas, texture_xy
from pipeline.demo.people.head import (
    CLOTH,
    FRAME,
    LEFT_EYE,
    MOUTH,
    RIGHT_EYE,
    SKIN,
    TEETH,
    TONGUE,
    Head,
)
from pipeline.demo.people.person import Person
from pipeline.demo.people.render import Rendered
from pipeline.demo.people.samples import FACTOR
from pipeline.demo.people.surface_light import padded
from pipeline.face3d.mesh import five_landmarks
from pipeline.face3d.pose import pose_deg
from pipeline.face3d.uv import face_uv
from pipeline.ops.raster import sample_bilinear
from pipeline.types import FaceClass, Float32, UInt8

_HAIRLINE, _SIDE_RAD = -8.0, 1.30
"""How high, on the mean head, and how far round, just before the ears, the face box reaches."""
_BROW = 0.22
"""Share of hair from which a point of the skin counts as brow."""
_LASHES = 0.55
"""Darkness from which a lid's rim is part of the eye, as face parsers draw eyes."""
_BEHIND_LENSES = (
    *(FaceClass.SKIN, FaceClass.NOSE, FaceClass.RIGHT_EYE, FaceClass.LEFT_EYE),
    *(FaceClass.RIGHT_BROW, FaceClass.LEFT_BROW),
)
"""What glasses take: CelebAMask-HQ, on which parsers are trained, paints them over the eyes."""
_CLASS_OF = np.zeros(8, np.uint8)
_CLASS_OF[[MOUTH, TEETH, TONGUE]] = FaceClass.MOUTH_INNER
_CLASS_OF[[RIGHT_EYE, LEFT_EYE]] = FaceClass.RIGHT_EYE, FaceClass.LEFT_EYE
_CLASS_OF[[CLOTH, FRAME]] = FaceClass.CLOTH, FaceClass.GLASSES
_MATERIAL_OF = np.zeros(8, np.int64)
_MATERIAL_OF[[SKIN, MOUTH, TEETH, TONGUE, RIGHT_EYE, LEFT_EYE, CLOTH, FRAME]] = [
    MATERIALS.index(name)
    for name in ("skin", "lips", "lips", "lips", "eyes", "eyes", "cloth", "glasses")
]
_MEAN_OPENNESS = 0.87
"""Openness of plain skin; nostrils, canthi and the corners of the mouth have less."""
_NEAR_UNITS = 0.05
"""A point this far behind the surface in its pixel still counts as seen."""


@dataclass(frozen=True)
class GroundTruth:
    """What an image's columns ``truth_*`` hold, and the scene that band models read.

    Attributes:
        labels: uint8 (h, w), ``FaceClass``.
        scene: the image with exact material maps.
        mesh_xyz: float32 (468, 3), pixels; z away from the camera, 0 at the head's middle.
        landmarks_xy: float32 (5, 2).
        box_xyxy: float32 (4,), hairline to chin, and as wide as the face without ears.
        pose_deg: float32 (3,).
        visibility: float32 (468,), 1 where a vertex is seen.
    """

    labels: UInt8
    scene: Scene
    mesh_xyz: Float32
    landmarks_xy: Float32
    box_xyxy: Float32
    pose_deg: Float32
    visibility: Float32


class GroundTruthReader:
    """Reads ground truth off rendered images.

    Args:
        head, atlas: what all people share.
    """

    def __init__(self, head: Head, atlas: Atlas) -> None:
        self._head, self._atlas = head, atlas
        bust = head.bust
        skin = np.unique(bust.triangles[(bust.part == SKIN) & (bust.ear == 0)])
        rest = bust.rest_xyz[skin]
        place = texture_xy(rest)
        azimuth = np.arctan2(rest[:, 0], -0.4 - rest[:, 2])
        face = (rest[:, 1] > _HAIRLINE) & (np.abs(azimuth) < _SIDE_RAD)
        self._face = skin[face & (place[:, 1] < self._jaw_row(place[:, 0]))]
        rows, offsets = head.unit("faceunits/jawOpen")
        self._lower = np.zeros((len(bust.rest_xyz), 1), np.float32)
        self._lower[rows, 0] = offsets[:, 1] > 0.4 * offsets[:, 1].max()
        self._masks = np.stack([atlas.lips, atlas.nose], axis=-1)
        self._mean_face = head.canonical.on(bust.rest_xyz)

    def read(self, person: Person, rendered: Rendered) -> GroundTruth:
        """Read the ground truth of an image of a person."""
        posed = rendered.posed
        labels, materials = self._classes(person, rendered)
        visibility = _visibility(rendered)
        seen = posed.seen_xyz[self._face, :2]
        box = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
        mesh = posed.face_xyz
        low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
        hw = rendered.rgb.shape[0], rendered.rgb.shape[1]
        turned = self._mean_face @ posed.turn.T.astype(np.float32)
        return GroundTruth(
            labels=labels,
            scene=Scene(
                rgb=rendered.rgb,
                **materials,
                face_uv=face_uv(mesh, hw),
                head_xyxy=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
                relief=_relief(rendered),
            ),
            mesh_xyz=mesh,
            landmarks_xy=five_landmarks(mesh[None])[0],
            box_xyxy=np.asarray(box, np.float32),
            pose_deg=pose_deg(turned[None])[0],
            visibility=visibility,
        )

    def _classes(self, person: Person, rendered: Rendered) -> tuple[UInt8, dict[str, Float32]]:
        """Return classes and materials of the image."""
        surface, samples = rendered.surface, rendered.surface.samples
        part = samples.part
        skin = np.flatnonzero(part == SKIN)
        at = surface.texture_xy[skin]
        brow, lashes, beard, scalp = sample_bilinear(person.cover, at).T
        lips, nose = sample_bilinear(self._masks, at).T
        count = len(rendered.posed.world_xyz)
        lower = samples.gather(rendered.seen, rendered.posed.triangles, padded(self._lower, count))[
            skin, 0
        ]
        found = np.full(len(at), FaceClass.SKIN, np.uint8)
        found[at[:, 1] > self._jaw_row(at[:, 0])] = FaceClass.NECK
        ear = self._head.bust.ear[rendered.seen.triangle.reshape(-1)[samples.points[skin, 0]]]
        found[ear < 0], found[ear > 0] = FaceClass.RIGHT_EAR, FaceClass.LEFT_EAR
        found[nose > 0.5] = FaceClass.NOSE
        left = surface.rest_xyz[skin, 0] > 0
        found[left & (brow > _BROW)] = FaceClass.LEFT_BROW
        found[~left & (brow > _BROW)] = FaceClass.RIGHT_BROW
        found[left & (lashes > _LASHES)] = FaceClass.LEFT_EYE
        found[~left & (lashes > _LASHES)] = FaceClass.RIGHT_EYE
        found[scalp > 0.5] = FaceClass.HAIR
        found[(lips > 0.5) & (lower <= 0.5)] = FaceClass.UPPER_LIP
        found[(lips > 0.5) & (lower > 0.5)] = FaceClass.LOWER_LIP
        classes = _CLASS_OF[part]
        classes[skin] = found
        labels = samples.elect(classes, len(FaceClass), FaceClass.BACKGROUND)
        labels[(rendered.lens > 0.5) & np.isin(labels, _BEHIND_LENSES)] = FaceClass.GLASSES
        labels[rendered.hair > 0.5] = FaceClass.HAIR
        layers = np.stack([lips, brow, np.maximum(beard, scalp)], axis=-1)
        # What covers shares the point; skin has the rest.
        layers = layers / np.maximum(layers.sum(axis=-1, keepdims=True), 1.0)
        shares = np.zeros((len(part), len(MATERIALS)), np.float32)
        shares[np.arange(len(part)), _MATERIAL_OF[part]] = 1.0
        shares[skin] = 0.0
        for name, values in (
            ("lips", layers[:, 0]),
            ("brows", layers[:, 1]),
            ("hair", layers[:, 2]),
            ("skin", 1.0 - layers.sum(axis=-1)),
        ):
            shares[skin, MATERIALS.index(name)] = values
        return labels, _materials(samples.spread(shares), rendered)

    def _jaw_row(self, columns: Float32) -> Float32:
        """Return the texture's row of the jaw line by column; behind the ears it stays level."""
        points = self._atlas.points[list(JAW)]
        order = np.argsort(points[:, 0])
        row = np.interp(columns, points[order, 0], points[order, 1])
        side = np.abs(columns - (self._atlas.points[152, 0]))
        edge = float(np.abs(points[:, 0] - self._atlas.points[152, 0]).max())
        low = self._atlas.points[[172, 397], 1].mean()
        return np.asarray(np.where(side > 0.82 * edge, low, row) + 4.0, np.float32)


def _materials(shares: Float32, rendered: Rendered) -> dict[str, Float32]:
    """Lay background, lenses and hair to the opaque materials, (h, w, 8); they then sum to 1."""
    planes = np.ascontiguousarray(np.moveaxis(shares, -1, 0))
    planes[MATERIALS.index("background")] += 1.0 - _total(planes)
    for layer, name in ((rendered.lens, "glasses"), (rendered.hair, "hair")):
        if layer.any():
            planes *= 1.0 - layer
            planes[MATERIALS.index(name)] += layer
    np.clip(planes, 0.0, 1.0, out=planes)
    planes /= _total(planes)
    return dict(zip(MATERIALS, planes, strict=True))


def _total(planes: Float32) -> Float32:
    """Sum over the first axis, plane by plane: quicker than a reduction over short columns."""
    total: Float32 = planes[0].copy()
    for plane in planes[1:]:
        total += plane
    return total


def _relief(rendered: Rendered) -> Float32:
    """Return what form does to the heat of skin and mouth, see ``Scene``; 0 elsewhere."""
    surface = rendered.surface
    hollow = np.clip(2.5 * (_MEAN_OPENNESS - surface.open_share), -0.3, 1.0)
    grazing = np.clip(1.0 + surface.normals[:, 2], 0.0, 1.0)
    relief = np.clip(hollow - grazing**2, -1.0, 1.0)
    relief[~np.isin(surface.samples.part, (SKIN, MOUTH, TEETH, TONGUE))] = 0.0
    return surface.samples.spread(relief[:, None])[..., 0]


def _visibility(rendered: Rendered) -> Float32:
    """Tell which vertices the z-buffer leaves in view, and no hair."""
    posed, seen = rendered.posed, rendered.seen
    depth = np.where(np.isfinite(seen.depth), seen.depth, -np.inf)
    depth = cv2.dilate(depth.astype(np.float32), np.ones((3, 3), np.uint8))
    points = posed.face_xyz
    enlarged = np.rint(points[:, :2] * FACTOR + (FACTOR - 1) / 2).astype(int)
    height, width = depth.shape
    x, y = enlarged.T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    near = points[:, 2] * FACTOR <= depth[y, x] + _NEAR_UNITS * posed.scale_px * FACTOR
    uncovered = rendered.hair[y // FACTOR, x // FACTOR] < 0.5
    return np.asarray(inside & near & uncovered, np.float32)
