"""What the stage ``align`` makes of a row: the faces that count, each warped once."""

import numpy as np

from pipeline.alignment.template import template_of
from pipeline.face3d.measures import aligned_measures
from pipeline.ops.alignment import align_face, eyes_to_mouth_px, interocular_px
from pipeline.ops.boxes import choose, iou
from pipeline.ops.codec import decode, encode_jpeg, encode_png
from pipeline.ops.templates import CONTEXT, AlignmentTemplate
from pipeline.params.align import AlignParams
from pipeline.store import image_columns
from pipeline.store.ids import counted, file_stem
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Band, Region, Rejected, Row, UInt8

_LEAST_HEIGHT = 1e-3
"""From the middle of the eyes to that of the mouth, of the eyes' distance: less is no face."""


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
    known = row["truth_box_xyxy"]
    chosen = choose(boxes, scores, hw, params.face, known)
    if not chosen and params.face == "annotated":
        overlap = iou(known, boxes).max()
        detail = f"no face lies on the data set's box: the largest IoU is {overlap:.2f}"
        return [Rejected("not_on_box", detail)]
    if not chosen:
        return [Rejected("several_faces", f"{len(faces)} faces, but align.face is 'only'")]
    others = [
        Rejected("not_chosen", f"align.face is {params.face!r}", counted("face", index))
        for index in range(len(faces))
        if index not in chosen
    ]
    return [*(warp(row, image, index, params, template) for index in chosen), *others]


def warp(
    row: Row, image: UInt8, index: int, params: AlignParams, template: AlignmentTemplate
) -> Row | Rejected:
    """Warp one face, or say why it is left out; one of all gets an id of its own."""
    part = counted("face", index) if params.face == "all" else ""
    face = row["faces"][index]
    landmarks = face["landmarks_xy"]
    if reason := doubted(face, row["band"], params):
        probability = f"the mesh network's probability of a face is {face['mesh_presence']:.2f}"
        return Rejected(reason, probability, part)
    if (distance := interocular_px(landmarks)) < params.min_interocular_px:
        return Rejected("too_small", f"{distance:.1f} px between the eyes", part)
    if eyes_to_mouth_px(landmarks) <= _LEAST_HEIGHT * distance:  # a fit of five takes even that
        return Rejected("degenerate_landmarks", "eyes and mouth lie in one place", part)
    try:
        aligned = align_face(
            image, landmarks, template, interpolation=params.interpolation, border=params.border
        )
        context = align_face(image, landmarks, CONTEXT)
    except ValueError as error:
        return Rejected("degenerate_landmarks", str(error), part)
    if (missing := missing_fraction(face, image.shape[:2])) > params.max_outside_fraction:
        return Rejected("cut_by_border", f"{missing:.0%} of the face lies outside the image", part)
    name = file_stem(row["sample_id"])
    context_jpeg = encode_jpeg(context.crop, params.context_jpeg_quality)
    made: Row = row | face | image_columns(encode_png(aligned.crop), template.hw, f"{name}.png")
    del made["faces"]
    geometry: Row = {
        "sample_id": f"{row['sample_id']}#{part}" if part else row["sample_id"],
        "parent_id": row["sample_id"],
        "region": str(Region.FACE),
        "source_hw": [image.shape[0], image.shape[1]],
        "template": template.name,
        "warp_2x3": aligned.warp_2x3,
        "context": {"bytes": context_jpeg, "path": f"{name}.context.jpg"},
        "context_warp_2x3": context.warp_2x3,
        "face_index": index,
        "face_count": len(row["faces"]),
        "outside_fraction": aligned.outside_fraction,
    }
    return made | geometry | aligned_measures(row, face)


def doubted(face: Row, band: str, params: AlignParams) -> str | None:
    """Say why a face is left out in which the mesh network sees none, if it is.

    Args:
        face: an item of the column ``faces``.
        band: the image's.
        params: ``min_mesh_presence`` counts for every face, a band's own only where the mesh's
            points align: a detector's or known ones do not depend on what the mesh sees.

    Returns:
        A reason of ``rejected``, or None.
    """
    presence = face["mesh_presence"]
    if presence < params.min_mesh_presence:
        return "not_a_face"
    by_mesh = not np.array_equal(face["landmarks_xy"], face["detected_xy"])
    if by_mesh and presence < params.band_min_mesh_presence.get(Band(band), 0.0):
        return "unsure_landmarks"
    return None


def missing_fraction(face: Row, source_hw: tuple[int, ...]) -> float:
    """Return which share of a face lies beyond the image: of its mesh's points, else of its box.

    Args:
        face: an item of the column ``faces``.
        source_hw: height and width of the image.
    """
    high = np.array([source_hw[1], source_hw[0]]) - 0.5
    points = np.asarray(face["mesh_xyz"], np.float64)[:, :2]
    if np.isfinite(points).all():
        return float(((points < -0.5) | (points > high)).any(axis=1).mean())
    box = np.asarray(face["box_xyxy"], np.float64).reshape(2, 2)
    inside = np.clip(np.diff(np.clip(box, -0.5, high), axis=0), 0.0, None).prod()
    return float(1.0 - inside / max(np.diff(box, axis=0).prod(), 1e-9))
