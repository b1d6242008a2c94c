"""Exports as stages: named in params, replaced on each run, their manifest noted."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import ParamsError


@pytest.fixture
def ingested(workspace):
    """A workspace with three ingested images."""
    for number in range(3):
        path = workspace.path / "images" / f"person{number}" / "1.png"
        path.parent.mkdir()
        cv2.imwrite(str(path), np.full((20, 30, 3), number, np.uint8))
    workspace.run("ingest")
    return workspace


def export(workspace, name):
    import importlib

    from pipeline.params.load import load_params
    from stages.run import StageRun

    importlib.import_module("stages.export").run(
        StageRun("export", name, load_params(Path("params.yaml")))
    )


def test_a_named_export_is_made_and_made_again(ingested):
    values = {"source": "data/mine/ingest", "format": "folder", "to": "exports/mine"}
    ingested.edit(exports={"mine": values})
    export(ingested, "mine")
    ingested.edit(exports={"mine": values | {"where": "subject_id <> 'person0'"}})
    export(ingested, "mine")
    assert len(list(Path("exports/mine/images").rglob("*.png"))) == 2
    metrics = json.loads(Path("reports/metrics/mine/export.json").read_text())
    assert (metrics["in"], metrics["out"], metrics["rows"]["band"]) == (3, 2, {"VIS": 2})
    noted = Path("reports/exports/mine.json").read_text()
    assert noted == Path("exports/mine/manifest.json").read_text()


def test_an_export_is_written_anew_only_when_what_it_depends_on_changed(ingested, monkeypatch):
    ingested.edit(exports={"mine": {"source": "data/mine/ingest", "format": "folder", "to": "out"}})
    export(ingested, "mine")
    written = Path("out/manifest.json").stat().st_mtime_ns
    noted = Path("reports/exports/mine.json").read_bytes()
    export(ingested, "mine")
    assert Path("out/manifest.json").stat().st_mtime_ns == written
    assert Path("reports/exports/mine.json").read_bytes() == noted

    image = next(Path("out/images").rglob("*.png"))
    whole = image.read_bytes()
    image.write_bytes(b"")
    export(ingested, "mine")
    assert image.read_bytes() == whole

    image.unlink()
    export(ingested, "mine")
    assert image.read_bytes() == whole

    written = Path("out/manifest.json").stat().st_mtime_ns
    monkeypatch.setattr("pipeline.exporters.running.code_sha256", lambda *modules: "edited")
    export(ingested, "mine")
    assert Path("out/manifest.json").stat().st_mtime_ns != written


def test_an_export_that_params_do_not_name_is_told(ingested):
    with pytest.raises(ParamsError, match=r"export@mine: 'mine' is none of \[\]"):
        export(ingested, "mine")


def test_an_export_of_an_unknown_format_is_refused_before_any_work(ingested):
    ingested.edit(exports={"x": {"source": "data/mine/ingest", "format": "zip", "to": "o"}})
    with pytest.raises(ParamsError, match=r"exports\.x\.format"):
        export(ingested, "x")
