"""Eyes: sclera, iris, pupil and the shadow of the lids, painted on the eyeballs' pixels."""

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.procedural.head import LEFT_EYE, RIGHT_EYE
from pipeline.types import Float32

if TYPE_CHECKING:
    from pipeline.procedural.person import Person
    from pipeline.procedural.picture import Picture
    from pipeline.procedural.render import Posed

IRIS, PUPIL = 0.50, 0.20
"""Radii as shares of the eyeball's."""


def paint_eyes(
    person: "Person",
    posed: "Posed",
    picture: "Picture",
    part: NDArray[np.int8],
    world: Float32,
    albedo: Float32,
    normals: Float32,
    gloss: Float32,
    open_share: Float32,
) -> None:
    """Fill in the eyes' pixels of arrays over the covered pixels."""
    covered = part >= 0
    which = part[covered]
    identity = person.identity
    gaze = np.array([picture.gaze[0], picture.gaze[1], -1.0])
    gaze = posed.turn @ (gaze / np.linalg.norm(gaze))
    for centre, eye in zip(posed.eyes_world, (RIGHT_EYE, LEFT_EYE), strict=True):
        own = which == eye
        if not own.any():
            continue
        ray = world[covered][own] - centre
        ray /= np.maximum(np.linalg.norm(ray, axis=1, keepdims=True), 1e-6)
        along = ray @ gaze
        beside = ray - along[:, None] * gaze
        radius = np.where(along > 0, np.linalg.norm(beside, axis=1), 1.5)
        up = posed.turn @ np.array([0.0, -1.0, 0.0])
        right = np.cross(up, gaze)
        angle = np.arctan2(beside @ up, beside @ right)
        albedo[own] = _colours(radius, angle, identity.iris, identity.iris_green)
        # The cornea bulges: its normal leaves that of the ball towards the rim of the iris.
        bulge = np.where(radius < IRIS, 0.35, 0.0)[:, None]
        tilted = ray + bulge * beside
        normals[own] = tilted / np.linalg.norm(tilted, axis=1, keepdims=True)
        gloss[own] = np.where(radius < IRIS, 1.0, 0.55)
        open_share[own] = _lid_shadow(part == eye, covered, own, posed)
    return


def _colours(radius: Float32, angle: Float32, iris: float, green: float) -> Float32:
    brown, blue = np.array([0.075, 0.032, 0.014]), np.array([0.16, 0.24, 0.33])
    hazel = np.array([0.17, 0.16, 0.07])
    base = brown * (1 - iris) + (blue * (1 - green) + hazel * green) * iris
    fibre = (
        1
        + 0.22 * np.sin(29 * angle + 3 * np.sin(7 * angle))
        + 0.16 * np.sin(61 * angle + 11 * radius)
    )
    inner = np.clip((0.34 - radius) / 0.1, 0, 1) * iris * 0.5
    colour = base * fibre[:, None] * (0.75 + 0.7 * radius / IRIS)[:, None]
    colour = colour * (1 - inner[:, None]) + np.array([0.20, 0.11, 0.04]) * inner[:, None]
    ring = np.clip((radius - 0.40) / 0.09, 0, 1) ** 1.5
    colour = colour * (1 - 0.8 * ring[:, None])
    dark = np.clip((PUPIL + 0.02 - radius) / 0.03, 0, 1)[:, None]
    colour = colour * (1 - dark) + 0.006 * dark
    red = np.clip((radius - 0.75) / 0.4, 0, 1)[:, None]
    white = np.array([0.60, 0.56, 0.53]) * (1 - red) + np.array([0.52, 0.30, 0.26]) * red
    outside = np.clip((radius - IRIS + 0.02) / 0.05, 0, 1)[:, None]
    return np.asarray(colour * (1 - outside) + white * outside, np.float32)


def _lid_shadow(
    eye: NDArray[np.bool_], covered: NDArray[np.bool_], own: NDArray[np.bool_], posed: "Posed"
) -> Float32:
    """Return how open an eye's pixels lie: lids and lashes shade them, most from above."""
    rows, columns = np.nonzero(eye)
    top, left = max(rows.min() - 3, 0), max(columns.min() - 3, 0)
    crop = eye[top : rows.max() + 4, left : columns.max() + 4].astype(np.uint8)
    distance = cv2.distanceTransform(crop, cv2.DIST_L2, 3)
    shifted = np.zeros_like(distance)
    shifted[2:] = distance[:-2]  # the upper lid's shadow reaches farther
    reach = 0.25 * max(float(distance.max()), 4.0) + 2.0
    depth = np.minimum(distance, shifted) if reach else distance
    share = np.clip(0.25 + 0.75 * depth / reach, 0.2, 1.0)
    return np.asarray(share[rows - top, columns - left], np.float32)
