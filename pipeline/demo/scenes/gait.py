"""How a body walks: rotations of joints over a cycle of two steps.

Axes are the body's: x to the subject's left, y down, z to the back. Angles in degrees; the swing of
hips, knees and arms follows the usual curves of gait analysis in shape, not a measured person.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

CYCLE_M = 1.4
"""Way of one cycle at a usual pace."""
_HANG_DEG = 41.0
"""From the mesh's spread arms to hanging ones."""
_BENT_DEG = 40.0
"""How far the mesh's elbows are bent at rest."""


@dataclass(frozen=True)
class Gait:
    """How somebody moves.

    Attributes:
        hip_deg: amplitude of the thigh's swing; 0 stands.
        arm_deg: amplitude of the arm's swing.
        elbow_deg: usual bend of the elbow.
        spread_deg: how far the arms stay from the body.
    """

    hip_deg: float
    arm_deg: float
    elbow_deg: float
    spread_deg: float


def walking(gait: Gait, phase: float) -> dict[str, Matrix]:
    """Return rotations of joints for ``Skeleton.pose``.

    Args:
        gait: amplitudes.
        phase: of the cycle, radians; at π/2 the left leg is in front.
    """
    moving = gait.hip_deg / 24.0
    turns: dict[str, Matrix] = {}
    for side, shift in (("L", 0.0), ("R", np.pi)):
        own = phase + shift
        thigh = gait.hip_deg * np.sin(own) + 4.0 * moving
        # The knee bends most while the leg swings forward, and a little under load.
        knee = 3.0 + moving * (48.0 * max(0.0, np.cos(own)) ** 1.5 + 6.0 * max(0.0, np.sin(own)))
        foot = moving * (14.0 * np.sin(own + 0.6)) - 0.4 * knee
        turns[f"upperleg01.{side}"] = about_x(-thigh)
        turns[f"lowerleg01.{side}"] = about_x(knee)
        turns[f"foot.{side}"] = about_x(foot)
        mirror = 1.0 if side == "L" else -1.0
        swing = gait.arm_deg * np.sin(own + np.pi)
        hang = about_z(mirror * (_HANG_DEG - gait.spread_deg))
        turns[f"upperarm01.{side}"] = about_x(-swing) @ hang
        forearm = np.array([mirror * 0.77, 0.64, 0.0])
        axis = np.array([-forearm[1], forearm[0], 0.0])
        bend = gait.elbow_deg - _BENT_DEG + 8.0 * moving * max(0.0, np.sin(own + np.pi))
        turns[f"lowerarm01.{side}"] = about(axis, bend)
    turns["spine03"] = about_y(4.0 * moving * np.sin(phase))
    turns["spine05"] = about_x(-2.0 * moving)
    return turns


def about(axis: NDArray[np.floating], degrees: float) -> Matrix:
    """Return the rotation about an axis by the right-hand rule in these axes."""
    x, y, z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.radians(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def about_x(degrees: float) -> Matrix:
    """Turn about x: positive takes what hangs down to the back."""
    return about(np.array([1.0, 0.0, 0.0]), degrees)


def about_y(degrees: float) -> Matrix:
    """Turn about the upright axis."""
    return about(np.array([0.0, 1.0, 0.0]), degrees)


def about_z(degrees: float) -> Matrix:
    """Turn about the axis of sight: positive takes what points to larger x down."""
    return about(np.array([0.0, 0.0, 1.0]), degrees)
