"""DMFR's methods and their baselines: what a batch holds, what is lost, and that it falls."""

import numpy as np
import pytest
import torch
from dmfr_rows import folders_of, rows_of
from pydantic import TypeAdapter
from short_params import PARAMS, SHORT
from torch import nn

from models.dmfr.filter import filter_loss
from pipeline.errors import StageError
from pipeline.params.train_dmfr import AnyDmfrParams
from pipeline.training import dmfr
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.loop import train
from pipeline.training.engine.method import TOTAL
from pipeline.training.methods import load_method
from pipeline.training.modality import HeldOut, table_1

BASE = SHORT | {
    "batch_images": 8,
    "ratio": (1, 1),
    "scale": 8.0,
    "learning_rate": 0.05,
    "max_gradient_norm": None,
}
OWN = {
    "plain": {"loss": "am_softmax"},
    "separate": {},
    "meta": {"meta_rate": 0.1, "meta_weight": 0.5, "meta_test_images": 2, "first_order": False},
    "disentangle": {
        "reconstruction_weight": 1.0,
        "reconstruction": "mse",
        "dimensions": 8,
        "map_channels": 8,
    },
    "filter": {"filter_weight": 1.0, "paired_images": 3, "detach_target": True},
    "dul": {"divergence_weight": 0.01},
    "confidence": {},
    "mixup": {},
    "reversal": {"reversal_weight": 0.1},
}
OWN["meta"]["halves"] = False
SHARED = {
    name: value
    for name, value in PARAMS.train_dmfr["filter"].model_dump().items()
    if name not in ("kind", "filter_weight", "paired_images", "detach_target")
}
PREPROCESS = Preprocess(grey=True, hw=(160, 128), offset=100.0, divisor=100.0)
ANY = TypeAdapter(AnyDmfrParams)


def params_of(kind, **changes):
    return ANY.validate_python(SHARED | BASE | OWN[kind] | {"kind": kind} | changes)


class TinyMap(nn.Module):
    """A backbone with a map of 4 × 5 × 4."""

    dimensions, map_channels, map_hw = 8, 4, (5, 4)

    def __init__(self):
        super().__init__()
        self.convolution = nn.Sequential(nn.Conv2d(1, 4, 32, 32), nn.BatchNorm2d(4))
        self.linear = nn.Linear(80, 8)

    def feature_map(self, x):
        return self.convolution(x)

    @property
    def last_layer(self):
        return self.linear

    def from_map(self, feature_map):
        return self.linear(feature_map.flatten(1))

    def forward(self, x):
        return self.from_map(self.feature_map(x))


class Mapless(nn.Sequential):
    dimensions = 8


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return folders_of(tmp_path_factory.mktemp("stages"), rows_of(["a", "b", "c", "d"]))


def method_of(kind, folders, *, backbone=None, **changes):
    params = params_of(kind, **changes)
    torch.manual_seed(0)
    method = load_method(kind)(params, backbone or TinyMap(), PREPROCESS)
    samples = dmfr.open_training_samples(
        params, {name: folders[name] for name in dmfr.stages_read(params)}
    )
    method.train_on(samples)
    return method


@pytest.mark.parametrize("kind", OWN)
def test_training_lowers_the_loss_and_the_network_embeds(kind, folders, tmp_path):
    method = method_of(kind, folders, generators=("head_mesh", "cyclegan"), steps=40)
    run = train(method, label="test", key="", checkpoint=tmp_path / "checkpoint.pt")
    assert run.curve[-1][TOTAL] < 0.8 * run.curve[0][TOTAL]
    method.eval()
    images = method.network_inputs(method._samples, np.arange(3))
    embedded = method.embed(images)
    assert embedded.shape == (3, 8)
    assert torch.isfinite(embedded).all()


@pytest.mark.parametrize("kind", OWN)
def test_a_batch_is_of_the_generator_and_nothing_else(kind, folders):
    method = method_of(kind, folders)
    one, same, other = (method.sample_batch(np.random.default_rng(n)) for n in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])
    assert one[0].shape == (8, 1, 160, 128)


@pytest.mark.parametrize("ratio", [(1, 0), (1, 1), (1, 3)])
def test_synthetic_samples_come_in_their_ratio(folders, ratio):
    method = method_of("plain", folders, ratio=ratio)
    _, _, roles = method.sample_batch(np.random.default_rng(0))
    part = 8 // sum(ratio)
    assert int((roles == 0).sum()) == part * ratio[0]
    assert set(dmfr.stages_read(method.params)) == (
        {"attributes", "poses"} if ratio[1] else {"attributes"}
    )


def test_processes_share_out_each_role(folders):
    method = method_of("meta", folders, generators=("head_mesh", "photometric"))
    whole = method.sample_batch(np.random.default_rng(3))
    parts = []
    method.world_size = 2
    for rank in range(2):
        method.rank = rank
        parts.append(method.sample_batch(np.random.default_rng(3)))
    for number in range(3):
        mine = torch.cat([part[1][part[2] == number] for part in parts])
        assert sorted(mine.tolist()) == sorted(whole[1][whole[2] == number].tolist())
    assert [len(part[1]) for part in parts] == [4, 4]


def test_both_faces_of_a_pair_are_cut_alike(folders):
    method = method_of("filter", folders)
    roles = method.sampler.draw(np.random.default_rng(0))
    corners = method.corners(np.random.default_rng(1), roles)
    assert (corners[0] == corners[2]).all()
    assert len({tuple(corner) for corner in np.concatenate(corners).tolist()}) > 2


def test_the_losses_of_the_filter_are_those_of_the_definition(folders):
    method = method_of("filter", folders).eval()
    images, labels, roles = batch = method.sample_batch(np.random.default_rng(0))
    torch.nn.init.normal_(method.network.filter.output.weight)
    losses = method.training_step(batch, 0)
    with torch.no_grad():
        features = method.network(images)
        made = method.network.filter(features)
        real = roles < 2
        apart = filter_loss(made[roles == 2], features[roles == 0], detach=True)
        each = [
            head.each(x[which], labels[which], 8.0)
            for head, x, which in (
                (method.real_head, features, real),
                (method.made_head, made, ~real),
            )
        ]
    assert losses["filter"].item() == pytest.approx(apart.item())
    assert losses["classify"].item() == pytest.approx(torch.cat(each).mean().item(), rel=1e-5)
    assert losses[TOTAL].item() == pytest.approx((losses["classify"] + apart).item())


def test_what_was_made_has_no_part_in_the_classifier_of_real_faces(folders):
    method = method_of("separate", folders)
    losses = method.training_step(method.sample_batch(np.random.default_rng(0)), 0)
    losses["synthetic"].backward()
    assert method.real_head.weight.grad is None
    assert method.made_head.weight.grad is not None


def test_disentangling_weighs_both_losses_and_classifies_by_identity(folders):
    method = method_of("disentangle", folders, reconstruction_weight=0.25).eval()
    batch = method.sample_batch(np.random.default_rng(0))
    losses = method.training_step(batch, 0)
    total = losses["classify"] + 0.25 * losses["reconstruct"]
    assert losses[TOTAL].item() == pytest.approx(total.item())
    by_hand = method.head(method.network(batch[0]), batch[1])
    assert losses["classify"].item() == pytest.approx(by_hand.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["l2", "mse"])
def test_the_length_of_the_map_changes_no_loss_of_disentangling(kind, folders):
    method = method_of("disentangle", folders, reconstruction=kind).eval()
    batch = method.sample_batch(np.random.default_rng(0))
    first = method.training_step(batch, 0)
    with torch.no_grad():
        method.network.spread.weight.mul_(100.0)
        method.network.spread.bias.mul_(100.0)
        for trunk in (method.network.entangled, method.network.other):  # they see it as before
            trunk[0].running_mean.mul_(100.0)
            trunk[0].running_var.mul_(100.0**2)
    again = method.training_step(batch, 0)
    for name in ("classify", "reconstruct", "unexplained"):
        assert again[name].item() == pytest.approx(first[name].item(), rel=1e-2)


@pytest.mark.parametrize(
    ("kind", "way_out"),
    [("mse", "set reconstruction to l2"), ("l2", "raise reconstruction_weight")],
)
def test_a_decoder_that_knows_no_more_than_a_mean_map_is_told(folders, caplog, kind, way_out):
    method = method_of("disentangle", folders, reconstruction=kind)
    losses = method.training_step(method.sample_batch(np.random.default_rng(0)), 0)
    assert losses["unexplained"].item() > 0.0
    method.on_train_end({"unexplained": 0.9})
    assert not caplog.records
    with caplog.at_level("WARNING"):
        method.on_train_end({"unexplained": 1.5})
    assert "error is 1.5 of that of a mean map" in caplog.text
    assert f"train longer, or {way_out}" in caplog.text


def test_an_only_domain_is_halved_if_that_is_asked(folders):
    with pytest.raises(StageError, match="set halves to true"):
        method_of("meta", folders, generators=("photometric",))
    method = method_of("meta", folders, generators=("photometric",), halves=True)
    assert len(method.sampler.domains.names) == 2


def test_the_filter_is_measured_on_what_its_own_generators_made(folders, tmp_path):
    """Table 1 is the same whether faces of other generators lie beside, or were never made."""
    rows = rows_of(["e", "f", "g"], "test")
    method = method_of("filter", folders)
    assert method.params.generators == ("head_mesh",)
    nn.init.normal_(method.network.filter.output.weight)
    tables = []
    for name, made in (("all", rows), ("own", rows | {"degrade": []})):
        opened = folders_of(tmp_path / name, made)
        held = HeldOut.of(dmfr.open_held_out(method.params, opened, 6, 1), method.params)
        ids = held.samples.sample_ids.tolist()
        features = [np.random.default_rng(sum(map(ord, str(i)))).normal(size=8) for i in ids]
        tables.append(table_1(method, held, np.float32(features)))
    assert set(held.generators) == {"real", "head_mesh"}
    assert tables[0] == tables[1]
    assert tables[0]["real_and_synthetic"] != tables[0]["real_and_filtered"]


@pytest.mark.parametrize("kind", ["disentangle", "dul", "confidence"])
def test_a_backbone_without_a_map_is_refused_with_those_that_have_one(kind, folders):
    backbone = Mapless(nn.Flatten(), nn.Linear(160 * 128, 8))
    with pytest.raises(StageError, match=r"Mapless has no feature map.*lightcnn9, iresnet18"):
        method_of(kind, folders, backbone=backbone)


def test_a_collapsed_variance_is_told_with_its_spread(folders, caplog):
    method = method_of("dul", folders)
    method.on_train_end({"sigma": 0.5, "sigma_spread": 0.1})
    assert not caplog.records
    with caplog.at_level("WARNING"):
        method.on_train_end({"sigma": 0.5, "sigma_spread": 0.0001})
    assert "collapsed: in the last steps σ is 0.5 with a spread of 0.0001" in caplog.text


def test_a_loss_that_is_not_finite_stops_the_training(folders, tmp_path):
    method = method_of("meta", folders, generators=("head_mesh", "cyclegan"))
    method.head.weight.data[0, 0] = torch.nan
    with pytest.raises(StageError, match="expected finite losses"):
        train(method, label="test", key="", checkpoint=tmp_path / "checkpoint.pt")


def test_one_person_is_too_few_to_tell_apart(tmp_path):
    folders = folders_of(tmp_path, rows_of(["a"]))
    with pytest.raises(StageError, match=r"1 training subjects have images in VIS: .*at least 2"):
        method_of("plain", folders)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("plain", {"batch_images": 8, "ratio": (1, 2)}, "can't be dealt out 1 to 2"),
        ("plain", {"yaw_edges_deg": (5.0, -5.0)}, "expected rising values"),
        ("plain", {"generators": ()}, "name some, or set ratio"),
        ("meta", {"ratio": (1, 0)}, "expected synthetic samples in a batch"),
        ("meta", {"meta_test_images": 4}, "expected fewer than the 4 synthetic"),
        ("filter", {"paired_images": 5}, "no more than the 4 real or synthetic"),
        ("filter", {"generators": ("cyclegan",)}, "expected head_mesh among them, as a filter"),
        ("mixup", {"ratio": (1, 3)}, "expected two equal numbers, as mixup"),
    ],
)
def test_params_that_make_no_sense_are_refused(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        params_of(kind, **changes)


def test_a_training_of_the_aligned_crop_reads_that(folders):
    params = params_of("plain", crop="image")
    samples = dmfr.open_training_samples(params, folders)
    assert samples.images == ("image",)
    assert samples.hw == (144, 144)
    assert isinstance(samples, SampleSet)
