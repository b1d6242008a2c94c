"""Prototypes that start where each subject's faces lie, and what that leaves as it was."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given
from hypothesis import strategies as st
from lightning_fabric import Fabric
from test_dmfr_methods import OWN, folders, method_of
from torch import nn

from models.losses.margins import CosineClassifier
from pipeline.training.data.domains import REAL
from pipeline.training.engine.embedding import IMAGES_AT_ONCE
from pipeline.training.engine.loop import Steps, train
from pipeline.training.engine.method import TOTAL
from pipeline.training.methods.first_prototypes import (
    FACES_OF_EACH,
    mean_directions,
    some_of_each,
)

__all__ = ["folders"]

CPU = torch.device("cpu")


@given(
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=60),
    seed=st.integers(0, 9),
    data=st.data(),
)
def test_each_subject_has_so_many_faces_or_all(labels, seed, data):
    labels = np.array(labels, np.int64)
    chosen = data.draw(st.lists(st.sampled_from(range(len(labels))), min_size=1, unique=True))
    drawn = some_of_each(labels, np.array(sorted(chosen)), seed)
    assert len(set(drawn.tolist())) == len(drawn)
    assert set(drawn.tolist()) <= set(chosen)
    for subject in np.unique(labels[chosen]):
        there = int((labels[chosen] == subject).sum())
        assert int((labels[drawn] == subject).sum()) == min(there, FACES_OF_EACH)
    assert (drawn == some_of_each(labels, np.array(sorted(chosen)), seed)).all()


def test_a_mean_is_that_of_unit_features():
    images = torch.randn(70, 3, generator=torch.Generator().manual_seed(1))
    labels = np.arange(70) % 3
    network = nn.Linear(3, 2)
    found = mean_directions(network, network, lambda at: images[at], labels, CPU, torch.float32)
    for subject in range(3):
        total = torch.zeros(2)
        for image, label in zip(images, labels.tolist(), strict=True):
            if label == subject:
                feature = network(image).detach()
                total += feature / feature.norm()
        torch.testing.assert_close(F.normalize(found[subject], dim=0), F.normalize(total, dim=0))


def test_features_are_those_of_training_and_layers_forget_them():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False), nn.Dropout(0.0))
    images = torch.randn(IMAGES_AT_ONCE, 3) + 50.0
    before = {name: value.clone() for name, value in network.state_dict().items()}
    labels = np.arange(IMAGES_AT_ONCE)
    found = mean_directions(network, network, lambda at: images[at], labels, CPU, torch.float32)
    plain = network[0](images).detach()
    by_hand = (plain - plain.mean(0)) / (plain.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(found, F.normalize(by_hand), rtol=1e-4, atol=1e-4)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def heads(method):
    return [part for part in method.modules() if isinstance(part, CosineClassifier)]


@pytest.mark.parametrize("kind", OWN)
def test_a_training_starts_with_each_prototype_at_its_own_faces(kind, folders):
    method = method_of(kind, folders)
    lengths = [head.weight.norm(dim=1) for head in heads(method)]
    steps = Steps(method, Fabric(accelerator="cpu", devices=1))
    real = np.flatnonzero(method.domains.of == REAL)
    labels = method.domains.labels[real]
    steps.method.train()
    torch.manual_seed(0)  # what a trunk drops
    with torch.no_grad():
        images = method.network_inputs(method._samples, real)
        features = F.normalize(method.classified(images))
    means = torch.stack([features[labels == each].mean(dim=0) for each in range(4)])
    for head, length in zip(heads(method), lengths, strict=True):
        torch.testing.assert_close(head.weight.norm(dim=1), length)
        cosines = F.normalize(head.weight) @ F.normalize(means).T
        assert (cosines.argmax(dim=1) == torch.arange(4)).all()
        if kind != "disentangle":  # whose trunks drop others than in the order that was drawn
            torch.testing.assert_close(cosines.diagonal(), torch.ones(4), rtol=0, atol=1e-4)


def test_random_ones_stay_where_they_are(folders):
    method = method_of("plain", folders, first_prototypes="random")
    before = method.head.weight.clone()
    Steps(method, Fabric(accelerator="cpu", devices=1))
    assert torch.equal(method.head.weight, before)


def test_a_training_begins_with_a_smaller_loss_than_from_random_ones(folders, tmp_path):
    first = {}
    for how in ("means", "random"):
        method = method_of("plain", folders, first_prototypes=how, steps=1)
        run = train(method, label="test", key="", checkpoint=tmp_path / how / "checkpoint.pt")
        first[how] = run.curve[0][TOTAL]
    assert first["means"] < first["random"] - 1.0
