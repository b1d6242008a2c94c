"""What is known of a rendered picture: classes, materials, points, box, pose, visibility."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face3d import face_uv, five_points, pose_deg
from pipeline.ops.raster import interpolate, reduce, sample_bilinear
from pipeline.ops.spectral import Scene
from pipeline.procedural.atlas import JAW, Atlas, texture_xy
from pipeline.procedural.head import (
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
from pipeline.procedural.person import Person
from pipeline.procedural.render import FACTOR, Rendered
from pipeline.types import FaceClass, Float32, UInt8

_HAIRLINE, _SIDE_RAD = -8.0, 1.30
"""The face box reaches to this height of the mean head and to this azimuth, just before the ears."""
_NEAR_UNITS = 0.05
"""A point this far behind the surface in its pixel still counts as seen."""


@dataclass(frozen=True)
class Truth:
    """What a picture's columns ``truth_*`` hold, and the scene that band models read.

    Attributes:
        labels: uint8 (h, w), ``FaceClass``.
        scene: the picture with exact material maps.
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


class TruthReader:
    """Reads truth off rendered pictures.

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

    def read(self, person: Person, rendered: Rendered) -> Truth:
        """Read the truth of a picture of a person."""
        posed = rendered.posed
        classes, materials = self._classes(person, rendered)
        visibility = _visibility(rendered)
        seen = posed.seen_xyz[self._face, :2]
        box = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
        mesh = posed.face_xyz
        low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
        hw = rendered.rgb.shape[0], rendered.rgb.shape[1]
        turned = self._mean_face @ posed.turn.T.astype(np.float32)
        return Truth(
            labels=_majority(classes),
            scene=Scene(
                rgb=rendered.rgb,
                **materials,
                face_uv=face_uv(mesh, hw),
                head_xyxy=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
            ),
            mesh_xyz=mesh,
            landmarks_xy=five_points(mesh[None])[0],
            box_xyxy=np.asarray(box, np.float32),
            pose_deg=pose_deg(turned[None])[0],
            visibility=visibility,
        )

    def _classes(self, person: Person, rendered: Rendered) -> tuple[UInt8, dict[str, Float32]]:
        """Return classes of the enlarged picture, and the materials of the picture."""
        layers, posed = rendered.layers, rendered.posed
        part = layers.part
        classes = np.zeros(part.shape, np.uint8)
        brow, beard, scalp, lips = (np.zeros(part.shape, np.float32) for _ in range(4))
        skin = part == SKIN
        at = layers.texture_xy[skin]
        own = np.stack([person.skin.brows, person.skin.beard, person.scalp], axis=-1)
        brow[skin], beard[skin], scalp[skin] = sample_bilinear(own, at).T.copy()
        shared = sample_bilinear(self._masks, at)
        lips[skin] = shared[:, 0]
        lower = interpolate(layers.surface, posed.triangles, _padded(self._lower, posed.world_xyz))
        found = np.full(len(at), FaceClass.SKIN, np.uint8)
        found[at[:, 1] > self._jaw_row(at[:, 0])] = FaceClass.NECK
        ear = _padded(self._head.bust.ear[:, None].astype(np.float32), posed.triangles)
        ear_of = ear[layers.surface.triangle[skin], 0]
        found[ear_of < 0], found[ear_of > 0] = FaceClass.RIGHT_EAR, FaceClass.LEFT_EAR
        found[shared[:, 1] > 0.5] = FaceClass.NOSE
        left = layers.rest_xyz[skin][:, 0] > 0
        for side, name in ((left, FaceClass.LEFT_BROW), (~left, FaceClass.RIGHT_BROW)):
            found[side & (brow[skin] > 0.22)] = name
        found[scalp[skin] > 0.5] = FaceClass.HAIR
        lip = shared[:, 0] > 0.5
        below = lower[skin][:, 0] > 0.5
        found[lip & ~below], found[lip & below] = FaceClass.UPPER_LIP, FaceClass.LOWER_LIP
        classes[skin] = found
        for kinds, name in (
            ((MOUTH, TEETH, TONGUE), FaceClass.MOUTH_INNER),
            ((RIGHT_EYE,), FaceClass.RIGHT_EYE),
            ((LEFT_EYE,), FaceClass.LEFT_EYE),
            ((CLOTH,), FaceClass.CLOTH),
            ((FRAME,), FaceClass.GLASSES),
        ):
            for kind in kinds:
                classes[part == kind] = name
        bare = (classes == FaceClass.SKIN) | (classes == FaceClass.NOSE)
        classes[(layers.lens > 0) & bare] = FaceClass.GLASSES
        classes[layers.hair > 0.5] = FaceClass.HAIR
        cover = np.clip(np.maximum(brow, np.maximum(beard, np.maximum(scalp, lips))), 0, 1)
        open_skin = (1 - cover) * skin
        inner = (part == MOUTH) | (part == TEETH) | (part == TONGUE)
        total = np.maximum(brow + beard + scalp + lips, 1e-6)
        covered = cover * skin / total
        maps = {
            "skin": open_skin,
            "hair": covered * (beard + scalp),
            "brows": covered * brow,
            "lips": covered * lips + inner,
            "eyes": ((part == RIGHT_EYE) | (part == LEFT_EYE)).astype(np.float32),
            "glasses": (part == FRAME).astype(np.float32),
            "cloth": (part == CLOTH).astype(np.float32),
            "background": (part < 0).astype(np.float32),
        }
        stacked = np.stack(list(maps.values()), axis=-1)
        lens = layers.lens[..., None]
        stacked *= 1 - lens
        stacked[..., list(maps).index("glasses")] += layers.lens
        stacked *= 1 - layers.hair[..., None]
        stacked[..., list(maps).index("hair")] += layers.hair
        small = reduce(stacked, FACTOR)
        small /= small.sum(axis=-1, keepdims=True)
        return classes, {
            name: np.ascontiguousarray(small[..., index]) for index, name in enumerate(maps)
        }

    def _jaw_row(self, columns: Float32) -> Float32:
        """Return the texture's row of the jaw line by column; behind the ears it stays level."""
        points = self._atlas.points[list(JAW)]
        order = np.argsort(points[:, 0])
        row = np.interp(columns, points[order, 0], points[order, 1])
        side = np.abs(columns - (self._atlas.points[152, 0]))
        edge = float(np.abs(points[:, 0] - self._atlas.points[152, 0]).max())
        low = self._atlas.points[[172, 397], 1].mean()
        return np.asarray(np.where(side > 0.82 * edge, low, row) + 4.0, np.float32)


def _padded(values: Float32, like: NDArray[np.generic]) -> Float32:
    missing = np.zeros((len(like) - len(values), values.shape[1]), np.float32)
    return np.concatenate([values, missing])


def _visibility(rendered: Rendered) -> Float32:
    """Tell which vertices the z-buffer leaves in view, and no hair."""
    layers, posed = rendered.layers, rendered.posed
    depth = np.where(np.isfinite(layers.surface.depth), layers.surface.depth, -np.inf)
    depth = cv2.dilate(depth.astype(np.float32), np.ones((3, 3), np.uint8))
    points = posed.face_xyz
    enlarged = np.rint(points[:, :2] * FACTOR + (FACTOR - 1) / 2).astype(int)
    height, width = depth.shape
    x, y = enlarged.T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    units = np.linalg.norm(posed.face_world[10] - posed.face_world[152])
    pixels = np.linalg.norm(posed.face_xyz[10] - posed.face_xyz[152])
    near = points[:, 2] * FACTOR <= depth[y, x] + _NEAR_UNITS * pixels / units * FACTOR
    seen = inside & near & (layers.hair[y, x] < 0.5)
    return seen.astype(np.float32)


def _majority(classes: UInt8) -> UInt8:
    """Reduce classes by two: the class that most of four pixels have, the first of equals."""
    height, width = classes.shape
    four = classes.reshape(height // 2, 2, width // 2, 2).transpose(1, 3, 0, 2).reshape(4, -1)
    votes = (four[:, None] == four[None]).sum(axis=1)
    best = votes.argmax(axis=0)
    return four[best, np.arange(four.shape[1])].reshape(height // 2, width // 2)
