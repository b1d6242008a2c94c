"""Hand-worked quantiles and distances."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.face3d.mesh import disagreement_percent, five_landmarks
from pipeline.report.metrics import quantiles, without_nan
from stages.run import StageRun


def test_quantiles_leave_out_what_is_not_finite():
    assert quantiles([1.0, 2.0, 3.0, float("nan"), float("inf")]) == {
        "median": 2.0,
        "p95": 2.9,
        "n": 3,
    }
    assert quantiles([]) == {"n": 0}
    assert quantiles([float("nan")]) == {"n": 0}


def test_a_number_that_is_none_is_null():
    nan, endless = float("nan"), float("inf")
    metrics = {"in": 3, "map": np.float64(nan), "rank1": {"value": 0.5, "ci95": [nan, endless]}}
    expected = {"in": 3, "map": None, "rank1": {"value": 0.5, "ci95": [None, None]}}
    assert json.loads(json.dumps(without_nan(metrics), allow_nan=False)) == expected


def test_no_stage_writes_nan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    StageRun("masks", "mine", params=None).write_metrics({"region_iou": {"median": float("nan")}})
    found = [
        Path("reports", kind, "mine/masks.json").read_text() for kind in ("metrics", "summary")
    ]
    assert [json.loads(text) for text in found] == [{"region_iou": {"median": None}}, {}]


def test_disagreement_is_the_mean_distance_in_percent_of_the_eyes():
    rng = np.random.default_rng(0)
    mesh = rng.normal(size=(468, 3)).astype(np.float32) * 100
    points = five_landmarks(mesh[None])[0]
    assert disagreement_percent(points, mesh) == pytest.approx(0, abs=1e-5)
    between = float(np.hypot(*(points[1] - points[0])))
    moved = points.copy()
    moved[2] += (3.0, 4.0)  # one of five landmarks by 5 pixels: a mean of 1 pixel
    assert disagreement_percent(moved, mesh) == pytest.approx(100 / between, rel=1e-4)
