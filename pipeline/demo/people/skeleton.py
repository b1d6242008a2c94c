"""A rig: joints that follow the shaped mesh, and linear blend skinning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Float32, Int32

Rotation = NDArray[np.floating]
_BONES_PER_VERTEX = 6


@dataclass(frozen=True)
class Skeleton:
    """Joints in an order in which parents come first.

    A joint's head and tail are means of vertices of the shaped mesh, so they follow the targets.

    Attributes:
        names: of the joints: ``root``, ``spine05`` … ``spine01``, ``neck01`` … ``neck03``,
            ``head``, ``jaw``, ``eye.L``, ``upperarm01.L``, ``lowerarm01.L``, ``wrist.L``,
            ``upperleg01.L``, ``lowerleg01.L``, ``foot.L`` and so on; L and R are the subject's.
        parents: int32 (j,), −1 at the root.
        heads, tails: for each joint the indices of the vertices whose mean it is.
        bones: int32 (v, 6), the joints that move a vertex.
        shares: float32 (v, 6), their weights, summing to 1.
    """

    names: tuple[str, ...]
    parents: Int32
    heads: tuple[Int32, ...]
    tails: tuple[Int32, ...]
    bones: Int32
    shares: Float32

    def joints(self, vertices_xyz: Float32) -> tuple[Float32, Float32]:
        """Return heads and tails of the joints in a shaped mesh, each float32 (j, 3)."""
        return _means(vertices_xyz, self.heads), _means(vertices_xyz, self.tails)

    def transforms(
        self, vertices_xyz: Float32, rotations: Mapping[str, Rotation]
    ) -> NDArray[np.float64]:
        """Return how each joint moves: float64 (j, 3, 4), from the shaped mesh to the posed one.

        Args:
            vertices_xyz: float32 (v, 3), the shaped mesh at rest.
            rotations: by joint, (3, 3) in the axes of the whole body, about the joint's head;
                a joint takes its children along.

        Raises:
            KeyError: there is no such joint.
        """
        if unknown := sorted(set(rotations) - set(self.names)):
            raise KeyError(f"joints {unknown} are none of {self.names}")
        heads = _means(vertices_xyz, self.heads).astype(np.float64)
        moves = np.zeros((len(self.names), 3, 4))
        still = np.eye(3, 4)
        for index, name in enumerate(self.names):
            parent = self.parents[index]
            taken = still if parent < 0 else moves[parent]
            moves[index] = taken
            if name in rotations:
                turn = np.asarray(rotations[name], np.float64)
                moves[index, :, :3] = taken[:, :3] @ turn
                moves[index, :, 3] += taken[:, :3] @ (heads[index] - turn @ heads[index])
        return moves

    def pose(self, vertices_xyz: Float32, rotations: Mapping[str, Rotation]) -> Float32:
        """Return the posed mesh, float32 (v, 3), by linear blend skinning (see ``transforms``)."""
        moves = self.transforms(vertices_xyz, rotations).astype(np.float32)
        posed = np.empty((len(vertices_xyz), 3), np.float32)
        _blend(np.asarray(vertices_xyz, np.float32), moves, self.bones, self.shares, posed)
        return posed


@numba.njit(cache=True, nogil=True)
def _blend(vertices, moves, bones, shares, posed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for v in range(len(vertices)):
        x, y, z = vertices[v]
        for axis in range(3):
            total = np.float32(0.0)
            for b in range(bones.shape[1]):
                move = moves[bones[v, b], axis]
                total += shares[v, b] * (move[0] * x + move[1] * y + move[2] * z + move[3])
            posed[v, axis] = total


def _means(vertices_xyz: Float32, groups: tuple[Int32, ...]) -> Float32:
    """Return the mean of each group of vertices, float32 (n, 3)."""
    lengths = np.array([len(each) for each in groups])
    starts = np.append(0, np.cumsum(lengths)[:-1])
    chosen = vertices_xyz[np.concatenate(groups)].astype(np.float64)
    return np.asarray(np.add.reduceat(chosen, starts) / lengths[:, None], np.float32)


def read_skeleton(
    rig: Mapping[str, Any],
    weights: Mapping[str, list[tuple[int, float]]],
    cubes: Mapping[str, Int32],
    vertices: int,
) -> Skeleton:
    """Read an MPFB rig.

    Args:
        rig: bones by name: ``parent`` and the ``strategy`` by which head and tail are placed.
        weights: by bone, pairs of a vertex and its weight.
        cubes: vertices of the joint cubes by name.
        vertices: how many vertices the mesh has.
    """
    names = _parents_first(rig)
    dense = np.zeros((vertices, len(names)), np.float32)
    for column, name in enumerate(names):
        if pairs := weights.get(name):
            which, shares = np.array(pairs, np.float64).T
            dense[which.astype(np.int64), column] = shares
    bones = np.argsort(-dense, axis=1, kind="stable")[:, :_BONES_PER_VERTEX].astype(np.int32)
    kept = np.take_along_axis(dense, bones, axis=1)
    total = kept.sum(axis=1, keepdims=True)
    kept[total[:, 0] == 0, 0] = 1.0  # joint cubes move with the root
    return Skeleton(
        names,
        np.array([names.index(rig[n]["parent"]) if rig[n]["parent"] else -1 for n in names], "i4"),
        tuple(_place(rig[name]["head"], cubes) for name in names),
        tuple(_place(rig[name]["tail"], cubes) for name in names),
        bones,
        (kept / np.where(total > 0, total, 1.0)).astype(np.float32),
    )


def _place(end: Mapping[str, Any], cubes: Mapping[str, Int32]) -> Int32:
    """Return the vertices whose mean an end of a bone is."""
    if end["strategy"] == "CUBE":
        return cubes[end["cube_name"]]
    chosen = [end["vertex_index"]] if end["strategy"] == "VERTEX" else end["vertex_indices"]
    return np.array(chosen, np.int32)


def _parents_first(rig: Mapping[str, Any]) -> tuple[str, ...]:
    ordered: list[str] = []
    waiting = sorted(rig)
    while waiting:
        ready = [
            name for name in waiting if not rig[name]["parent"] or rig[name]["parent"] in ordered
        ]
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return tuple(ordered)
