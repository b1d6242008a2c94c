"""What of a context crop belongs to the head, and what to the neck.

The head turns; the neck, the shoulders and the background stay. Which is which, the parser's labels
say, refined along the image's edges.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.ops.codec import as_rgb
from pipeline.ops.geometry import compose_affine, warp_affine
from pipeline.ops.guided import guided_upsample
from pipeline.ops.templates import CONTEXT_PX
from pipeline.synthesis.poses.fill import smooth_step
from pipeline.types import FaceClass, Float32, UInt8

_COARSE = 4
_GUIDE_RADIUS_PX, _GUIDE_EPSILON = 3, 2e-3
_NOT_HEAD = (FaceClass.BACKGROUND, FaceClass.CLOTH)
_NECK_CLASSES = (FaceClass.NECK, FaceClass.NECKLACE)
_GROUND, _HEAD, _NECK = 1, 2, 3
_BLACK = 0.006
"""Context crops are black beyond their image."""
_TELLING = (FaceClass.HAIR, FaceClass.HAT, FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR)
_SHARPEN = (0.08, 0.6)


@dataclass(frozen=True)
class Layers:
    """Shares of the context crop's pixels, 0 to 1.

    Attributes:
        head: float32 (512, 512): skin, hair, ears and what is worn on them.
        neck: float32 (512, 512).
        beyond: float32 (512, 512), what lies beyond the source image.
    """

    head: Float32
    neck: Float32
    beyond: Float32


def layers_of_labels(labels: UInt8, crop_to_context: ArrayLike, context: UInt8) -> Layers | None:
    """Carry labels of the aligned crop to the context crop and refine them along its edges.

    Args:
        labels: uint8 (h, w), indices of ``FaceClass``.
        crop_to_context: (2, 3); beyond the aligned crop, colour decides what belongs to what.
        context: uint8 (512, 512) or (512, 512, 3).

    Returns:
        None where the labels know neither hair, hat nor ears, as those drawn from a mesh: they
        do not tell where the head ends.
    """
    if not np.isin(labels, _TELLING).any():
        return None
    half = cv2.resize(
        as_rgb(context), (CONTEXT_PX // 2, CONTEXT_PX // 2), interpolation=cv2.INTER_AREA
    )
    guide = half.astype(np.float32) / np.float32(255)
    side = CONTEXT_PX // _COARSE
    small = np.asarray(cv2.resize(guide, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    kinds = np.full(labels.shape, _HEAD, np.uint8)
    kinds[np.isin(labels, _NOT_HEAD)] = _GROUND
    kinds[np.isin(labels, _NECK_CLASSES)] = _NECK
    to_coarse = compose_affine(crop_to_context, _shrinking(_COARSE))
    found = warp_affine(kinds, to_coarse, (side, side), interpolation="nearest")
    beyond = _beyond(guide)
    maps = _flooded(np.asarray(found, np.uint8), small, beyond)
    refined = guided_upsample(maps, small, guide, _GUIDE_RADIUS_PX, _GUIDE_EPSILON)
    whole = (CONTEXT_PX, CONTEXT_PX)
    shares = (cv2.resize(smooth_step(each, _SHARPEN), whole) for each in refined)
    head, neck = (np.asarray(each, np.float32) for each in shares)
    wide = cv2.resize(beyond.astype(np.float32), (CONTEXT_PX, CONTEXT_PX))
    return Layers(head, neck, np.asarray(wide, np.float32))


def _beyond(guide: Float32) -> NDArray[np.bool_]:
    """Find what lies beyond the image that the crop was cut from.

    It is black up to the crop's edge, and the image, a rectangle, bulges nowhere into it: what is
    black inside the hull of all that is not, belongs to the image.
    """
    brightest = np.maximum.reduce(cv2.split(guide))
    darkest = cv2.erode(brightest, np.ones((3, 3), np.uint8))[1::2, 1::2]
    black = (darkest < _BLACK).astype(np.uint8)
    _, regions = cv2.connectedComponents(black)
    edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    within = ~(np.isin(regions, edge) & (black > 0))
    hull = np.zeros(black.shape, np.uint8)
    points = np.argwhere(within)[:, ::-1].astype(np.int32)
    if len(points):
        # With its own line: the points are pixels that belong to it.
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    return np.asarray(cv2.erode(hull, np.ones((5, 5), np.uint8)) == 0)


def _flooded(kinds: UInt8, colour: Float32, beyond: NDArray[np.bool_]) -> Float32:
    """Carry kinds on over what the aligned crop left out (0), up to the image's edges.

    Returns:
        float32 (2, h, w), head and neck.
    """
    known = cv2.erode(kinds, np.ones((3, 3), np.uint8))
    markers = np.where(known == cv2.dilate(kinds, np.ones((3, 3), np.uint8)), kinds, 0)
    markers[beyond] = _GROUND
    image = np.asarray(cv2.GaussianBlur(colour, (0, 0), 1.0) * 255, np.uint8)
    # A watershed leaves its lines, and the outermost pixels, to nobody.
    image[beyond] = 255 - image[beyond]  # no dark hair runs over into the black
    framed = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    basins = cv2.copyMakeBorder(markers.astype(np.int32), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    flooded = np.maximum(cv2.watershed(framed, basins), 0)[1:-1, 1:-1].astype(np.uint8)
    flooded = np.where(flooded == 0, cv2.dilate(flooded, np.ones((3, 3), np.uint8)), flooded)
    whole = np.where((kinds > 0) & ~beyond, kinds, flooded)
    return np.stack([whole == _HEAD, whole == _NECK]).astype(np.float32)


def _shrinking(factor: int) -> Float32:
    """Return the map to an image reduced by a whole factor."""
    offset = (1.0 / factor - 1.0) / 2.0
    return np.array([[1.0 / factor, 0, offset], [0, 1.0 / factor, offset]], np.float32)
