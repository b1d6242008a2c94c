"""Stage ``masks``: faces with a synthesised mask, every pixel outside it as it was."""

from functools import partial

import numpy as np

from pipeline.params.masks import MasksParams
from pipeline.params.parts import PartsParams
from pipeline.parsing.hidden import hidden_columns
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.masks import masks_metrics
from pipeline.rng import rng_for, seed_for
from pipeline.schemas.masks import MASKS
from pipeline.store.ids import counted
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.synthesis.masks.design import MaskDesign
from pipeline.synthesis.masks.files import load_design, own_digests
from pipeline.synthesis.masks.fit import choose_fit, place
from pipeline.synthesis.masks.rows import FaceToMask
from pipeline.types import Rejected, Row
from stages.run import StageRun, stage_main


def make(params: MasksParams, parts: PartsParams) -> BatchFunction:
    """Load the designs and build the batch function."""
    designs = {name: load_design(name, params.own) for name in params.designs}

    def mask(row: Row) -> Outcome:
        if row["band"] not in params.bands:
            return [Rejected("band_left_out", f"masks.bands does not name {row['band']}")]
        face = FaceToMask.of_row(row)
        numbers = range(params.per_face)
        return [masked(row, face, n, params, parts, designs) for n in numbers]

    return lambda rows: [mask(row) for row in rows]


def masked(
    row: Row,
    face: FaceToMask,
    number: int,
    params: MasksParams,
    parts: PartsParams,
    designs: dict[str, MaskDesign],
) -> Row:
    """Put one mask on a face: which, worn how, follows from the row's id.

    A face wears each design once before it wears one again.
    """
    sample_id = f"{row['sample_id']}#{counted('mask', number)}"
    seed = seed_for(params.seed, sample_id)
    rng = np.random.default_rng(seed)
    dealt = rng_for(params.seed, row["sample_id"]).permutation(len(params.designs))
    design = designs[params.designs[dealt[number % len(dealt)]]]
    fit = choose_fit(params.fit.model_dump(), rng)
    placement = place(design, fit, params.jitter, rng)
    drawn = face.mask(design, placement, loops=bool(rng.uniform() < params.loops_share), seed=seed)
    hidden = hidden_columns(
        row, drawn.covered, drawn.context, min_pixels=parts.min_pixels, crop_px=parts.crop_px
    )
    provenance = {"sample_id": sample_id, "parent_id": row["sample_id"], "simulated": True}
    provenance |= {"generator": f"mask:{design.name}", "seed": seed}
    bare = {name: value for name, value in row.items() if name != "context"}
    return bare | hidden | drawn.columns(row["image"]["path"]) | provenance


def run(stage: StageRun) -> None:
    """Mask the faces of a data set."""
    params, parts = stage.params.masks, stage.params.parts
    counts = {
        "masks": params,
        "masks.own": own_digests(params.designs, params.own),
        "parts.min_pixels": parts.min_pixels,
        "parts.crop_px": parts.crop_px,
    }
    faces = stage.source("reconstruct")
    output = stage.map(
        faces,
        MASKS,
        partial(make, params, parts),
        params=counts,
    )
    stage.write_metrics(masks_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), before=faces)


if __name__ == "__main__":
    stage_main("masks", run)
