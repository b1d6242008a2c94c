"""Where the parts are: the parser's word, the mesh's where the parser has none or errs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.ops.alignment import eyes_to_mouth_px, interocular_px
from pipeline.parsing.mesh_parts import mesh_part_boxes, mesh_part_masks
from pipeline.parsing.parts import centre_distance_percent, part_boxes, part_masks
from pipeline.types import Float32, UInt8


@dataclass(frozen=True)
class PartLocations:
    """The four parts of a face, in the order of ``FACE_PARTS``; pixels of the labels' frame.

    Attributes:
        masks: bool (4, h, w); empty where the part was not found.
        boxes_xyxy: float32 (4, 4); NaN where the part was not found.
        backends: for each part ``parser``, ``mesh`` or ``none``.
        mesh_distance_percent: float32 (4,), from the parser's part to the mesh's, % of the
            inter-ocular distance; NaN where the parser has no such part.
    """

    masks: NDArray[np.bool_]
    boxes_xyxy: Float32
    backends: list[str]
    mesh_distance_percent: Float32


def locate_parts(
    labels: UInt8,
    mesh_xy: Float32,
    landmarks_xy: Float32,
    *,
    backend: str = "parser",
    fallback: str = "mesh",
    min_pixels: int = 8,
    max_mesh_distance: float = 0.5,
) -> PartLocations:
    """Locate eyes, nose and mouth.

    Args:
        labels: uint8 (h, w) of ``FaceClass``, left and right settled.
        mesh_xy: float32 (468, 2), pixels of the labels' frame.
        landmarks_xy: float32 (5, 2), likewise.
        backend: ``parser`` or ``mesh``.
        fallback: ``mesh`` or ``none``, for what the backend ``parser`` does not find.
        min_pixels: fewer connected pixels are no part.
        max_mesh_distance: a parser's part whose centre is farther from the mesh's is an error of
            the parser; in distances from eyes to mouth, which hardly shrink in profile.
    """
    parsed, meshed = part_masks(labels), mesh_part_masks(mesh_xy, labels.shape[:2])
    parsed_boxes = part_boxes(parsed, min_pixels=min_pixels)
    mesh_boxes = mesh_part_boxes(mesh_xy)
    eyes, face = interocular_px(landmarks_xy), eyes_to_mouth_px(landmarks_xy)
    apart = centre_distance_percent(parsed_boxes, mesh_boxes, eyes)
    seen, known = (np.isfinite(boxes).all(axis=-1) for boxes in (parsed_boxes, mesh_boxes))
    erred = apart * eyes > 100 * max_mesh_distance * face
    found = seen & ~erred & (backend == "parser")
    filled = ~found & known & ("mesh" in (backend, fallback))
    boxes = np.where(found[:, None], parsed_boxes, np.where(filled[:, None], mesh_boxes, np.nan))
    return PartLocations(
        masks=np.where(found[:, None, None], parsed, meshed & filled[:, None, None]),
        boxes_xyxy=boxes.astype(np.float32),
        backends=np.select([found, filled], ["parser", "mesh"], "none").tolist(),
        mesh_distance_percent=apart,
    )
