"""Training on bodies: who makes a batch, what is lost, what is saved, and what is refused."""

import numpy as np
import pytest
import torch
from people_rows import BANDS, NETWORK, PEOPLE, SHORT, write_people
from short_params import PARAMS

from models.bodies.semantic_vit import Design, SemanticViT, Size
from pipeline.errors import StageError
from pipeline.params.body_training import AugmentationParams, LoraParams
from pipeline.params.train_bodies import TrainBodyParams
from pipeline.store.protocols import read_protocol
from pipeline.training import bodies
from pipeline.training.engine.loop import train
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.bodies import ACROSS, COLLAPSED, WITHIN, Bodies, spread_of
from pipeline.training.methods.people import Chosen, named_by
from pipeline.training.people_folds import training_ids
from pipeline.types import Band

NAMES = ("VIS-SWIR", "VIS-MWIR", "VIS-LWIR")


def params(**changes) -> TrainBodyParams:
    return PARAMS.train_bodies["full"].model_copy(update=SHORT | changes)


def opened(root, chosen=None, **options):
    folder = write_people(root, **options)
    protocols = [read_protocol(root / "protocols" / name) for name in NAMES]
    ids = training_ids(protocols, 1)
    return bodies.open_chosen(chosen or params(), folder, ids)


def network(**options):
    torch.manual_seed(3)
    return SemanticViT(Design(Size(24, 2, 3), hw=(48, 16), patch_px=8, **options))


def ready(root, changes=None, **options):
    chosen = opened(root, params(**(changes or {})))
    method = Bodies(params(**(changes or {})), network(), **options)
    method.train_on(chosen.samples)
    return method


def test_only_training_people_are_opened_each_in_every_band(tmp_path):
    samples = opened(tmp_path).samples
    assert set(samples.subject_ids.tolist()) == {"t0", "t1", "t2", "t3"}
    assert set(samples.bands.tolist()) == {str(band) for band in BANDS}
    assert len(samples) == 4 * 4 * 2


def test_a_batch_has_every_subject_in_all_four_bands(tmp_path):
    images, regions, labels, bands, cameras = ready(tmp_path).sample_batch(np.random.default_rng(0))
    assert images.shape == (8, 48, 16, 3)
    assert images.dtype == torch.uint8
    assert regions.shape == (8, 3, 12)
    assert sorted(labels.tolist()) == sorted(labels.tolist()[:1] * 4 + labels.tolist()[4:5] * 4)
    assert bands.tolist() == [0, 1, 2, 3] * 2
    assert cameras.tolist() == [0] * 8


def test_the_same_generator_gives_the_same_batch(tmp_path):
    method = ready(tmp_path)
    first, again = (method.sample_batch(np.random.default_rng(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_who_lacks_a_band_is_left_out_of_domain_aware_batches_and_counted(tmp_path):
    lacking = [("t3", "train", (Band.VIS, Band.LWIR)), *(p for p in PEOPLE if p[0] != "t3")]
    chosen = opened(tmp_path / "aware", people=lacking)
    assert set(chosen.samples.subject_ids.tolist()) == {"t0", "t1", "t2"}
    assert chosen.left_out == {"not_chosen": 0, "lacking_a_band": 1}
    everybody = opened(tmp_path / "random", params(sampler="random"), people=lacking)
    assert "t3" in everybody.samples.subject_ids
    assert everybody.left_out == {"not_chosen": 0, "lacking_a_second_image": 0}


def test_who_has_one_image_is_left_out_of_random_batches_and_counted(tmp_path):
    samples = opened(tmp_path).samples
    own = np.flatnonzero(samples.subject_ids == "t3")
    single = samples.take(np.setdiff1d(np.arange(len(samples)), own[1:]))
    chosen = Chosen.of(single, params(sampler="random"))
    assert chosen.left_out == {"not_chosen": 0, "lacking_a_second_image": 1}
    method = Bodies(params(sampler="random"), network())
    method.train_on(chosen.samples)
    assert method.names == ("t0", "t1", "t2")
    assert method.sampler.subjects.tolist() == [0, 1, 2]  # all classes are drawn


def test_shares_of_the_subjects_are_disjoint_whatever_the_seed(tmp_path):
    def chosen(skip, take, seed):
        subjects = PARAMS.train_bodies["full"].subjects.model_copy(
            update={"skip": skip, "take": take}
        )
        found = opened(tmp_path / f"{skip}{seed}", params(subjects=subjects, seed=seed))
        return set(found.samples.subject_ids.tolist()), found.left_out["not_chosen"]

    first, left_out = chosen(0, 2, 1)
    assert (len(first), left_out) == (2, 2)
    assert chosen(0, 2, 9)[0] == first
    assert chosen(2, None, 1)[0] == {"t0", "t1", "t2", "t3"} - first


def test_the_losses_add_up_and_shares_of_hard_pairs_come_along(tmp_path):
    method = ready(tmp_path, {"triplet_weight": 0.5})
    losses = method.training_step(method.sample_batch(np.random.default_rng(0)), 0)
    expected = losses["identity"] + 0.5 * losses["triplet"]
    assert losses["total"].item() == pytest.approx(expected.item())
    assert losses["identity"].item() == pytest.approx(np.log(4), rel=0.05)  # nothing learned yet
    assert all(0 <= losses[name].item() <= 1 for name in (ACROSS, WITHIN))


@pytest.mark.parametrize("margin", [0.3, "soft"])
def test_triplets_are_of_features_of_any_length_by_the_margin_that_params_name(tmp_path, margin):
    method = ready(tmp_path, {"triplet_margin": margin}).eval()  # no dropout: the same again
    batch = method.sample_batch(np.random.default_rng(0))
    images, regions, labels, _, _ = batch
    with torch.no_grad():
        pixels = images.permute(0, 3, 1, 2) / 127.5 - 1.0
        features = method.network(pixels, regions, None).double().numpy()
    owners, each = labels.numpy(), []
    for n, owner in enumerate(owners):
        away = np.linalg.norm(features - features[n], axis=1)
        gap = away[owners == owner].max() - away[owners != owner].min()
        each.append(np.log1p(np.exp(gap)) if margin == "soft" else max(0.0, margin + gap))
    found = method.training_step(batch, 0)["triplet"].item()
    assert found == pytest.approx(np.mean(each), rel=1e-4)


def test_training_tells_the_subjects_apart(tmp_path):
    plain = AugmentationParams(mirror=0.0, pad_px=0, erase=0.0, grey=0.0, one_channel=0.0)
    method = ready(tmp_path, {"steps": 60, "learning_rate": 0.003, "augmentation": plain})
    run = train(method, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    assert run.curve[-1]["identity"] < 0.5 * run.curve[0]["identity"]


def test_lora_leaves_everything_but_attention_as_it_was(tmp_path):
    changes = {"steps": 3, "learning_rate": 0.01}
    method = ready(tmp_path, changes, lora=LoraParams(rank=2, alpha=4, recompute=True))
    before = {name: value.clone() for name, value in network().state_dict().items()}
    train(method, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    after = method.network.state_dict()
    assert list(after) == list(before)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {
        f"blocks.{block}.attn.{layer}.weight" for block in (0, 1) for layer in ("qkv", "proj")
    }


def test_lora_leaves_what_a_stem_of_convolutions_met_before(tmp_path):
    """Its normalisations neither move nor go by the batch."""
    changes = {"steps": 1, "learning_rate": 0.01}
    lora = LoraParams(rank=2, alpha=4, recompute=False)
    method = Bodies(params(**changes), network(stem="convolutions"), lora=lora)
    method.train_on(opened(tmp_path, params(**changes)).samples)
    before = {n: v.clone() for n, v in method.network.patch_embed.state_dict().items()}
    train(method, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    after = dict(method.network.patch_embed.state_dict())
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_the_rate_rises_then_falls_by_half_a_cosine(tmp_path):
    changes = {"steps": 12, "warmup_steps": 2, "learning_rate": 1.0}
    method = Bodies(params(**changes), network())
    assert method.learning_rate(0) == pytest.approx(0.01)
    assert method.learning_rate(2) == pytest.approx(1.0)
    assert method.learning_rate(7) == pytest.approx(0.5)
    assert 0 < method.learning_rate(11) < 0.05


def test_embeddings_without_a_local_feature_are_of_the_mean_of_those_left(tmp_path):
    method = Bodies(params(), network())
    tokens = np.arange(2 * 4 * 24, dtype=np.float32).reshape(2, 4, 24)
    fused = method.fuse(tokens, (True, False, True))
    np.testing.assert_allclose(fused[:, 24:], tokens[:, [1, 3]].mean(axis=1))


def test_a_bn_neck_stands_between_the_triplets_and_the_identity(tmp_path):
    method = ready(tmp_path, {"bn_neck": True})
    losses = method.training_step(method.sample_batch(np.random.default_rng(0)), 0)
    losses["identity"].backward()
    neck = method.network.neck
    assert neck.weight.grad is not None
    assert not neck.bias.requires_grad


def test_embeddings_pass_the_neck_that_was_trained(tmp_path):
    method = ready(tmp_path, {"bn_neck": True, "steps": 3})
    train(method, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    tokens = np.random.default_rng(0).normal(size=(5, 4, 24)).astype(np.float32)
    features = np.concatenate([tokens[:, 0], tokens[:, 1:].mean(axis=1)], axis=1)
    neck = method.network.neck
    mean, variance = neck.running_mean.numpy(), neck.running_var.numpy()
    expected = (features - mean) / np.sqrt(variance + 1e-5) * neck.weight.detach().numpy()
    assert not np.allclose(expected, features, atol=0.1)
    np.testing.assert_allclose(method.fuse(tokens), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("had", [True, False])
def test_a_training_begins_with_a_neck_of_its_own_or_none(tmp_path, had):
    start = ready(tmp_path, {"bn_neck": had, "steps": 2})
    train(start, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    weights = start.network.state_dict()
    assert any(name.startswith("neck.") for name in weights) is had
    pretrained = Trained("vis", "semantic_vit", (48, 16), "square", {}, "k", [], weights)
    method = Bodies(params(bn_neck=not had), network())
    method.load(pretrained)
    tokens = np.random.default_rng(0).normal(size=(5, 4, 24)).astype(np.float32)
    np.testing.assert_array_equal(method.fuse(tokens), start.fuse(tokens))
    method.train_on(opened(tmp_path / "again").samples)
    assert isinstance(method.network.neck, torch.nn.BatchNorm1d) is not had
    if not had:
        assert (method.network.neck.num_batches_tracked == 0).all()


def test_lora_trains_a_neck_too(tmp_path):
    lora = LoraParams(rank=2, alpha=4, recompute=False)
    method = ready(tmp_path, {"bn_neck": True, "steps": 3, "learning_rate": 0.01}, lora=lora)
    train(method, label="t", key="k", checkpoint=tmp_path / "checkpoint.pt")
    assert not torch.equal(method.network.neck.weight, torch.ones(48))
    assert not any("lora" in name for name in method.network.state_dict())


@pytest.mark.parametrize(
    ("row", "wanted", "name"),
    [
        (("f#body000", "f", "a"), {"f#a", "f"}, "f#a"),
        (("f#body000", "f", "a"), {"f"}, "f"),
        (("f#body000", "f", None), {"f#body000"}, "f#body000"),
        (("f#body000", "f", "b"), {"f#a"}, None),
    ],
)
def test_a_crop_is_called_as_the_protocol_calls_it(row, wanted, name):
    keys = ("sample_id", "parent_id", "subject_id")
    assert named_by(dict(zip(keys, row, strict=True)), wanted) == name


def test_a_band_without_samples_is_refused(tmp_path):
    with pytest.raises(StageError, match="no training sample is in NIR: expected some in each"):
        opened(tmp_path, params(bands=(Band.VIS, Band.NIR)))


def test_too_few_subjects_for_a_batch_are_refused(tmp_path):
    told = r"4 of 4 training subjects can be drawn .* at least 5, .*; lower batch_subjects to 4, or"
    with pytest.raises(StageError, match=told):
        opened(tmp_path / "few", params(batch_subjects=5))
    untrained = params(batch_subjects=5, steps=0)  # draws no batch
    assert opened(tmp_path / "untrained", untrained).left_out["lacking_a_band"] == 0


def test_nobody_left_is_refused(tmp_path):
    subjects = PARAMS.train_bodies["full"].subjects.model_copy(update={"skip": 9})
    with pytest.raises(StageError, match="none of 4 training subjects is left"):
        opened(tmp_path, params(subjects=subjects))


def test_region_maps_that_show_nothing_are_refused_where_they_are_looked_at(tmp_path):
    chosen = opened(tmp_path, regions=False)
    with pytest.raises(StageError, match="region maps of 32 training crops show no region"):
        Bodies(params(), network()).train_on(chosen.samples)
    Bodies(params(), network(local="free")).train_on(chosen.samples)


def test_a_camera_without_an_embedding_is_named(tmp_path):
    chosen, cameras = opened(tmp_path), tuple(f"{band}-30m" for band in BANDS)
    method = Bodies(params(), network(cameras=4), cameras)
    method.train_on(chosen.samples)
    assert set(method.sample_batch(np.random.default_rng(0))[4].tolist()) == {0, 1, 2, 3}
    with pytest.raises(StageError, match="cameras LWIR-30m have no embedding"):
        Bodies(params(), network(cameras=3), cameras[:3]).train_on(chosen.samples)


def test_patches_that_do_not_fit_the_crops_are_refused(tmp_path):
    start = PARAMS.pretrain_bodies["vis"].model_copy(
        update=SHORT | {"network": NETWORK.model_copy(update={"patch_px": 10})}
    )
    with pytest.raises(
        StageError, match="48×16 pixels are not a multiple of 10; change crop_bodies"
    ):
        Bodies.seeded(start, (48, 16))


def test_an_empty_choice_of_people_is_no_crash(tmp_path):
    chosen = opened(tmp_path)
    with pytest.raises(StageError, match="no training sample is in NIR"):
        Chosen.of(chosen.samples, params(bands=(Band.NIR,)))


def test_the_spread_of_features_is_their_distance_from_the_mean_by_their_length():
    apart = torch.tensor([[3.0, 0.0], [-3.0, 0.0]])
    assert float(spread_of(apart)) == pytest.approx(1.0)
    near = torch.tensor([[4.0, 3.0], [4.0, -3.0]])  # 3 from (4, 0), 5 long
    assert float(spread_of(near)) == pytest.approx(0.6)
    assert float(spread_of(near[:1].repeat(5, 1))) == pytest.approx(0.0, abs=1e-6)


def test_features_that_became_one_are_told_at_the_end(tmp_path, caplog):
    method = ready(tmp_path)
    batch = method.sample_batch(np.random.default_rng(0))
    losses = {name: value.item() for name, value in method.training_step(batch, 0).items()}
    assert losses["spread"] > COLLAPSED
    method.on_train_end(losses)
    assert not caplog.records
    torch.nn.init.zeros_(method.network.norm.weight)  # every token is the norm's bias then
    torch.nn.init.ones_(method.network.norm.bias)
    losses = {name: value.item() for name, value in method.training_step(batch, 0).items()}
    assert losses["triplet"] == pytest.approx(0.0, abs=1e-5)
    method.on_train_end(losses | {"identity": 0.5 * losses["identity"]})  # small differences tell
    assert not caplog.records
    method.on_train_end(losses)
    assert "nearly the same features" in caplog.text
    assert "Set bn_neck to true or triplet_margin to soft" in caplog.text
