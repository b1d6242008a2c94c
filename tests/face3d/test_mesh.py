"""The 468-point mesh: where it lies, whose it is, and that nothing depends on chance."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.detection.yunet import YuNet
from pipeline.errors import WeightsError
from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.mesh import FaceMesh, five_landmarks
from pipeline.face3d.pose import pose_deg

ASSETS = Path(importlib.util.find_spec("ultralytics").origin).parent / "assets"
PUPILS = np.array([(202.7, 100.7), (246.5, 102.6)])
"""The astronaut's, read off an enlarged image by eye, to about one pixel."""
GOLDEN_FIVE = (
    (202.82, 101.21),
    (246.62, 103.52),
    (222.11, 128.56),
    (200.43, 138.65),
    (245.45, 141.32),
)


@pytest.fixture(scope="module")
def detector(weight_file):
    return YuNet(weight_file("yunet"))


@pytest.fixture(scope="module")
def mesh(weight_file):
    return FaceMesh(weight_file("face_mesh_468"))


@pytest.fixture(scope="module")
def two_faces():
    return cv2.cvtColor(cv2.imread(str(ASSETS / "zidane.jpg")), cv2.COLOR_BGR2RGB)


def test_the_astronauts_mesh_agrees_with_the_detector(detector, mesh):
    faces = detector.detect(astronaut())
    xyz, presence = mesh.points(astronaut(), faces.landmarks_xy)
    assert (xyz.shape, xyz.dtype) == ((1, 468, 3), np.float32)
    assert (presence.shape, presence.dtype) == ((1,), np.float32)
    assert presence[0] > 0.99
    five = five_landmarks(xyz)
    interocular = np.linalg.norm(five[0, 1] - five[0, 0])
    error = np.linalg.norm(five - faces.landmarks_xy, axis=2).mean()
    assert error < 0.1 * interocular
    assert np.abs(five[0, :2] - PUPILS).max() < 2
    # FaceMesh("face_landmark.tflite").points(astronaut(), YuNet(...).detect(...).landmarks_xy)
    np.testing.assert_allclose(five[0], GOLDEN_FIVE, atol=0.5)


def test_depth_falls_towards_the_camera_in_pixels_of_the_image(detector, mesh):
    xyz, _ = mesh.points(astronaut(), detector.detect(astronaut()).landmarks_xy)
    nose, ears = xyz[0, 4, 2], xyz[0, [127, 356], 2].mean()
    width = np.ptp(xyz[0, :, 0])
    assert 0.3 * width < ears - nose < 1.2 * width


def test_a_larger_image_has_a_larger_mesh(detector, mesh):
    points = detector.detect(astronaut()).landmarks_xy
    xyz, _ = mesh.points(astronaut(), points)
    double = cv2.resize(astronaut(), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    twice, _ = mesh.points(double, (points + 0.5) * 2 - 0.5)
    assert np.abs((twice[..., :2] + 0.5) / 2 - 0.5 - xyz[..., :2]).max() < 1.5
    assert np.abs(twice[..., 2] / 2 - xyz[..., 2]).max() < 3


def test_a_turned_image_turns_the_mesh_and_changes_roll_alone(detector, mesh):
    points = detector.detect(astronaut()).landmarks_xy
    xyz, _ = mesh.points(astronaut(), points)
    turned = np.ascontiguousarray(np.rot90(astronaut(), -1))  # clockwise: (x, y) -> (511 - y, x)
    turned_points = np.stack([511 - points[..., 1], points[..., 0]], axis=-1)
    again, _ = mesh.points(turned, turned_points)
    back = np.stack([again[..., 1], 511 - again[..., 0]], axis=-1)
    assert np.abs(back - xyz[..., :2]).max() < 1.0
    assert np.abs(pose_deg(again) - pose_deg(xyz) - (0, 0, 90)).max() < 1.5


def test_a_mirrored_image_mirrors_yaw_and_roll(detector, mesh, two_faces):
    mirrored = np.ascontiguousarray(two_faces[:, ::-1])
    first, second = detector.detect(two_faces), detector.detect(mirrored)
    pose = pose_deg(mesh.points(two_faces, first.landmarks_xy)[0])[0]
    nearest = np.abs(second.boxes_xyxy[:, 2] - (1279 - first.boxes_xyxy[0, 0])).argmin()
    other = pose_deg(mesh.points(mirrored, second.landmarks_xy[nearest][None])[0])[0]
    assert np.abs(other - pose * (-1, 1, -1)).max() < 6


def test_heads_turned_to_their_left_have_positive_yaw(detector, mesh, two_faces):
    xyz, presence = mesh.points(two_faces, detector.detect(two_faces).landmarks_xy)
    assert (presence > 0.9).all()
    assert (pose_deg(xyz)[:, 0] > 5).all()  # both men look to the image's right


def test_a_face_does_not_depend_on_the_others_or_on_what_came_before(detector, mesh, two_faces):
    points = detector.detect(two_faces).landmarks_xy
    both, presence = mesh.points(two_faces, points)
    mesh.points(astronaut(), detector.detect(astronaut()).landmarks_xy)
    for index in (1, 0):
        alone, its_presence = mesh.points(two_faces, points[index : index + 1])
        np.testing.assert_array_equal(alone[0], both[index])
        assert its_presence[0] == presence[index]


def test_the_mesh_depends_little_on_the_five_points(detector, mesh):
    points = detector.detect(astronaut()).landmarks_xy
    interocular = np.linalg.norm(points[0, 1] - points[0, 0])
    noise = np.random.default_rng(0).normal(size=(8, 5, 2)) * 0.05 * interocular
    five = five_landmarks(mesh.points(astronaut(), (points + noise).astype(np.float32))[0])
    spread = np.linalg.norm(five - five.mean(axis=0), axis=2).mean()
    assert spread < 0.02 * interocular


def test_five_points_repeat_when_the_image_is_scaled_or_mirrored(detector, mesh):
    def five(image):
        return five_landmarks(mesh.points(image, detector.detect(image).landmarks_xy)[0])[0]

    image = cv2.resize(astronaut(), (1400, 1400), interpolation=cv2.INTER_CUBIC)
    points = five(image)
    interocular = np.linalg.norm(points[1] - points[0])
    small = cv2.resize(image, (450, 450), interpolation=cv2.INTER_AREA)
    scaled = (five(small) + 0.5) * (1400 / 450) - 0.5
    mirrored = five(image[:, ::-1].copy())[[1, 0, 2, 4, 3]]
    mirrored[:, 0] = 1399 - mirrored[:, 0]
    for again in (scaled, mirrored):
        assert np.linalg.norm(again - points, axis=1).mean() < 0.04 * interocular


def test_a_face_at_the_border_reaches_beyond_it(detector, mesh):
    cut = np.ascontiguousarray(astronaut()[:, 195:])
    xyz, presence = mesh.points(cut, detector.detect(cut).landmarks_xy)
    assert presence[0] > 0.5
    assert xyz[0, :, 0].min() < 0


def test_presence_falls_where_there_is_no_face(detector, mesh):
    points = detector.detect(astronaut()).landmarks_xy
    blank = np.full_like(astronaut(), 127)
    _, presence = mesh.points(blank, points)
    assert presence[0] < 0.5


def test_no_faces(mesh):
    xyz, presence = mesh.points(astronaut(), np.zeros((0, 5, 2), np.float32))
    assert (xyz.shape, presence.shape) == ((0, 468, 3), (0,))
    assert five_landmarks(xyz).shape == (0, 5, 2)
    assert pose_deg(xyz).shape == (0, 3)


@pytest.mark.parametrize(
    "image",
    [
        astronaut()[..., 0],
        astronaut().astype(np.float32),
        astronaut().transpose(2, 0, 1),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_image_is_refused_and_not_taken_for_no_face(mesh, image):
    with pytest.raises(ValueError, match=r"expected uint8 \(h, w, 3\)"):
        mesh.points(image, np.array([GOLDEN_FIVE], np.float32))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_degenerate_points_give_nan_and_no_presence_and_spare_the_others(detector, mesh, value):
    good = detector.detect(astronaut()).landmarks_xy
    points = np.concatenate([np.full((1, 5, 2), value, np.float32), good])
    xyz, presence = mesh.points(astronaut(), points)
    assert np.isnan(xyz[0]).all()
    assert presence[0] == 0
    assert presence[1] > 0.99
    assert np.isnan(pose_deg(xyz)[0]).all()


def test_five_points_of_the_canonical_face_are_symmetric():
    five = five_landmarks(canonical_vertices()[None])[0]
    mirrored = five[[1, 0, 2, 4, 3]] * (-1, 1)
    np.testing.assert_allclose(five, mirrored, atol=1e-5)
    assert five[0, 0] < five[1, 0]
    assert five[0, 1] < five[2, 1] < five[3, 1]


def test_missing_and_other_networks_are_named(tmp_path, weight_file):
    with pytest.raises(WeightsError, match="missing"):
        FaceMesh(tmp_path / "none.tflite")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"broken\.tflite"):
        FaceMesh(broken)
    with pytest.raises(WeightsError, match="468"):
        FaceMesh(weight_file("selfie_segmentation"))
