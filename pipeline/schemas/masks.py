"""Schema of what the stage ``masks`` puts out."""

import pyarrow as pa

from pipeline.schemas.reconstruct import RECONSTRUCT
from pipeline.store.columns import IMAGE, extend, field, floats, measure

COVERAGE_PARTS = ("eyes", "nose", "mouth", "skin")
"""The parts whose coverage is measured, in this order."""

MASKS = extend(
    RECONSTRUCT,
    [
        field("mask_design", pa.string(), null=False),
        field("mask_kind", pa.string(), null=False),
        field("mask_colour", pa.string(), null=False),
        field("mask_fit", pa.string(), null=False, values="proper below_nose chin"),
        field("mask_alpha", IMAGE, null=False, frame="crop", content="share of change, 0 none"),
        field("mask_region", IMAGE, null=False, frame="crop", content="share covered by the mask"),
        field(
            "mask_layer", IMAGE, null=False, frame="context", content="RGBA, to lay over context"
        ),
        field(
            "mask_coverage",
            floats(len(COVERAGE_PARTS)),
            null=False,
            order=" ".join(COVERAGE_PARTS),
            range="0..1",
        ),
        measure("pixels_changed_outside", pa.int32(), "pixels of image changed beyond the mask"),
        measure(
            "region_iou",
            pa.float32(),
            "overlap with the mask drawn from the true geometry",
            range="0..1",
        ),
    ],
    drop=("context",),
)
"""A masked face. ``context`` is its parent's; ``mask_layer`` laid over that gives it masked, as
``pipeline.synthesis.masks.apply.lay_over`` does."""
