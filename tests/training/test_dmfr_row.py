"""Rows of DMFR's ablations on made-up faces, SFace above them, and the claims' verdicts."""

import json
from pathlib import Path

import pytest
from edited_params import edit
from ruamel.yaml import YAML
from test_dmfr_stages import ROOT, SHORT, run, write_project

from ablations import dmfr_row, dmfr_table, dmfr_zero_shot
from pipeline.evaluation.outcomes import read_outcomes
from pipeline.params.load import merge_params, read_yaml


@pytest.fixture
def project(tmp_path, monkeypatch, weight_file):
    """Three subjects to train, three to test, a start, and two rows with two seeds."""
    monkeypatch.chdir(tmp_path)
    write_project(weight_file("sface"))
    edit(pretrain_nir_vis={"dmfr": {"steps": 0}})
    run("pretrain_nir_vis", "dmfr")
    values = read_yaml(ROOT / "ablations/dmfr/params.yaml")
    short = {"method": SHORT | {"device": "cpu", "steps": 1}}
    rows = ("real_only", "direct_cosface")
    values["rows"] = {name: merge_params(values["rows"][name], short) for name in rows}
    tested = {"cross-pose": values["tested"]["cross-pose"]}
    cross_quality = {"cross-quality": values["tested"]["cross-quality"]}
    claim = {"claim": "a", "better": rows[1], "worse": rows[0], "probes": "cross-pose"}
    values |= {"seeds": [1, 2], "tested": tested | cross_quality, "faces": 6, "probe_folds": 2}
    Path("ablations/dmfr").mkdir(parents=True)
    YAML().dump(values | {"contrasts": {"direct": claim}}, Path("ablations/dmfr/params.yaml"))


def test_rows_are_trained_with_each_seed_and_stand_below_sface(project):
    for name in ("real_only", "direct_cosface"):
        dmfr_row.run(name)
    dmfr_zero_shot.run()
    dmfr_table.run()
    found = json.loads(Path("reports/ablations/dmfr_rows/direct_cosface.json").read_text())
    assert [each["seed"] for each in found] == [1, 2]
    assert found[0]["modality"].keys() >= {"before", "after", "change", "inter_class_before"}
    outcomes = read_outcomes(
        Path("reports/ablations/dmfr_outcomes/direct_cosface/cross-quality.parquet")
    )
    assert {seed: len(each) for seed, each in outcomes.items()} == {1: 3, 2: 3}
    table = Path("reports/ablations/dmfr.md").read_text()
    assert table.index("| SFace, zero-shot |") < table.index("| w/o synthetic samples |")
    # six impostors give no ten false accepts at any rate: there is nothing to claim
    assert json.loads(Path("reports/ablations/dmfr_contrasts.json").read_text()) == {}
