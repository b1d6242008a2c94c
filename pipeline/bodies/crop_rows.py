"""What the stage ``crop_bodies`` makes of a row: its bodies, each as a crop with its regions."""

from collections.abc import Sequence

import numpy as np

from pipeline.bodies.annotated import columns_of_subject
from pipeline.bodies.body_regions import locate_body_regions
from pipeline.bodies.crops import crop_body
from pipeline.bodies.labelling import LabelOutcome
from pipeline.ops.codec import decode, encode_jpeg, encode_png
from pipeline.params.crop_bodies import CropBodiesParams
from pipeline.store import image_columns
from pipeline.store.ids import counted, file_stem
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Region, Rejected, Row, UInt8

KEPT = ("box_xyxy", "score", "keypoints_xy", "keypoint_scores", "track_id", "face_xyxy", "overlap")
"""What a crop's row takes over from the body's."""


def crop_rows(params: CropBodiesParams) -> BatchFunction:
    """Build the batch function."""
    return lambda rows: [crops_of(row, params) for row in rows]


def crops_of(row: Row, params: CropBodiesParams) -> Outcome:
    """Cut all bodies out of an image, or say why one is left out."""
    if not row["bodies"]:
        return [Rejected("no_body", "the detector found nobody in it")]
    image = decode(row["image"]["bytes"])
    return [cut(row, image, index, params) for index in range(len(row["bodies"]))]


def cut(row: Row, image: UInt8, index: int, params: CropBodiesParams) -> Row | Rejected:
    """Cut one body out."""
    body, part = row["bodies"][index], counted("body", index)
    outcome, height = body["outcome"], body["box_xyxy"][3] - body["box_xyxy"][1]
    taken = {LabelOutcome.LABELLED} | (
        {LabelOutcome.UNLABELLED} if params.unlabelled == "keep" else set()
    )
    if outcome not in taken:
        return Rejected(outcome, f"score {body['score']:.2f}, overlap {body['overlap']}", part)
    if height < params.min_height_px:
        return Rejected("too_small", f"{height:.1f} px high", part)
    hw = params.height_px, params.width_px
    crop = crop_body(
        image,
        body["box_xyxy"],
        hw,
        policy=params.policy,
        margin_fraction=params.margin_fraction,
        interpolation=params.interpolation,
    )
    regions = locate_body_regions(
        body["box_xyxy"],
        body["keypoints_xy"],
        body["keypoint_scores"],
        crop.warp_2x3,
        hw,
        backend=params.body_regions,
        min_score=params.min_keypoint_score,
        shown=crop.shown,
    )
    name = f"{file_stem(row['sample_id'])}.{part}"
    data = encode_jpeg(crop.image, params.jpeg_quality)
    made: Row = row | {column: body[column] for column in KEPT}
    made |= image_columns(data, hw, f"{name}.jpg") | columns_of_subject(row, body["subject_id"])
    del made["bodies"]
    return made | {
        "sample_id": f"{row['sample_id']}#{part}",
        "parent_id": row["sample_id"],
        "region": str(Region.BODY),
        "body_index": index,
        "warp_2x3": crop.warp_2x3,
        "policy": params.policy,
        "body_region_boxes_xyxy": regions.boxes_xyxy,
        "body_region_backend": list(regions.backends),
        "body_region_labels": {"bytes": encode_png(regions.labels), "path": f"{name}.regions.png"},
        "face": cut_face(image, body["face_xyxy"], params, f"{name}.face.jpg"),
    }


def cut_face(
    image: UInt8, face_xyxy: Sequence[float] | None, params: CropBodiesParams, name: str
) -> Row | None:
    """Cut out the square about a face box, as wide as the box's longer side; None of a small one.

    A data set of bodies annotates boxes of faces and no points, so nothing is turned upright.
    """
    if face_xyxy is None:
        return None
    box = np.asarray(face_xyxy, np.float32)
    side = float((box[2:] - box[:2]).max())
    if not np.isfinite(side) or side < max(params.min_face_px, 1.0):
        return None
    middle = (box[:2] + box[2:]) / 2
    square = np.concatenate([middle - side / 2, middle + side / 2]).astype(np.float32)
    hw = params.face_px, params.face_px
    crop = crop_body(image, square, hw, policy="stretch", interpolation=params.interpolation)
    return {"bytes": encode_jpeg(crop.image, params.jpeg_quality), "path": name}
