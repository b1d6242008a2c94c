"""Faces on their side and upside down: found where the upright image is in doubt."""

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut, cat

from pipeline.detection.faces import Faces, sorted_faces
from pipeline.detection.rows import detect_rows
from pipeline.detection.turned import Fitted, whichever_way
from pipeline.face3d.mesh import MOUTH_LEFT, MOUTH_RIGHT, NOSE
from pipeline.ops.codec import encode_png
from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.params.load import load_params
from pipeline.types import Rejected

ROOT = Path(__file__).resolve().parents[2]


def fitted(five, presence=1.0, off=0.0):
    """One face whose mesh agrees with its five landmarks, or lies ``off`` pixels beside them."""
    mesh = np.zeros((1, 468, 3), np.float32)
    places = (list(RIGHT_EYE_LOOP), list(LEFT_EYE_LOOP), list(NOSE), [MOUTH_RIGHT], [MOUTH_LEFT])
    for point, indices in zip(five, places, strict=True):
        mesh[0, indices, :2] = np.asarray(point) + off
    box = [*np.min(five, axis=0) - 4, *np.max(five, axis=0) + 4]
    faces = sorted_faces([box], [five], [0.9])
    return Fitted(faces, mesh, np.array([presence], np.float32))


UPRIGHT = [(10, 10), (30, 10), (20, 20), (12, 30), (28, 30)]
NOTHING = Fitted(sorted_faces([], [], []), np.zeros((0, 468, 3), np.float32), np.zeros(0, "f4"))


@pytest.mark.parametrize(
    ("quarters", "first_eye"),
    # Of an image 40 high and 50 wide. By hand: turned once against the clock, the first column of
    # the turned image is the first row from its right end: (x', y') was at (49 - y', x').
    [(1, (39, 10)), (2, (39, 29)), (3, (10, 29))],
)
def test_points_of_a_turned_image_come_back(quarters, first_eye):
    back = fitted(UPRIGHT).turned_back(quarters, (40, 50))
    np.testing.assert_allclose(back.faces.landmarks_xy[0, 0], first_eye)
    np.testing.assert_allclose(back.mesh_xyz[0, 33, :2], first_eye)
    low, high = back.faces.boxes_xyxy[0].reshape(2, 2)
    assert (low < high).all()
    spot = np.zeros((40, 50))
    x, y = first_eye
    spot[y, x] = 1
    assert np.rot90(spot, quarters)[10, 10] == 1


def test_an_image_is_turned_only_where_its_face_is_in_doubt():
    shapes = []

    def look(image):
        shapes.append(image.shape[:2])
        return fitted(UPRIGHT)

    whichever_way(np.zeros((40, 50, 3), np.uint8), look)
    assert shapes == [(40, 50)]


@pytest.mark.parametrize(
    "upright", [fitted(UPRIGHT, presence=0.1), fitted(UPRIGHT, off=6), NOTHING]
)
def test_a_face_that_only_the_turned_image_shows_well_is_taken_from_there(upright):
    image = np.zeros((40, 50, 3), np.uint8)
    image[0, 0] = 255

    def look(shown):
        if shown[0, 0, 0]:
            return upright
        return fitted(UPRIGHT) if shown[-1, -1, 0] else NOTHING  # turned by half

    found = whichever_way(image, look)
    np.testing.assert_allclose(found.faces.landmarks_xy[0, 0], (39, 29))
    assert found.presence[0] == 1


def test_a_doubtful_face_that_no_turn_shows_better_stays_as_it_is():
    image = np.zeros((40, 50, 3), np.uint8)
    doubtful = fitted(UPRIGHT, presence=0.5)
    found = whichever_way(image, lambda shown: doubtful)
    np.testing.assert_array_equal(found.faces.landmarks_xy, doubtful.faces.landmarks_xy)
    assert isinstance(found.faces, Faces)


@pytest.mark.parametrize("upright", [NOTHING, fitted(UPRIGHT, presence=0.1)])
def test_of_several_turns_the_surest_is_taken(upright):
    image = np.zeros((40, 40, 3), np.uint8)
    image[0, 0] = 255  # turned by one quarter it lies below, by three at the right

    def look(shown):
        if shown[0, 0, 0]:
            return upright
        # Half a pixel off each way is 3.5 % of the eyes' distance, two pixels are 14 %.
        off = {(39, 0): 2.0, (39, 39): 1.0, (0, 39): 0.5}
        (place,) = (at for at in off if shown[at][0])
        return fitted(UPRIGHT, off=off[place])

    found = whichever_way(image, look)
    np.testing.assert_allclose(found.faces.landmarks_xy[0, 0], (10, 29))  # by three quarters
    assert len(found.faces) == 1


def several(*faces):
    """The faces of one image, in the order of ``Faces``: by falling score."""
    parts = sorted(faces, key=lambda face: -face[0])
    one = [fitted(five, presence) for _, five, presence in parts]
    found = Faces(
        np.concatenate([each.faces.boxes_xyxy for each in one]),
        np.concatenate([each.faces.landmarks_xy for each in one]),
        np.float32([score for score, _, _ in parts]),
    )
    mesh, presence = ([getattr(each, name) for each in one] for name in ("mesh_xyz", "presence"))
    return Fitted(found, np.concatenate(mesh), np.concatenate(presence))


def test_a_turned_face_that_is_surer_than_the_others_comes_before_them():
    image = np.zeros((60, 120, 3), np.uint8)
    image[0, 0] = 255
    right, lying = np.float32(UPRIGHT), np.float32(UPRIGHT) + np.float32([60, 0])
    upside_down = np.float32([119, 59]) - lying  # in the image that is turned by half

    def look(shown):
        if shown[0, 0, 0]:
            return several((0.9, right, 1.0), (0.8, lying, 0.1))
        return several((0.95, upside_down, 1.0)) if shown[-1, -1, 0] else NOTHING

    found = whichever_way(image, look)
    np.testing.assert_allclose(found.faces.scores, [0.95, 0.9])
    np.testing.assert_allclose(found.faces.landmarks_xy, [lying, right])
    np.testing.assert_allclose(found.mesh_xyz[:, 33, :2], [lying[0], right[0]])
    np.testing.assert_allclose(found.faces.boxes_xyxy[:, 0], [66, 6])
    np.testing.assert_allclose(found.presence, [1, 1])


@pytest.fixture(scope="module")
def detect(weight_file):
    params = load_params(ROOT / "params.yaml").detect
    weights = {"yunet": weight_file("yunet")}
    function = detect_rows(params, weights, weight_file("face_mesh_468"))

    def one(image):
        row = {"sample_id": "a", "band": "VIS", "image": {"bytes": encode_png(image)}}
        known = dict.fromkeys(("truth_box_xyxy", "truth_landmarks_xy", "truth_mesh_xyz"))
        ((outcome,),) = function([row | known])
        return outcome

    return one


@pytest.mark.parametrize(("quarters", "roll"), [(0, 3), (1, -87), (2, -177), (3, 93)])
def test_a_photograph_gives_the_same_face_whichever_way_it_lies(detect, quarters, roll):
    turned = detect(np.ascontiguousarray(np.rot90(astronaut(), quarters)))["faces"][0]
    upright = detect(astronaut())["faces"][0]
    assert turned["pose_deg"][2] == pytest.approx(roll, abs=4)
    assert turned["pose_deg"][0] == pytest.approx(upright["pose_deg"][0], abs=3)
    between = [np.linalg.norm(np.subtract(*f["landmarks_xy"][:2])) for f in (turned, upright)]
    assert between[0] == pytest.approx(between[1], rel=0.03)


def test_no_turn_makes_a_cat_a_face(detect):
    assert isinstance(detect(cat()), Rejected)
