"""The row of a degraded face: all its crops show one and the same degraded image."""

from typing import Any

from pipeline.ops.codec import encode_jpeg, encode_png
from pipeline.ops.sharpness import sharpness
from pipeline.ops.templates import DMFR, warp_to_template
from pipeline.store.columns import image_columns
from pipeline.store.ids import file_stem
from pipeline.synthesis.degrade.frame import black_beyond, context_from_frame, crop_from_frame
from pipeline.types import Row, UInt8


def quality_row(face: Row, name: str, before: UInt8, after: UInt8, jpeg_quality: int) -> Row:
    """Describe a degraded face.

    Args:
        face: the row of the face, with the columns of the schema ``ALIGN``.
        name: what is appended to its id.
        before: its frame, uint8 (f, f) or (f, f, 3).
        after: the same, degraded.
        jpeg_quality: of the context crop.

    Returns:
        A row of the schema ``DEGRADE`` without generator and seed. Geometry is the face's own; what
        lies beyond its image is black, as it is in the face's own crops.
    """
    file = f"{file_stem(face['sample_id'])}.{name}"
    hw = face["height_px"], face["width_px"]
    to_dmfr = warp_to_template(face["landmarks_xy"], DMFR)
    to_context, source_hw = face["context_warp_2x3"], face["source_hw"]
    crop = crop_from_frame(after, to_context, face["warp_2x3"], hw)
    crop = black_beyond(crop, face["warp_2x3"], source_hw)
    dmfr = black_beyond(crop_from_frame(after, to_context, to_dmfr, DMFR.hw), to_dmfr, source_hw)
    context = black_beyond(context_from_frame(after), to_context, source_hw)
    columns: dict[str, Any] = {
        "sample_id": f"{face['sample_id']}#{name}",
        "parent_id": face["sample_id"],
        "simulated": True,
        "context": {"bytes": encode_jpeg(context, jpeg_quality), "path": f"{file}.context.jpg"},
        "dmfr": {"bytes": encode_png(dmfr), "path": f"{file}.dmfr.png"},
        "dmfr_warp_2x3": to_dmfr,
        "sharpness_before": sharpness(before),
        "sharpness_after": sharpness(after),
    }
    return face | image_columns(encode_png(crop), hw, f"{file}.png") | columns
