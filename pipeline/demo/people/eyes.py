"""Eyes: sclera, iris, pupil and the shadow of the lids, painted on the eyeballs."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.head import LEFT_EYE, RIGHT_EYE
from pipeline.demo.people.identity import Identity
from pipeline.types import Float32

IRIS, PUPIL = 0.50, 0.22
"""Radii as shares of the eyeball's."""
_BULGE = 0.35
"""How far the cornea's normal leaves that of the ball."""


def paint_eye(
    identity: Identity, rays: Float32, gaze: NDArray[np.float64], turn: NDArray[np.float64]
) -> tuple[Float32, Float32, Float32]:
    """Paint points of an eyeball.

    Args:
        identity: whose eye.
        rays: float32 (n, 3), from the ball's centre.
        gaze: float64 (3,), unit vector of the look.
        turn: float64 (3, 3), rotation of the head.

    Returns:
        Reflectance (n, 3), normals (n, 3) and gloss (n,), float32.
    """
    ray = rays / np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-6)
    along = ray @ gaze
    beside = ray - along[:, None] * gaze
    radius = np.where(along > 0, np.linalg.norm(beside, axis=1), 1.5)
    up = -turn[:, 1]
    angle = np.arctan2(beside @ up, beside @ np.cross(up, gaze))
    bulge = np.where(radius < IRIS, _BULGE, 0.0)[:, None]
    tilted = ray + bulge * beside
    normals = tilted / np.linalg.norm(tilted, axis=1, keepdims=True)
    gloss = np.where(radius < IRIS, 1.0, 0.55)
    colours = _colours(radius, angle, identity)
    return colours, np.asarray(normals, np.float32), np.asarray(gloss, np.float32)


def lid_shadow(part: NDArray[np.int8]) -> Float32:
    """Return how open eyes lie between their lids, most shaded from above.

    Args:
        part: int8 (h, w), materials of the enlarged image.

    Returns:
        float32 (h / 2, w / 2), 1 off the eyes.
    """
    share = np.ones(part.shape, np.float32)
    for eye in (RIGHT_EYE, LEFT_EYE):
        rows, columns = np.nonzero(part == eye)
        if not len(rows):
            continue
        top, left = max(int(rows.min()) - 3, 0), max(int(columns.min()) - 3, 0)
        crop = (part[top : rows.max() + 4, left : columns.max() + 4] == eye).astype(np.uint8)
        distance = cv2.distanceTransform(crop, cv2.DIST_L2, 3)
        lowered = np.zeros_like(distance)
        lowered[2:] = distance[:-2]  # the upper lid's shadow reaches farther
        reach = 0.45 * max(float(distance.max()), 4.0) + 2.0
        depth = np.minimum(distance, lowered)[rows - top, columns - left]
        share[rows, columns] = np.clip(0.25 + 0.75 * depth / reach, 0.2, 1.0)
    return np.ascontiguousarray(share[::2, ::2])


def _colours(
    radius: NDArray[np.floating], angle: NDArray[np.floating], identity: Identity
) -> Float32:
    pale, green = identity.iris, identity.iris_green
    brown, blue = np.array([0.075, 0.032, 0.014]), np.array([0.16, 0.24, 0.33])
    hazel = np.array([0.17, 0.16, 0.07])
    base = brown * (1 - pale) + (blue * (1 - green) + hazel * green) * pale
    fibre = 1 + 0.22 * np.sin(29 * angle + 3 * np.sin(7 * angle))
    fibre += 0.16 * np.sin(61 * angle + 11 * radius)
    colour = base * fibre[:, None] * (0.5 + 0.5 * radius / IRIS)[:, None]
    inner = (np.clip((0.34 - radius) / 0.1, 0, 1) * pale * 0.5)[:, None]
    colour = colour * (1 - inner) + np.array([0.20, 0.11, 0.04]) * inner
    ring = np.clip((radius - 0.40) / 0.09, 0, 1) ** 1.5
    colour = colour * (1 - 0.8 * ring[:, None])
    dark = np.clip((PUPIL + 0.02 - radius) / 0.03, 0, 1)[:, None]
    colour = colour * (1 - dark) + 0.006 * dark
    red = np.clip((radius - 0.75) / 0.4, 0, 1)[:, None]
    white = np.array([0.50, 0.46, 0.43]) * (1 - red) + np.array([0.44, 0.25, 0.21]) * red
    outside = np.clip((radius - IRIS + 0.02) / 0.05, 0, 1)[:, None]
    return np.asarray(colour * (1 - outside) + white * outside, np.float32)
