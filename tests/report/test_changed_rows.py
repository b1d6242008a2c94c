"""Two runs of a stage compared: what came, went, changed, was rejected, whatever the shards."""

import json
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pyarrow as pa
import pytest
from report_rows import aligned, folder
from typer.testing import CliRunner

from pipeline import schemas
from pipeline.cli import app
from pipeline.errors import SchemaError
from pipeline.report.changed_rows import _SCHEMAS, _stage_of, changed_rows
from pipeline.schemas.align import ALIGN
from pipeline.schemas.ingest import INGEST


def rejected(name, reason):
    row = {"sample_id": name, "dataset": "d", "band": "VIS", "region": "face"}
    return row | {"reason": reason, "detail": "", "fingerprint": "f"}


def runs(tmp_path):
    before = [aligned("same"), aligned("moved"), aligned("gone"), aligned("falls")]
    now = [
        aligned("same"),
        aligned("moved") | {"outside_fraction": 0.5, "warp_2x3": np.full((2, 3), 7, np.float32)},
        aligned("new"),
        aligned("rises"),
    ]
    return (
        folder(tmp_path / "before", ALIGN, before, [rejected("rises", "too_small")]),
        folder(tmp_path / "now", ALIGN, now, [rejected("falls", "too_dark")]),
    )


def test_each_sample_is_told_once(tmp_path):
    changes = changed_rows(*runs(tmp_path))
    assert changes.same == 1
    assert changes.added == ("new",)
    assert changes.gone == ("gone",)
    assert changes.changed == ("moved",)
    assert changes.columns == {"outside_fraction": 1, "warp_2x3": 1}
    assert changes.rejected == {"falls": "too_dark"}
    assert changes.accepted == {"rises": "too_small"}


def test_the_command_says_so_and_ends_with_1(tmp_path):
    before, now = (str(each.path) for each in runs(tmp_path))
    done = CliRunner().invoke(app, ["diff", before, now])
    assert done.exit_code == 1
    assert "falls (too_dark)" in done.stdout
    assert "outside_fraction 1, warp_2x3 1" in done.stdout
    assert json.loads(CliRunner().invoke(app, ["diff", before, now, "--json"]).stdout)["same"] == 1


def test_what_was_rejected_is_compared_as_well(tmp_path):
    before, now = (
        folder(tmp_path / when, ALIGN, [aligned("same")], lost)
        for when, lost in (
            ("before", [rejected("went", "too_small"), rejected("else", "too_small")]),
            ("now", [rejected("else", "too_dark")]),
        )
    )
    changes = changed_rows(before, now)
    assert not changes.none
    assert changes.gone == ("went",)
    assert changes.rejected == {"else": "too_dark"}


def test_a_run_differs_from_itself_in_nothing(tmp_path):
    before, _ = (str(each.path) for each in runs(tmp_path))
    done = CliRunner().invoke(app, ["diff", before, before])
    assert (done.exit_code, done.stdout) == (0, "4 rows as they were\n")


def test_outputs_of_two_stages_are_refused_and_those_of_two_versions_taken(tmp_path):
    before, _ = runs(tmp_path)
    other = folder(tmp_path / "ingest", INGEST, [aligned("same")])
    with pytest.raises(SchemaError, match=r"as align writes them, .*ingest as ingest: expected"):
        changed_rows(before, other)
    older = pa.schema([each for each in ALIGN if each.name != "face_count"], ALIGN.metadata)
    now = folder(tmp_path / "older", older, [aligned("same")])
    assert changed_rows(before, now).gone == ("falls", "gone", "moved", "rises")


def test_every_schema_of_a_stage_is_known():
    stages = [module.name for module in iter_modules(schemas.__path__)]
    found = {
        stage: getattr(import_module(f"pipeline.schemas.{stage}"), stage.upper(), None)
        for stage in stages
    }
    assert {stage: schema for stage, schema in found.items() if schema} == _SCHEMAS


def test_each_stage_is_known_by_its_columns():
    for stage, schema in _SCHEMAS.items():
        assert _stage_of(frozenset(schema.names)) == stage
