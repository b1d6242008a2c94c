"""YOLO detectors: the same people as ultralytics' own loop, one by one as together, offline."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from pipeline.bodies.detections import settled
from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.bodies.yolo import YoloDetector
from pipeline.errors import WeightsError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr("socket.socket.connect", refuse)


@pytest.fixture(scope="module")
def detector(weight_file, one_thread):
    return YoloDetector(weight_file("yolo11n_pose"), precision="float32", image_px=320)


def same(found, expected):
    np.testing.assert_array_equal(found.boxes_xyxy, expected.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.keypoints_xy, expected.keypoints_xy)
    np.testing.assert_array_equal(found.keypoint_scores, expected.keypoint_scores)


def test_people_are_those_that_ultralytics_finds(detector, bus, weight_file):
    ultralytics_module("ultralytics.utils")  # first, or ultralytics replaces others' functions
    from ultralytics import YOLO

    (theirs,) = YOLO(weight_file("yolo11n_pose")).predict(
        bus[..., ::-1], imgsz=320, conf=0.25, iou=0.7, device="cpu", verbose=False
    )
    (found,) = detector.detect([bus])
    order = np.argsort(-theirs.boxes.conf.numpy(), kind="stable")
    # They count pixels from the image's corner, crossband from the first pixel's centre.
    np.testing.assert_allclose(found.boxes_xyxy, theirs.boxes.xyxy.numpy()[order] - 0.5, atol=0.01)
    np.testing.assert_allclose(found.scores, theirs.boxes.conf.numpy()[order], atol=1e-4)
    points = theirs.keypoints.data.numpy()[order]
    np.testing.assert_allclose(found.keypoint_scores, points[..., 2], atol=1e-3)
    sure = points[..., 2] > 0.5
    np.testing.assert_allclose(found.keypoints_xy[sure], points[..., :2][sure] - 0.5, atol=0.05)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_frames_together_give_the_bits_that_they_give_one_by_one(bus, weight_file, precision):
    detector = YoloDetector(
        weight_file("yolo11n_pose"), precision=precision, image_px=320, batch_frames=4
    )
    frames = [bus, bus[:, ::-1], bus[200:, 100:], bus[::2, ::2], np.roll(bus, 90, axis=1)]
    frames = [np.ascontiguousarray(frame) for frame in frames]
    together = detector.detect(frames)
    assert min(len(found) for found in together) >= 2
    for frame, found in zip(frames, together, strict=True):
        same(detector.detect([frame])[0], found)
    for found, expected in zip(detector.detect(frames[::-1]), together[::-1], strict=True):
        same(found, expected)


def test_bfloat16_finds_the_same_people(detector, bus, weight_file):
    low = YoloDetector(weight_file("yolo11n_pose"), precision="bfloat16", image_px=320)
    (exact,), (rough,) = detector.detect([bus]), low.detect([bus])
    assert len(exact) == len(rough)
    # of 1080, seen at 320: bfloat16's own steps are 3 to 7 pixels there
    assert np.abs(exact.boxes_xyxy - rough.boxes_xyxy).max() < 1.5
    apart = np.linalg.norm(exact.keypoints_xy - rough.keypoints_xy, axis=2)
    assert np.median(apart[exact.keypoint_scores > 0.5]) < 0.7


def test_frames_without_people_or_of_a_few_pixels_give_nobody(detector):
    frames = [np.zeros((1, 1, 3), np.uint8), np.full((3, 400, 3), 90, np.uint8)]
    for found in detector.detect(frames):
        assert found.boxes_xyxy.shape == (0, 4)
        assert found.keypoints_xy.shape == (0, 17, 2)
    assert detector.detect([]) == []


@pytest.mark.parametrize(
    "frame",
    [np.zeros((0, 5, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
)
def test_what_is_no_frame_is_refused(detector, frame):
    with pytest.raises(ValueError, match=r"expected uint8 \(h, w, 3\)"):
        detector.detect([frame])


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"score_threshold": 25.0}, "thresholds lie in"),
        ({"nms_threshold": float("nan")}, "thresholds lie in"),
        ({"image_px": 100}, "image_px has to be a multiple of 32"),
        ({"max_detections": 0}, "of 1 or more"),
    ],
)
def test_numbers_out_of_range_are_refused(weight_file, numbers, says):
    with pytest.raises(ValueError, match=says):
        YoloDetector(weight_file("yolo11n_pose"), **numbers)


def test_thresholds_and_limits_hold(bus, weight_file):
    path = weight_file("yolo11n_pose")
    strict = YoloDetector(path, precision="float32", image_px=320, score_threshold=0.75)
    assert (strict.detect([bus])[0].scores >= 0.75).all()
    one = YoloDetector(path, precision="float32", image_px=320, max_detections=1)
    assert len(one.detect([bus])[0]) == 1
    everybody = YoloDetector(path, precision="float32", image_px=320, nms_threshold=1.0)
    assert len(everybody.detect([bus])[0]) > 10


@pytest.fixture(scope="module")
def onnx_file(weight_file, tmp_path_factory):
    """The same network as ultralytics exports it, at a fixed 320 × 256."""
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

    model = YoloDetector(weight_file("yolo11n_pose"), precision="float32")._network.model
    model.model[-1].export, model.model[-1].format = True, "onnx"
    path = tmp_path_factory.mktemp("onnx") / "pose.onnx"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Plain networks need no onnxscript functions, for which torch wants the package onnx.
        patch.setattr(onnx_proto_utils, "_add_onnxscript_fn", lambda model, opsets: model)
        torch.onnx.export(model, torch.zeros(1, 3, 320, 256), path, dynamo=False)
    metadata = {"stride": "32", "task": "pose", "batch": "1", "imgsz": "[320, 256]"}
    metadata |= {"names": "{0: 'person'}", "kpt_shape": "[17, 3]"}
    with path.open("ab") as file:  # messages that follow one another merge: field 14, metadata
        for key, value in metadata.items():
            file.write(_field(14, _field(1, key.encode()) + _field(2, value.encode())))
    return path


def _field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def test_an_onnx_file_gives_what_the_pt_file_gives(onnx_file, detector, bus):
    (found,), (expected,) = YoloDetector(onnx_file).detect([bus]), detector.detect([bus])
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=0.1)
    np.testing.assert_allclose(found.keypoint_scores, expected.keypoint_scores, atol=1e-3)


def best_of_any_class_first(prediction, score, nms, *, classes, max_det, **others):
    """What ultralytics 8.4.30 does with an end-to-end network's prediction."""
    kept = [each[each[:, 4] > score][:max_det] for each in prediction]
    return [each[(each[:, 5:6] == torch.tensor(classes)).any(1)] for each in kept]


def test_an_end_to_end_network_without_keypoints_loads_and_counts_people_only(
    tmp_path, bus, monkeypatch
):
    """YOLOv10-N of random weights: the shape of the paper's detector, in small."""

    torch.manual_seed(0)
    model = ultralytics_module("ultralytics.nn.tasks").DetectionModel(
        "yolov10n.yaml", verbose=False
    )
    model.names = {index: f"class{index}" for index in range(80)} | {3: "person"}
    path = tmp_path / "yolov10n.pt"
    torch.save({"model": model, "train_args": {}}, path)
    detector = YoloDetector(path, precision="float32", image_px=128, score_threshold=0.0)
    (found,) = detector.detect([bus])
    assert found.keypoints_xy is None
    assert found.keypoint_scores is None
    assert found.boxes_xyxy.shape == (len(found), 4)
    few = YoloDetector(path, precision="float32", image_px=128, max_detections=1)
    seen = torch.tensor([[[0, 0, 9, 9, 0.9, 7], [5, 5, 40, 60, 0.8, 3], [5, 5, 9, 9, 0.7, 3]]])
    monkeypatch.setattr(few, "_pass", lambda boxed: [seen])
    nms = ultralytics_module("ultralytics.utils.nms")
    for suppression in (nms.non_max_suppression, best_of_any_class_first):
        monkeypatch.setattr(nms, "non_max_suppression", suppression)
        assert few.detect([bus])[0].scores.tolist() == pytest.approx([0.8])


@pytest.mark.parametrize("name", ["mine.pt", "mine.onnx"])
def test_files_that_hold_no_network_are_refused(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(WeightsError, match="holds no network"):
        YoloDetector(path)
    path.write_bytes(b"no network at all")
    with pytest.raises(WeightsError, match="holds no network"):
        YoloDetector(path)


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "mine.pth"
    torch.save({"model": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"expected a network of ultralytics, \.pt or \.onnx"):
        YoloDetector(path)
    with pytest.raises(WeightsError, match="holds no network") as told:
        YoloDetector(path.rename(tmp_path / "mine.pt"))
    assert "\n" not in str(told.value)


def test_a_pickle_that_runs_code_is_not_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "done"),)

    path = tmp_path / "evil.pt"
    torch.save({"model": Evil()}, path)
    with pytest.raises(WeightsError):
        YoloDetector(path)
    assert not (tmp_path / "done").exists()


def test_a_network_that_knows_no_people_is_refused(tmp_path):
    model = ultralytics_module("ultralytics.nn.tasks").DetectionModel(
        "yolov8n.yaml", nc=2, verbose=False
    )
    model.names = {0: "cat", 1: "dog"}
    torch.save({"model": model, "train_args": {}}, tmp_path / "pets.pt")
    with pytest.raises(WeightsError, match="has no class 'person', only cat, dog"):
        YoloDetector(tmp_path / "pets.pt")


@pytest.mark.parametrize(
    "options", [{"precision": "int8"}, {"device": "tpu"}, {"precision": "float16"}]
)
def test_names_that_are_not_offered_are_refused(tmp_path, options):
    with pytest.raises(ValueError):
        YoloDetector(tmp_path / "any.pt", **options)


def test_boxes_are_cut_at_the_image_and_what_is_none_goes():
    boxes = [[-9, -9, 5, 5], [50, 50, 60, 60], [np.nan, 0, 5, 5], [8, 8, 8, 12], [2, 2, 99, 99]]
    found = settled(
        np.float32(boxes), np.float32([0.3, 0.9, 0.8, 0.7, 0.6]), None, None, hw=(20, 30)
    )
    assert found.boxes_xyxy.tolist() == [[2, 2, 29.5, 19.5], [-0.5, -0.5, 5, 5]]
    np.testing.assert_allclose(found.scores, [0.6, 0.3])


def test_importing_leaves_no_settings_behind_and_the_environment_alone(tmp_path):
    code = (
        "import os\n"
        "import torch\n"
        "from PIL import Image\n"
        "patched = Image.open, torch.save\n"
        "before = {k: v for k, v in os.environ.items() if 'YOLO' in k or 'ULTRA' in k}\n"
        "from pipeline.bodies.ultralytics_offline import ultralytics_module\n"
        "utils = ultralytics_module('ultralytics.utils')\n"
        "assert before == {k: v for k, v in os.environ.items() if 'YOLO' in k or 'ULTRA' in k}\n"
        "assert not utils.ONLINE and not utils.AUTOINSTALL\n"
        "assert ultralytics_module('ultralytics.nn.tasks').SAFE_LOAD\n"
        "assert patched == (Image.open, torch.save)\n"
    )
    environment = {key: value for key, value in os.environ.items() if "YOLO" not in key}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [p.name for p in tmp_path.rglob("*") if "ltralytics" in p.name] == []
