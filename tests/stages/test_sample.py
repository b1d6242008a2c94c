"""Stage ``sample``: counts, bands, splits, and the same bytes from any number of workers."""

from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.ops.codec import decode
from pipeline.params.load import load_params
from pipeline.store import ShardFolder
from stages.run import StageRun
from stages.sample import run

OUTPUT = Path("data/sample/source/openpeople")


@pytest.fixture
def sample(workspace):
    """One person at low resolution in two bands."""
    weights = ("openpeople", "yunet", "face_mesh_468", "bisenet_r18", "selfie_segmentation")
    workspace.need(*weights)
    small = {"bands": ["VIS", "LWIR"], "subjects": 1, "max_side_px": 160}
    workspace.edit(
        sample={"openpeople": small | {"dataset": "sample", "jpeg_quality": 90, "seed": 3}}
    )
    return workspace


def make(dataset="openpeople"):
    made = StageRun("sample", dataset, load_params(Path("params.yaml")))
    run(made)
    return made


def files():
    return {path.name: path.read_bytes() for path in sorted(OUTPUT.rglob("*.parquet"))}


@pytest.mark.usefixtures("forked_workers")
def test_one_person_gives_28_images_a_band(sample, monkeypatch):
    made = make()
    rows = list(ShardFolder.open(OUTPUT).rows())
    assert len(rows) == 28 * 2
    by_id = {row["sample_id"]: row for row in rows}
    thermal = by_id["P002/emotions_sheet#happy.LWIR"]
    visible = by_id["P002/emotions_sheet#happy.VIS"]
    assert decode(thermal["image"]["bytes"]).ndim == 2
    assert decode(visible["image"]["bytes"]).ndim == 3
    assert (thermal["height_px"], thermal["width_px"]) == (
        visible["height_px"],
        visible["width_px"],
    )
    assert max(row["width_px"] for row in rows) <= 160
    assert {row["simulated"] for row in rows} == {True}
    assert {row["licence"] for row in rows} == {"MIT"}
    assert (thermal["generator"], visible["generator"]) == ("spectral", "openpeople")
    assert {row["split"] for row in rows} == {"train"}
    assert sum(row["view"] == "back" for row in rows) == 2 * 2
    assert made.summary.computed == 6

    before = files()
    assert make().summary.computed == 0
    for path in OUTPUT.rglob("*.parquet"):
        path.unlink()
    monkeypatch.setenv("CROSSBAND_EXECUTOR", "processes")
    monkeypatch.setenv("CROSSBAND_WORKERS", "2")
    make()
    assert files() == before


def test_a_source_that_params_do_not_name_is_refused(sample):
    with pytest.raises(ParamsError, match="'somebody'"):
        make("somebody")
