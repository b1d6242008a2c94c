"""Stages ``detect`` and ``align`` on a real photograph: edges, policies, ground truth, metrics."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.alignment.rows import align_rows
from pipeline.errors import ParamsError
from pipeline.face3d.mesh import five_landmarks
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import transform_points
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.params.load import load_params
from pipeline.store import ShardFolder
from stages import crops as stage_crops
from stages.run import StageRun

ASTRONAUT = skimage.data.astronaut()
SMALL = ASTRONAUT[40:240, 130:330]


@pytest.fixture
def photographs(workspace):
    """One face, none, two of different size, one cut by the border, a grey one: detected."""
    workspace.once("photographs", lambda: detected(workspace))
    return workspace


def detected(workspace):
    small = np.asarray(np.pad(SMALL[::2, ::2], ((0, 200), (0, 0), (0, 0))))
    images = {
        "one": ASTRONAUT,
        "none": np.full((200, 200, 3), 127, np.uint8),
        "two": np.hstack([ASTRONAUT[:300, 80:380], small]),
        "cut": ASTRONAUT[:, 205:],
        "grey": ASTRONAUT[..., 1],
    }
    for name, image in images.items():
        path = workspace.path / f"images/{name}.png"
        path.write_bytes(encode_png(np.ascontiguousarray(image)))
    workspace.need("yunet", "face_mesh_468")
    workspace.run("ingest", "detect")


def test_faces_are_found_described_and_counted(photographs):
    rows = photographs.rows("detect")
    assert photographs.rejected("detect") == {"none.png": "no_face"}
    assert {name: len(row["faces"]) for name, row in rows.items()} == {
        "one.png": 1,
        "two.png": 2,
        "cut.png": 1,
        "grey.png": 1,
    }
    face = rows["one.png"]["faces"][0]
    x0, y0, x1, y1 = face["box_xyxy"]
    assert 150 < x0 < 200 < 240 < x1 < 300
    assert 40 < y0 < 90 < 170 < y1 < 230
    assert ((face["landmarks_xy"] > (x0, y0)) & (face["landmarks_xy"] < (x1, y1))).all()
    assert face["landmarks_xy"][0, 0] < face["landmarks_xy"][1, 0]  # image-left eye first
    metrics = photographs.metrics("detect")
    assert metrics["failure_to_enrol"] == {"VIS": 0.2}
    assert metrics["mesh_agreement_percent"]["median"] < 10


def test_faces_are_aligned_by_the_meshs_points_or_the_detectors(photographs):
    face = photographs.rows("detect")["one.png"]["faces"][0]
    np.testing.assert_array_equal(face["landmarks_xy"], five_landmarks(face["mesh_xyz"][None])[0])
    photographs.edit(detect={"landmarks": "detector"})
    photographs.run("detect", "align")
    again = photographs.rows("detect")["one.png"]["faces"][0]
    np.testing.assert_array_equal(again["landmarks_xy"], face["detected_xy"])
    np.testing.assert_array_equal(again["detected_xy"], face["detected_xy"])
    np.testing.assert_array_equal(again["mesh_xyz"], face["mesh_xyz"])
    assert 0.5 < np.abs(again["landmarks_xy"] - face["landmarks_xy"]).max() < 10


def test_faces_are_kept_by_several_templates_at_once(photographs):
    templates = {"small": {"dataset": "mine", "template": "arcface112"}}
    photographs.edit(crops=templates)
    photographs.run("ingest", "detect", "align")
    stage_crops.run(StageRun("crops", "small", load_params(Path("params.yaml"))))
    small = {
        row["sample_id"]: row for row in ShardFolder.open(Path("data/mine/crops/small")).rows()
    }
    large = photographs.rows("align")
    assert small.keys() == large.keys()
    for name, row in small.items():
        assert (row["template"], row["height_px"], row["width_px"]) == ("arcface112", 112, 112)
        ours = np.asarray(row["warp_2x3"])
        expected = ALIGNMENT_TEMPLATES["arcface112"].landmarks_xy
        # One face is cut by the border.
        assert np.abs(transform_points(row["landmarks_xy"], ours) - expected).max() < 6.5
        assert large[name]["template"] == "arcface144"
    metrics = json.loads(Path("reports/metrics/mine/crops/small.json").read_text())
    assert (metrics["out"], metrics["template"]) == (len(small), {"arcface112": len(small)})
    photographs.edit(crops={"small": {"dataset": "mine", "template": "arcface113"}})
    with pytest.raises(ParamsError, match=r"crops\.small\.template: 'arcface113' is none of"):
        load_params(Path("params.yaml"))


def test_the_crop_is_the_template_and_geometry_points_back(photographs):
    photographs.run("align")
    row = photographs.rows("align")["one.png"]
    assert (row["template"], row["height_px"], row["width_px"]) == ("arcface144", 144, 144)
    assert decode(row["image"]["bytes"]).shape == (144, 144, 3)
    assert decode(row["context"]["bytes"]).shape == (512, 512, 3)
    placed = transform_points(row["landmarks_xy"], row["warp_2x3"])
    assert np.abs(placed - ALIGNMENT_TEMPLATES["arcface144"].landmarks_xy).max() < 7
    placed = transform_points(row["landmarks_xy"], row["context_warp_2x3"])
    assert np.abs(placed - ALIGNMENT_TEMPLATES["facexlib512"].landmarks_xy).max() < 25
    assert decode(photographs.rows("align")["grey.png"]["image"]["bytes"]).ndim == 2


def test_a_face_cut_by_the_border_is_rejected_by_the_share_that_is_missing(photographs):
    photographs.edit(align={"max_outside_fraction": 0.05})
    photographs.run("align")
    rejected = photographs.rejected("align")
    assert rejected["cut.png"] == "cut_by_border"
    photographs.edit(align={"max_outside_fraction": 0.5})
    photographs.run("align")
    assert 0.05 < photographs.rows("align")["cut.png"]["outside_fraction"] < 0.5


def test_a_whole_face_is_taken_however_far_its_crop_reaches_beyond_the_image(photographs):
    tight = np.ascontiguousarray(ASTRONAUT[62:178, 176:272])
    (photographs.path / "images/tight.png").write_bytes(encode_png(tight))
    photographs.edit(align={"max_outside_fraction": 0.1})
    photographs.run("ingest", "detect", "align")
    row = photographs.rows("align")["tight.png"]
    assert row["outside_fraction"] > 0.2
    assert row["source_hw"] == list(tight.shape[:2])


def test_faces_that_the_policy_leaves_out_are_told(photographs):
    photographs.run("align")
    assert photographs.rejected("align") == {"two.png#face000": "not_chosen"}
    assert photographs.rows("align")["two.png"]["face_index"] == 1


@pytest.mark.parametrize(
    ("policy", "ids"),
    [("largest", ["two.png"]), ("all", ["two.png#face000", "two.png#face001"]), ("only", [])],
)
def test_which_face_wins_is_a_policy(photographs, policy, ids):
    photographs.edit(align={"face": policy})
    photographs.run("align")
    rows = photographs.rows("align")
    assert [name for name in rows if name.startswith("two")] == ids
    if policy == "only":
        assert photographs.rejected("align") == {"two.png": "several_faces"}
    if policy == "largest":
        assert rows["two.png"]["box_xyxy"][0] < 300  # the larger face is on the left
        assert rows["two.png"]["face_count"] == 2


def test_the_annotated_face_is_taken_whichever_is_larger_and_another_is_told(photographs, capsys):
    small, large = sorted(
        photographs.rows("detect")["two.png"]["faces"],
        key=lambda face: np.ptp(face["box_xyxy"][::2]),
    )
    beside = [450.0, 200.0, 480.0, 230.0]  # the wall
    listing = photographs.path / "images/list.csv"
    for box, index in ((small["box_xyxy"], 0), (large["box_xyxy"], 1), (beside, None)):
        cell = " ".join(f"{v:.3f}" for v in box)
        listing.write_text(f"path,box\none.png,\ntwo.png,{cell}\n")
        photographs.edit(datasets={"mine": {"root": "images/list.csv"}}, align={"face": "largest"})
        photographs.run("ingest", "detect")
        capsys.readouterr()
        photographs.run("align")
        told = "100.0% of 1 faces are not where" in capsys.readouterr().out
        assert told == (index != 1)  # the largest is taken, wherever the box is
        photographs.edit(align={"face": "annotated"})
        photographs.run("align")
        rows, rejected = photographs.rows("align"), photographs.rejected("align")
        assert "one.png" in rows  # without a box: the largest
        if index is None:
            assert rejected == {"two.png": "not_on_box"}
            continue
        expected = (small, large)[index]
        np.testing.assert_allclose(rows["two.png"]["landmarks_xy"], expected["landmarks_xy"])
        assert set(rejected.values()) == {"not_chosen"}
        assert "are not where" not in capsys.readouterr().out


def test_of_all_faces_a_small_one_is_rejected_by_its_own_name(photographs):
    photographs.edit(align={"face": "all", "min_interocular_px": 30.0})
    photographs.run("align")
    rejected = photographs.rejected("align")
    (small,) = (name for name in rejected if name.startswith("two"))
    (large,) = (name for name in photographs.rows("align") if name.startswith("two"))
    assert {small, large} == {"two.png#face000", "two.png#face001"}
    assert rejected[small] == "too_small"


def test_what_the_mesh_takes_for_no_face_is_left_out_where_that_is_asked_for(photographs):
    row = photographs.rows("detect")["one.png"]
    row["faces"] = [row["faces"][0] | {"mesh_presence": 0.4}]
    params = load_params(photographs.path / "params.yaml").align
    for least, reason in ((0.5, "not_a_face"), (0.3, None), (0.0, None)):
        asked = params.model_copy(update={"min_mesh_presence": least})
        (made,) = align_rows(asked)([row])[0]
        assert getattr(made, "reason", None) == reason


def test_points_of_a_mouth_between_the_eyes_are_left_out_before_the_parser_meets_them(photographs):
    """As of a data set without mouths that repeats the eyes: five points can be fitted to them."""
    row = photographs.rows("detect")["one.png"]
    eyes, nose = row["faces"][0]["landmarks_xy"][:2], row["faces"][0]["landmarks_xy"][2:3]
    row["faces"] = [row["faces"][0] | {"landmarks_xy": np.concatenate([eyes, nose, eyes])}]
    (made,) = align_rows(load_params(photographs.path / "params.yaml").align)([row])[0]
    assert (made.reason, made.detail) == ("degenerate_landmarks", "eyes and mouth lie in one place")


@pytest.mark.parametrize(
    ("band", "presence", "by_mesh", "reason"),
    [
        ("LWIR", 0.09, True, "unsure_landmarks"),
        ("LWIR", 0.11, True, None),
        ("LWIR", 0.09, False, None),  # a detector's points, or known ones, stand by themselves
        ("VIS", 0.0, True, None),
    ],
)
def test_in_heat_points_of_a_mesh_that_sees_no_face_align_nothing(
    photographs, band, presence, by_mesh, reason
):
    row = photographs.rows("detect")["one.png"]
    face = row["faces"][0] | {"mesh_presence": presence}
    row |= {
        "band": band,
        "faces": [face if by_mesh else face | {"landmarks_xy": face["detected_xy"]}],
    }
    params = load_params(photographs.path / "params.yaml").align
    asked = params.model_copy(update={"band_min_mesh_presence": {"LWIR": 0.1}})
    (made,) = align_rows(asked)([row])[0]
    assert getattr(made, "reason", None) == reason
    silent = params.model_copy(update={"band_min_mesh_presence": {}})
    (made,) = align_rows(silent)([row])[0]
    assert not hasattr(made, "reason")


def test_editing_the_template_detects_nothing_again(photographs):
    photographs.run("align")
    photographs.edit(align={"template": "dmfr137x169"})
    assert photographs.run("detect").summary.computed == 0
    assert photographs.run("align").summary.computed == 4
    row = photographs.rows("align")["one.png"]
    assert (row["template"], row["height_px"], row["width_px"]) == ("dmfr137x169", 169, 137)


def test_a_template_of_ones_own(photographs):
    points = [[20.0, 20.0], [44.0, 20.0], [32.0, 34.0], [23.0, 48.0], [41.0, 48.0]]
    own = {"height_px": 64, "width_px": 64, "landmarks_xy": points}
    photographs.edit(align={"template": "mine", "templates": {"mine": own}})
    photographs.run("align")
    row = photographs.rows("align")["one.png"]
    assert (row["template"], row["height_px"]) == ("mine", 64)
    placed = transform_points(row["landmarks_xy"], row["warp_2x3"])
    assert np.abs(placed - points).max() < 5


def test_ground_truth_of_the_data_set_takes_the_place_of_a_detector(photographs):
    face = photographs.rows("detect")["one.png"]["faces"][0]
    box, points = (
        " ".join(f"{v:.3f}" for v in face[k].ravel()) for k in ("box_xyxy", "landmarks_xy")
    )
    listing = photographs.path / "images/list.csv"
    listing.write_text(f"path,box,landmarks\none.png,{box},{points}\nnone.png,,\n")
    photographs.edit(datasets={"mine": {"root": "images/list.csv"}}, detect={"backend": "truth"})
    photographs.run("ingest", "detect")
    found = photographs.rows("detect")["one.png"]["faces"]
    assert len(found) == 1
    assert np.allclose(found[0]["landmarks_xy"], face["landmarks_xy"], atol=1e-3)
    assert found[0]["score"] == 1.0
    assert photographs.rejected("detect") == {"none.png": "no_face"}
    (lost,) = photographs.folder("detect").rejected.rows(["detail"])
    assert (
        lost["detail"] == "the data set gives no box with five landmarks for this image"
    )  # nobody looked
