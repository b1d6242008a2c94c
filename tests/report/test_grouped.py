"""Groups and intervals, and the figure and table that show them."""

import numpy as np
import pytest

from pipeline.ops.codec import decode_rgb
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.report.grouped import Measurements, by_band_and_yaw, mean_summary, median_summary


def measured(items):
    """Put (subject, band, bucket, value) into columns."""
    subjects, bands, buckets, values = zip(*items, strict=True) if items else ((), (), (), ())
    numbers = np.unique(subjects, return_inverse=True)[1].astype(np.int64)
    return Measurements(
        numbers, np.array(bands, str), np.array(buckets, str), np.array(values, float)
    )


def test_groups_and_intervals():
    rng = np.random.default_rng(0)
    items = [
        (f"s{n % 6}", band, bucket, float(rng.normal(yaw, 1)))
        for n in range(60)
        for band in ("NIR", "VIS")
        for bucket, yaw in (("0-20", -10.0), ("20-40", 30.0), ("over 90", 95.0))
    ]
    found = by_band_and_yaw(measured(items), median_summary)
    assert list(found["by_yaw"]) == ["0-20", "20-40", "over 90"]
    assert list(found["by_band"]) == ["VIS", "NIR"]
    cell = found["by_band_and_yaw"]["NIR"]["20-40"]
    assert cell["n"] == 60
    assert cell["ci95"][0] <= cell["median"] <= cell["ci95"][1]
    assert mean_summary(measured(items[:1]))["ci95"] is None


@pytest.mark.parametrize("stage", ["align", "detect", "parse", "parts"])
def test_without_ground_truth_the_figure_and_the_table_say_so(tmp_path, stage):
    nothing = by_band_and_yaw(measured([]), mean_summary)
    keys = ("failure_to_enrol_of_known", "nme_percent", "wrong_face")
    metrics = dict.fromkeys(keys, nothing) | {
        "iou": dict.fromkeys(("eyes", "nose", "mouth"), nothing),
        "box_iou": dict.fromkeys(("left_eye", "right_eye", "nose", "mouth"), nothing),
    }
    ground_truth_figure(stage, metrics, tmp_path / "x.png")
    assert decode_rgb((tmp_path / "x.png").read_bytes()).ndim == 3
    assert "This data set has no ground truth." in (tmp_path / "x.md").read_text()


def test_the_table_has_each_estimate_with_interval_and_count(tmp_path):
    items = [(s, "NIR", "20-40", v) for s, v in (("a", 0.0), ("b", 1.0), ("c", 0.0))]
    rate = by_band_and_yaw(measured(items), mean_summary)
    errors = by_band_and_yaw(measured([("a", "VIS", "0-20", 3.21)]), median_summary)
    ground_truth_figure(
        "detect", {"failure_to_enrol_of_known": rate, "nme_percent": errors}, tmp_path / "x.png"
    )
    table = (tmp_path / "x.md").read_text().splitlines()
    assert "| NIR | – | 33.3 [0.0, 100.0] (3) | – | – |" in table
    assert "| VIS | 3.21 (1) | – | – | – |" in table


def test_faces_of_unknown_pose_and_from_behind_do_not_break_the_figure(tmp_path):
    some = [("a", "VIS", "unknown", 1.0), ("b", "NIR", "over 90", 0.0)]
    groups = by_band_and_yaw(measured(some), mean_summary)
    assert list(groups["by_yaw"]) == ["over 90", "unknown"]
    metrics = {"wrong_face": groups, "nme_percent": by_band_and_yaw(measured([]), median_summary)}
    ground_truth_figure("align", metrics, tmp_path / "x.png")
    table = (tmp_path / "x.md").read_text().splitlines()
    assert "| VIS | – | – | – | – | 100.0 (1) |" in table
