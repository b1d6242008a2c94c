"""What the stage ``attributes`` makes of a row: a face with what is measured and cut of it."""

from pathlib import Path

import numpy as np

from pipeline.ops.alignment import beyond_image
from pipeline.ops.codec import as_rgb, decode, encode_png
from pipeline.ops.geometry import affine_between, warp_affine
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, DMFR, warp_to_template
from pipeline.params.attributes import AttributesParams
from pipeline.recognition.appearance import focus_measure, illumination
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.store.ids import file_stem
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Bool, Float32, Row, UInt8

TEMPLATE = ALIGNMENT_TEMPLATES["arcface112"]


def attribute_rows(params: AttributesParams, weights: Path) -> BatchFunction:
    """Load the network and build the batch function."""
    from pipeline.recognition.sface import SFace  # torch: only who embeds waits

    network = SFace(
        weights,
        precision=params.precision,
        device=params.device,
        batch_rows=params.batch_rows,
    )

    def describe(rows: list[Row]) -> list[Outcome]:
        contexts = [decode(row["context"]["bytes"]) for row in rows]
        crops = np.stack([crop_of(*each) for each in zip(rows, contexts, strict=True)])
        embeddings = network.embed(crops)
        return [[described(*each)] for each in zip(rows, contexts, crops, embeddings, strict=True)]

    return describe


def crop_of(row: Row, context: UInt8) -> UInt8:
    """Return the network's crop: the row's image, or cut out of the context image.

    ``align`` cuts the image out of its source; on the way by the context's 512 pixels a small face
    loses detail.
    """
    if row["template"] == TEMPLATE.name:
        return as_rgb(decode(row["image"]["bytes"]))
    source_to_crop = warp_to_template(row["landmarks_xy"], TEMPLATE)
    context_to_crop = affine_between(row["context_warp_2x3"], source_to_crop)
    return warp_affine(as_rgb(context), context_to_crop, TEMPLATE.hw)


def shown_of(row: Row, crop: UInt8) -> Bool | None:
    """Return where the network's crop shows the image, bool (h, w); None where nobody knows."""
    if row["source_hw"] is None:
        return None
    source_to_crop = warp_to_template(row["landmarks_xy"], TEMPLATE)
    height, width = row["source_hw"]
    return ~beyond_image(source_to_crop, (height, width), (crop.shape[0], crop.shape[1]))


def dmfr_columns(row: Row, context: UInt8) -> Row:
    """Cut DMFR's crop out of the context image, as ``poses`` and ``degrade`` cut theirs."""
    source_to_crop = warp_to_template(row["landmarks_xy"], DMFR)
    context_to_crop = affine_between(row["context_warp_2x3"], source_to_crop)
    crop = np.asarray(warp_affine(context, context_to_crop, DMFR.hw, border="reflect"), np.uint8)
    name = file_stem(row["sample_id"])
    data = {"bytes": encode_png(crop), "path": f"{name}.dmfr.png"}
    return {"dmfr": data, "dmfr_warp_2x3": source_to_crop}


def described(row: Row, context: UInt8, crop: UInt8, embedding: Float32) -> Row:
    """Make a face's row."""
    kept = {name: value for name, value in row.items() if name in ATTRIBUTES.names}
    yaw, pitch, roll = (float(angle) for angle in row["pose_deg"])
    shown = shown_of(row, crop)
    bright, side = illumination(crop, shown)
    return (
        kept
        | dmfr_columns(row, context)
        | {
            "parent_id": row["sample_id"],
            "yaw_deg": yaw,
            "pitch_deg": pitch,
            "roll_deg": roll,
            "sharpness": focus_measure(crop, shown),
            "illumination": bright,
            "side_light": side,
            "quality": float(np.linalg.norm(embedding)),
            "embedding": embedding,
        }
    )
