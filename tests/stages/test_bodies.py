"""Stages ``detect_bodies``, ``label_bodies`` and ``crop_bodies`` on real photographs."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.bodies.body_regions import BodyRegion
from pipeline.bodies.labelling import LabelOutcome
from pipeline.errors import ParamsError, WeightsError
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import transform_points
from pipeline.params.load import load_params

ASSETS = Path(importlib.util.find_spec("ultralytics").origin).parent / "assets"
STAGES = ("ingest", "detect_bodies", "label_bodies", "crop_bodies")


@pytest.fixture
def bus(workspace):
    """ultralytics' image of a bus and four people, and one of nobody, through all stages."""

    def prepare():
        shutil.copy(ASSETS / "bus.jpg", workspace.path / "images")
        empty = encode_png(np.full((48, 64, 3), 90, np.uint8))
        (workspace.path / "images/empty.png").write_bytes(empty)
        workspace.need("yolo11n_pose")
        workspace.edit(detect_bodies={"precision": "float32"})
        workspace.run(*STAGES)

    workspace.once("bus", prepare)
    return workspace


def test_the_bus_gives_four_crops(bus):
    rows = bus.rows("crop_bodies")
    assert list(rows) == [f"bus.jpg#body00{number}" for number in range(4)]
    for row in rows.values():
        assert decode(row["image"]["bytes"]).shape == (384, 128, 3)
        assert (row["region"], row["subject_id"], row["template_id"]) == ("body", None, None)
        assert row["parent_id"] == "bus.jpg"
        corners = transform_points(row["box_xyxy"].reshape(2, 2), row["warp_2x3"])
        np.testing.assert_allclose(corners, [[-0.5, -0.5], [127.5, 383.5]], atol=1e-3)
    assert bus.rejected("crop_bodies") == {"empty.png": "no_body"}
    assert bus.metrics("crop_bodies")["bands"]["VIS"]["without_subject"] == 4
    assert bus.metrics("detect_bodies")["bands"]["VIS"]["nobody_found"] == 1
    assert bus.metrics("label_bodies")["VIS"]["unlabelled"] == 4


def test_areas_lie_one_below_the_other(bus):
    row = bus.rows("crop_bodies")["bus.jpg#body000"]
    assert row["body_region_backend"] == ["keypoints"] * 3
    labels = decode(row["body_region_labels"]["bytes"])
    assert labels.shape == (384, 128)
    middles = [np.argwhere(labels == area)[:, 0].mean() for area in list(BodyRegion)[1:]]
    assert middles == sorted(middles)
    boxes = row["body_region_boxes_xyxy"]
    nose = transform_points(row["keypoints_xy"][0], row["warp_2x3"])
    assert (boxes[0, :2] < nose).all()
    assert (nose < boxes[0, 2:]).all()


def test_unlabelled_bodies_can_be_dropped(bus):
    bus.edit(crop_bodies={"unlabelled": "drop"})
    bus.run(*STAGES)
    assert bus.rows("crop_bodies") == {}
    reasons = bus.rejected("crop_bodies")
    assert reasons["bus.jpg#body003"] == "unlabelled"
    assert len(reasons) == 5


def test_editing_the_threshold_labels_again_without_detecting(bus):
    bus.edit(label_bodies={"ambiguous_above": 0.9})
    assert bus.run("detect_bodies").summary.computed == 0
    assert bus.run("label_bodies").summary.computed == 2
    assert bus.run("crop_bodies").summary.computed == 0  # nothing changed in the rows


def test_a_lone_person_takes_the_subject_of_the_listing(bus):
    folder = bus.path / "images/anna"
    folder.mkdir()
    image = decode((bus.path / "images/bus.jpg").read_bytes())
    (folder / "alone.png").write_bytes(encode_png(np.ascontiguousarray(image[370:900, 640:810])))
    (folder / "crowd.png").write_bytes(encode_png(np.ascontiguousarray(image[370:930])))
    bus.run(*STAGES)
    (alone,) = [r for id_, r in bus.rows("crop_bodies").items() if id_.startswith("anna/alone")]
    assert (alone["subject_id"], alone["template_id"]) == ("anna", "anna.VIS")
    bodies = bus.rows("label_bodies")["anna/crowd.png"]["bodies"]
    assert {body["outcome"] for body in bodies} == {LabelOutcome.UNLABELLED}
    assert {body["subject_id"] for body in bodies} == {None}


def test_small_bodies_are_rejected(bus):
    bus.edit(crop_bodies={"min_height_px": 480.0})
    bus.run(*STAGES)
    assert set(bus.rejected("crop_bodies").values()) == {"too_small", "no_body"}


def test_a_file_of_the_users_own_is_opened_only_with_its_sha256(bus, weight_file):
    own = bus.path / "mine.pt"
    shutil.copy(weight_file("yolo11n_pose"), own)
    bus.edit(detect_bodies={"backend": "file", "file": {"path": "mine.pt", "sha256": "0" * 64}})
    bus.run("ingest")
    with pytest.raises(WeightsError, match="It was not opened"):
        bus.run("detect_bodies")
    sha256 = "869e83fcdffdc7371fa4e34cd8e51c838cc729571d1635e5141e3075e9319dc0"
    bus.edit(detect_bodies={"file": {"path": "mine.pt", "sha256": sha256}})
    bus.run("detect_bodies")
    assert len(bus.rows("detect_bodies")["bus.jpg"]["bodies"]) == 4


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backend": "file"}, "belongs to backend 'file'"),
        ({"file": {"path": "a.pt", "sha256": "0" * 64}}, "belongs to backend 'file'"),
        ({"precision": "float16"}, "needs a GPU"),
        ({"image_px": 500}, "multiple of 32"),
    ],
)
def test_params_that_disagree_are_refused(bus, values, message):
    bus.edit(detect_bodies=values)
    with pytest.raises(ParamsError, match=message):
        load_params(Path("params.yaml"))


FACES = {"a": (105, 405, 55, 65), "b": (262, 412, 48, 63)}
"""Face boxes (x, y, width, height) of two of the four people of bus.jpg, drawn by hand."""


def film(workspace):
    """Write a video in IJB-MDF's layout: the camera pans over the bus; two have face boxes."""
    root = workspace.path / "mdf"
    media = root / "SWIR-30m/walk"
    media.mkdir(parents=True)
    (root / "annotations").mkdir()
    image = decode((ASSETS / "bus.jpg").read_bytes())
    lines = ["SUBJECT_ID,FILENAME,FRAME_NUM,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT"]
    for number in range(5):
        view = np.ascontiguousarray(image[:, 4 * number : 4 * number + 780])
        (media / f"{number:04d}.png").write_bytes(encode_png(view))
        for subject, (x, y, width, height) in FACES.items():
            values = x - 4 * number, y, width, height
            lines.append(f"{subject},SWIR-30m/walk,{number}," + ",".join(map(str, values)))
    (root / "annotations/boxes.csv").write_text("\n".join(lines) + "\n")
    (root / "gallery-1.csv").write_text("a\n")
    (root / "gallery-2.csv").write_text("b\n")
    mine = {"reader": "ijb_mdf", "root": "mdf", "shards": 3, "ijb_mdf": {"segment_frames": 2}}
    workspace.edit(
        datasets={"mine": mine},
        detect_bodies={"precision": "float32", "image_px": 320},
        label_bodies={"tracker": "bytetrack"},
    )
    workspace.need("yolo11n_pose")


@pytest.fixture
def walk(workspace):
    """The same, through all stages."""

    def prepare():
        film(workspace)
        workspace.run(*STAGES)

    workspace.once("walk", prepare)
    return workspace


def test_people_of_a_video_get_subject_split_template_and_track(walk):
    rows = list(walk.rows("crop_bodies").values())
    people = {(r["subject_id"], r["split"], r["template_id"], r["track_id"]) for r in rows}
    assert sorted(person[:3] for person in people) == [
        ("a", "train", "a.SWIR"),
        ("b", "test", "b.SWIR"),
    ]  # one track each
    frames = [row["frame_index"] for row in rows if row["subject_id"] == "a"]
    assert sorted(frames) == [0, 1, 2, 3, 4]
    assert {(row["camera_id"], row["region"], row["band"]) for row in rows} == {
        ("SWIR-30m", "body", "SWIR")
    }
    assert set(walk.rejected("crop_bodies").values()) == {"unmatched"}
    assert walk.metrics("label_bodies")["SWIR"]["labelled"] == 10
    assert walk.metrics("crop_bodies")["bands"]["SWIR"]["templates"] == 2


def test_without_a_tracker_there_are_no_ids_and_nothing_is_detected_again(walk):
    walk.edit(label_bodies={"tracker": "none"})
    assert walk.run("detect_bodies").summary.computed == 0
    assert walk.run("label_bodies").summary.computed == 5
    walk.run("crop_bodies")
    assert {row["track_id"] for row in walk.rows("crop_bodies").values()} == {None}
