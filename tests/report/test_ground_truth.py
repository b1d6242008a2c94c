"""Stages measured by ground truth, on rows made by hand whose errors are known."""

import json

import numpy as np
import pytest
from pipeline.report.ground_truth import nme_percent

from pipeline.ops.codec import decode_rgb, encode_png
from pipeline.report.align import align_metrics
from pipeline.report.attributes import attribute_metrics, quality_sheet
from pipeline.report.detect import detection_metrics
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.report.grouped import Measured, by_band_and_yaw, mean_summary, median_summary
from pipeline.report.parse import parse_metrics
from pipeline.report.parts import parts_metrics
from pipeline.schemas.align import ALIGN
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.detect import DETECT
from pipeline.schemas.ingest import INGEST
from pipeline.schemas.parse import PARSE
from pipeline.schemas.parts import PARTS
from pipeline.store import REJECTED, ShardFolder, image_columns
from pipeline.store.shards import ShardWriter
from pipeline.types import FaceClass

HW = (100, 100)
POINTS = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], np.float32)
BOX = np.array([30, 25, 70, 70], np.float32)
MESH = np.zeros((468, 3), np.float32)
IDENTITY = np.eye(2, 3, dtype=np.float32)
FLAT = encode_png(np.zeros((*HW, 3), np.uint8))
IMAGE = {"bytes": FLAT, "path": "x"}


def make_image(name, *, subject="a", band="VIS", yaw=0.0, known=True, **more):
    ground_truth = {
        "truth_box_xyxy": BOX,
        "truth_landmarks_xy": POINTS,
        "truth_pose_deg": np.array([yaw, 0, 0], np.float32),
    }
    return {
        "sample_id": name,
        "dataset": "d",
        "subject_id": subject,
        "band": band,
        "region": "scene",
        "simulated": True,
        "generator": "procedural",
        "content_sha256": "c",
        "fingerprint": "f",
        **image_columns(FLAT, HW, "x"),
        **(ground_truth if known else {}),
        **more,
    }


def face(shift=0.0, box_shift=0.0):
    return {
        "box_xyxy": BOX + np.float32(box_shift),
        "landmarks_xy": POINTS + np.float32((shift, 0)),
        "detected_xy": POINTS,
        "score": 0.9,
        "mesh_xyz": MESH,
        "mesh_presence": 1.0,
        "pose_deg": np.zeros(3, np.float32),
    }


def aligned(name, *, shift=0.0, box_shift=0.0, **more):
    return make_image(name) | {
        "template": "arcface144",
        "warp_2x3": IDENTITY,
        "context": IMAGE,
        "context_warp_2x3": IDENTITY,
        "face_index": 0,
        "face_count": 1,
        "outside_fraction": 0.0,
        "parse_backend": "parser",
        **face(shift, box_shift),
        **more,
    }


def folder(path, schema, rows, rejected=()):
    made = ShardFolder(path, 1)
    for shard, kind, content in (
        (made.shard(0), schema, rows),
        (made.rejected.shard(0), REJECTED, rejected),
    ):
        with ShardWriter(shard.path, kind) as writer:
            known = [{k: v for k, v in row.items() if k in kind.names} for row in content]
            writer.write(sorted(known, key=lambda row: row["sample_id"]))
    return made


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
    lost = [shown[3] | {"reason": "no_face", "detail": ""}]
    metrics = detection_metrics(
        folder(tmp_path / "detect", DETECT, found, lost), folder(tmp_path / "in", INGEST, shown)
    )
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
    metrics = align_metrics(folder(tmp_path / "align", ALIGN, rows))
    assert (metrics["wrong_face"]["mean"], metrics["wrong_face"]["n"]) == (0.5, 2)
    assert (metrics["nme_percent"]["median"], metrics["nme_percent"]["n"]) == (5.0, 1)


def image_without_ground_truth():
    keys = ("truth_box_xyxy", "truth_landmarks_xy", "truth_pose_deg")
    return aligned("3") | dict.fromkeys(keys)


def label_maps():
    """Known: a nose of 10 × 10 and both eyes; parsed: the nose half as wide, one eye."""
    known = np.zeros(HW, np.uint8)
    known[45:55, 45:55] = FaceClass.NOSE
    known[38:42, 36:44], known[38:42, 56:64] = FaceClass.RIGHT_EYE, FaceClass.LEFT_EYE
    parsed = known.copy()
    parsed[:, 50:55][parsed[:, 50:55] == FaceClass.NOSE] = 0
    parsed[parsed == FaceClass.LEFT_EYE] = 0
    return {"bytes": encode_png(known), "path": "k"}, {"bytes": encode_png(parsed), "path": "p"}


def test_parsing_is_measured_by_overlap_in_the_crop(tmp_path):
    known, parsed = label_maps()
    # the image is the crop moved by (5, 3): the known map is warped as the image was
    shift = np.array([[1, 0, 5], [0, 1, 3]], np.float32)
    moved = np.roll(decode_rgb(parsed["bytes"])[..., 0], (3, 5), axis=(0, 1))
    rows = [
        aligned("1", labels=parsed, truth_labels=known, parse_backend="parser"),
        aligned(
            "2",
            labels={"bytes": encode_png(moved), "path": "m"},
            parse_backend="parser",
            truth_labels=known,
            warp_2x3=shift,
        ),
        aligned("3", labels=parsed, parse_backend="parser"),
    ]
    overlap = parse_metrics(folder(tmp_path / "parse", PARSE, rows))["iou"]
    assert (overlap["nose"]["mean"], overlap["nose"]["n"]) == (0.5, 2)
    assert overlap["eyes"]["by_band"]["VIS"]["mean"] == 0.5
    assert overlap["mouth"]["n"] == 0


def test_part_boxes_are_measured_and_a_part_not_found_counts_as_no_overlap(tmp_path):
    known, parsed = label_maps()
    boxes = np.full((4, 4), np.nan, np.float32)
    boxes[1] = (35.5, 37.5, 43.5, 41.5)  # the right eye's outer edges
    boxes[2] = (44.5, 44.5, 54.5, 49.5)  # the upper half of the nose
    more = {
        "part_boxes_xyxy": boxes,
        "part_windows_xyxy": boxes,
        "parse_backend": "parser",
        "part_backend": ["none", "parser", "parser", "none"],
        "mesh_distance_percent": np.zeros(4, np.float32),
    }
    row = aligned("1", labels=parsed, truth_labels=known, **more)
    found = parts_metrics(folder(tmp_path / "parts", PARTS, [row]))["box_iou"]
    assert [found[part]["mean"] for part in ("left_eye", "right_eye", "nose")] == [0.0, 1.0, 0.5]
    assert found["mouth"]["n"] == 0


def test_groups_and_intervals():
    rng = np.random.default_rng(0)
    items = [
        Measured(f"s{n % 6}", band, yaw, float(rng.normal(yaw, 1)))
        for n in range(60)
        for band in ("NIR", "VIS")
        for yaw in (-10.0, 30.0, 95.0)
    ]
    found = by_band_and_yaw(items, median_summary)
    assert list(found["by_yaw"]) == ["0-20", "20-40", "over 90"]
    assert list(found["by_band"]) == ["VIS", "NIR"]
    cell = found["by_band_and_yaw"]["NIR"]["20-40"]
    assert cell["n"] == 60
    assert cell["ci95"][0] <= cell["median"] <= cell["ci95"][1]
    assert mean_summary(items[:1])["ci95"] is None


@pytest.mark.parametrize("stage", ["align", "detect", "parse", "parts"])
def test_without_ground_truth_the_figure_and_the_table_say_so(tmp_path, stage):
    nothing = by_band_and_yaw([], mean_summary)
    keys = ("failure_to_enrol_of_known", "nme_percent", "wrong_face")
    metrics = dict.fromkeys(keys, nothing) | {
        "iou": dict.fromkeys(("eyes", "nose", "mouth"), nothing),
        "box_iou": dict.fromkeys(("left_eye", "right_eye", "nose", "mouth"), nothing),
    }
    ground_truth_figure(stage, metrics, tmp_path / "x.png")
    assert decode_rgb((tmp_path / "x.png").read_bytes()).ndim == 3
    assert "This data set brings no truth." in (tmp_path / "x.md").read_text()


def test_the_table_has_each_estimate_with_interval_and_count(tmp_path):
    items = [Measured(s, "NIR", 30.0, v) for s, v in (("a", 0.0), ("b", 1.0), ("c", 0.0))]
    rate = by_band_and_yaw(items, mean_summary)
    errors = by_band_and_yaw([Measured("a", "VIS", 0.0, 3.21)], median_summary)
    ground_truth_figure(
        "detect", {"failure_to_enrol_of_known": rate, "nme_percent": errors}, tmp_path / "x.png"
    )
    table = (tmp_path / "x.md").read_text().splitlines()
    assert "| NIR | – | 33.3 [0.0, 100.0] (3) | – | – |" in table
    assert "| VIS | 3.21 (1) | – | – | – |" in table


def test_faces_of_unknown_pose_and_from_behind_do_not_break_the_figure(tmp_path):
    some = [Measured("a", "VIS", float("nan"), 1.0), Measured("b", "NIR", 170.0, 0.0)]
    groups = by_band_and_yaw(some, mean_summary)
    assert list(groups["by_yaw"]) == ["over 90", "unknown"]
    metrics = {"wrong_face": groups, "nme_percent": by_band_and_yaw([], median_summary)}
    ground_truth_figure("align", metrics, tmp_path / "x.png")
    table = (tmp_path / "x.md").read_text().splitlines()
    assert "| VIS | – | – | – | – | 100.0 (1) |" in table


def attributed(name, subject, band, yaw, embedding):
    return aligned(name, subject_id=subject, band=band) | {
        "subject_id": subject,
        "band": band,
        "yaw_deg": yaw,
        "pitch_deg": 0.0,
        "roll_deg": 0.0,
        "sharpness": 0.1,
        "illumination": 0.5,
        "side_light": 0.0,
        "quality": float(np.linalg.norm(embedding)),
        "embedding": embedding.astype(np.float32),
    }


@pytest.fixture
def separable(tmp_path):
    """Four people; visible images are theirs, LWIR images are noise."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(4, 128)) * 3
    rows = []
    for person in range(4):
        for number, yaw in enumerate((0.0, 5.0, 45.0)):
            seen = centres[person] + rng.normal(size=128)
            name = f"{person}/{number}"
            rows.append(attributed(f"{name}.VIS", f"p{person}", "VIS", yaw, seen))
            # in NIR the very image again: that must not count as a match
            rows.append(attributed(f"{name}.NIR", f"p{person}", "NIR", yaw, seen))
            noise = rng.normal(size=128)
            rows.append(attributed(f"{name}.LWIR", f"p{person}", "LWIR", yaw, noise))
    return folder(tmp_path / "attributes", ATTRIBUTES, rows)


def test_identities_separate_where_they_do(separable):
    metrics = attribute_metrics(separable)
    found = metrics["separation"]["procedural"]
    assert found.keys() == {"vis_vis_poses", "vis_vis", "vis_nir", "vis_lwir"}
    poses = found["vis_vis_poses"]
    assert (poses["eer"], poses["rank1"], poses["probes"], poses["gallery"]) == (0.0, 1.0, 4, 8)
    assert (poses["genuine"], poses["impostor"]) == (8, 24)
    assert poses["chance"]["rank1"] == 0.25
    # of two frontal images a person, one is the probe's own version in the other band
    assert found["vis_nir"]["genuine"] == found["vis_vis"]["genuine"] == 4 * (1 + 1 + 2)
    low, high = found["vis_lwir"]["eer_ci95"]
    assert low < 0.5 < high + 0.2
    assert found["vis_lwir"]["rank1"] < 0.8
    assert metrics["quality_of_vis_by_yaw"]["0-20"]["n"] == 8
    json.dumps(metrics, allow_nan=False)


def test_the_sheet_runs_from_low_to_high_quality_in_a_line_per_band(separable, tmp_path):
    quality_sheet(separable, tmp_path / "sheet.png", tile_px=40)
    image = decode_rgb((tmp_path / "sheet.png").read_bytes())
    assert image.shape[1] == 9 * 40
    assert image.shape[0] % 3 == 0


def test_an_empty_folder_has_no_attributes_and_still_a_sheet(tmp_path):
    empty = folder(tmp_path / "none", ATTRIBUTES, [])
    assert attribute_metrics(empty)["separation"] == {}
    quality_sheet(empty, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()
