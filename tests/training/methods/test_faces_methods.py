"""PRAM and HSST on faces: what a batch holds, and what is refused."""

import threading

import numpy as np
import pytest
import torch
from face_rows import PART_PX, face_row, open_rows, png
from short_params import BANDS, HSST, PRAM

from models.backbones.lightcnn import LightCNN9
from models.backbones.mobilefacenet import MobileFaceNet
from models.losses.conditional import conditional_triplet
from models.pram import network as nets
from models.pram.network import COMPONENTS
from pipeline.errors import StageError
from pipeline.params.train_nir_vis import FinetuneParams
from pipeline.schemas.parts import PARTS as SCHEMA
from pipeline.store.locks import locked
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.methods import load_method, relating
from pipeline.training.methods.pram import PARTS, Pram, component_masks

CPU = torch.device("cpu"), torch.float32
PREPROCESS = backbone_named("lightcnn9").preprocess
SQUARE = 144, 144


def of_kind(kind):
    """Return HSST's params, or those of fine-tuning with the same loss."""
    if kind == "hsst":
        return HSST
    shared = HSST.model_dump(exclude={"queues", "prototypes", "ema_momentum"})
    return FinetuneParams.model_validate(shared | {"kind": kind})


def make(params, samples=None):
    backbone = make_backbone("lightcnn9", SQUARE, 3)
    method = load_method(params.kind)(params, backbone, PREPROCESS)
    if samples is not None:
        method.train_on(samples)
    return method


@pytest.fixture(scope="module")
def pram(people, tmp_path_factory):
    """Makes a PRAM ready to train; what its frozen layers make of these faces is made once."""
    features = tmp_path_factory.mktemp("features")

    def made(**changes):
        method = make(PRAM.model_copy(update=changes), people)
        method.features = features
        method.setup(*CPU)
        return method

    return made


@pytest.mark.parametrize("kept", [0, 2])
def test_pram_starts_with_components_alike_in_size(people, pram, kept):
    method = pram(kept_crops=kept)
    chosen = np.arange(len(people))
    face = method.face_cells(chosen, method._corners[0])
    cells = torch.cat([face[:, None], method.part_cells(chosen)], dim=1)
    with torch.no_grad():
        found = method.network.relate(cells.permute(0, 1, 4, 2, 3)).components
    zeros = torch.zeros(5, LightCNN9.dimensions)
    torch.testing.assert_close(found.mean(dim=0), zeros, atol=1e-3, rtol=0)


def test_a_row_waits_for_the_features_that_another_one_makes(people, tmp_path):
    method = make(PRAM.model_copy(update={"kept_crops": 1}), people)
    method.features = tmp_path / "features"
    waiting = threading.Thread(target=method.setup, args=CPU)
    with locked(method.features):
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert not list(method.features.glob("*.pt"))
    waiting.join()
    assert len(list(method.features.glob("*.pt"))) == 2


def test_features_that_another_version_of_the_code_left_are_not_taken(
    people, tmp_path, monkeypatch
):
    def kept():
        method = make(PRAM.model_copy(update={"kept_crops": 1}), people)
        method.features = tmp_path / "features"
        method.setup(*CPU)
        return set(method.features.glob("*.pt"))

    before = kept()
    assert kept() == before
    monkeypatch.setattr(relating, "code_sha256", lambda *modules: "another")
    assert len(kept() - before) == 2


def test_kept_features_are_those_of_fresh_crops(pram):
    method = pram(batch_triplets=3)
    cells, labels, overlap = method.sample_batch(np.random.default_rng(5))
    assert cells.shape == (9, 5, 128, 16, 16)
    assert overlap.shape == (3, 5)
    rng = np.random.default_rng(5)
    triplets = method.sampler.draw(rng).flatten()
    crop = rng.integers(0, 2, (3, 3)).flatten()
    fresh = method.face_cells(triplets, method._corners[crop, triplets])
    torch.testing.assert_close(cells[:, 0], fresh.permute(0, 3, 1, 2))
    assert labels.tolist() == method.labels.labels[triplets].tolist()


def test_each_face_keeps_crops_of_its_own(people):
    corners = make(PRAM.model_copy(update={"kept_crops": 300}), people)._corners.numpy()
    assert corners.shape == (300, len(people), 2)
    for one in range(1, len(people)):
        assert not np.array_equal(corners[:, 0], corners[:, one])
    assert (corners.min(), corners.max()) == (0, 16)  # 128 of 144 pixels
    places = {tuple(corner) for corner in corners.reshape(-1, 2).tolist()}
    assert len(places) == 17 * 17


def test_anchor_and_positive_differ_in_band_and_the_negative_in_subject(pram):
    method = pram()
    _, labels, _ = method.sample_batch(np.random.default_rng(1))
    anchor, positive, negative = labels.chunk(3)
    assert torch.equal(anchor, positive)
    assert (anchor != negative).all()


def test_a_component_without_a_mask_has_no_weight(pram):
    """Subject s3 shows no mouth in NIR: λ of the mouth is 0 there, and 1 for all others."""
    method = pram(batch_triplets=16)
    mouth = COMPONENTS.index("mouth")
    for seed in range(3):
        _, labels, overlap = method.sample_batch(np.random.default_rng(seed))
        lacks = labels[:16] == method.labels.names.index("s3")
        assert (overlap[lacks][:, mouth] == 0).all()
        assert (overlap[~lacks] == 1).all()


def test_the_triplet_loss_is_that_of_the_equations(pram):
    method = pram()
    cells, labels, overlap = method.sample_batch(np.random.default_rng(2))
    losses = method.training_step((cells, labels, overlap), 0)
    vectors = method.network.relate(cells).components.chunk(3)
    each = conditional_triplet(*vectors, 0.55).detach()
    expected = sum(float(e * w) for e, w in zip(each.flatten(), overlap.flatten(), strict=True))
    expected = torch.tensor(expected / len(each))
    torch.testing.assert_close(losses["triplet"], expected)
    torch.testing.assert_close(losses["total"], 24.0 * losses["softmax"] + losses["triplet"])


def test_the_conditional_loss_weighs_all_components_alike(pram):
    _, _, overlap = pram(triplet="conditional").sample_batch(np.random.default_rng(0))
    assert (overlap == 1).all()


@pytest.mark.parametrize("kept", [0, 1])
def test_the_row_fine_tuned_sees_the_face_alone(pram, kept):
    method = pram(relations=False, triplet="none", kept_crops=kept)
    batch = method.sample_batch(np.random.default_rng(0))
    assert batch[0].shape == ((6, 1, 128, 16, 16) if kept else (6, 1, 1, 128, 128))
    assert method.training_step(batch, 0).keys() == {"total", "softmax"}


def test_only_the_last_group_and_what_follows_trains(pram):
    method = pram()
    names = {name for name, weight in method.named_parameters() if weight.requires_grad}
    roots = {".".join(name.split(".")[:3]) for name in names if "trunk" in name}
    assert roots == {"network.trunk.7"}


def test_what_a_checkpoint_leaves_out_is_all_that_is_frozen(pram):
    method = pram()
    frozen = {name for name, weight in method.named_parameters() if not weight.requires_grad}
    assert {name for name in method.state_dict() if name.startswith(method.frozen())} == frozen


def test_kept_crops_that_pass_the_byte_budget_are_told(people):
    method = make(PRAM.model_copy(update={"kept_crops": 1100}), people)
    with pytest.raises(StageError, match=r"kept_crops: 1100 takes 1104 MB, but image_budget_mb"):
        method.setup(*CPU)


def test_embeddings_at_test_are_of_the_middle(people):
    method = make(PRAM)
    assert isinstance(method.network, nets.PRAM)
    images = method.network_inputs(people, np.array([1]))
    assert images.shape == (1, 5, 1, 128, 128)
    grey = people.read(np.array([1]))[0, 8:136, 8:136, 0].astype(np.float32) / 255
    np.testing.assert_allclose(images[0, 0, 0].numpy(), grey, atol=0.006)
    with torch.no_grad():
        assert method.embed(images).shape == (1, 512)


def test_parts_come_in_order_and_a_missing_one_is_black(tmp_path):
    rows = [face_row(f"{name}.VIS", name) for name in "ab"]
    rows[1] |= {"mouth": None, "mouth_mask": None}
    for value, part in enumerate(PARTS, start=1):
        rows[0][part] = png(np.full((PART_PX, PART_PX), value, np.uint8))
    samples = open_rows(tmp_path, SCHEMA, rows, images=Pram.images)
    parts = make(PRAM).part_images(samples, np.arange(2))
    assert parts.shape == (2, 4, 1, 128, 128)
    np.testing.assert_allclose(parts[0, :, 0, 0, 0].numpy() * 255, [1, 2, 3, 4], rtol=1e-5)
    assert (parts[1, 3] == 0).all()
    masks = component_masks(samples, np.arange(2))
    assert masks.shape == (2, 5, 144, 144)
    assert masks[0, 0, :, 0].tolist() == [False] * 10 + [True] * 134
    assert masks[:, 1:].any(axis=(2, 3)).tolist() == [[True] * 4, [True] * 3 + [False]]


def test_samples_of_which_none_shows_a_part_can_be_embedded(tmp_path):
    rows = [face_row(f"{name}.VIS", name, missing=("mouth", "nose")) for name in "ab"]
    samples = open_rows(tmp_path, SCHEMA, rows, images=Pram.images)
    parts = make(PRAM).network_inputs(samples, np.arange(2))
    assert (parts[:, 3:] == 0).all()
    assert not component_masks(samples, np.arange(2))[:, 3:].any()


def test_pram_stands_on_lightcnn_alone():
    with pytest.raises(StageError, match="Pram builds on LightCNN-9, not on MobileFaceNet"):
        Pram(PRAM, MobileFaceNet(144), PREPROCESS)


def test_part_crops_of_another_side_are_refused(tmp_path):
    row = face_row("a.VIS", "a") | {"nose": png(np.zeros((64, 64), np.uint8))}
    samples = open_rows(tmp_path, SCHEMA, [row], images=Pram.images)
    with pytest.raises(StageError, match=r"found 64×64: set parts\.crop_px to 128"):
        make(PRAM).network_inputs(samples, np.array([0]))


def test_a_queue_and_a_batch_need_so_many_subjects(people):
    params = HSST.model_copy(update={"prototypes": 3})
    with pytest.raises(
        StageError, match=r"4 of 4 training subjects .* at least 5, 3 in a queue and 2"
    ):
        make(params, people)


def test_the_gallery_net_follows_and_the_queues_fill(people):
    method = make(HSST, people)
    method.training_step(method.sample_batch(np.random.default_rng(0)), 0)
    filled = [int((queue.subjects >= 0).sum()) for queue in method.pair.queues]
    assert filled == [2, 2]
    with torch.no_grad():
        method.pair.probe.network.fc1.filter.bias.add_(1.0)
    before = method.pair.gallery.network.fc1.filter.bias.clone()
    method.on_step_end()
    torch.testing.assert_close(method.pair.gallery.network.fc1.filter.bias, before + 0.001)


def test_subjects_of_one_band_alone_take_no_part_and_are_no_class(tmp_path, caplog):
    rows = [face_row(f"s{n}.{band}", f"s{n}", band) for n in range(3) for band in BANDS]
    rows.append(face_row("r9.VIS", "r9", "VIS"))
    samples = open_rows(tmp_path, SCHEMA, rows)
    method = make(of_kind("finetune"), samples)
    assert (
        "1 of 4 training subjects take no part: they have no images in one of VIS and NIR"
        in caplog.text
    )
    drawn = [method.sample_batch(np.random.default_rng(seed))[2].tolist() for seed in range(9)]
    assert np.unique(drawn).tolist() == [0, 1, 2]
    assert method.labels.names == ("s0", "s1", "s2")
    assert len(method.classifier.weight) == 3


def test_a_backbone_that_cannot_take_the_crops_is_named():
    with pytest.raises(StageError, match="crops have 112×112 pixels, the network takes 128×128"):
        make_backbone("lightcnn9", (112, 112), 0)
    with pytest.raises(StageError, match="no crops of 160×144 pixels: expected square ones"):
        make_backbone("mobilefacenet", (160, 144), 0)


@pytest.mark.parametrize("kind", ["finetune", "hsst"])
def test_the_trained_backbone_returns_what_was_normalised_in_training(people, kind):
    """A LightCNN is trained with its features normalised, and used alone."""
    method = make(of_kind(kind), people)
    method.train()
    batch = method.sample_batch(np.random.default_rng(0))
    method.training_step(batch, 0)
    method.eval()
    with torch.no_grad():
        expected = method.embedder(batch[0])
        method.on_train_end({})
        torch.testing.assert_close(method.embed(batch[0]), expected, atol=1e-3, rtol=1e-3)
