"""Stage ``sample``: the embedded data sets, one source a run; everything in them is simulated."""

import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.demo.sources import SOURCES
from pipeline.demo.sources.plan import Plan
from pipeline.errors import ParamsError
from pipeline.params.datasets import DatasetParams, IjbMdfParams
from pipeline.params.sample import ScenesParams
from pipeline.params.whole import Params
from pipeline.readers import ijb_mdf
from pipeline.readers.segments import take_in_segment
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.sample import image_metrics, pick_segments, scene_counts
from pipeline.report.scene_sheet import scene_sheet
from pipeline.schemas.sample import IMAGES
from pipeline.store import Listing, MapSummary, executor_from_environment
from stages.run import StageRun, stage_main

SHARDS = 16


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code a source's files depend on: see ``store.fingerprint``."""
    return (SOURCES[item],)


def images(stage: StageRun, params: Any, target: Path) -> None:
    """Make images of one person each, in all bands."""
    planned: Plan = import_module(SOURCES[stage.dataset]).plan(params, stage.weight)
    output = stage.map(
        Listing(planned.rows, SHARDS, dict),
        IMAGES,
        planned.make,
        params={f"sample.{stage.dataset}": params},
        few_rows=0,  # a row is many images
        target=target,
        code=code_of(stage.params, stage.dataset),
    )
    stage.write_metrics(image_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"), most_subjects=10)


def scenes(stage: StageRun, params: ScenesParams, target: Path) -> None:
    """Film scenes of several people: media and tables in the layout of reader ``ijb_mdf``."""
    source = import_module(SOURCES["scenes"])
    weights = {name: stage.weight(name) for name in source.WEIGHTS}
    start = time.monotonic()
    codes = code_of(stage.params, stage.dataset), source.CUTTING
    keys = tuple(stage.key({}, code).digest.hex() for code in codes)
    executor = executor_from_environment()
    media, made = source.make_scenes(target, params, weights, keys, executor, stage.label)
    stage.record(MapSummary(media, media, {}, made, media - made), time.monotonic() - start)
    stage.write_metrics(scene_counts(_listed(target, 1).rows))
    few = _listed(target, params.frames_per_video)
    take_in = partial(take_in_segment, max_pixels=1 << 24, tone_percentiles=(0.5, 99.5))
    taken = (take_in(few.load(row)) for row in pick_segments(few.rows))
    frames = [frame for found in taken for frame in found if isinstance(frame, dict)]
    scene_sheet(frames, stage.report("contact", ".png"), f"sample {stage.dataset}")


def _listed(root: Path, stride: int) -> Listing:
    given: Any = {"ijb_mdf": IjbMdfParams(frame_stride=stride), "shards": 1, "simulated": True}
    return ijb_mdf.read(root, "scenes", DatasetParams(reader="ijb_mdf", root=str(root), **given))


def run(stage: StageRun) -> None:
    """Make the files of one source."""
    name = stage.dataset  # that of its section below ``sample``
    params = getattr(stage.params.sample, name, None) if name in SOURCES else None
    if params is None:
        raise ParamsError(f"sample source {name!r}: expected one that params.yaml names")
    make = scenes if name == "scenes" else images
    make(stage, params, Path("data", params.dataset, "source", name))


if __name__ == "__main__":
    stage_main("sample", run)
