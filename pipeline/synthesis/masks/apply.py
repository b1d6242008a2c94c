"""A masked face from a face: drawn on the context crop, carried into the aligned one."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.ops.geometry import reduction_of, warp_affine
from pipeline.schemas.masks import COVERAGE_PARTS
from pipeline.synthesis.masks.render import MaskLayer, composite
from pipeline.types import EYES, MOUTH, NOSE, FaceClass, Float32, UInt8

_BLOCK_PX = 8
_LAYER_PNG = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
]
"""A layer is empty in most places: trying filters takes three times as long for 4 % fewer bytes."""
_CLASSES = {"eyes": EYES, "nose": NOSE, "mouth": MOUTH, "skin": (FaceClass.SKIN,)}


@dataclass(frozen=True)
class MaskedCrop:
    """An aligned crop with a mask.

    Attributes:
        image: the masked crop, like the one before.
        layer: what was laid over it, in its frame.
        changed_outside: pixels that differ though the layer's alpha is 0 there: 0.
    """

    image: UInt8
    layer: MaskLayer
    changed_outside: int


def carry_layer(layer: MaskLayer, source_to_target: Float32, hw: tuple[int, int]) -> MaskLayer:
    """Resample a layer into another frame of the same face.

    Args:
        layer: in the source's frame.
        source_to_target: (2, 3).
        hw: height and width of the target.
    """
    left, top, width, height = cv2.boundingRect(layer.alpha)
    if not width:
        nothing = np.zeros(hw, np.uint8)
        return MaskLayer(np.zeros((*hw, *layer.colour.shape[2:]), np.uint8), nothing, nothing)
    # A rim of nothing around it, or its border would be smeared; cut where blocks of the whole
    # image begin, so that a warp that shrinks takes the same means.
    block = math.lcm(_BLOCK_PX, *reduction_of(source_to_target))
    right, bottom = (-(-(end + 1) // block) * block for end in (left + width, top + height))
    left, top = (max(start - 1, 0) // block * block for start in (left, top))
    seen = slice(top, bottom), slice(left, right)
    shifted = source_to_target + np.column_stack(
        [np.zeros((2, 2)), source_to_target[:, :2] @ (left, top)]
    )
    alpha = layer.alpha[seen].astype(np.float32)
    colour = layer.colour[seen].astype(np.float32)
    share = alpha / np.float32(255)
    premultiplied = colour * (share if colour.ndim == 2 else share[..., None])
    moved = [warp_affine(each, shifted, hw) for each in (alpha, premultiplied)]
    region = warp_affine(layer.region[seen].astype(np.float32), shifted, hw)
    alpha8 = np.clip(np.rint(moved[0]), 0, 255).astype(np.uint8)
    divisor = np.maximum(moved[0] / np.float32(255), np.float32(1e-4))
    straight = moved[1] / (divisor if colour.ndim == 2 else divisor[..., None])
    colour8 = np.clip(np.rint(straight), 0, 255).astype(np.uint8)
    colour8[alpha8 == 0] = 0
    return MaskLayer(colour8, alpha8, np.clip(np.rint(region), 0, 255).astype(np.uint8))


def mask_crop(crop: UInt8, layer: MaskLayer, source_to_crop: Float32) -> MaskedCrop:
    """Lay a mask that was drawn in another frame over a crop.

    Args:
        crop: uint8 (h, w) or (h, w, 3).
        layer: in the frame it was drawn in, with as many channels.
        source_to_crop: (2, 3), that frame to the crop's.
    """
    carried = carry_layer(layer, source_to_crop, (crop.shape[0], crop.shape[1]))
    image = composite(crop, carried)
    differs = image != crop
    if differs.ndim == 3:
        differs = differs.any(axis=2)
    outside = int((differs & (carried.alpha == 0)).sum())
    return MaskedCrop(image, carried, outside)


def coverage(labels: UInt8, covered: np.ndarray) -> Float32:
    """Return which share of each part a mask hides.

    Args:
        labels: uint8 (h, w) of ``FaceClass``.
        covered: bool (h, w), pixels that are more mask than not.

    Returns:
        float32 (4,), in the order of ``COVERAGE_PARTS``; NaN where the part is not there.
    """
    shares = np.full(len(COVERAGE_PARTS), np.nan, np.float32)
    for index, part in enumerate(COVERAGE_PARTS):
        there = np.isin(labels, _CLASSES[part])
        if there.any():
            shares[index] = float((there & covered).sum() / there.sum())
    return shares


def intersection_over_union(first: UInt8, second: UInt8) -> float:
    """Return the overlap of two regions, pixels above half covered; 1 where both are empty."""
    a, b = first > 127, second > 127
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def encode_layer(layer: MaskLayer) -> bytes:
    """Encode a layer's colour and alpha as an RGBA PNG."""
    blue_first = layer.colour[..., ::-1] if layer.colour.ndim == 3 else layer.colour[..., None]
    stored = np.empty((*layer.alpha.shape, 4), np.uint8)
    stored[..., :3], stored[..., 3] = blue_first, layer.alpha
    done, data = cv2.imencode(".png", stored, _LAYER_PNG)
    if not done:
        raise ValueError(f"OpenCV could not encode a layer of shape {stored.shape}")
    return data.tobytes()


def lay_over(image: UInt8, layer_png: bytes) -> UInt8:
    """Lay an encoded layer over the image it was drawn for: ``mask_layer`` over ``context``.

    Raises:
        ValueError: the bytes are no RGBA image of the image's size.
    """
    stored = cv2.imdecode(np.frombuffer(layer_png, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.shape != (*image.shape[:2], 4):
        raise ValueError(f"expected an RGBA layer of {image.shape[:2]}")
    colour = stored[..., 2] if image.ndim == 2 else stored[..., 2::-1]
    alpha = np.ascontiguousarray(stored[..., 3], np.uint8)
    layer = MaskLayer(np.ascontiguousarray(colour, np.uint8), alpha, alpha)
    return composite(image, layer)
