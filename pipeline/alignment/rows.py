"""What the stage ``align`` makes of a row: the faces that count, each warped once."""

import numpy as np

from pipeline.face3d.measures import aligned_measures
from pipeline.ops.alignment import align_face, interocular_px
from pipeline.ops.boxes import choose
from pipeline.ops.codec import decode, encode_jpeg, encode_png
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, AlignmentTemplate, template_of
from pipeline.params.align import AlignParams
from pipeline.store import image_columns
from pipeline.store.ids import counted
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Region, Rejected, Row, UInt8

CONTEXT = ALIGNMENT_TEMPLATES["facexlib512"]


def align_rows(params: AlignParams) -> BatchFunction:
    """Build the batch function."""
    template = template_of(params)
    return lambda rows: [align(row, params, template) for row in rows]


def align(row: Row, params: AlignParams, template: AlignmentTemplate) -> Outcome:
    """Warp the faces that the policy chooses."""
    faces, hw = row["faces"], (row["height_px"], row["width_px"])
    boxes = np.stack([face["box_xyxy"] for face in faces])
    scores = np.array([face["score"] for face in faces], np.float32)
    image = decode(row["image"]["bytes"])
    chosen = choose(boxes, scores, hw, params.face)
    made = [warp(row, image, index, params, template) for index in chosen]
    return made or [Rejected("several_faces", f"{len(faces)} faces, and align.face is 'only'")]


def warp(
    row: Row, image: UInt8, index: int, params: AlignParams, template: AlignmentTemplate
) -> Row | Rejected:
    """Warp one face, or say why it is left out; one of all gets an id of its own."""
    part = counted("face", index) if params.face == "all" else ""
    face = row["faces"][index]
    landmarks = face["landmarks_xy"]
    if (distance := interocular_px(landmarks)) < params.min_interocular_px:
        return Rejected("too_small", f"{distance:.1f} px between the eyes", part)
    try:
        aligned = align_face(
            image, landmarks, template, interpolation=params.interpolation, border=params.border
        )
        context = align_face(image, landmarks, CONTEXT)
    except ValueError as error:
        return Rejected("degenerate_landmarks", str(error), part)
    if aligned.outside_fraction > params.max_outside_fraction:
        outside = f"{aligned.outside_fraction:.0%} of the crop lies beyond the image"
        return Rejected("cut_by_border", outside, part)
    name = row["sample_id"].rpartition("/")[2]
    context_jpeg = encode_jpeg(context.crop, params.context_jpeg_quality)
    made: Row = row | face | image_columns(encode_png(aligned.crop), template.hw, f"{name}.png")
    del made["faces"]
    geometry: Row = {
        "sample_id": f"{row['sample_id']}#{part}" if part else row["sample_id"],
        "parent_id": row["sample_id"],
        "region": str(Region.FACE),
        "template": template.name,
        "warp_2x3": aligned.warp_2x3,
        "context": {"bytes": context_jpeg, "path": f"{name}.context.jpg"},
        "context_warp_2x3": context.warp_2x3,
        "face_index": index,
        "face_count": len(row["faces"]),
        "outside_fraction": aligned.outside_fraction,
    }
    return made | geometry | aligned_measures(row, face)
