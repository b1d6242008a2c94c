"""The parser on two photographs of one sheet: agreement, determinism, frames, bad input."""

import zipfile

import cv2
import numpy as np
import pytest
import torch

from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.head_pose import rotation_matrix
from pipeline.face3d.mesh import five_landmarks
from pipeline.ops.geometry import (
    affine_between,
    compose_affine,
    invert_affine,
    transform_points,
    warp_affine,
)
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, CONTEXT, warp_to_template
from pipeline.parsing.bisenet import FaceParser, labels_in_frame, window_of
from pipeline.types import FaceClass

SHEET = "openpeople/data/curated/P007/assets/emotions_sheet.jpg"
LANDMARKS = np.array(
    [
        [[859, 189], [966, 187], [908, 252], [863, 288], [968, 286]],  # a broad smile
        [[289, 625], [389, 623], [340, 685], [300, 743], [381, 741]],  # mouth open
    ],
    dtype=np.float32,
)
FRAME = (144, 144)


@pytest.fixture(scope="module")
def faces(weight_file):
    """Context crops and context_to_frame of two faces."""
    with zipfile.ZipFile(weight_file("openpeople")) as wheel:
        encoded = np.frombuffer(wheel.read(SHEET), dtype=np.uint8)
    sheet = cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    to_context = [warp_to_template(points, CONTEXT) for points in LANDMARKS]
    to_frame = [warp_to_template(points, ALIGNMENT_TEMPLATES["arcface144"]) for points in LANDMARKS]
    crops = np.stack([warp_affine(sheet, matrix, (512, 512)) for matrix in to_context])
    pairs = zip(to_context, to_frame, strict=True)
    return crops, np.stack([affine_between(a, b) for a, b in pairs])


@pytest.fixture(scope="module")
def parser(weight_file):
    return FaceParser(weight_file("bisenet_r18"), precision="float32")


@pytest.fixture(scope="module")
def bfloat16_parser(weight_file):
    return FaceParser(weight_file("bisenet_r18"), precision="bfloat16")


@pytest.fixture(scope="module")
def logits(parser, faces):
    return parser.logits(faces[0])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in a worker: two threads that wait for each other crawl on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def threads():
    yield torch.set_num_threads
    torch.set_num_threads(1)


def upsampled_labels(logits):
    """What public code does: 512 × 512 scores, and the best class of each pixel."""
    scores = torch.nn.functional.interpolate(
        torch.from_numpy(logits), (512, 512), mode="bilinear", align_corners=True
    )
    return scores.argmax(dim=1).numpy().astype(np.uint8)


def test_one_resampling_agrees_with_upsampling_then_warping(logits, faces):
    labels = labels_in_frame(logits, faces[1], FRAME)
    assert labels.shape == (2, *FRAME)
    assert labels.dtype == np.uint8
    for row, whole in enumerate(upsampled_labels(logits)):
        warped = warp_affine(whole, faces[1][row], FRAME, interpolation="nearest")
        assert np.mean(labels[row] == warped) >= 0.99


def test_in_the_context_frame_itself_labels_are_the_released_ones(logits):
    identity = np.tile(np.eye(2, 3, dtype=np.float32), (2, 1, 1))
    labels = labels_in_frame(logits, identity, (512, 512))
    # only exact ties of float32 sums may fall otherwise
    assert np.mean(labels == upsampled_labels(logits)) > 0.9999


def test_beyond_the_context_crop_is_background(logits):
    shifted = np.array([[[1, 0, 100.0], [0, 1, 0]]], dtype=np.float32)
    everywhere_skin = np.zeros_like(logits[:1])
    everywhere_skin[:, FaceClass.SKIN] = 1
    labels = labels_in_frame(everywhere_skin, shifted, (520, 700))[0]
    assert (labels[:512, 100:612] == FaceClass.SKIN).all()
    assert np.count_nonzero(labels) == 512 * 512


def test_parts_of_the_face_lie_at_the_landmarks(logits, faces):
    labels = labels_in_frame(logits, faces[1], FRAME)
    for face in labels:
        for x, y in ((51, 48), (93, 48)):  # the template's eyes
            assert np.isin(face[y - 3 : y + 4, x - 3 : x + 4], [4, 5]).any()
        assert face[70, 72] == FaceClass.NOSE
        assert np.isin(face[88:112, 60:84], [11, 12, 13]).sum() > 100
        assert face[20, 72] in (FaceClass.SKIN, FaceClass.HAIR)


def test_bfloat16_labels_agree_with_float32(logits, bfloat16_parser, faces):
    exact = labels_in_frame(logits, faces[1], FRAME)
    rounded = labels_in_frame(bfloat16_parser.logits(faces[0]), faces[1], FRAME)
    assert np.mean(exact == rounded) >= 0.995


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", ["parser", "bfloat16_parser"])
def test_a_crop_does_not_feel_its_batch(request, faces, threads, kind, count):
    threads(count)
    net = request.getfixturevalue(kind)
    crops, matrices = faces
    together = net.logits(crops)
    backwards = net.logits(crops[::-1])[::-1]
    alone = net.logits(crops[1:])
    assert np.array_equal(together, backwards)
    assert np.array_equal(together[1:], alone)
    labels = net.labels(together, matrices, FRAME)
    assert np.array_equal(labels[1:], net.labels(alone, matrices[1:], FRAME))


def test_an_empty_batch_gives_an_empty_batch(parser):
    scores = parser.logits(np.zeros((0, 512, 512, 3), np.uint8))
    assert scores.shape == (0, 19, 64, 64)
    assert parser.labels(scores, np.zeros((0, 2, 3), np.float32), FRAME).shape == (0, *FRAME)


@pytest.mark.parametrize("name", sorted(ALIGNMENT_TEMPLATES))
def test_a_window_holds_the_templates_crop(name):
    template = ALIGNMENT_TEMPLATES[name]
    window = np.array(window_of(template))
    assert not ((window[2:] - window[:2]) % 32).any()
    five = np.array(CONTEXT.landmarks_xy)
    height, width = template.hw
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    places = transform_points(corners, invert_affine(warp_to_template(five, template)))
    inside = np.clip(places, 0, 511)  # ours reaches beyond the context crop below the chin
    assert (inside >= window[:2]).all()
    assert (inside < window[2:]).all()


@pytest.mark.parametrize("yaw", [-60, -45, -20, 20, 45, 60])
@pytest.mark.parametrize("pitch", [-25, 0, 25])
@pytest.mark.parametrize("name", sorted(ALIGNMENT_TEMPLATES))
def test_a_window_holds_the_crops_of_turned_heads_too(name, pitch, yaw):
    template, context = ALIGNMENT_TEMPLATES[name], CONTEXT
    turned = canonical_vertices() @ rotation_matrix(yaw, pitch, 0).T
    five = five_landmarks(turned[None])[0]
    to_context = compose_affine(
        invert_affine(warp_to_template(five, template)), warp_to_template(five, context)
    )
    height, width = template.hw
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    inside = np.clip(transform_points(corners, to_context), 0, 511)
    window = np.array(window_of(template))
    assert (inside >= window[:2] - 0.5).all()
    assert (inside <= window[2:] - 0.5).all()


def test_a_window_labels_as_the_whole_crop_does(logits, faces, weight_file):
    window = window_of(ALIGNMENT_TEMPLATES["arcface144"])
    parser = FaceParser(weight_file("bisenet_r18"), precision="float32", window=window)
    seen = parser.labels(parser.logits(faces[0]), faces[1], FRAME)
    whole = labels_in_frame(logits, faces[1], FRAME)
    assert np.mean(seen == whole) > 0.96


def test_auto_settles_on_one_precision(weight_file):
    parser = FaceParser(weight_file("bisenet_r18"))
    assert parser.precision in ("float32", "bfloat16")
    assert parser.device == "cpu"


@pytest.mark.parametrize(
    "crops",
    [np.zeros((1, 144, 144, 3), np.uint8), np.zeros((1, 512, 512, 3), np.float32)],
    ids=["the aligned crop", "float32"],
)
def test_other_crops_are_refused(parser, crops):
    with pytest.raises(ValueError, match="expected uint8"):
        parser.logits(crops)


def test_a_map_without_inverse_is_refused(logits):
    with pytest.raises(ValueError, match="inverse"):
        labels_in_frame(logits, np.zeros((2, 2, 3), np.float32), FRAME)
    with pytest.raises(ValueError, match="differ"):
        labels_in_frame(logits, np.zeros((1, 2, 3), np.float32), FRAME)


@pytest.mark.parametrize(
    "wrong", [{"precision": "float16"}, {"device": "tpu"}, {"batch_rows": 0}], ids=str
)
def test_settings_that_are_not_offered_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FaceParser(tmp_path / "never opened", **wrong)


def test_a_bias_moves_the_eyes_alone(weight_file):
    crop = np.full((1, 512, 512, 3), 128, np.uint8)
    plain = FaceParser(weight_file("bisenet_r18")).logits(crop)
    biased = FaceParser(weight_file("bisenet_r18"), eye_bias=0.75).logits(crop)
    eyes = [FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE]
    assert np.array_equal(biased[:, eyes], plain[:, eyes] + np.float32(0.75))
    others = [face_class for face_class in FaceClass if face_class not in eyes]
    assert np.array_equal(biased[:, others], plain[:, others])
