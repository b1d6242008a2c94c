"""Pretraining: what a batch holds, what is learned, and the normalisation that is left in."""

import numpy as np
import pytest
import torch
from short_params import PARAMS, SHORT

from pipeline.params.pretrain import PretrainParams
from pipeline.training.augment import augmented
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.learner import GradientTraining
from pipeline.training.pretrain import Pretraining
from pipeline.training.setup import make_fabric

START = PARAMS.pretrain["lightcnn9"].model_copy(update=SHORT | {"batch_images": 4})


def pretraining(people, **changes):
    teacher = np.random.default_rng(0).normal(3.0, 1.0, (len(people.faces), 128))
    return Pretraining(
        START.model_copy(update=changes),
        make_backbone("lightcnn9", 144, 3),
        BACKBONES["lightcnn9"].inputs,
        people,
        teacher.astype(np.float32),
    )


def test_images_are_of_the_band_and_cut_to_the_network(people):
    learner = pretraining(people)
    images, labels, teacher = learner.draw(np.random.default_rng(0))
    assert images.shape == (4, 1, 128, 128)
    assert 0 <= images.min() < images.max() <= 1
    visible = {i for i, band in enumerate(people.faces.bands) if band == "VIS"}
    of_teacher = {int((learner._teacher == each).all(dim=1).nonzero()) for each in teacher}
    assert of_teacher <= visible
    assert set(labels.tolist()) <= set(range(4))


def test_the_teacher_is_centred(people):
    """Embeddings that share a direction differ by it no more."""
    assert pretraining(people)._teacher.mean(dim=0).norm() < 0.2


def test_the_finished_network_returns_normalised_features(people):
    learner = pretraining(people)
    training = GradientTraining(START, learner, make_fabric(START))
    for step in range(3):
        training.step(step)
    learner.eval()
    images = learner.draw(np.random.default_rng(9))[0]
    with torch.no_grad():
        expected = learner.network(images)
        learner.finish()
        alone = learner.network.network(images)
        torch.testing.assert_close(alone, expected, atol=1e-4, rtol=1e-4)


def test_equal_seeds_augment_alike_and_leave_the_global_generator_alone():
    images = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one, other = (augmented(images, np.random.default_rng(4)) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.dtype == torch.uint8
    assert one.shape == images.shape


def test_a_pretraining_that_learns_nothing_is_refused():
    values = START.model_dump() | {"classify_weight": 0.0, "distil_weight": 0.0}
    with pytest.raises(ValueError, match="nothing is learned"):
        PretrainParams(**values)
