"""The frame in which faces are degraded: the context crop, scaled.

One frame for all: the aligned crops of every template are cut out of it, so they show one and the
same degraded image; what lies beyond it is its mirror image. At 172 pixels a face has the scale of
``arcface144``.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from pipeline.ops.alignment import beyond_image, outside_fraction, replicated
from pipeline.ops.geometry import affine_between, compose_affine, warp_affine
from pipeline.ops.templates import CONTEXT_PX
from pipeline.types import Float32, UInt8


def context_to_frame(frame_px: int) -> Float32:
    """Return the scaling from the context crop to a frame of this side, (2, 3)."""
    scale = frame_px / CONTEXT_PX
    shift = (scale - 1) / 2  # pixel centres lie at integers
    return np.array([[scale, 0.0, shift], [0.0, scale, shift]], dtype=np.float32)


def frame_of(context: UInt8, frame_px: int) -> UInt8:
    """Scale a context crop down to the frame, each pixel the mean of what it covers.

    Args:
        context: uint8 (512, 512) or (512, 512, 3).
        frame_px: side of the frame.
    """
    wh = frame_px, frame_px
    return np.asarray(cv2.resize(context, wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def frame_of_face(
    context: UInt8,
    source_to_context: Float32,
    source_hw: Sequence[int] | None,
    frame_px: int,
) -> UInt8:
    """Scale a face's context crop down to the frame; beyond its image, the image's border goes on.

    The black there is nothing that a camera saw: blur would carry it into the face.

    Args:
        context: uint8 (512, 512) or (512, 512, 3).
        source_to_context: (2, 3).
        source_hw: height and width of the source image; None where they are not known.
        frame_px: side of the frame.
    """
    if source_hw is not None:
        height, width = source_hw
        hw = context.shape[0], context.shape[1]
        if outside_fraction(source_to_context, (height, width), hw):
            context = replicated(context, source_to_context, (height, width))
    return frame_of(context, frame_px)


def black_beyond(crop: UInt8, source_to_crop: Float32, source_hw: Sequence[int] | None) -> UInt8:
    """Leave a crop black beyond its source image, as aligned ones are.

    Args:
        crop: uint8 (h, w) or (h, w, 3).
        source_to_crop: (2, 3).
        source_hw: of ``frame_of_face``.

    Returns:
        A new crop, or the same object where nothing lies beyond.
    """
    if source_hw is None:
        return crop
    (height, width), hw = source_hw, (crop.shape[0], crop.shape[1])
    if not outside_fraction(source_to_crop, (height, width), hw):
        return crop
    shown = ~beyond_image(source_to_crop, (height, width), hw)
    return crop * (shown if crop.ndim == 2 else shown[..., None])


def context_from_frame(frame: UInt8) -> UInt8:
    """Scale a frame up to a context crop."""
    wh = CONTEXT_PX, CONTEXT_PX
    return np.asarray(cv2.resize(frame, wh, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def crop_from_frame(
    frame: UInt8, source_to_context: ArrayLike, source_to_crop: ArrayLike, hw: tuple[int, int]
) -> UInt8:
    """Cut a crop out of a frame.

    Args:
        frame: uint8 (f, f) or (f, f, 3).
        source_to_context: (2, 3).
        source_to_crop: (2, 3).
        hw: height and width of the crop.
    """
    source_to_frame = compose_affine(source_to_context, context_to_frame(frame.shape[0]))
    frame_to_crop = affine_between(source_to_frame, source_to_crop)
    crop = warp_affine(frame, frame_to_crop, hw, interpolation="cubic", border="reflect")
    return np.asarray(crop, np.uint8)
