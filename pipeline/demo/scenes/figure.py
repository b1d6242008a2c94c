"""A person as one frame sees them: colour or heat on a patch, with alpha and the face's pixels."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Band, Float32


@dataclass(frozen=True)
class Stance:
    """How a person stands in one frame.

    Attributes:
        heading_deg: where the person walks: 0 towards the camera, 90 to larger x (the subject's
            left), 180 away.
        phase: of the walking cycle, radians.
        moving: whether the person walks.
    """

    heading_deg: float
    phase: float
    moving: bool


@dataclass(frozen=True)
class Patch:
    """A rendered person; pixel (0, 0) of the patch lies ``anchor_xy`` left of and above the feet.

    Attributes:
        values: float32 (h, w, 3) sRGB in [0, 1], or (h, w) signal of an infra-red band in [0, 1].
        alpha: float32 (h, w) in [0, 1].
        face: bool (h, w), pixels of the bare face: skin, brows, eyes, lips.
        anchor_xy: the point on the ground below the person, pixels of the patch.
    """

    values: Float32
    alpha: Float32
    face: NDArray[np.bool_]
    anchor_xy: tuple[float, float]


@dataclass(frozen=True)
class Light:
    """Light of a take.

    Attributes:
        sun_xyz: unit vector towards the sun, x right, y down, z away from the camera.
        warmth: colour of the sun, RGB about 1.
    """

    sun_xyz: tuple[float, float, float]
    warmth: tuple[float, float, float]


class Person(Protocol):
    """Somebody who can be drawn."""

    height_m: float

    def draw(
        self,
        stance: Stance,
        band: Band,
        pixels_per_m: float,
        shift_xy: tuple[float, float],
        light: Light,
    ) -> Patch:
        """Draw the person.

        Args:
            stance: how the person stands.
            band: which band sees them.
            pixels_per_m: scale.
            shift_xy: fraction of a pixel, in [0, 1), by which the anchor lies off a pixel centre.
            light: of the take.
        """
