"""Pretraining: what a batch holds, what is learned, and the normalisation that is left in."""

import numpy as np
import pytest
import torch
from face_rows import face_row, open_rows
from short_params import BANDS, PARAMS, SHORT

from pipeline.errors import StageError
from pipeline.params.pretrain_nir_vis import PretrainNirVisParams
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.engine.devices import make_fabric
from pipeline.training.engine.loop import Steps
from pipeline.training.methods.pretrain import Pretraining

PRETRAIN = PARAMS.pretrain_nir_vis["lightcnn9"].model_copy(update=SHORT | {"batch_images": 4})


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Four subjects with an image in each band, and a teacher that finds them much alike."""
    random = np.random.default_rng(0)
    rows = [face_row(f"s{n}.{band}", f"s{n}", band) for n in range(4) for band in BANDS]
    for row in rows:
        row["embedding"] = random.normal(3.0, 1.0, 128).astype(np.float32)
    folder = tmp_path_factory.mktemp("attributes")
    return open_rows(folder, ATTRIBUTES, rows, extras=("embedding",))


def pretraining(samples, **changes):
    params = PRETRAIN.model_copy(update=changes)
    backbone = make_backbone("lightcnn9", samples.hw, 3)
    method = Pretraining(params, backbone, backbone_named("lightcnn9").preprocess)
    method.train_on(samples)
    return method


def test_images_are_of_the_band_and_cut_to_the_network(known):
    method = pretraining(known)
    images, labels, teacher = method.sample_batch(np.random.default_rng(0))
    assert images.shape == (4, 1, 128, 128)
    assert 0 <= images.min() < images.max() <= 1
    visible = set(np.flatnonzero(known.bands == "VIS").tolist())
    of_teacher = {int((method.teacher == each).all(dim=1).nonzero()) for each in teacher}
    assert of_teacher <= visible
    assert set(labels.tolist()) <= set(range(4))


def test_one_person_is_too_few_to_classify(known):
    one = known.take(np.flatnonzero(known.subject_ids == "s0"))
    with pytest.raises(StageError, match=r"1 training subjects have images in VIS: .*at least 2"):
        pretraining(one)
    pretraining(one, classify_weight=0.0)  # a teacher's embeddings can still be learned


def test_the_teacher_is_centred(known):
    """Embeddings that share a direction differ by it no more."""
    assert pretraining(known).teacher.mean(dim=0).norm() < 0.2


def test_the_losses_are_those_of_the_definitions(known):
    method = pretraining(known)
    images, labels, teacher = batch = method.sample_batch(np.random.default_rng(1))
    losses = method.eval().training_step(batch, 0)
    with torch.no_grad():
        features = method.embedder(images)
        projected = features @ method.to_teacher.weight.T
        cosines = (projected * teacher).sum(dim=1) / projected.norm(dim=1)
        distil = (1.0 - cosines).mean()  # the teacher's are of unit length
        classify = method.classifier(features, labels)
    torch.testing.assert_close(losses["distil"], distil)
    torch.testing.assert_close(losses["total"], 0.1 * classify + 10.0 * distil)


def test_the_parts_of_two_processes_are_what_one_draws(known):
    whole = pretraining(known).sample_batch(np.random.default_rng(3))
    for rank in range(2):
        method = pretraining(known)
        method.rank, method.world_size = rank, 2
        part = method.sample_batch(np.random.default_rng(3))
        for mine, of_whole in zip(part, whole, strict=True):
            assert torch.equal(mine, of_whole[rank::2])


def test_the_finished_network_returns_normalised_features(known):
    method = pretraining(known)
    steps = Steps(method, make_fabric(PRETRAIN))
    rng = np.random.default_rng(0)
    for number in range(3):
        steps.take(number, [method.sample_batch(rng)])
    method.eval()
    images = method.sample_batch(np.random.default_rng(9))[0]
    with torch.no_grad():
        expected = method.embedder(images)
        method.on_train_end({})
        torch.testing.assert_close(method.embed(images), expected, atol=1e-4, rtol=1e-4)


def test_a_pretraining_that_learns_nothing_is_refused():
    values = PRETRAIN.model_dump() | {"classify_weight": 0.0, "distil_weight": 0.0}
    with pytest.raises(ValueError, match="nothing is learned; set one above 0"):
        PretrainNirVisParams(**values)
