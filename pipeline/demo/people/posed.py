"""A person bent, turned and projected into the camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.demo.people.head import FRAME, Head
from pipeline.demo.people.image import Image, rotation_of
from pipeline.demo.people.person import Person
from pipeline.types import Float32, Int32

_BEHIND = 0.75
"""How far the head's middle lies behind the line from forehead to chin, units of the mesh."""


@dataclass(frozen=True)
class Posed:
    """A person in the camera's frame.

    Attributes:
        triangles: int32 (t, 3) of all opaque parts.
        part: uint8 (t,).
        world_xyz: float32 (v, 3), posed, units of the mesh.
        seen_xyz: float32 (v, 3), pixels of the image; z in pixels, 0 at the head's middle.
        face_xyz: float32 (468, 3), the canonical vertices, as ``seen_xyz``.
        eyes_world: float32 (2, 3), centres of the eyeballs.
        turn: float64 (3, 3), rotation of the head.
        scale_px: pixels per unit of the mesh at the head's middle.
        hair_world, hair_seen: of the hair's shell, or None.
        glasses_seen: of the spectacles, or None.
    """

    triangles: Int32
    part: NDArray[np.uint8]
    world_xyz: Float32
    seen_xyz: Float32
    face_xyz: Float32
    eyes_world: Float32
    turn: NDArray[np.float64]
    scale_px: float
    hair_world: Float32 | None
    hair_seen: Float32 | None
    glasses_seen: Float32 | None


def pose_person(head: Head, person: Person, image: Image, side_px: int) -> Posed:
    """Bend, turn and project a person."""
    bust = head.bust
    bent = person.bust_xyz.copy()
    for name in sorted(image.units):
        rows, offsets = head.unit(name)
        bent[rows] += np.float32(image.units[name]) * offsets
    turn = rotation_of(image.pose_deg)
    body = rotation_of((image.body_yaw_deg, 0.0, 0.0))
    relative = Rotation.from_matrix(body.T @ turn).as_rotvec()
    motions = head.motions(person.joints_xyz, Rotation.from_rotvec(relative / 4).as_matrix())
    middle = head.canonical.on(person.bust_xyz)[[10, 152]].mean(axis=0).astype(np.float64)
    middle[2] += _BEHIND
    rotation, shift = motions[-1]
    origin = body @ (rotation @ middle + shift)
    scale = image.scale * side_px
    centre = np.array(image.centre) * (side_px - 1)

    def world(points: Float32) -> Float32:
        return np.asarray((points @ rotation.T + shift) @ body.T - origin, np.float32)

    def seen(points: Float32) -> Float32:
        near = image.distance / (image.distance + points[:, 2:])
        xy = points[:, :2] * near * scale + centre
        return np.column_stack([xy, points[:, 2:] * scale]).astype(np.float32)

    posed = np.asarray(head.turn(bent, motions) @ body.T - origin, np.float32)
    triangles, part, vertices, glasses = bust.triangles, bust.part, posed, None
    if image.glasses:
        glasses = world(person.spectacles.vertices_xyz)
        frame = person.spectacles.frame
        triangles = np.concatenate([triangles, frame + np.int32(len(posed))])
        part = np.concatenate([part, np.full(len(frame), FRAME, np.uint8)])
        vertices = np.concatenate([posed, glasses])
    hair = None if person.hair is None else world(person.hair.vertices_xyz)
    return Posed(
        triangles=triangles,
        part=part,
        world_xyz=vertices,
        seen_xyz=seen(vertices),
        face_xyz=seen(head.canonical.on(posed)),
        eyes_world=world(person.eyes_xyz),
        turn=turn,
        scale_px=scale,
        hair_world=hair,
        hair_seen=None if hair is None else seen(hair),
        glasses_seen=None if glasses is None else seen(glasses),
    )
