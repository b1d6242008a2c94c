"""What ``detect`` and ``align`` show, on rows made by hand whose errors are known."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from report_rows import POINTS, aligned, face, folder, image_without_ground_truth, make_image

from pipeline.detection.rows import measures_of
from pipeline.face3d.measures import aligned_measures, nme_percent
from pipeline.report.align import align_metrics
from pipeline.report.detect import detection_metrics
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT
from pipeline.schemas.ingest import INGEST


def test_detection_counts_what_was_missed_and_measures_what_was_found(tmp_path):
    shown = [
        make_image("1", subject="a"),
        make_image("2", subject="b", yaw=-50),
        make_image("3", subject="b", band="NIR"),
        make_image("4", subject="c", yaw=50),
        make_image("5", known=False),
    ]
    found = [
        shown[0] | {"faces": [face(shift=1.0)]},
        # the better-scored face is somebody else: the known one is measured
        shown[1] | {"faces": [face(box_shift=60.0), face(shift=2.0)]},
        shown[2] | {"faces": [face(box_shift=60.0)]},
        shown[4] | {"faces": [face()]},
    ]
    found = [row | measures_of(row, row["faces"]) for row in found]
    lost = [shown[3] | {"reason": "no_face", "detail": ""}]
    metrics = detection_metrics(
        folder(tmp_path / "detect", DETECT, found, lost), folder(tmp_path / "in", INGEST, shown)
    )
    # The meshes of these rows lie in the corner, far from all landmarks.
    assert metrics["doubtful"] == {"NIR": 1.0, "VIS": 1.0}
    failure = metrics["failure_to_enrol_of_known"]
    assert (failure["mean"], failure["n"]) == (0.5, 4)  # 3: no face on the known; 4: none at all
    assert failure["by_band_and_yaw"]["VIS"]["40-60"]["mean"] == 0.5
    assert failure["by_band"]["NIR"]["mean"] == 1.0
    error = metrics["nme_percent"]  # 1 and 2 pixels of 20 between the eyes
    assert (error["median"], error["n"]) == (7.5, 2)
    assert error["by_yaw"]["40-60"]["median"] == 10.0
    assert metrics["failure_to_enrol_by_source"] == {"procedural": {"NIR": 0.0, "VIS": 0.25}}


def test_the_error_is_measured_by_the_eyes_in_space():
    row = {"truth_landmarks_xy": POINTS, "truth_mesh_xyz": None}
    moved = POINTS + np.float32((0, 2))
    assert nme_percent(moved, row) == pytest.approx(10.0)
    mesh = np.random.default_rng(0).normal(size=(468, 3)).astype(np.float32) * 20
    turned = mesh[:, [2, 1, 0]]  # by 90°: what was depth is seen
    frontal, profile = (nme_percent(moved, row | {"truth_mesh_xyz": m}) for m in (mesh, turned))
    assert frontal == pytest.approx(profile, rel=1e-5)


def test_a_wrong_face_is_counted_and_not_measured(tmp_path):
    rows = [aligned("1", shift=1.0), aligned("2", box_shift=60.0), image_without_ground_truth()]
    rows = [row | aligned_measures(row, row) for row in rows]
    metrics = align_metrics(folder(tmp_path / "align", ALIGN, rows))
    assert (metrics["wrong_face"]["mean"], metrics["wrong_face"]["n"]) == (0.5, 2)
    assert (metrics["nme_percent"]["median"], metrics["nme_percent"]["n"]) == (5.0, 1)
