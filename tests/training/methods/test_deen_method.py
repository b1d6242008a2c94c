"""Training of DEEN: what a batch is, what is lost, at which rates, and what an embedding is."""

import numpy as np
import pytest
import torch
from people_rows import SHORT
from short_params import PARAMS
from test_bodies_method import opened

from models.bodies.losses import batch_hard
from models.deen.losses import center_guided, orthogonality, weighted_triplet
from models.deen.network import Deen, Design
from pipeline.params.train_bodies import TrainDeenParams
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.loop import train
from pipeline.training.methods import load_method
from pipeline.types import Band

OWN = {
    "kind": "deen",
    "bands": (Band.VIS, Band.LWIR),
    "images_per_band": 2,
    "triplet_margin": 0.3,
    "center_weight": 0.8,
    "center_margin": 0.2,
    "orthogonality_weight": 0.01,
    "backbone_rate": 0.1,
}


def params(**changes) -> TrainDeenParams:
    given = PARAMS.train_bodies["full"].model_dump()
    for name in ("triplet_weight", "bn_neck", "lora"):
        given.pop(name)
    return TrainDeenParams.model_validate(given | SHORT | OWN | changes)


def ready(root, **changes):
    chosen = opened(root, params(**changes))
    torch.manual_seed(3)
    method = load_method("deen")(params(**changes), Deen(Design(18)))
    method.train_on(chosen.samples)
    return method


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    return ready(tmp_path_factory.mktemp("deen"))


def test_a_batch_has_visible_images_first_of_the_same_people_as_the_others(method):
    images, infrared, labels = method.sample_batch(np.random.default_rng(0))
    assert images.shape == (8, 48, 16, 3)
    assert infrared.tolist() == [False] * 4 + [True] * 4
    assert sorted(labels[:4].tolist()) == sorted(labels[4:].tolist())
    assert len(set(labels.tolist())) == 2


def test_no_batch_reads_the_bands_of_the_whole_set(method, monkeypatch):
    read, bands = [], SampleSet.bands.fget

    def noted(samples):
        read.append(len(samples))
        return bands(samples)

    expected = [str(band) != "VIS" for band in method.samples.bands[[5, 0, 9]]]
    monkeypatch.setattr(SampleSet, "bands", property(noted))
    method.sample_batch(np.random.default_rng(0))
    _, infrared = method.network_inputs(method.samples, np.array([5, 0, 9]))
    assert infrared.tolist() == expected
    assert read == [3]


@pytest.mark.parametrize("margin", [0.3, "weighted"])
def test_the_total_is_the_weighted_sum_of_the_four(tmp_path, margin):
    method = ready(tmp_path, triplet_margin=margin, center_weight=0.5, orthogonality_weight=0.25)
    batch = method.sample_batch(np.random.default_rng(0))
    method.eval()  # no dropout: the same features again
    losses = method.training_step(batch, 0)
    images, infrared, labels = batch
    pixels = (images.numpy() / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    features = method.network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), infrared)
    every, owners = features.reshape(24, 512), labels.repeat_interleave(3)
    hard = batch_hard(every, owners, 0.3).mean()
    triplet = weighted_triplet(every, owners) if margin == "weighted" else hard
    expected = {
        "triplet": triplet,
        "center_guided": center_guided(features, labels, infrared, 0.2),
        "orthogonality": orthogonality(features),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=1e-4, atol=1e-5)
    assert losses["identity"].item() == pytest.approx(np.log(4), rel=0.05)  # nothing learned yet
    total = (
        losses["identity"] + triplet + 0.5 * expected["center_guided"]
        + 0.25 * expected["orthogonality"]
    )  # fmt: skip
    torch.testing.assert_close(losses["total"], total, rtol=1e-4, atol=1e-4)


def test_the_neck_and_the_classifier_learn_at_the_whole_rate(tmp_path):
    changed = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "steps": 1}
    moved = {}
    for share in (0.1, 1.0):
        method = ready(tmp_path / str(share), **changed, backbone_rate=share, learning_rate=1e-3)
        before = {name: value.clone() for name, value in method.named_parameters()}
        train(method, label="t", key="k", checkpoint=tmp_path / f"{share}.pt")
        after = dict(method.named_parameters())
        moved[share] = {name: (after[name] - before[name]).norm().item() for name in before}
    slow, fast = moved[0.1], moved[1.0]
    name = "network.layers.3.1.conv2.weight"
    assert slow[name] == pytest.approx(0.1 * fast[name], rel=0.01)
    assert slow["classifier.weight"] == pytest.approx(fast["classifier.weight"], rel=1e-4)
    assert slow["network.neck.weight"] == pytest.approx(fast["network.neck.weight"], rel=1e-4)
    assert slow["network.neck.bias"] == 0.0


def test_training_lowers_the_losses(tmp_path):
    plain = {"mirror": 0.0, "pad_px": 0, "erase": 0.0, "grey": 0.0, "one_channel": 0.0}
    changed = {"steps": 6, "learning_rate": 3e-4, "backbone_rate": 1.0, "augmentation": plain}
    method = ready(tmp_path, **changed)
    run = train(method, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    first, last = run.curve[0], run.curve[-1]
    assert last["total"] < 0.8 * first["total"]
    assert last["identity"] < first["identity"]


def test_where_it_looks_are_shares_of_each_branch(method):
    maps = method.looks(method.samples, np.arange(2))
    assert maps.shape == (2, 3, 3, 1)
    assert len(method.views) == 3
    np.testing.assert_allclose(maps.sum(axis=(2, 3)), 1.0, rtol=1e-5)


def test_all_bands_but_vis_share_a_stem(tmp_path):
    method = ready(tmp_path, bands=tuple(Band(b) for b in ("VIS", "SWIR", "LWIR")))
    _, infrared, _ = method.sample_batch(np.random.default_rng(0))
    assert infrared.tolist() == [False] * 4 + [True] * 8


@pytest.mark.parametrize("bands", [(Band.VIS,), (Band.MWIR, Band.LWIR)])
def test_one_side_alone_is_refused(bands):
    with pytest.raises(ValueError, match="expected VIS and another one"):
        params(bands=bands)
