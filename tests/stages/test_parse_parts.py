"""Stages ``parse`` and ``parts`` on a real photograph."""

import cv2
import numpy as np
import pytest
import skimage.data

import crossband
from crossband import networks
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.ops.geometry import transform_points
from pipeline.parsing.part_rows import describe as parts_row
from pipeline.parsing.rows import believed
from pipeline.parsing.rows import described as parsed_row
from pipeline.types import FaceClass

PARTS = ("left_eye", "right_eye", "nose", "mouth")


@pytest.fixture
def face(workspace):
    """The astronaut as she is, and with black glasses on."""

    def prepare():
        astronaut = skimage.data.astronaut()
        hidden = astronaut.copy()
        hidden[95:125, 185:255] = 0
        for name, image in {"open": astronaut, "hidden": hidden}.items():
            (workspace.path / f"images/{name}.png").write_bytes(encode_png(image))
        workspace.need("yunet", "face_mesh_468", "bisenet_r18")
        workspace.run("ingest", "detect", "align", "parse")

    workspace.once("parsed", prepare)
    return workspace


def test_labels_lie_where_the_points_are(face):
    row = face.rows("parse")["open.png"]
    labels = decode(row["labels"]["bytes"])
    assert labels.shape == (144, 144)
    points = transform_points(row["landmarks_xy"], row["warp_2x3"])
    at = [labels[round(float(y)), round(float(x))] for x, y in points]
    assert at[:3] == [FaceClass.RIGHT_EYE, FaceClass.LEFT_EYE, FaceClass.NOSE]
    assert set(np.unique(labels)) >= {FaceClass.SKIN, FaceClass.HAIR, FaceClass.UPPER_LIP}
    assert face.metrics("parse")["present"]["VIS"]["nose"] == 1.0


def test_parts_are_cut_around_their_masks(face):
    face.run("parts")
    row = face.rows("parts")["open.png"]
    assert row["part_backend"] == ["parser"] * 4
    points = transform_points(row["landmarks_xy"], row["warp_2x3"])
    centres = (row["part_boxes_xyxy"][:, :2] + row["part_boxes_xyxy"][:, 2:]) / 2
    mouth = points[3:].mean(axis=0)
    expected = np.stack([points[1], points[0], points[2], mouth])  # the left eye is on the right
    assert np.abs(centres - expected)[[0, 1, 3]].max() < 8
    nose_box = row["part_boxes_xyxy"][2]  # from between the eyes to below the tip
    assert (nose_box[:2] < points[2]).all()
    assert (points[2] < nose_box[2:]).all()
    windows = row["part_windows_xyxy"]
    assert (windows[:, 2] - windows[:, 0]).tolist() == [40, 40, 48, 56]
    for part in PARTS:
        assert decode(row[part]["bytes"]).shape == (128, 128, 3)
        mask = decode(row[f"{part}_mask"]["bytes"])
        assert mask.shape == (144, 144)
        assert set(np.unique(mask)) == {0, 255}
    assert (row["mesh_distance_percent"] < 12).all()


def test_a_hidden_part_falls_back_to_the_mesh_and_says_so(face):
    face.run("parts")
    row = face.rows("parts")["hidden.png"]
    assert row["part_backend"][:2] == ["mesh", "mesh"]
    assert np.isfinite(row["part_boxes_xyxy"]).all()
    assert face.metrics("parts")["backend"] == {"mesh": 2, "parser": 6}
    assert face.metrics("parts")["found"]["frontal"]["VIS"]["left_eye"] == 0.5


def test_without_fallback_a_hidden_part_stays_empty(face):
    face.edit(parts={"fallback": "none"})
    face.run("parts")
    row = face.rows("parts")["hidden.png"]
    assert row["part_backend"][:2] == ["none", "none"]
    assert row["left_eye"] is None
    assert row["left_eye_mask"] is None
    assert np.isnan(row["part_boxes_xyxy"][:2]).all()
    assert row["nose"] is not None


def test_the_mesh_alone_gives_all_parts(face):
    face.edit(parts={"backend": "mesh"})
    face.run("parts")
    assert face.rows("parts")["open.png"]["part_backend"] == ["mesh"] * 4


def test_how_many_faces_are_parsed_at_once_changes_none(face):
    face.run("parse")
    face.edit(parse={"batch_rows": 3})
    assert face.run("parse").summary.computed == 0
    face.edit(align={"templates": {"mine": OTHER}})
    assert face.run("align", "parse").summary.computed == 0
    face.edit(parse={"eye_bias": 0.5})
    assert face.run("parse").summary.computed == 2


OTHER = {
    "height_px": 64,
    "width_px": 64,
    "landmarks_xy": [[20.0, 20.0], [44.0, 20.0], [32.0, 34.0], [23.0, 48.0], [41.0, 48.0]],
}
"""A template that nobody uses."""


def test_editing_parts_parses_nothing_again(face):
    face.run("parts")
    face.edit(parts={"crop_px": 64})
    assert face.run("parse").summary.computed == 0
    assert face.run("parts").summary.computed == 2
    assert decode(face.rows("parts")["open.png"]["nose"]["bytes"]).shape[:2] == (64, 64)


def test_a_part_far_from_the_mesh_is_not_believed(face):
    face.edit(parts={"max_mesh_distance": 0.001})
    face.run("parts")
    row = face.rows("parts")["open.png"]
    assert row["part_backend"] == ["mesh"] * 4
    assert np.isfinite(row["mesh_distance_percent"]).all()  # what the parser found is still told


def test_bands_that_the_parser_never_saw_are_labelled_from_the_mesh(face):
    face.edit(parse={"mesh_bands": ["VIS"]})
    face.run("parse", "parts")
    row = face.rows("parts")["open.png"]
    assert row["parse_backend"] == "mesh"
    assert row["part_backend"] == ["mesh"] * 4
    labels = decode(row["labels"]["bytes"])
    assert FaceClass.HAIR not in labels
    points = transform_points(row["landmarks_xy"], row["warp_2x3"])
    at = [labels[round(float(y)), round(float(x))] for x, y in points]
    assert at[:3] == [FaceClass.RIGHT_EYE, FaceClass.LEFT_EYE, FaceClass.NOSE]


def test_the_mesh_has_no_part_where_the_image_ends(face):
    """The image of a face that its border cuts, between the eyes or through the subject's left."""
    whole = face.rows("align")["open.png"]
    params = networks.default_params().parts
    left_eye, right_eye = (
        whole["mesh_xyz"][list(loop), 0] for loop in (LEFT_EYE_LOOP, RIGHT_EYE_LOOP)
    )
    for width, found in (
        (round((right_eye.max() + left_eye.min()) / 2), ["none", "mesh"]),
        (round(left_eye.mean()), ["mesh", "mesh"]),
    ):
        cut = whole | {"source_hw": [512, width]}
        row = parts_row(parsed_row(cut, None), params)
        assert row["part_backend"][:2] == found
        assert (row.get("left_eye") is None) == (found[0] == "none")
        assert np.isnan(row["part_boxes_xyxy"][0]).any() == (found[0] == "none")
        crop_to_source = np.linalg.inv(np.vstack([row["warp_2x3"], [0, 0, 1]]))
        for part in PARTS:
            if row.get(part) is not None:
                y, x = np.nonzero(decode(row[f"{part}_mask"]["bytes"]))
                assert len(x)
                assert (crop_to_source[0] @ [x, y, np.ones(len(x))]).max() <= width - 0.5
    # its middle is that of the half that is seen
    seen = row["part_boxes_xyxy"][0] @ np.array([0.5, 0, 0.5, 0])
    of_all = parts_row(parsed_row(whole, None), params)["part_boxes_xyxy"][0]
    assert seen < of_all @ np.array([0.5, 0, 0.5, 0]) - 1


def drawn_face():
    """A face as children draw it; YuNet and the mesh network take it for one."""
    image = np.full((320, 320, 3), (190, 220, 240), np.uint8)
    cv2.ellipse(image, (160, 150), (100, 115), 0, 0, 360, (20, 90, 100), -1, cv2.LINE_AA)
    cv2.ellipse(image, (160, 170), (85, 105), 0, 0, 360, (255, 219, 172), -1, cv2.LINE_AA)
    cv2.ellipse(image, (160, 170), (85, 105), 0, 0, 360, (40, 20, 10), 3, cv2.LINE_AA)
    cv2.ellipse(image, (160, 85), (84, 40), 0, 180, 360, (20, 90, 100), -1, cv2.LINE_AA)
    for x in (124, 196):
        cv2.ellipse(image, (x, 155), (17, 11), 0, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.ellipse(image, (x, 155), (17, 11), 0, 0, 360, (30, 20, 10), 2, cv2.LINE_AA)
        cv2.circle(image, (x, 155), 9, (60, 90, 40), -1, cv2.LINE_AA)
        cv2.ellipse(image, (x, 131), (22, 7), 0, 190, 350, (20, 90, 100), 4, cv2.LINE_AA)
    cv2.ellipse(image, (160, 195), (14, 9), 0, 20, 160, (90, 50, 30), 3, cv2.LINE_AA)
    cv2.ellipse(image, (160, 222), (30, 14), 0, 15, 165, (120, 30, 30), 4, cv2.LINE_AA)
    return image


def test_a_drawing_is_told_from_a_face_by_a_column_and_kept_out_if_asked(face):
    (drawn,) = crossband.open(drawn_face()).faces
    assert drawn.score > 0.8
    row = drawn._parsed("arcface144")
    assert row["mesh_presence"] > 0.9
    assert row["face_likeness"] < 0.1
    (person,) = crossband.open(np.ascontiguousarray(skimage.data.astronaut()[:300, 80:400])).faces
    assert person._parsed("arcface144")["face_likeness"] > 0.9
    assert face.metrics("parse")["unlikely_faces"] == 0
    asked = networks.default_params().parse
    strict = asked.model_copy(update={"min_face_likeness": 0.1})
    refused = believed(row, strict)
    assert believed(row, asked) is row
    assert (refused.reason, "parser: 0.0" in refused.detail) == ("not_a_face", True)
    assert believed(row | {"face_likeness": None}, strict)["labels"] == row["labels"]
