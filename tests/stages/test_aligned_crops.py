"""A data set of aligned crops, as public sets of faces come: nothing is detected in it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import skimage.transform

from pipeline.errors import ParamsError
from pipeline.ops.codec import decode
from pipeline.params.load import load_params
from stages.weights import needed

FIVE = np.array(  # insightface, face_align.py
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
EYES_NOSE_MOUTH = np.array([[201, 103], [246, 104], [221, 126], [201, 141], [243, 142]])
"""Of the astronaut, by eye."""


@pytest.fixture
def crops(workspace):
    """A crop in colour, a grey one and a smaller one; there is no detector."""
    similarity = skimage.transform.SimilarityTransform()
    assert similarity.estimate(EYES_NOSE_MOUTH, FIVE)
    crop = cv2.warpAffine(skimage.data.astronaut(), similarity.params[:2], (112, 112))
    images = {"anna": crop[..., ::-1], "bob": crop[..., 1], "small": crop[8:104, 8:104, ::-1]}
    for name, image in images.items():
        cv2.imwrite(str(workspace.path / f"images/{name}.png"), image)
    workspace.need("face_mesh_468")
    workspace.edit(datasets={"mine": {"aligned": "arcface112"}}, align={"template": "arcface112"})
    return workspace


def test_aligned_crops_are_taken_as_they_are(crops):
    crops.run("ingest", "detect", "align")
    found = crops.rows("detect")
    assert found.keys() == {"anna.png", "bob.png"}
    for row in found.values():
        (face,) = row["faces"]
        np.testing.assert_array_equal(face["landmarks_xy"], FIVE.astype(np.float32))
        assert face["score"] == 1.0
        assert row["truth_landmarks_xy"] is None  # the template says where they were put, no more
        x0, y0, x1, y1 = face["box_xyxy"]
        assert 0 < x0 < 38 < 74 < x1 < 112
        assert 0 < y0 < 51 < 93 < y1 < 125
    assert crops.metrics("detect")["doubtful"] == {"VIS": 0.0}
    for name, row in crops.rows("align").items():
        stored = cv2.imread(str(crops.path / "images" / name), cv2.IMREAD_UNCHANGED)
        wanted = stored if stored.ndim == 2 else stored[..., ::-1]
        np.testing.assert_array_equal(decode(row["image"]["bytes"]), wanted)


def test_an_image_of_another_size_is_no_such_crop(crops):
    crops.run("ingest", "detect")
    (lost,) = crops.folder("detect").rejected.rows(["sample_id", "reason", "detail"])
    assert lost == {
        "sample_id": "small.png",
        "reason": "other_size",
        "detail": "96×96 px: crops aligned by arcface112 have 112×112",
    }
    crops.edit(datasets={"mine": {"aligned": "arcface144"}})
    crops.run("detect")  # what was made by another template is made anew
    assert crops.rejected("detect") == dict.fromkeys(
        ("anna.png", "bob.png", "small.png"), "other_size"
    )


def test_a_template_that_places_fewer_points_tells_no_landmarks(crops):
    crops.edit(datasets={"mine": {"aligned": "lightcnn144"}})
    with pytest.raises(ParamsError, match=r"datasets\.mine\.aligned: .*'arcface112'.*lightcnn144"):
        load_params(Path("params.yaml"))


OWN_XY = (FIVE + 0.5) * 96 / 112 - 0.5
"""ArcFace's points in a crop of 96×96: pixel centres lie at integers."""


def test_crops_by_a_template_of_ones_own_are_taken_as_they_are(crops):
    cv2.imwrite(
        str(crops.path / "images/own.png"),
        cv2.resize(cv2.imread(str(crops.path / "images/anna.png")), (96, 96)),
    )
    own = {"height_px": 96, "width_px": 96, "landmarks_xy": OWN_XY.tolist()}
    crops.edit(
        datasets={"mine": {"aligned": "lab96"}},
        align={"template": "lab96", "templates": {"lab96": own}},
    )
    crops.run("ingest", "detect", "align")
    (face,) = crops.rows("detect")["own.png"]["faces"]
    np.testing.assert_array_equal(face["landmarks_xy"], OWN_XY.astype(np.float32))
    assert crops.rejected("detect") == dict.fromkeys(("anna.png", "bob.png"), "other_size")
    made = decode(crops.rows("align")["own.png"]["image"]["bytes"])
    stored = cv2.imread(str(crops.path / "images/own.png"))
    np.testing.assert_array_equal(made, stored[..., ::-1])
    moved = own | {"landmarks_xy": (OWN_XY + 1).tolist()}
    crops.edit(align={"templates": {"lab96": moved}})
    assert crops.run("detect").summary.computed == 4  # what was made by other points


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"aligned": "lab97"}, r"datasets\.mine\.aligned: .* align\.templates, found 'lab97'"),
        ({"swapped": [1, 0, 2, 3, 4]}, "expected the eye on the image's left"),
        ({"swapped": [0, 1, 2, 4, 3]}, "the corner of the mouth on the image's left"),
        ({"swapped": [3, 4, 2, 0, 1]}, "with y down"),
        ({"name": "facexlib512"}, r"\['facexlib512'\] are built in"),
    ],
)
def test_a_wrong_template_of_ones_own_is_told_before_any_work(crops, changed, says):
    points = OWN_XY[changed.get("swapped", [0, 1, 2, 3, 4])].tolist()
    name = changed.get("name", "lab96")
    own = {"height_px": 96, "width_px": 96, "landmarks_xy": points}
    crops.edit(
        datasets={"mine": {"aligned": changed.get("aligned", name)}},
        align={"templates": {name: own}},
    )
    with pytest.raises(ParamsError, match=says):
        load_params(Path("params.yaml"))


def test_without_a_detector_to_fetch_crops_are_the_same(crops):
    """What docs/own-images.md says of ``detect.backend: truth``."""
    assert "yunet" in needed(load_params(Path("params.yaml")))
    crops.run("ingest", "detect")
    before = {name: row["faces"] for name, row in crops.rows("detect").items()}
    crops.edit(detect={"backend": "truth"})
    assert "yunet" not in needed(load_params(Path("params.yaml")))
    crops.run("detect")
    for name, row in crops.rows("detect").items():
        (one,), (other,) = before[name], row["faces"]
        np.testing.assert_array_equal(one["landmarks_xy"], other["landmarks_xy"])
        np.testing.assert_array_equal(one["mesh_xyz"], other["mesh_xyz"])
