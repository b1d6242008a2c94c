"""The learners of the baselines, on a few images of noise and a small backbone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from pydantic import TypeAdapter, ValidationError
from torch import nn

from models.backbones.lightcnn import LightCNN9
from pipeline.errors import StageError
from pipeline.params.train import AnyMethodParams, MethodParams
from pipeline.training.backbones import Inputs
from pipeline.training.faces import FaceSet
from pipeline.training.identities import training_faces
from pipeline.training.learner import TOTAL, train_learner
from pipeline.training.methods import method_of
from pipeline.types import Band

INPUTS = Inputs(grey=True, side_px=6, offset=90.0, divisor=64.0)
SUBJECTS = 6
SHARED = {
    "dataset": "mine",
    "protocol": "VIS-NIR",
    "start": "tiny",
    "bands": ["VIS", "NIR"],
    "masked": False,
    "steps": 4,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "decay_at_steps": [],
    "warmup_steps": 0,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "max_gradient_norm": None,
    "accumulate": 1,
    "checkpoint_steps": 10,
    "threads": 1,
    "device": "cpu",
    "devices": 1,
    "precision": "32-true",
    "seed": 3,
}
PAIRS = SHARED | {"loss": "softmax", "scale": 8.0, "margin": 0.2, "batch_pairs": 3}
PLAIN = PAIRS | {"kind": "plain"}
INVARIANT = PAIRS | {
    "kind": "invariant",
    "shared_dimensions": 5,
    "orthogonal_weight": 2.0,
    "wasserstein_weight": 3.0,
}
SST = PAIRS | {"kind": "hsst", "queues": 1, "prototypes": 3, "ema_momentum": 0.9}
RELATION = SHARED | {
    "kind": "relation",
    "relation": "pairs",
    "triplet": "conditional",
    "triplet_margin": 0.55,
    "softmax_weight": 24.0,
    "batch_triplets": 2,
    "kept_crops": 1,
}


class Tiny(nn.Sequential):
    dimensions = 8


def params(values, **changes) -> MethodParams:
    adapter = TypeAdapter(AnyMethodParams)
    return adapter.validate_python(values | changes, strict=False)


def faces(side=8):
    bands = [Band.VIS, Band.VIS, Band.NIR, Band.NIR] * SUBJECTS
    subjects = [f"s{i // 4}" for i in range(4 * SUBJECTS)]
    ids = [f"{subject}/{i:02d}" for i, subject in enumerate(subjects)]
    random = np.random.default_rng(0)
    blocks = np.kron(random.integers(0, 200, (SUBJECTS, 2, 2)), np.ones((side // 2, side // 2)))
    looks = np.repeat(blocks[..., None], 4, axis=0)
    gain = np.array([1.0 if band == Band.VIS else 0.4 for band in bands])[:, None, None, None]
    noisy = gain * looks + random.integers(0, 56, (len(ids), side, side, 3))
    images = noisy.astype(np.uint8)
    return training_faces(
        FaceSet(tuple(ids), tuple(ids), tuple(subjects), tuple(bands), images, "", False),
        None,
        [Band.VIS, Band.NIR],
    )


def separation(network):
    """How much more alike images of one subject are than of two, across the bands."""
    shown = faces()
    images = torch.from_numpy(shown.faces.images).permute(0, 3, 1, 2)
    with torch.no_grad():
        features = F.normalize(network.eval()(INPUTS.values(INPUTS.cut(images))))
    near = np.array(shown.faces.bands) == Band.VIS
    cosines = (features[near] @ features[~near].T).numpy()
    same = shown.labels[near][:, None] == shown.labels[~near]
    return cosines[same].mean() - cosines[~same].mean()


def learner(values, **changes):
    chosen = params(values, **changes)
    torch.manual_seed(0)
    backbone = Tiny(nn.Flatten(), nn.Linear(36, 8))
    method = method_of(chosen)
    network = method.network(chosen, backbone)
    return network, method.learner(chosen, network, INPUTS, faces())


def batch(made, seed=0):
    return made.draw(np.random.default_rng(seed))


def test_plain_softmax_classifies_the_images_of_both_bands():
    network, made = learner(PLAIN)
    first, second, subjects = batch(made)
    images, labels = torch.cat([first, second]), torch.cat([subjects, subjects])
    with torch.no_grad():
        features = F.normalize(network(images))
        cosines = 8.0 * features @ F.normalize(made.classifier.weight).T
        expected = F.cross_entropy(cosines, labels)  # equation 1, without margin
        assert made(first, second, subjects)[TOTAL].item() == pytest.approx(expected.item())


@pytest.mark.parametrize(
    ("loss", "moved"),
    [("am_softmax", lambda c: c - 0.2), ("arcface", lambda c: torch.cos(torch.acos(c) + 0.2))],
)
def test_a_margin_makes_the_true_class_harder(loss, moved):
    network, made = learner(PLAIN, loss=loss)
    first, second, subjects = batch(made)
    with torch.no_grad():
        cosines = made.classifier.cosines(network(torch.cat([first, second])))
        true = F.one_hot(subjects.repeat(2), SUBJECTS).bool()
        logits = 8.0 * torch.where(true, moved(cosines), cosines)
        expected = F.cross_entropy(logits, subjects.repeat(2)).item()
        assert made(first, second, subjects)[TOTAL].item() == pytest.approx(expected, rel=1e-5)


def test_plain_triplets_need_no_classifier():
    _, made = learner(PLAIN, loss="triplet")
    assert made.classifier is None
    assert made(*batch(made))[TOTAL].item() > 0


def test_wcnn_is_classification_and_both_terms():
    network, made = learner(INVARIANT)
    with torch.no_grad():
        network.own += 0.1 * torch.randn(network.own.shape)
        first, second, subjects = batch(made)
        losses = made(first, second, subjects)
        near, far = (network.backbone(each) for each in (first, second))
        w, p = network.shared, network.own
        divided = torch.cat(
            [
                torch.cat([near @ w.T, near @ p[0].T], dim=1),
                torch.cat([far @ w.T, far @ p[1].T], dim=1),
            ]
        )
        classify = made.classifier(divided, subjects.repeat(2))
        orthogonal = (w @ p[0].T).square().sum() + (w @ p[1].T).square().sum()
        a, b = F.normalize(near @ w.T), F.normalize(far @ w.T)
        spread = a.std(dim=0, correction=0) - b.std(dim=0, correction=0)
        distance = 0.5 * ((a.mean(0) - b.mean(0)).square().sum() + spread.square().sum())
    torch.testing.assert_close(losses["orthogonality"], orthogonal)
    torch.testing.assert_close(losses["wasserstein"], distance)
    torch.testing.assert_close(losses[TOTAL], classify + 2.0 * orthogonal + 3.0 * distance)


def test_idr_has_no_wasserstein_term():
    _, made = learner(INVARIANT, wasserstein_weight=0.0)
    assert made(*batch(made)).keys() == {TOTAL, "classify", "orthogonality"}


def test_more_shared_dimensions_than_features_are_refused():
    with pytest.raises(StageError, match="shared_dimensions is 8"):
        learner(INVARIANT, shared_dimensions=8)


def test_semi_siamese_training_has_one_queue_of_images_of_all_bands():
    _, made = learner(SST)
    assert len(made.pair.queues) == 1
    assert made.pair.queues[0].subjects.tolist() == [-1, -1, -1]
    *_, subjects, _ = drawn = batch(made)
    made(*drawn)
    assert made.pair.queues[0].subjects.tolist() == subjects.tolist()


def test_hsst_and_plain_training_see_the_same_images():
    _, plain = learner(PLAIN)
    _, hsst = learner(SST, queues=2)
    for seed in range(3):
        for one, two in zip(batch(plain, seed), batch(hsst, seed), strict=False):
            assert torch.equal(one, two)


def test_a_triplet_in_a_batch_of_one_pair_is_refused():
    with pytest.raises(ValidationError, match="finds its negative in another pair"):
        params(PLAIN, loss="triplet", batch_pairs=1)


def test_too_few_subjects_for_queue_and_batch_are_told():
    with pytest.raises(StageError, match="at least 7"):
        learner(SST, prototypes=4)


def test_rm_is_trained_by_softmax_and_the_conditional_triplet():
    chosen = params(RELATION)
    torch.manual_seed(0)
    network = method_of(chosen).network(chosen, LightCNN9())
    made = method_of(chosen).learner(chosen, network, INPUTS, faces(side=144))
    made.prepare(torch.device("cpu"), torch.float32)
    losses = made(*batch(made))
    assert losses[TOTAL].item() == pytest.approx(
        24.0 * losses["softmax"].item() + losses["triplet"].item(), rel=1e-5
    )


def test_relations_stand_on_lightcnn9_only():
    chosen = params(RELATION, relation="graph")
    with pytest.raises(StageError, match="not on Tiny"):
        method_of(chosen).network(chosen, Tiny(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        (PLAIN, {"loss": "softmax"}),
        (PLAIN, {"loss": "am_softmax"}),
        (PLAIN, {"loss": "arcface"}),
        (PLAIN, {"loss": "triplet"}),
        (INVARIANT, {"wasserstein_weight": 0.0}),
        (INVARIANT, {}),
        (SST, {"loss": "softmax"}),
        (SST, {"loss": "triplet", "queues": 2}),
    ],
)
def test_training_tells_subjects_apart_across_bands(values, changes, tmp_path):
    steps = {"steps": 60, "learning_rate": 0.01}
    network, made = learner(values, **steps, **changes)
    before = separation(network)
    made.train()
    chosen = params(values, **steps, **changes)
    train_learner(made, chosen, label="x", key="k", path=tmp_path / "network.pt")
    assert separation(network) > before + 0.1
