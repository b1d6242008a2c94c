"""The learners of the baselines, on a few images of noise and a small backbone."""

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from face_rows import face_row, open_rows
from pydantic import TypeAdapter, ValidationError
from torch import nn

from models.backbones.lightcnn import LightCNN9
from pipeline.errors import StageError
from pipeline.ops.codec import encode_png
from pipeline.params.train_nir_vis import AnyNirVisParams, NirVisParams
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.store.columns import image_columns
from pipeline.training.backbones import backbone_named
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.engine.loop import train
from pipeline.training.engine.method import TOTAL
from pipeline.training.methods import load_method
from pipeline.types import Band

PREPROCESS = Preprocess(grey=True, hw=(6, 6), offset=90.0, divisor=64.0)
SUBJECTS = 6
SHARED = {
    "dataset": "mine",
    "protocol": "VIS-NIR",
    "pretrained": "tiny",
    "bands": ["VIS", "NIR"],
    "second_rows": "parts",
    "steps": 4,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "milestones": [],
    "warmup_steps": 0,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "max_gradient_norm": None,
    "grad_accumulation_steps": 1,
    "checkpoint_steps": 10,
    "image_budget_mb": 16,
    "threads": 1,
    "device": "cpu",
    "devices": 1,
    "precision": "float32",
    "seed": 3,
}
PAIRS = SHARED | {"loss": "softmax", "scale": 8.0, "margin": 0.2, "batch_pairs": 3}
PLAIN = PAIRS | {"kind": "finetune"}
IDR = PAIRS | {"kind": "idr", "shared_dimensions": 5, "orthogonal_weight": 2.0}
WCNN = IDR | {"kind": "wcnn", "wasserstein_weight": 3.0}
SST = PAIRS | {"kind": "hsst", "queues": 1, "prototypes": 3, "ema_momentum": 0.9}
RELATION = SHARED | {
    "kind": "rm",
    "triplet": "conditional",
    "triplet_margin": 0.55,
    "softmax_weight": 24.0,
    "batch_triplets": 2,
    "kept_crops": 1,
}


class Tiny(nn.Sequential):
    dimensions = 8


def params(values, **changes) -> NirVisParams:
    adapter = TypeAdapter(AnyNirVisParams)
    return adapter.validate_python(values | changes, strict=False)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Opens noisy faces of a side, of people who look alike in both bands but for the gain."""

    @cache
    def opened(side=8):
        random = np.random.default_rng(0)
        rows = []
        for subject in range(SUBJECTS):
            look = np.kron(random.integers(0, 200, (2, 2)), np.ones((side // 2, side // 2)))
            for shot, band in enumerate([Band.VIS, Band.VIS, Band.NIR, Band.NIR]):
                noise = random.integers(0, 56, (side, side, 3))
                pixels = (1.0 if band == Band.VIS else 0.4) * look[..., None] + noise
                row = face_row(f"s{subject}/{shot}", f"s{subject}", band)
                image = encode_png(pixels.astype(np.uint8))
                rows.append(row | image_columns(image, (side, side), "i.png"))
        return open_rows(tmp_path_factory.mktemp("faces"), ATTRIBUTES, rows)

    return opened


def separation(method, samples):
    """How much more alike images of one subject are than of two, across the bands."""
    with torch.no_grad():
        method.eval()
        inputs = method.network_inputs(samples, np.arange(len(samples)))
        features = F.normalize(method.embed(inputs))
    near = samples.bands == Band.VIS
    cosines = (features[near] @ features[~near].T).numpy()
    same = samples.subject_ids[near][:, None] == samples.subject_ids[~near]
    return cosines[same].mean() - cosines[~same].mean()


def build(values, samples, **changes):
    chosen = params(values, **changes)
    torch.manual_seed(0)
    backbone = Tiny(nn.Flatten(), nn.Linear(36, 8))
    made = load_method(chosen.kind)(chosen, backbone, PREPROCESS)
    made.train_on(samples)
    return made


def batch(made, seed=0):
    return made.sample_batch(np.random.default_rng(seed))


def test_plain_softmax_classifies_the_images_of_both_bands(faces):
    made = build(PLAIN, faces())
    first, second, subjects = batch(made)
    images, labels = torch.cat([first, second]), torch.cat([subjects, subjects])
    with torch.no_grad():
        features = F.normalize(made.network(images))
        cosines = 8.0 * features @ F.normalize(made.classifier.weight).T
        expected = F.cross_entropy(cosines, labels)  # equation 1, without margin
        assert made.training_step((first, second, subjects), 0)[TOTAL].item() == pytest.approx(
            expected.item()
        )


@pytest.mark.parametrize(
    ("loss", "moved"),
    [("am_softmax", lambda c: c - 0.2), ("arcface", lambda c: torch.cos(torch.acos(c) + 0.2))],
)
def test_a_margin_makes_the_true_class_harder(loss, moved, faces):
    made = build(PLAIN, faces(), loss=loss)
    first, second, subjects = batch(made)
    with torch.no_grad():
        cosines = made.classifier.cosines(made.network(torch.cat([first, second])))
        true = F.one_hot(subjects.repeat(2), SUBJECTS).bool()
        logits = 8.0 * torch.where(true, moved(cosines), cosines)
        expected = F.cross_entropy(logits, subjects.repeat(2)).item()
        assert made.training_step((first, second, subjects), 0)[TOTAL].item() == pytest.approx(
            expected, rel=1e-5
        )


def test_plain_triplets_need_no_classifier(faces):
    made = build(PLAIN, faces(), loss="triplet")
    assert made.classifier is None
    assert made.training_step(batch(made), 0)[TOTAL].item() > 0


def test_wcnn_is_classification_and_both_terms(faces):
    made = build(WCNN, faces())
    with torch.no_grad():
        made.network.own += 0.1 * torch.randn(made.network.own.shape)
        first, second, subjects = batch(made)
        losses = made.training_step((first, second, subjects), 0)
        near, far = (made.network.backbone(each) for each in (first, second))
        w, p = made.network.shared, made.network.own
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


def test_idr_has_no_wasserstein_term(faces):
    made = build(IDR, faces())
    assert made.training_step(batch(made), 0).keys() == {TOTAL, "classify", "orthogonality"}


def test_more_shared_dimensions_than_features_are_refused(faces):
    with pytest.raises(StageError, match="shared_dimensions is 8"):
        build(IDR, faces(), shared_dimensions=8)


def test_semi_siamese_training_has_one_queue_of_images_of_all_bands(faces):
    made = build(SST, faces())
    assert len(made.pair.queues) == 1
    assert made.pair.queues[0].subjects.tolist() == [-1, -1, -1]
    *_, subjects = drawn = batch(made)
    made.training_step(drawn, 0)
    assert made.pair.queues[0].subjects.tolist() == subjects.tolist()


def test_hsst_and_plain_training_see_the_same_images(faces):
    plain = build(PLAIN, faces())
    hsst = build(SST, faces(), queues=2)
    for seed in range(3):
        for one, two in zip(batch(plain, seed), batch(hsst, seed), strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize(("kind", "side", "width"), [("pairs", 60, 6), ("triplets", 192, 128)])
def test_of_larger_crops_a_cut_lies_near_the_middle_as_at_test(
    kind, side, width, faces, monkeypatch
):
    """Pretraining and kept features cut so, too: 20 pixels off lies another part of a face."""
    seen, cut = [], Preprocess.cut

    def recorded(self, images, corners=None):
        seen.append(corners)
        return cut(self, images, corners)

    monkeypatch.setattr(Preprocess, "cut", recorded)
    if kind == "pairs":
        made = build(PLAIN, faces(side))
    else:
        chosen, preprocess = params(RELATION, kept_crops=0), backbone_named("lightcnn9").preprocess
        made = load_method("rm")(chosen, LightCNN9(), preprocess)
        made.train_on(faces(side))
    for seed in range(20):
        batch(made, seed)
    corners, middle = torch.cat(seen), (side - width) // 2
    assert (corners.amin(), corners.amax()) == (middle - 8, middle + 8)


def test_a_triplet_in_a_batch_of_one_pair_is_refused():
    with pytest.raises(
        ValidationError, match="expected 2 or more, as a triplet finds its negative in another pair"
    ):
        params(PLAIN, loss="triplet", batch_pairs=1)


def test_too_few_subjects_for_queue_and_batch_are_told(faces):
    with pytest.raises(StageError, match="at least 7"):
        build(SST, faces(), prototypes=4)


def test_one_pair_is_too_few_for_a_backbone_that_normalises_over_a_batch(faces):
    backbone = Tiny(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8))
    for pairs in (1, 2):
        made = load_method("hsst")(params(SST, batch_pairs=pairs), backbone, PREPROCESS)
        if pairs == 1:
            with pytest.raises(StageError, match="set batch_pairs to 2 or more"):
                made.train_on(faces())
        else:
            made.train_on(faces())
            assert made.training_step(batch(made), 0)[TOTAL].isfinite()


def test_rm_is_trained_by_softmax_and_the_conditional_triplet(faces):
    chosen = params(RELATION)
    torch.manual_seed(0)
    preprocess = backbone_named("lightcnn9").preprocess
    made = load_method("rm")(chosen, LightCNN9(), preprocess)
    made.train_on(faces(144))
    made.setup(torch.device("cpu"), torch.float32)
    losses = made.training_step(batch(made), 0)
    assert losses[TOTAL].item() == pytest.approx(
        24.0 * losses["softmax"].item() + losses["triplet"].item(), rel=1e-5
    )


def test_relations_stand_on_lightcnn9_only():
    chosen = params(RELATION, kind="rgm")
    with pytest.raises(StageError, match="Rgm builds on LightCNN-9, not on Tiny"):
        load_method("rgm")(chosen, Tiny(nn.Linear(2, 2)), PREPROCESS)


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        (PLAIN, {"loss": "softmax"}),
        (PLAIN, {"loss": "am_softmax"}),
        (PLAIN, {"loss": "arcface"}),
        (PLAIN, {"loss": "triplet"}),
        (IDR, {}),
        (WCNN, {}),
        (SST, {"loss": "softmax"}),
        (SST, {"loss": "triplet", "queues": 2}),
    ],
)
def test_training_tells_subjects_apart_across_bands(values, changes, tmp_path, faces):
    steps = {"steps": 60, "learning_rate": 0.01}
    made = build(values, faces(), **steps, **changes)
    before = separation(made, faces())
    train(made, label="x", key="k", checkpoint=tmp_path / "checkpoint.pt")
    assert separation(made, faces()) > before + 0.1
