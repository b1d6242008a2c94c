"""Spectacles: two rims, a bridge, temples to the ears, and lenses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Float32, Int32

Array = NDArray[np.float64]
_POINTS = 40


@dataclass(frozen=True)
class Spectacles:
    """Geometry at rest.

    Attributes:
        vertices_xyz: float32 (v, 3).
        frame: int32 (t, 3), triangles of rims, bridge and temples.
        lenses: int32 (t, 3).
    """

    vertices_xyz: Float32
    frame: Int32
    lenses: Int32


def fit_spectacles(form: float, face_xyz: Float32, ears_xyz: Float32) -> Spectacles:
    """Fit spectacles to a face at rest.

    Args:
        form: in [0, 1], from narrow to large; every value is another pair.
        face_xyz: float32 (468, 3), the canonical vertices of the face.
        ears_xyz: float32 (2, 3), where the right and left ear meet the head.
    """
    squareness = 2.0 + 2.2 * abs(np.sin(11.0 * form))
    height, rim = 0.155 + 0.075 * form, 0.020 + 0.028 * abs(np.sin(23.0 * form))
    eyes = [face_xyz[[33, 133]].mean(axis=0), face_xyz[[362, 263]].mean(axis=0)]
    apart = float(eyes[1][0] - eyes[0][0])
    width = 0.405 * apart + 0.02 * np.sin(31.0 * form)
    front = float(face_xyz[[159, 386, 27, 257, 23, 253], 2].min()) - 0.17
    bridge_z = float(face_xyz[[6, 168], 2].min()) - 0.03
    angle = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    outline = np.stack(
        [np.sign(f(angle)) * abs(f(angle)) ** (2 / squareness) for f in (np.cos, np.sin)], axis=1
    )
    vertices: list[Array] = []
    frame: list[Array] = []
    lenses: list[Array] = []
    count = 0

    def add(points: Array, triangles: Array, target: list[Array]) -> None:
        nonlocal count
        vertices.append(points)
        target.append(triangles + count)
        count += len(points)

    for eye in eyes:
        centre = np.array([eye[0] * 1.06, eye[1] + 0.035])
        rings = []
        for half, back in ((-0.5, 0.0), (0.5, 0.0), (0.5, 0.035), (-0.5, 0.035)):
            reach = np.array([width, height]) + half * rim
            xy = centre + outline * reach
            z = front + back + 0.10 * (xy[:, 0] / 0.8) ** 2
            rings.append(np.column_stack([xy, z]))
        add(np.concatenate(rings), _tube(4, _POINTS), frame)
        inner = rings[0] + (0, 0, 0.015)
        middle = inner.mean(axis=0, keepdims=True)
        fan = np.array([[0, 1 + i, 1 + (i + 1) % _POINTS] for i in range(_POINTS)])
        add(np.concatenate([middle, inner]), fan, lenses)
        side = np.sign(eye[0])
        start = np.array([centre[0] + side * width, centre[1] - 0.25 * height, 0.0])
        start[2] = front + 0.10 * (start[0] / 0.8) ** 2
        ear = ears_xyz[int(side > 0)] + np.array([side * 0.02, 0.0, 0.0])
        bend = start + np.array([side * 0.045, 0.0, 0.09])
        add(*_bar(np.stack([start, bend, ear]), rim * 0.9), frame)
    inner_edge = np.array([eyes[1][0] * 1.06 - width, eyes[1][1] + 0.0, front])
    arch = np.array([0.0, inner_edge[1] - 0.03, min(bridge_z, front)])
    add(*_bar(np.stack([inner_edge * (-1, 1, 1), arch, inner_edge]), rim * 0.9), frame)
    return Spectacles(
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(frame).astype(np.int32),
        np.concatenate(lenses).astype(np.int32),
    )


def _tube(rings: int, points: int) -> Array:
    """Return triangles between closed rings of points."""
    triangles = []
    for ring in range(rings):
        after = (ring + 1) % rings
        for i in range(points):
            j = (i + 1) % points
            a, b = ring * points + i, ring * points + j
            c, d = after * points + j, after * points + i
            triangles += [[a, b, c], [a, c, d]]
    return np.array(triangles)


def _bar(path: Array, thickness: float) -> tuple[Array, Array]:
    """Return a square bar along a path: vertices and triangles."""
    half = thickness / 2
    corners = np.array([[0, -half, -half], [0, half, -half], [0, half, half], [0, -half, half]])
    along = path[-1] - path[0]
    if abs(along[0]) < abs(along[2]):  # a temple runs backwards: its section lies in x and y
        corners = corners[:, [2, 1, 0]]
    points = (path[:, None] + corners[None]).reshape(-1, 3)
    triangles = []
    for step in range(len(path) - 1):
        for i in range(4):
            a, b = step * 4 + i, step * 4 + (i + 1) % 4
            triangles += [[a, b, b + 4], [a, b + 4, a + 4]]
    return points, np.array(triangles)
