"""YuNet: which faces, in which order, where, and that nothing depends on chance."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.demo.people.openpeople import frames_of, list_images, read_image
from pipeline.detection import DETECTORS, detector_weights, make_detector
from pipeline.detection.faces import sorted_faces
from pipeline.detection.yunet import YuNet
from pipeline.errors import WeightsError

ASSETS = Path(importlib.util.find_spec("ultralytics").origin).parent / "assets"
PUPILS = np.array([(202.7, 100.7), (246.5, 102.6)])
"""The astronaut's, read off an enlarged image by eye, to about one pixel."""
GOLDEN_BOX = (178.04, 62.86, 268.16, 175.18)
GOLDEN_POINTS = (
    (200.14, 103.10),
    (245.45, 103.93),
    (220.84, 124.46),
    (201.52, 142.38),
    (240.44, 143.07),
)


@pytest.fixture(scope="module")
def detector(weight_file):
    return make_detector("yunet", {"yunet": weight_file("yunet")})


def photograph(name):
    return cv2.cvtColor(cv2.imread(str(ASSETS / name)), cv2.COLOR_BGR2RGB)


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("boxes_xyxy", "landmarks_xy", "scores")
    )


def in_order(landmarks_xy):
    right_eye, left_eye, nose, mouth_right, mouth_left = landmarks_xy
    return (
        right_eye[0] < left_eye[0]
        and mouth_right[0] < mouth_left[0]
        and max(right_eye[1], left_eye[1]) < nose[1] < min(mouth_right[1], mouth_left[1])
    )


def test_the_astronaut(detector):
    faces = detector.detect(astronaut())
    assert (len(faces), faces.boxes_xyxy.shape, faces.landmarks_xy.shape) == (1, (1, 4), (1, 5, 2))
    assert {a.dtype for a in (faces.boxes_xyxy, faces.landmarks_xy, faces.scores)} == {
        np.dtype(np.float32)
    }
    assert in_order(faces.landmarks_xy[0])
    assert np.abs(faces.landmarks_xy[0, :2] - PUPILS).max() < 4
    # YuNet("face_detection_yunet_2023mar.onnx").detect(skimage.data.astronaut())
    np.testing.assert_allclose(faces.boxes_xyxy[0], GOLDEN_BOX, atol=1.0)
    np.testing.assert_allclose(faces.landmarks_xy[0], GOLDEN_POINTS, atol=0.5)


def test_two_faces_in_a_photograph_come_by_falling_score(detector):
    faces = detector.detect(photograph("zidane.jpg"))
    assert len(faces) == 2
    assert faces.scores[0] >= faces.scores[1] > 0.7
    assert all(in_order(landmarks) for landmarks in faces.landmarks_xy)
    assert sorted(faces.boxes_xyxy[:, 0].round(-2)) == [500, 900]


def test_two_small_faces_in_a_street(detector):
    faces = detector.detect(photograph("bus.jpg"))
    assert len(faces) == 2
    assert (faces.boxes_xyxy[:, 3] - faces.boxes_xyxy[:, 1] < 70).all()


@pytest.mark.parametrize("shape", [(480, 640), (16, 16), (1, 1), (33, 700), (2000, 10), (32, 640)])
def test_a_blank_image_has_no_face(detector, shape):
    faces = detector.detect(np.full((*shape, 3), 127, np.uint8))
    assert (faces.boxes_xyxy.shape, faces.landmarks_xy.shape) == ((0, 4), (0, 5, 2))
    assert faces.scores.shape == (0,)
    assert len(faces) == 0


def test_a_grey_image_in_three_channels(detector):
    grey = np.repeat(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    faces = detector.detect(grey)
    assert len(faces) == 1
    assert np.abs(faces.landmarks_xy - detector.detect(astronaut()).landmarks_xy).max() < 3


@pytest.mark.parametrize("hw", [(512, 512), (301, 417)])
def test_a_grey_image_shows_the_faces_of_three_like_channels(detector, hw):
    grey = cv2.resize(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY), hw[::-1])
    alone = detector.detect_grey(grey)
    alike = detector.detect(np.repeat(grey[..., None], 3, axis=2))
    assert len(alone) == len(alike) == 1
    np.testing.assert_allclose(alone.landmarks_xy, alike.landmarks_xy, atol=1e-3)
    np.testing.assert_allclose(alone.scores, alike.scores, atol=1e-5)


@pytest.mark.parametrize("hw", [(8, 8, 3), (641, 8)])
def test_a_grey_image_has_no_colours_and_fits(detector, hw):
    with pytest.raises(ValueError, match="expected"):
        detector.detect_grey(np.zeros(hw, np.uint8))


def test_a_face_cut_by_the_border_keeps_points_in_the_image_frame(detector):
    whole = detector.detect(astronaut())
    cut = detector.detect(astronaut()[:, 195:])  # through the cheek, left of the eye
    assert len(cut) == 1
    moved = cut.landmarks_xy[0] + (195, 0)
    assert np.abs(moved - whole.landmarks_xy[0]).max() < 8


def test_a_face_that_fills_the_image(detector):
    x1, y1, x2, y2 = detector.detect(astronaut()).boxes_xyxy[0].astype(int)
    close = cv2.resize(astronaut()[y1:y2, x1:x2], None, fx=8, fy=8)
    faces = detector.detect(close)
    assert len(faces) == 1
    assert in_order(faces.landmarks_xy[0])


def test_the_same_image_gives_the_same_bytes_whatever_came_before(detector, weight_file):
    first = detector.detect(astronaut())
    detector.detect(photograph("zidane.jpg"))
    assert same(first, detector.detect(astronaut()))
    assert same(first, YuNet(weight_file("yunet")).detect(astronaut()))


@pytest.mark.parametrize("hw", [(32, 32), (30, 480), (2000, 10)])
def test_narrow_images_do_not_depend_on_what_lay_in_memory(weight_file, hw):
    # OpenCV 4.14 reads unwritten memory here and finds faces of a million pixels.
    image = np.ascontiguousarray(cv2.resize(astronaut(), hw[::-1]))
    detector = YuNet(weight_file("yunet"), score_threshold=0.01)
    results = []
    for value in (0.0, 1e9, -1e6, 3.0):
        litter = [
            np.full(n, value, np.float32)
            for n in (64, 256, 1024, 4096, 16384, 10**5)
            for _ in range(6)
        ]
        del litter
        results.append(detector.detect(image))
    assert all(same(results[0], other) for other in results[1:])
    assert np.abs(results[0].boxes_xyxy).max(initial=0) < 5000


@pytest.mark.parametrize("hw", [(512, 512), (300, 400), (130, 70), (64, 64)])
def test_candidates_are_those_of_opencvs_own_detector(weight_file, hw):
    file, image = weight_file("yunet"), cv2.resize(astronaut(), hw[::-1])
    opencv = cv2.FaceDetectorYN.create(str(file), "", hw[::-1], 0.05, 1.0, 5000)
    rows = opencv.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    found = YuNet(file, score_threshold=0.05).candidates(image)
    np.testing.assert_allclose(found.scores, rows[:, 14], atol=1e-5)
    boxes = np.column_stack([rows[:, :2], rows[:, :2] + rows[:, 2:4]])
    np.testing.assert_allclose(found.boxes_xyxy, boxes, atol=1e-2)
    np.testing.assert_allclose(found.landmarks_xy, rows[:, 4:14].reshape(-1, 5, 2), atol=1e-2)


@pytest.mark.parametrize(("hw", "limit"), [((60, 90), 640), ((600, 901), 300)])
def test_a_face_that_fills_the_networks_image_fills_the_image(weight_file, monkeypatch, hw, limit):
    detector = YuNet(weight_file("yunet"), max_side_px=limit)

    def everywhere(image):  # as a network that counts from the corner says it
        height, width = image.shape[:2]
        middle = np.full((1, 5, 2), (width / 2, height / 2))
        return sorted_faces([[0, 0, width, height]], middle, [0.9])

    monkeypatch.setattr(detector, "candidates", everywhere)
    found = [detector.detect(np.zeros((*hw, 3), np.uint8))]
    if max(hw) <= limit:
        found.append(detector.detect_grey(np.zeros(hw, np.uint8)))
    for faces in found:
        edges = [[-0.5, -0.5, hw[1] - 0.5, hw[0] - 0.5]]
        np.testing.assert_allclose(faces.boxes_xyxy, edges, atol=1e-3)
        middle = (hw[1] - 1) / 2, (hw[0] - 1) / 2
        np.testing.assert_allclose(faces.landmarks_xy[0], np.full((5, 2), middle), atol=1e-3)


def test_small_faces_lie_in_mirrored_images_where_their_mirror_images_lie(detector, weight_file):
    """Half a pixel aside shows in means alone: one face moves by more on the network's grid."""
    archive, aside = weight_file("openpeople"), []
    for sheet in list_images(archive):
        if sheet.session_id != "emotions_sheet":
            continue
        for frame in frames_of(sheet, read_image(archive, sheet.member), 112)[::5]:
            for left in range(0, 32, 5):
                image = np.pad(frame.image, ((0, 0), (left, 31 - left), (0, 0)), mode="edge")
                here = detector.detect(image)
                there = detector.detect(np.ascontiguousarray(image[:, ::-1]))
                found = *here.boxes_xyxy[0, [0, 2]], *here.landmarks_xy[0, :, 0]
                again = *there.boxes_xyxy[0, [2, 0]], *there.landmarks_xy[0, [1, 0, 2, 4, 3], 0]
                aside.append((np.add(found, again) - (image.shape[1] - 1)) / 2)
    assert len(aside) == 9 * 4 * 7
    mean = np.mean(aside, axis=0)
    assert abs(mean[:2].mean()) < 0.2  # edges of boxes
    assert abs(mean[2:].mean()) < 0.2  # landmarks


def test_nothing_is_written_into_the_image(detector):
    image = astronaut()
    detector.detect(image)
    np.testing.assert_array_equal(image, astronaut())


def test_a_higher_threshold_finds_less(weight_file):
    strict = YuNet(weight_file("yunet"), score_threshold=0.91)
    assert len(strict.detect(photograph("zidane.jpg"))) == 1


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)],
)
def test_other_images_are_refused(detector, image):
    with pytest.raises(ValueError):
        detector.detect(image)


def test_missing_and_broken_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match="missing"):
        YuNet(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"broken\.onnx"):
        YuNet(broken)


def test_an_unknown_detector_is_named():
    with pytest.raises(ValueError, match="mtcnn"):
        make_detector("mtcnn", {})


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_weights_that_are_not_given_are_named(name):
    with pytest.raises(WeightsError, match=rf"{name}.* opens .*{detector_weights(name)[0]}"):
        make_detector(name, {})


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"score_threshold": 70.0}, "thresholds lie in"),
        ({"nms_threshold": -0.1}, "thresholds lie in"),
        ({"max_side_px": 0}, "max_side_px has to be 1 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(weight_file, numbers, says):
    with pytest.raises(ValueError, match=says):
        make_detector("yunet", {"yunet": weight_file("yunet")}, **numbers)


def test_every_detector_names_its_files():
    assert {name: detector_weights(name) for name in DETECTORS} == {
        "yunet": ("yunet",),
        "retinaface": ("retinaface_r50",),
        "fan": ("yunet", "fan_2d"),
    }
