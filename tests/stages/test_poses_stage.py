"""Stage ``poses`` on a photograph."""

import numpy as np
import pytest
import skimage.data

from pipeline.errors import ParamsError
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import transform_points


@pytest.fixture
def faces(workspace):
    """Two aligned photographs, one of them grey."""

    def prepare():
        astronaut = skimage.data.astronaut()[:300, 80:400]
        for number, image in enumerate((astronaut, astronaut[..., 1])):
            path = workspace.path / "images" / f"s{number}" / "a.png"
            path.parent.mkdir()
            path.write_bytes(encode_png(np.ascontiguousarray(image)))
        workspace.need("yunet", "face_mesh_468", "bisenet_r18")
        workspace.edit(poses={"measured_share": 1.0})
        workspace.run("ingest", "detect", "align", "parse", "parts", "reconstruct")

    workspace.once("reconstructed", prepare)
    return workspace


def identity(faces):
    """PSNR by row: a measure, which is read by its name alone."""
    rows = faces.folder("poses").rows(["sample_id", "psnr_identity_db"])
    return {row["sample_id"]: row["psnr_identity_db"] for row in rows}


def test_a_face_is_turned_as_asked_and_later_stages_find_their_columns(faces):
    faces.edit(poses={"yaw_deg": [-30.0, 0.0, 20.0], "pitch_deg": [0.0]})
    faces.run("poses")
    sources, rows = faces.rows("reconstruct"), faces.rows("poses")
    turns = {"-030.00+000.00": -30, "+000.00+000.00": 0, "+020.00+000.00": 20}
    assert rows.keys() == {f"{parent}#pose.{turn}" for parent in sources for turn in turns}
    for name, row in rows.items():
        source, yaw = sources[row["parent_id"]], turns[name.partition("#pose.")[2]]
        assert row["generator"] == "head_mesh"
        assert row["simulated"]
        assert row["pose_deg"] == pytest.approx(source["pose_deg"] + (yaw, 0, 0), abs=1.5)
        assert row["measured_pose_deg"][0] == pytest.approx(source["pose_deg"][0] + yaw, abs=3)
        image = decode(row["image"]["bytes"])
        assert image.shape == decode(source["image"]["bytes"]).shape
        assert decode(row["dmfr"]["bytes"]).shape[:2] == (169, 137)
        eyes = transform_points(row["landmarks_xy"][:2], row["warp_2x3"])
        assert eyes[0, 0] < eyes[1, 0]
        assert eyes[:, 1] == pytest.approx([48, 48], abs=6)
    for name, psnr in identity(faces).items():
        assert (psnr is None) == (turns[name.partition("#pose.")[2]] != 0)


def test_nothing_turned_is_the_same_face_at_the_same_place(faces):
    faces.edit(poses={"yaw_deg": [0.0]})
    faces.run("poses")
    sources = faces.rows("reconstruct")
    for row in faces.rows("poses").values():
        source = sources[row["parent_id"]]
        for column in ("landmarks_xy", "mesh_xyz", "box_xyxy", "warp_2x3", "pose_deg"):
            np.testing.assert_allclose(row[column], source[column], atol=0.05, err_msg=column)
    assert all(psnr > 30 for psnr in identity(faces).values())
    assert faces.metrics("poses")["psnr_identity_db"]["n"] == 2


def test_faces_that_are_turned_too_far_are_rejected_with_their_reason(faces):
    faces.edit(poses={"yaw_deg": [0.0], "max_source_yaw_deg": 0.0})
    faces.run("poses")
    assert set(faces.rejected("poses").values()) == {"turned_away"}
    for row in faces.rows("reconstruct").values():
        assert 0 <= row["outside_fraction"] < 0.1
    faces.edit(poses={"max_source_yaw_deg": 45.0, "max_outside_fraction": 0.0})
    faces.run("poses")
    rejected = faces.rejected("poses")
    cut = [name for name, row in faces.rows("reconstruct").items() if row["outside_fraction"] > 0]
    assert rejected == dict.fromkeys(cut, "cut_by_border")
    faces.edit(poses={"max_outside_fraction": 0.1})
    faces.edit(poses={"yaw_deg": [0.0, 60.0], "max_source_yaw_deg": 45.0, "max_yaw_deg": 50.0})
    faces.run("poses")
    rejected = faces.rejected("poses")
    assert set(rejected.values()) == {"beyond_profile"}
    assert all(name.endswith("#pose.+060.00+000.00") for name in rejected)
    assert len(faces.rows("poses")) == 2


def test_a_turn_that_the_template_has_no_place_for_is_rejected_and_stops_nothing(faces):
    faces.edit(align={"template": "lightcnn144"})  # which wants the mouth below the eyes
    faces.edit(poses={"yaw_deg": [0.0], "pitch_deg": [-90.0, 0.0]})
    faces.run("poses")
    assert len(faces.rows("poses")) == 2
    rejected = faces.rejected("poses")
    assert set(rejected.values()) == {"degenerate_landmarks"}
    assert all(name.endswith("#pose.+000.00-090.00") for name in rejected)


@pytest.mark.parametrize(
    "bad", [{"yaw_deg": [91.0]}, {"pitch_deg": [-90.5]}, {"yaw_deg": [1.0, 1.001]}, {"yaw_deg": []}]
)
def test_turns_that_make_no_sense_are_refused_before_any_work(workspace, bad):
    workspace.edit(poses=bad)
    with pytest.raises(ParamsError, match=r"poses"):
        workspace.run("poses")


def test_a_share_of_the_faces_is_measured_and_the_images_do_not_depend_on_it(faces):
    faces.edit(poses={"yaw_deg": [0.0, 20.0]})
    faces.run("poses")
    measured = faces.rows("poses")
    faces.edit(poses={"measured_share": 0.0})
    faces.run("poses")
    for name, row in faces.rows("poses").items():
        assert row["measured_pose_deg"] is None
        assert row["image"] == measured[name]["image"]
    assert faces.metrics("poses")["yaw_error_deg"]["n"] == 0
