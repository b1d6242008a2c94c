"""Stage ``sample``: the embedded data set's people, cut from their sheets, in simulated bands."""

from functools import partial
from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.ops.codec import encode_jpeg
from pipeline.params import OpenPeopleParams
from pipeline.report import contact_sheet, share_by
from pipeline.samples.materials import WEIGHTS
from pipeline.samples.openpeople import (
    SourcePicture,
    described,
    frames_of,
    list_pictures,
    read_picture,
)
from pipeline.samples.simulate import BandSimulator
from pipeline.store import PICTURES, Listing, image_columns
from pipeline.store.mapping import BatchFunction
from pipeline.types import Band, Row
from stages.run import StageRun, stage_main

SHARDS = 16


def make(params: OpenPeopleParams, archive: Path, weights: dict[str, Path]) -> BatchFunction:
    """Load the networks and build the batch function: from one sheet to its pictures."""
    simulator = BandSimulator(weights, bands=params.bands, seed=params.seed)

    def pictures(row: Row) -> list[Row]:
        source: SourcePicture = row["source"]
        frames = frames_of(source, read_picture(archive, source.member), params.max_side_px)
        appearance = simulator.appearance(frames[0].image)
        made = []
        for frame in frames:
            picture_id = f"{source.key}#{frame.name}"
            images = simulator.simulate(frame.image, source.subject_id, picture_id, appearance)
            images |= {Band.VIS: frame.image} if Band.VIS in params.bands else {}
            for band, image in images.items():
                data = encode_jpeg(image, params.jpeg_quality)
                picture = image_columns(data, image.shape[:2], f"{frame.name}.{band}.jpg")
                made.append(described(source, frame, band) | {"seed": params.seed} | picture)
        return sorted(made, key=lambda picture: str(picture["sample_id"]))

    return lambda rows: [pictures(row) for row in rows]


def run(stage: StageRun) -> None:
    """Make the pictures of one source."""
    params = stage.params.sample.openpeople
    if stage.dataset != "openpeople" or params is None:
        raise ParamsError(f"sample source {stage.dataset!r}: expected one that params.yaml names")
    archive = stage.weight("openpeople")
    weights = {name: stage.weight(name) for name in WEIGHTS}
    sources = list_pictures(archive, params.subjects)
    rows = [{"sample_id": source.key, "source": source} for source in sources]
    output = stage.map(
        Listing(rows, SHARDS, dict),
        PICTURES,
        partial(make, params, archive, weights),
        sections=[params],
        few_rows=0,  # a row is a whole sheet
        target=Path("data/sample/source", stage.dataset),
    )
    stage.write_metrics({"share": {c: share_by(output, c) for c in ("band", "split", "view")}})
    contact_sheet(output, stage.report("contact", ".png"), most_subjects=9)


if __name__ == "__main__":
    stage_main("sample", run)
