"""Stage ``degrade``: each face once more in lower quality, by each named generator."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.errors import StageError
from pipeline.ops.codec import decode
from pipeline.params.degrade import DegradeParams
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.degrade import degrade_metrics
from pipeline.rng import rng_for, seed_for
from pipeline.schemas.degrade import DEGRADE
from pipeline.store import select
from pipeline.store.ids import counted
from pipeline.store.mapping import BatchFunction
from pipeline.synthesis.degrade.frame import frame_of_face
from pipeline.synthesis.degrade.photometric import degrade_photometric, draw_degradation
from pipeline.synthesis.degrade.rows import quality_row
from pipeline.synthesis.degrade.untrained import read_note
from pipeline.types import HEAT_BANDS, Row, UInt8
from stages.run import StageRun, stage_main


def make(params: DegradeParams, frame_px: int, weights: Path | None) -> BatchFunction:
    """Load the network, if it is asked for, and build the batch function."""
    network = None
    if weights:
        from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader  # brings torch

        network = CycleGanDegrader(weights, device=params.device)

    def degraded(row: Row) -> Iterator[Row]:
        context, warp = decode(row["context"]["bytes"]), row["context_warp_2x3"]
        frame = frame_of_face(context, warp, row["source_hw"], frame_px)

        def finish(name: str, made: UInt8, seed: int | None, columns: Row) -> Row:
            provenance = {"generator": name.partition(".")[0], "seed": seed} | columns
            return quality_row(row, name, frame, made, params.context_jpeg_quality) | provenance

        if network:
            yield finish("cyclegan", network.degrade(frame), None, {})
        for number in range(params.per_face.photometric):
            name = counted("photometric.", number)
            key = f"{row['sample_id']}#{name}"
            rng = rng_for(params.seed, key)
            drawn = draw_degradation(params.photometric, rng)
            made = degrade_photometric(frame, drawn, rng, heat=row["band"] in HEAT_BANDS)
            yield finish(name, made, seed_for(params.seed, key), drawn.columns())

    return lambda rows: [list(degraded(row)) for row in rows]


def run(stage: StageRun) -> None:
    """Degrade the chosen faces of a data set."""
    params, frame_px = stage.params.degrade, stage.params.train_degrader.frame_px
    folder = Path("data", stage.dataset, "train_degrader")
    weights, note = None, read_note(folder) if params.per_face.cyclegan else None
    if note and not params.per_face.photometric:
        raise StageError(
            f"{stage.label} has nothing to make: cyclegan is left out ({note}), and per_face asks "
            "for no other; set degrade.per_face.photometric to 1 or more, or train that network"
        )
    if note:
        print(f"{stage.label}: cyclegan is left out: {note}")
    elif params.per_face.cyclegan:
        weights = stage.trained(folder / "generator.pt")
    faces = stage.source("align")
    chosen = select(
        faces,
        bands=params.bands,
        splits=params.splits,
        per_subject=params.images_per_subject,
        seed=params.seed,
    )
    output = stage.map(
        chosen,
        DEGRADE,
        partial(make, params, frame_px, weights),
        params={"degrade": params, "train_degrader.frame_px": frame_px},
    )
    stage.write_metrics(degrade_metrics(output) | {"left_out": {"cyclegan": note} if note else {}})
    contact_sheet(output, stage.report("contact", ".png"), before=faces)


if __name__ == "__main__":
    stage_main("degrade", run)
