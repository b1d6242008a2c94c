"""Stage ``masks``: faces with a synthesised mask, every pixel outside it as it was."""

from functools import partial

from pipeline.parsing.hidden import hidden_columns
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.masks import masks_metrics
from pipeline.schemas.masks import MASKS
from pipeline.synthesis.masks.files import own_digests
from pipeline.synthesis.masks.rows import mask_rows
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Mask the faces of a data set."""
    params, parts = stage.params.masks, stage.params.parts
    hide = partial(hidden_columns, min_pixels=parts.min_pixels, crop_px=parts.crop_px)
    faces = stage.source("reconstruct")
    output = stage.map(
        faces,
        MASKS,
        partial(mask_rows, params, hide),
        params={
            "masks": params,
            "masks.own": own_digests(params.designs, params.own),
            "parts.min_pixels": parts.min_pixels,
            "parts.crop_px": parts.crop_px,
        },
    )
    stage.write_metrics(masks_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), before=faces)


if __name__ == "__main__":
    stage_main("masks", run)
