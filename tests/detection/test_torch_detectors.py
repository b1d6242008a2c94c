"""RetinaFace and FAN load a file we give, offline; here of random weights of the right shape."""

import warnings

import numpy as np
import pytest
import torch
from skimage.data import astronaut

from pipeline.detection import make_detector
from pipeline.errors import WeightsError


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("face_alignment.utils.download_url_to_file", refuse)
    monkeypatch.setattr("facexlib.utils.misc.download_url_to_file", refuse)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def retinaface_file(tmp_path_factory):
    from facexlib.detection.retinaface import RetinaFace

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = RetinaFace("resnet50", device=torch.device("cpu"))
    # The released file comes from a data-parallel training and has the prefix.
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    path = tmp_path_factory.mktemp("retinaface") / "detection_Resnet50_Final.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def fan_file(tmp_path_factory):
    from face_alignment.models import FAN

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("fan") / "any-name.pth"
    torch.save(FAN(4).state_dict(), path)
    return path


def test_retinaface_gives_sorted_faces_of_the_right_shapes(retinaface_file):
    detector = make_detector(
        "retinaface", {"retinaface_r50": retinaface_file}, score_threshold=0.0, max_side_px=64
    )
    faces = detector.detect(astronaut()[:400])
    assert len(faces) > 0
    assert faces.boxes_xyxy.shape == (len(faces), 4)
    assert faces.landmarks_xy.shape == (len(faces), 5, 2)
    assert (np.diff(faces.scores) <= 0).all()
    # In the image's pixels: anchors lie all over the 512 × 400, not in the 64 × 50 it was made.
    assert np.ptp(faces.landmarks_xy[..., 0]) > 300
    again = detector.detect(astronaut()[:400])
    np.testing.assert_array_equal(again.landmarks_xy, faces.landmarks_xy)


def test_a_face_that_fills_retinafaces_image_fills_the_image(retinaface_file, monkeypatch):
    detector = make_detector("retinaface", {"retinaface_r50": retinaface_file}, max_side_px=64)

    def everywhere(image, *thresholds):  # anchors lie at (column + 0.5) * stride: from the corner
        height, width = image.shape[:2]
        return np.float32([[0, 0, width, height, 0.9, *(width / 2, height / 2) * 5]])

    monkeypatch.setattr(detector._network, "detect_faces", everywhere)
    faces = detector.detect(astronaut()[:400])
    np.testing.assert_allclose(faces.boxes_xyxy, [[-0.5, -0.5, 511.5, 399.5]], atol=1e-3)
    np.testing.assert_allclose(faces.landmarks_xy[0], np.full((5, 2), (255.5, 199.5)), atol=1e-3)


def test_retinaface_without_faces_has_empty_arrays(retinaface_file):
    detector = make_detector(
        "retinaface", {"retinaface_r50": retinaface_file}, score_threshold=1.0, max_side_px=64
    )
    faces = detector.detect(astronaut())
    assert (faces.boxes_xyxy.shape, faces.landmarks_xy.shape) == ((0, 4), (0, 5, 2))


def test_retinaface_refuses_another_network(tmp_path, fan_file):
    with pytest.raises(WeightsError, match="RetinaFace"):
        make_detector("retinaface", {"retinaface_r50": fan_file})
    with pytest.raises(WeightsError, match=r"none\.pth"):
        make_detector("retinaface", {"retinaface_r50": tmp_path / "none.pth"})


def test_fan_takes_yunets_boxes_and_gives_five_points(weight_file, fan_file):
    former_hub = torch.hub.get_dir()
    weights = {"yunet": weight_file("yunet"), "fan_2d": fan_file}
    detector = make_detector("fan", weights)
    assert torch.hub.get_dir() == former_hub
    boxes = make_detector("yunet", weights).detect(astronaut())
    faces = detector.detect(astronaut())
    np.testing.assert_array_equal(faces.boxes_xyxy, boxes.boxes_xyxy)
    np.testing.assert_array_equal(faces.scores, boxes.scores)
    assert faces.landmarks_xy.shape == (1, 5, 2)
    assert np.isfinite(faces.landmarks_xy).all()
    assert len(detector.detect(np.zeros((64, 64, 3), np.uint8))) == 0


def test_fan_refuses_another_network(tmp_path, weight_file, retinaface_file):
    yunet = weight_file("yunet")
    with pytest.raises(WeightsError, match="FAN"):
        make_detector("fan", {"yunet": yunet, "fan_2d": retinaface_file})
    with pytest.raises(WeightsError, match="missing"):
        make_detector("fan", {"yunet": yunet, "fan_2d": tmp_path / "none.pth"})


def test_five_of_68_points_means_eyes_and_takes_nose_and_mouth_corners():
    from pipeline.detection.fan import _five_of_68

    landmarks = np.arange(68, dtype=np.float32)[:, None] * np.float32([1, 10])
    expected = [[38.5, 385], [44.5, 445], [30, 300], [48, 480], [54, 540]]
    np.testing.assert_allclose(_five_of_68(landmarks), expected)
