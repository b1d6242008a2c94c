"""Stage ``ingest``: a data set's images, upright and in 8 bits, as shards of one schema."""

from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from pipeline.ops.codec import Decoded, decode_foreign, encode_png
from pipeline.ops.containers import UndecodableError
from pipeline.ops.heat import thermal_image
from pipeline.params.datasets import FREE, HeatParams
from pipeline.params.ingest import IngestParams
from pipeline.params.whole import Params
from pipeline.readers import READERS, read_dataset
from pipeline.readers.files import lists_sha256
from pipeline.readers.listing import further_pages
from pipeline.readers.unlisted import strangers_of, words_of
from pipeline.report.chosen_rows import pick_frames
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.ingest import doubtful_bands, ingest_metrics, subjects_by_bands
from pipeline.report.scene_sheet import scene_sheet
from pipeline.schemas.ingest import INGEST
from pipeline.store import image_columns
from pipeline.store.changes import refuse_changes, states_below
from pipeline.store.ids import file_stem
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import HEAT_BANDS, UNREADABLE, Rejected, Row
from stages.run import StageRun, stage_main

LOADED = frozenset({"content", "content_sha256", "unreadable", "refused"})
"""What a listing's row brings besides the columns it is stored with."""


PLACES = ("truth_box_xyxy", "truth_landmarks_xy", "truth_body_xyxy")
"""What a listing may say of places in a file's image, in pixels of it."""

SEGMENTS: dict[str, str] = {"segment": "pipeline.readers.segments"}
"""What takes in a row with this column; the reader that makes such rows counts with it."""


def take_in(row: Row, params: IngestParams, heat: HeatParams | None = None) -> Outcome:
    """Decode one image or segment; bytes that any reader decodes alike are kept as they are.

    Args:
        row: of the listing.
        params: of the stage.
        heat: how the data set stores heat, where it says so.
    """
    known = {name: value for name, value in row.items() if name not in LOADED}
    limits = {"max_pixels": int(params.max_megapixels * 1e6)}
    if "unreadable" in row:
        return [Rejected(UNREADABLE, row["unreadable"])]
    if "refused" in row:
        return [Rejected(*row["refused"])]
    if "segment" in row:
        segments = import_module(SEGMENTS["segment"])
        outcome: Outcome = segments.take_in_segment(
            row, tone_percentiles=params.tone_percentiles, **limits
        )
        return outcome
    try:
        decoded = decode_foreign(row["content"], tone_percentiles=params.tone_percentiles, **limits)
        if heat and row["band"] in HEAT_BANDS:
            grey = thermal_image(
                row["content"],
                decoded.image,
                palette=heat.palette,
                unit=heat.unit,
                span_c=heat.span_c,
                tone_percentiles=params.tone_percentiles,
            )
            if grey is not decoded.image:
                known |= _in_pixels_of(grey.shape[:2], decoded.image.shape[:2], known)
                decoded = Decoded(grey, None, decoded.pages)
    except UndecodableError as error:
        return [Rejected(error.reason, str(error))]
    data = decoded.data or encode_png(decoded.image)
    extension = "jpg" if data.startswith(b"\xff\xd8") else "png"
    name = f"{file_stem(row['sample_id'])}.{extension}"
    made: list[Row | Rejected] = [known | image_columns(data, decoded.image.shape[:2], name)]
    return made + further_pages(decoded.pages, "pages")


def _in_pixels_of(hw: tuple[int, ...], stored_hw: tuple[int, ...], known: Row) -> Row:
    """Return the places that a listing names, in pixels of an image of another height and width.

    A radiometric file shows its JPEG, on which people draw boxes; the sensor has fewer pixels.
    """
    if hw == stored_hw:
        return {}
    scale = np.array([hw[1] / stored_hw[1], hw[0] / stored_hw[0]])
    moved = {}
    for name in PLACES:
        if known.get(name) is not None:
            xy = np.reshape(known[name], (-1, 2))
            places = (xy + 0.5) * scale - 0.5
            moved[name] = places.astype(np.float32).reshape(np.shape(known[name]))
    return moved


def make(params: IngestParams, heat: HeatParams | None) -> BatchFunction:
    """Build the batch function."""
    return lambda rows: [take_in(row, params, heat) for row in rows]


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the rows depend on: see ``store.fingerprint``."""
    return "stages.ingest", READERS[params.datasets[item].reader]


def run(stage: StageRun) -> None:
    """Take a data set in."""
    root = Path(stage.dataset_params.root)
    before = states_below(root)
    listing = read_dataset(stage.dataset, stage.dataset_params)
    heat = stage.dataset_params.heat
    output = stage.map(
        listing,
        INGEST,
        partial(make, stage.params.ingest, heat),
        params={"ingest": stage.params.ingest} | ({"heat": heat} if heat else {}),
        code=code_of(stage.params, stage.dataset),
    )
    metrics = ingest_metrics(output)
    protocols = stage.params.protocols.get(stage.dataset)
    if stage.dataset_params.reader not in FREE or (protocols and protocols.pairs):
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
