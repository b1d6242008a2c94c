"""Stage ``sample`` with source ``scenes``, and ``ingest`` behind it: the real path of videos."""

from collections import Counter
from pathlib import Path

import pytest

from pipeline.demo.sources.scenes import WEIGHTS
from pipeline.params.load import load_params
from pipeline.store import ShardFolder
from stages import ingest, sample
from stages.run import StageRun

SMALL = {
    **{"dataset": "scenes", "subjects": 4, "openpeople_subjects": 0, "videos_per_gallery": 1},
    **{"people_per_video": 2, "frames_per_video": 4, "frames_per_second": 2.0, "seed": 1},
}


@pytest.fixture
def scenes(workspace):
    workspace.need(*WEIGHTS)
    own = {"reader": "ijb_mdf", "root": "data/scenes/source/scenes", "shards": 3}
    own |= {"simulated": True, "ijb_mdf": {"segment_frames": 2}}
    workspace.edit(datasets={"scenes": own}, sample={"scenes": SMALL})
    return workspace


def run(stage):
    made = StageRun(stage.__name__.rpartition(".")[2], "scenes", load_params(Path("params.yaml")))
    stage.run(made)
    return made


def test_what_is_filmed_is_taken_in(scenes):
    assert run(sample).summary.computed == 8
    assert run(sample).summary.computed == 0
    taken = run(ingest)
    assert (taken.summary.rows_in, taken.summary.rows_out) == (16, 32)  # segments, frames
    assert taken.summary.rejected == {}
    rows = list(ShardFolder.open(Path("data/scenes/ingest")).rows())
    assert Counter(row["band"] for row in rows) == dict.fromkeys(["VIS", "SWIR", "MWIR", "LWIR"], 8)
    assert Counter(row["split"] for row in rows) == {"train": 16, "test": 16}
    assert {row["simulated"] for row in rows} == {True}
    people = [person for row in rows for person in row["truth_people"]]
    assert len(people) > 32
    assert all(len(person["body_xyxy"]) == 4 for person in people)
    for stage in ("sample", "ingest"):
        assert Path(f"reports/contact/scenes/{stage}.png").stat().st_size > 10_000
        assert Path(f"reports/metrics/scenes/{stage}.json").exists()
    assert run(ingest).summary.computed == 0
