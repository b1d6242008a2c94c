"""Stage ``ingest``: a data set's images, upright and in 8 bits, as shards of one schema."""

from functools import partial
from pathlib import Path

from pipeline.params.datasets import FREE
from pipeline.params.whole import Params
from pipeline.readers import READERS, read_dataset
from pipeline.readers.files import lists_sha256
from pipeline.readers.rows import ingest_rows
from pipeline.readers.unlisted import strangers_of, words_of
from pipeline.report.chosen_rows import pick_frames
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.ingest import doubtful_bands, ingest_metrics, subjects_by_bands
from pipeline.report.scene_sheet import scene_sheet
from pipeline.schemas.ingest import INGEST
from pipeline.store.changes import refuse_changes, states_below
from stages.run import StageRun, stage_main


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the rows depend on: see ``store.fingerprint``."""
    return "stages.ingest", READERS[params.datasets[item].reader]


def run(stage: StageRun) -> None:
    """Take a data set in."""
    root = Path(stage.dataset_params.root)
    before = states_below(root)
    protocols = stage.params.protocols.get(stage.dataset)
    lists = protocols.own_lists if protocols else frozenset()
    listing = read_dataset(stage.dataset, stage.dataset_params, lists)
    heat = stage.dataset_params.heat
    output = stage.map(
        listing,
        INGEST,
        partial(ingest_rows, stage.params.ingest, heat),
        params={"ingest": stage.params.ingest} | ({"heat": heat} if heat else {}),
        code=code_of(stage.params, stage.dataset),
    )
    metrics = ingest_metrics(output)
    if stage.dataset_params.reader not in FREE or lists:
        # `protocols` depends on the metrics for them
        metrics["lists_sha256"] = lists_sha256(root)
    refuse_changes(root, before)
    stage.write_metrics(metrics)
    print(f"{stage.label}: images by subject and band\n{subjects_by_bands(output)}")
    for line in doubtful_bands(metrics["colour"]):
        print(f"{stage.label}: {line}")
    if strangers := strangers_of(stage.dataset_params, listing.rows):
        print(f"{stage.label}: {words_of(stage.dataset, stage.dataset_params, strangers)}")
    image = stage.report("contact", ".png")
    if stage.dataset_params.reader == "ijb_mdf":
        scene_sheet(pick_frames(output), image, f"ingest {stage.dataset}")
    else:
        contact_sheet(output, image)


if __name__ == "__main__":
    stage_main("ingest", run)
