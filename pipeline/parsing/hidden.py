"""What is left of the parts of a face that something covers."""

import numpy as np
from numpy.typing import NDArray

from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import affine_between
from pipeline.parsing.locate import PartLocations
from pipeline.parsing.parts import crop_part, part_boxes
from pipeline.types import FACE_PARTS, FaceClass, Row, UInt8


def hide_parts(
    parts: PartLocations, covered: NDArray[np.bool_], *, min_pixels: int
) -> PartLocations:
    """Take away what is covered.

    A part of which less than ``min_pixels`` in one piece remain is not found any more: empty mask,
    no box, back end ``none``. The others keep their back end.

    Args:
        parts: of the bare face.
        covered: bool (h, w), in the parts' frame.
        min_pixels: at least 1, as in ``part_boxes``.
    """
    if not covered.any():
        return parts
    masks = parts.masks & ~covered
    touched = np.asarray((parts.masks & covered).any(axis=(1, 2)))
    # A closed eye found by the mesh has a box and no pixels: it goes with the middle of its box.
    boxed = np.isfinite(parts.boxes_xyxy).all(axis=1)
    empty = np.asarray(boxed & ~parts.masks.any(axis=(1, 2)))
    for index in np.flatnonzero(empty):
        x0, y0, x1, y1 = parts.boxes_xyxy[index]
        middle = round(float(y0 + y1) / 2), round(float(x0 + x1) / 2)
        inside = all(0 <= at < side for at, side in zip(middle, covered.shape, strict=True))
        touched[index] = inside and covered[middle]
    left = np.full_like(parts.boxes_xyxy, np.nan)
    left[touched] = part_boxes(masks[touched], min_pixels=min_pixels)
    boxes = np.where(touched[:, None], left, parts.boxes_xyxy).astype(np.float32)
    gone = np.asarray(touched & ~np.isfinite(left).all(axis=1))
    masks[gone] = False
    distance = np.where(gone, np.nan, parts.mesh_distance_percent).astype(np.float32)
    backends = [
        "none" if gone[index] else parts.backends[index] for index in range(len(FACE_PARTS))
    ]
    return PartLocations(masks, boxes, backends, distance)


def hide_labels(labels: UInt8, covered: NDArray[np.bool_]) -> UInt8:
    """Return a label map in which what is covered is cloth."""
    return np.where(covered, np.uint8(FaceClass.CLOTH), labels)


def hidden_columns(
    row: Row, covered: NDArray[np.bool_], context: UInt8, *, min_pixels: int, crop_px: int
) -> Row:
    """Make the columns of a ``parts`` row anew after something was laid over the face.

    Args:
        row: of ``parts`` or a stage after it.
        covered: bool (h, w), in the crop's frame.
        context: the context crop as it looks now, from which the parts' crops are drawn.
        min_pixels: as in ``hide_parts``.
        crop_px: side of a part's crop.

    Returns:
        ``labels``, the four parts with their masks, and what says where they are.
    """
    empty = np.zeros(covered.shape, np.uint8)
    stored = [row[f"{part}_mask"] for part in FACE_PARTS]
    masks = np.stack([decode(each["bytes"]) if each else empty for each in stored]) > 0
    known = PartLocations(
        masks, row["part_boxes_xyxy"], row["part_backend"], row["mesh_distance_percent"]
    )
    left = hide_parts(known, covered, min_pixels=min_pixels)
    windows = row["part_windows_xyxy"].copy()
    made: Row = {
        "labels": row["labels"]
        | {"bytes": encode_png(hide_labels(decode(row["labels"]["bytes"]), covered))},
        "part_boxes_xyxy": left.boxes_xyxy,
        "part_windows_xyxy": windows,
        "part_backend": left.backends,
        "mesh_distance_percent": left.mesh_distance_percent,
    }
    to_frame = affine_between(row["context_warp_2x3"], row["warp_2x3"])
    for index, part in enumerate(FACE_PARTS):
        mask = f"{part}_mask"
        if left.backends[index] == "none":
            windows[index] = np.nan
            made |= {part: None, mask: None}
            continue
        # The window stays where it was, so that crops of bare and masked faces are alike.
        crop = crop_part(context, to_frame, windows[index], (crop_px, crop_px))
        made[part] = row[part] | {"bytes": encode_png(crop)}
        made[mask] = row[mask] | {"bytes": encode_png(left.masks[index].astype(np.uint8) * 255)}
    return made
