"""SFace: OpenCV's own recogniser gives the same embeddings; bad input is refused."""

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.errors import WeightsError
from pipeline.recognition.sface import SFace


@pytest.fixture
def crops():
    """Three different 112 × 112 images."""
    image = skimage.data.astronaut()
    return np.stack([image[y : y + 112, 160:272] for y in (40, 60, 200)])


def test_embeddings_are_those_of_opencvs_recogniser(weight_file, crops):
    path = weight_file("sface")
    plain = cv2.FaceRecognizerSF.create(str(path), "")
    expected = np.concatenate([plain.feature(np.ascontiguousarray(c[..., ::-1])) for c in crops])
    found = SFace(path, precision="float32").embed(crops)
    assert found.shape == (3, 128)
    assert np.abs(found - expected).max() < 1e-4
    rounded = SFace(path, precision="bfloat16").embed(crops)
    lengths = np.linalg.norm(rounded, axis=1), np.linalg.norm(expected, axis=1)
    assert np.all(np.sum(rounded * expected, axis=1) > 0.99 * lengths[0] * lengths[1])
    assert lengths[0] == pytest.approx(lengths[1], rel=0.05)


def test_a_face_does_not_depend_on_its_batch(weight_file, crops):
    network = SFace(weight_file("sface"))
    together, alone = network.embed(crops), np.concatenate([network.embed(c[None]) for c in crops])
    assert np.array_equal(together, alone)
    assert network.embed(crops[:0]).shape == (0, 128)


@pytest.mark.parametrize("shape", [(1, 144, 144, 3), (112, 112, 3), (1, 112, 112)])
def test_other_shapes_are_refused(weight_file, shape):
    with pytest.raises(ValueError, match=r"expected uint8 \(n, 112, 112, 3\)"):
        SFace(weight_file("sface")).embed(np.zeros(shape, np.uint8))


def test_missing_and_broken_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match="missing"):
        SFace(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match="not an ONNX file"):
        SFace(tmp_path / "broken.onnx")


def test_another_network_and_another_precision_are_refused(weight_file):
    with pytest.raises(WeightsError, match="not SFace 2021dec"):
        SFace(weight_file("yunet"))
    with pytest.raises(ValueError, match="none of"):
        SFace(weight_file("sface"), precision="float16")


def test_passes_of_several_faces_give_the_embeddings_of_one_each(weight_file, crops):
    """As on a GPU: two faces in a pass, the last one filled up with black."""
    network = SFace(weight_file("sface"), precision="float32", batch_rows=2)
    alone = network.embed(crops)
    network._pass_rows = 2
    assert np.abs(network.embed(crops) - alone).max() < 1e-4
    assert network.embed(crops[:0]).shape == (0, 128)
