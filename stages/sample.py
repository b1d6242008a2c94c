"""Stage ``sample``: the embedded data sets, one source a run; everything in them is simulated."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.errors import ParamsError
from pipeline.params import DatasetParams, IjbMdfParams, OpenPeopleParams, ScenesParams
from pipeline.readers import read_dataset
from pipeline.readers.segments import take_in_segment
from pipeline.report import contact_sheet, scene_counts, scene_sheet, share_by
from pipeline.samples.materials import WEIGHTS
from pipeline.samples.openpeople import list_pictures
from pipeline.samples.pictures import make_pictures
from pipeline.samples.scenes.produce import CODE, SCENE_WEIGHTS, make_scenes
from pipeline.store import PICTURES, Listing, MapSummary, executor_from_environment
from stages.run import StageRun, stage_main

SHARDS = 16
_LIMITS: Any = {"max_pixels": 1 << 24, "tone_percentiles": (0.5, 99.5)}


def openpeople(stage: StageRun, params: OpenPeopleParams, target: Path) -> None:
    """Cut OpenPeople's pictures from their sheets and simulate their bands."""
    archive = stage.weight("openpeople")
    weights = {name: stage.weight(name) for name in WEIGHTS}
    sources = list_pictures(archive, params.subjects)
    rows = [{"sample_id": source.key, "source": source} for source in sources]
    output = stage.map(
        Listing(rows, SHARDS, dict),
        PICTURES,
        partial(make_pictures, params, archive, weights),
        sections=[params],
        few_rows=0,  # a row is a whole sheet
        target=target,
        code="pipeline.samples.pictures",
    )
    stage.write_metrics({"share": {c: share_by(output, c) for c in ("band", "split", "view")}})
    contact_sheet(output, stage.report("contact", ".png"), most_subjects=9)


def scenes(stage: StageRun, params: ScenesParams, target: Path) -> None:
    """Film scenes of several people: media and tables in the layout of reader ``ijb_mdf``."""
    weights = {name: stage.weight(name) for name in SCENE_WEIGHTS}
    start = time.monotonic()
    take_key, cut_key = (stage.key([], code=code).digest.hex() for code in CODE)
    label = f"{stage.stage}@{stage.dataset}"
    executor = executor_from_environment()
    media, made = make_scenes(target, params, weights, (take_key, cut_key), executor, label)
    stage.record(MapSummary(media, media, {}, made, media - made), time.monotonic() - start)
    stage.write_metrics(scene_counts(_listed(target, 1).rows))
    few = _listed(target, max(1, params.frames_per_video // 2)).shard(0)
    frames = [item for (row,) in few.batches() for item in take_in_segment(row, **_LIMITS)]
    scene_sheet((f for f in frames if isinstance(f, dict)), stage.report("contact", ".png"))


def _listed(root: Path, stride: int) -> Listing:
    layout = IjbMdfParams(frame_stride=stride)
    return read_dataset(
        "scenes", DatasetParams(reader="ijb_mdf", root=str(root), shards=1, ijb_mdf=layout)
    )


SOURCES: dict[str, Callable[[StageRun, Any, Path], None]] = {
    "openpeople": openpeople,
    "scenes": scenes,
}
"""Sources by name, which is that of their section below ``sample``."""


def run(stage: StageRun) -> None:
    """Make the files of one source."""
    params = getattr(stage.params.sample, stage.dataset, None)
    if stage.dataset not in SOURCES or params is None:
        raise ParamsError(f"sample source {stage.dataset!r}: expected one that params.yaml names")
    SOURCES[stage.dataset](stage, params, Path("data", params.dataset, "source", stage.dataset))


if __name__ == "__main__":
    stage_main("sample", run)
