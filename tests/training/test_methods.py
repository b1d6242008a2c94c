"""PRAM and HSST on faces: what a batch holds, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from face_rows import face_row, write_rows
from short_params import BANDS, HSST, PRAM

from models.backbones.mobilefacenet import MobileFaceNet
from models.pram import network as nets
from models.pram.losses import component_adaptive_triplet
from models.pram.network import COMPONENTS
from pipeline.errors import StageError
from pipeline.params.train import PlainParams
from pipeline.schemas.parts import PARTS as SCHEMA
from pipeline.training.backbones import make_backbone
from pipeline.training.faces import load_faces, of_split
from pipeline.training.identities import training_faces
from pipeline.training.methods import METHODS
from pipeline.training.methods.hsst import HsstLearner
from pipeline.training.methods.pram import INPUTS, PramLearner, pram_inputs, pram_network
from pipeline.types import Split

CPU = torch.device("cpu"), torch.float32


def of_kind(kind):
    """Return HSST's params, or those of plain training with the same loss."""
    if kind == "hsst":
        return HSST
    shared = HSST.model_dump(exclude={"queues", "prototypes", "ema_momentum"})
    return PlainParams.model_validate(shared | {"kind": kind})


def pram(people, **changes):
    params = PRAM.model_copy(update=changes)
    learner = PramLearner(params, pram_network(params, make_backbone("lightcnn9", 144, 3)), people)
    learner.prepare(*CPU)
    return learner


@pytest.mark.parametrize("kept", [0, 2])
def test_pram_starts_with_components_alike_in_size(people, kept):
    learner = pram(people, kept_crops=kept)
    chosen = torch.arange(len(people.faces))
    face = learner._face_cells(chosen, learner._corners[0])
    cells = torch.cat([face[:, None], learner._part_cells(chosen)], dim=1)
    with torch.no_grad():
        found = learner.network.relate(cells.permute(0, 1, 4, 2, 3)).components
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(5, 256), atol=1e-3, rtol=0)


def test_kept_features_are_those_of_fresh_crops(people):
    learner = pram(people, batch_triplets=3)
    cells, labels, overlap = learner.draw(np.random.default_rng(5))
    assert cells.shape == (9, 5, 128, 16, 16)
    assert overlap.shape == (3, 5)
    generator = np.random.default_rng(5)
    triplets = torch.from_numpy(learner._sampler.draw(generator))
    crop = generator.integers(0, 2, 3)
    corners = learner._corners[crop].repeat(3, 1)
    fresh = learner._face_cells(triplets.flatten(), corners)
    torch.testing.assert_close(cells[:, 0], fresh.permute(0, 3, 1, 2))
    assert labels.tolist() == people.labels[triplets.flatten().numpy()].tolist()


def test_anchor_and_positive_differ_in_band_and_the_negative_in_subject(people):
    learner = pram(people)
    _, labels, _ = learner.draw(np.random.default_rng(1))
    anchor, positive, negative = labels.chunk(3)
    assert torch.equal(anchor, positive)
    assert (anchor != negative).all()


def test_a_component_without_a_mask_has_no_weight(people):
    """Subject s3 shows no mouth in NIR: λ of the mouth is 0 there, and 1 for all others."""
    learner = pram(people, batch_triplets=16)
    mouth = COMPONENTS.index("mouth")
    for seed in range(3):
        _, labels, overlap = learner.draw(np.random.default_rng(seed))
        lacks = labels[:16] == people.names.index("s3")
        assert (overlap[lacks][:, mouth] == 0).all()
        assert (overlap[~lacks] == 1).all()


def test_the_triplet_loss_is_that_of_the_equations(people):
    learner = pram(people)
    cells, labels, overlap = learner.draw(np.random.default_rng(2))
    losses = learner(cells, labels, overlap)
    vectors = learner.network.relate(cells).components.chunk(3)
    masks = torch.ones(2, 5, 4, 4, dtype=torch.bool)
    shown = masks & (overlap > 0)[..., None, None]
    expected = component_adaptive_triplet(*vectors, shown, shown, 0.55).mean()
    torch.testing.assert_close(losses["triplet"], expected)
    torch.testing.assert_close(losses["total"], 24.0 * losses["softmax"] + losses["triplet"])


def test_the_conditional_loss_weighs_all_components_alike(people):
    _, _, overlap = pram(people, triplet="conditional").draw(np.random.default_rng(0))
    assert (overlap == 1).all()


@pytest.mark.parametrize("kept", [0, 1])
def test_the_row_fine_tuned_sees_the_face_alone(people, kept):
    learner = pram(people, relations=False, triplet="none", kept_crops=kept)
    batch = learner.draw(np.random.default_rng(0))
    assert batch[0].shape == (6, 1, 128, 16, 16)
    assert learner(*batch).keys() == {"total", "softmax"}


def test_only_the_last_group_and_what_follows_trains(people):
    learner = pram(people)
    names = {name for name, weight in learner.named_parameters() if weight.requires_grad}
    roots = {".".join(name.split(".")[:3]) for name in names if "trunk" in name}
    assert roots == {"network.trunk.7"}


def test_embeddings_at_test_are_of_the_middle(people):
    network = pram_network(PRAM, make_backbone("lightcnn9", 144, 3))
    assert isinstance(network, nets.PRAM)
    images = pram_inputs(people.faces, people.components, torch.tensor([1]))
    assert images.shape == (1, 5, 1, 128, 128)
    grey = people.faces.images[1, 8:136, 8:136, 0].astype(np.float32) / 255
    np.testing.assert_allclose(images[0, 0, 0].numpy(), grey, atol=0.006)


def test_pram_stands_on_lightcnn_alone():
    with pytest.raises(StageError, match="PRAM stands on LightCNN-9, not on MobileFaceNet"):
        METHODS["pram"].network(PRAM, MobileFaceNet(144))


def test_part_crops_of_another_side_are_refused(people):
    small = replace(people.components, parts=people.components.parts[..., :64, :64])
    with pytest.raises(StageError, match=r"set parts\.crop_px to 128"):
        pram_inputs(people.faces, small, torch.tensor([0]))


def test_a_queue_and_a_batch_need_so_many_subjects(people):
    params = HSST.model_copy(update={"prototypes": 3})
    with pytest.raises(StageError, match=r"4 training subjects .* at least 5, 3 in a queue and 2"):
        HsstLearner(params, make_backbone("lightcnn9", 144, 3), INPUTS, people)


def test_the_gallery_net_follows_and_the_queues_fill(people):
    learner = HsstLearner(HSST, make_backbone("lightcnn9", 144, 3), INPUTS, people)
    learner(*learner.draw(np.random.default_rng(0)))
    filled = [int((queue.subjects >= 0).sum()) for queue in learner.pair.queues]
    assert sum(filled) == 2
    with torch.no_grad():
        learner.pair.probe.network.fc1.filter.bias.add_(1.0)
    before = learner.pair.gallery.network.fc1.filter.bias.clone()
    learner.after_step()
    torch.testing.assert_close(learner.pair.gallery.network.fc1.filter.bias, before + 0.001)


def test_subjects_of_one_band_alone_take_no_part(tmp_path, caplog):
    rows = [face_row(f"s{n}.{band}", f"s{n}", band) for n in range(3) for band in BANDS]
    rows.append(face_row("s9.VIS", "s9", "VIS"))
    faces = load_faces(write_rows(tmp_path, SCHEMA, rows), of_split(Split.TRAIN, *BANDS))
    found = training_faces(faces, None, BANDS)
    assert "1 of 4 training subjects have no images in one of VIS and NIR" in caplog.text
    learner = HsstLearner(
        HSST.model_copy(update={"prototypes": 1}),
        make_backbone("lightcnn9", 144, 3),
        INPUTS,
        found,
    )
    drawn = [learner.draw(np.random.default_rng(seed))[2].tolist() for seed in range(9)]
    assert found.names.index("s9") not in np.unique(drawn)


def test_a_backbone_that_cannot_take_the_crops_is_named():
    with pytest.raises(StageError, match="backbone iresnet50 takes no aligned crops of 100 pixels"):
        make_backbone("iresnet50", 100, 0)
    with pytest.raises(StageError, match="crops have 112 pixels, the network takes 128"):
        make_backbone("lightcnn9", 112, 0)


@pytest.mark.parametrize("kind", ["plain", "hsst"])
def test_the_trained_backbone_returns_what_was_normalised_in_training(people, kind):
    """A LightCNN is trained with its features normalised, and used alone."""
    network = make_backbone("lightcnn9", 144, 3)
    learner = METHODS[kind].learner(of_kind(kind), network, INPUTS, people)
    learner.train()
    batch = learner.draw(np.random.default_rng(0))
    learner(*batch)
    learner.eval()
    with torch.no_grad():
        expected = learner.embedder(batch[0])
        learner.finish()
        torch.testing.assert_close(network.eval()(batch[0]), expected, atol=1e-3, rtol=1e-3)
