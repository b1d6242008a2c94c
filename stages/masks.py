"""Stage ``masks``: faces with a synthesised mask, every pixel outside it as it was."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.params.masks import MasksParams, TemplateFiles
from pipeline.params.parts import PartsParams
from pipeline.parsing.hidden import hidden_columns
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.masks import masks_metrics
from pipeline.rng import seed_for
from pipeline.schemas.masks import MASKS
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.synthesis.masks.files import load_template
from pipeline.synthesis.masks.rows import FaceToMask
from pipeline.synthesis.masks.template import MaskTemplate
from pipeline.synthesis.masks.wear import choose_wear, place
from pipeline.types import Rejected, Row
from stages.run import StageRun, stage_main


def make(params: MasksParams, parts: PartsParams) -> BatchFunction:
    """Load the templates and build the batch function."""
    templates = {name: load_template(name, params.own) for name in params.templates}

    def mask(row: Row) -> Outcome:
        if row["band"] not in params.bands:
            return [Rejected("band_left_out", f"masks.bands does not name {row['band']}")]
        face = FaceToMask.of_row(row)
        numbers = range(params.per_face)
        return [masked(row, face, f"mask{n}", params, parts, templates) for n in numbers]

    return lambda rows: [mask(row) for row in rows]


def masked(
    row: Row,
    face: FaceToMask,
    what: str,
    params: MasksParams,
    parts: PartsParams,
    templates: dict[str, MaskTemplate],
) -> Row:
    """Put one mask on a face: which, worn how, follows from the row's id."""
    sample_id = f"{row['sample_id']}#{what}"
    seed = seed_for(params.seed, sample_id)
    random = np.random.default_rng(seed)
    template = templates[params.templates[random.integers(len(params.templates))]]
    wear = choose_wear(params.wear.model_dump(), random)
    placement = place(template, wear, params.jitter, random)
    drawn = face.mask(template, placement, loops=bool(random.uniform() < params.loops_share))
    hidden = hidden_columns(
        row, drawn.covered, drawn.loose, min_pixels=parts.min_pixels, crop_px=parts.crop_px
    )
    provenance = {"sample_id": sample_id, "parent_id": row["sample_id"], "simulated": True}
    provenance |= {"generator": f"mask:{template.name}", "seed": seed}
    bare = {name: value for name, value in row.items() if name != "loose"}
    return bare | hidden | drawn.columns(row["image"]["path"]) | provenance


def run(stage: StageRun) -> None:
    """Mask the faces of a data set."""
    params, parts = stage.params.masks, stage.params.parts
    digests = {
        name: hashlib.sha256(Path(file).read_bytes()).hexdigest()
        for name, file in sorted(params.own.items())
    }
    output = stage.map(
        stage.source("reconstruct"),
        MASKS,
        partial(make, params, parts),
        sections=[params, parts, TemplateFiles(sha256=digests)],
    )
    stage.write_metrics(masks_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("masks", run)
