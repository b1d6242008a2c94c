"""What the stage ``degrade`` makes of a row: the face in lower quality, by each named generator.

All crops of a degraded face show one and the same degraded image.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.ops.codec import decode, encode_jpeg, encode_png
from pipeline.ops.sharpness import sharpness
from pipeline.ops.templates import DMFR, warp_to_template
from pipeline.params.degrade import DegradeParams
from pipeline.rng import rng_for, seed_for
from pipeline.store.columns import image_columns
from pipeline.store.ids import counted, file_stem
from pipeline.store.mapping import BatchFunction
from pipeline.synthesis.degrade.frame import (
    black_beyond,
    context_from_frame,
    crop_from_frame,
    frame_of_face,
)
from pipeline.synthesis.degrade.photometric import degrade_photometric, draw_degradation
from pipeline.types import HEAT_BANDS, Row, UInt8


def degrade_rows(params: DegradeParams, frame_px: int, weights: Path | None) -> BatchFunction:
    """Load the network, if it is asked for, and build the batch function.

    Args:
        params: of the stage.
        frame_px: side of the frame in which faces are degraded.
        weights: of the network that ``train_degrader`` trained; None leaves ``cyclegan`` out.
    """
    network = None
    if weights:
        from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader  # brings torch

        network = CycleGanDegrader(weights, device=params.device)

    def degraded(row: Row) -> Iterator[Row]:
        context, warp = decode(row["context"]["bytes"]), row["context_warp_2x3"]
        frame = frame_of_face(context, warp, row["source_hw"], frame_px)
        quality = params.context_jpeg_quality
        if network:
            made = quality_row(row, "cyclegan", frame, network.degrade(frame), quality)
            yield made | {"generator": "cyclegan", "seed": None}
        for number in range(params.per_face.photometric):
            name = counted("photometric.", number)
            key = f"{row['sample_id']}#{name}"
            rng = rng_for(params.seed, key)
            drawn = draw_degradation(params.photometric, rng)
            after = degrade_photometric(frame, drawn, rng, heat=row["band"] in HEAT_BANDS)
            provenance = {"generator": "photometric", "seed": seed_for(params.seed, key)}
            made = quality_row(row, name, frame, after, quality)
            yield made | provenance | drawn.columns()

    return lambda rows: [list(degraded(row)) for row in rows]


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
