"""Trained networks leave as safetensors and ONNX, and embed there as here."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from narrow import WHOLE, built
from safetensors import safe_open
from torch import nn
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ExportError, ParamsError
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.load import load_params, load_section
from pipeline.training import portable
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.engine.trained import Trained, network_path, save_trained
from pipeline.training.origin import Images, Origin
from pipeline.training.portable import (
    TOLERANCE,
    Portable,
    compared,
    portable_backbone,
    portable_method,
    write_portable,
)
from pipeline.training.train import build_method

PARAMS = "params.yaml"


def trained(name, backbone, hw, network):
    subjects = ["sample/a", "sample/b"]
    return Trained(name, backbone, hw, "arcface144", {"kind": "x"}, "k" * 8, subjects, network)


@pytest.mark.parametrize(
    ("backbone", "hw"), [("lightcnn9", (144, 144)), ("mobilefacenet", (112, 112))]
)
def test_a_backbone_takes_aligned_crops_and_embeds_as_torch_does(tmp_path, backbone, hw):
    with built(*WHOLE):
        network = make_backbone(backbone, hw, 3)
        leaving = portable_backbone(trained("pretrain@x", backbone, hw, network.state_dict()))
    files = write_portable(leaving, tmp_path, measured={}, origin=Origin())
    assert [file.name for file in files] == ["model.safetensors", "model.onnx", "README.md"]
    crops = np.random.default_rng(1).integers(0, 256, (5, 3, *hw), np.uint8)
    session = onnxruntime.InferenceSession(str(files[1]), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": crops})
    preprocess = backbone_named(backbone).preprocess
    with torch.no_grad():
        values = preprocess.values(preprocess.cut(torch.from_numpy(crops)))
        wanted = network.eval()(values).numpy()
    assert np.abs(found - wanted).max() < 1e-3 * np.linalg.norm(wanted, axis=1).max()


def test_the_safetensors_file_holds_every_weight_and_what_it_is(tmp_path):
    network = make_backbone("mobilefacenet", (112, 112), 3)
    leaving = portable_backbone(
        trained("pretrain@x", "mobilefacenet", (112, 112), network.state_dict())
    )
    write_portable(leaving, tmp_path, measured={}, origin=Origin())
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        for name, value in network.state_dict().items():
            assert torch.equal(file.get_tensor(name), value)
        assert file.metadata()["template"] == "arcface144"
        assert json.loads(file.metadata()["params"]) == {"kind": "x"}


@pytest.mark.parametrize("name", ["pram_cat", "hsst"])
def test_a_methods_network_leaves_with_its_card(tmp_path, name, request):
    params = load_params(request.config.rootpath / PARAMS).train_nir_vis[name]
    start = trained("start", "lightcnn9", (144, 144), {})
    method = build_method(params, start, with_weights=False)
    state = method.network.state_dict()
    leaving = portable_method(
        trained(f"train_nir_vis@{name}", "lightcnn9", (144, 144), state), params
    )
    origin = Origin({"sample": Images(2, 0, {"VIS": 3}, 3, {"MIT": 3})})
    files = write_portable(leaving, tmp_path, measured={"mine": {"rank1": 0.5}}, origin=origin)
    assert compared(leaving, files[1]) < 1e-3
    card = files[2].read_text()
    assert card.startswith(f"# train_nir_vis@{name}\n")
    assert "sample (2 subjects)" in card
    assert '- mine: `{"rank1": 0.5}`' in card
    assert "input `images` | (n, 3, 144, 144), uint8" in card
    assert ("input `parts` | (n, 4, 128, 128), uint8" in card) == (name == "pram_cat")


@pytest.mark.parametrize("row", ["finetuned", "rm", "rgm"])
def test_a_row_on_whole_faces_leaves_with_aligned_crops_alone(tmp_path, row, request):
    file = request.config.rootpath / "ablations/params.yaml"
    params = load_section(NirVisAblationParams, file).rows[row].method
    method = build_method(params, trained("start", "lightcnn9", (144, 144), {}), with_weights=False)
    leaving = portable_method(
        trained(f"row@{row}", "lightcnn9", (144, 144), method.network.state_dict()), params
    )
    files = write_portable(leaving, tmp_path, measured={}, origin=Origin())
    crops = np.random.default_rng(1).integers(0, 256, (4, 3, 144, 144), np.uint8)
    session = onnxruntime.InferenceSession(str(files[1]), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": crops})
    with torch.no_grad():
        faces = method.preprocess.values(method.preprocess.cut(torch.from_numpy(crops)))
        wanted = method.network.eval()(faces[:, None]).embedding.numpy()
    assert np.abs(found - wanted).max() < TOLERANCE * np.linalg.norm(wanted, axis=1).max()


def test_a_method_of_several_inputs_is_refused(request):
    entries = load_params(request.config.rootpath / PARAMS).train_bodies
    params = next(iter(entries.values()))
    with pytest.raises(ExportError, match="takes more than one image of a sample"):
        portable_method(trained("train_bodies@x", "x", (384, 128), {}), params)


def test_a_pretrained_network_of_bodies_is_refused():
    bodies = trained("pretrain_bodies@vis", "semantic_vit", (384, 128), {})
    with pytest.raises(ExportError, match=r"\(semantic_vit\) takes more than one image"):
        portable_backbone(bodies)


class Small(nn.Linear):
    def forward(self, images):
        return super().forward(images.flatten(1) / 255)


def small(seed):
    """A network of a layer."""
    torch.manual_seed(seed)
    network = Small(12, 4)
    whole = trained("x", "none", (2, 2), {})
    return Portable(whole, network, network, {"images": ((3, 2, 2), "")})


def test_another_networks_graph_embeds_otherwise(tmp_path):
    one, other = small(0), small(1)
    file = write_portable(one, tmp_path, measured={}, origin=Origin())[1]
    assert compared(one, file) < TOLERANCE < compared(other, file)


@pytest.mark.parametrize("difference", [1.01 * TOLERANCE, float("nan")])
def test_a_graph_that_embeds_otherwise_is_refused_and_gets_no_card(
    tmp_path, monkeypatch, difference
):
    monkeypatch.setattr(portable, "compared", lambda leaving, path: difference)
    with pytest.raises(ExportError, match=r"embeddings differ by .* use model\.safetensors"):
        write_portable(small(0), tmp_path, measured={}, origin=Origin())
    assert not (tmp_path / "README.md").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "model.onnx", "README.md"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_of_the_users_is_never_replaced(tmp_path, name, overwrite):
    (tmp_path / name).write_text("# My notes")
    with pytest.raises(ExportError, match=f"{name} was not written by .* move it away"):
        write_portable(small(0), tmp_path, measured={}, origin=Origin(), overwrite=overwrite)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["# My notes"]


def test_only_overwrite_writes_beside_files_of_the_users(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=r"the first notes\.txt: .* with --overwrite"):
        write_portable(small(0), tmp_path, measured={}, origin=Origin())
    assert (
        len(write_portable(small(0), tmp_path, measured={}, origin=Origin(), overwrite=True)) == 3
    )
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_whoever_may_read_one_of_the_files_may_read_all(tmp_path):
    files = write_portable(small(0), tmp_path, measured={}, origin=Origin())
    (tmp_path / "plain").touch()
    assert {file.stat().st_mode for file in files} == {(tmp_path / "plain").stat().st_mode}


@pytest.mark.parametrize("lost", [None, "README.md", "model.safetensors"])
def test_what_an_earlier_export_wrote_is_replaced(tmp_path, lost):
    write_portable(small(0), tmp_path, measured={}, origin=Origin())
    if lost:
        (tmp_path / lost).unlink()
    for name in (".model.onnx.partial", ".README.md.0123abcd.partial"):
        (tmp_path / name).touch()  # of one that was killed
    write_portable(small(1), tmp_path, measured={}, origin=Origin())
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor("weight"), small(1).network.state_dict()["weight"])


@pytest.fixture
def project(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    for name in (PARAMS, "weights.yaml"):
        shutil.copy(request.config.rootpath / name, ".")


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["train_nir_vis@hsst"], "train_nir_vis/hsst/fold-01"),
        (["train_nir_vis@hsst", "--fold", "2"], "train_nir_vis/hsst/fold-02"),
        (["train_dmfr@meta"], "train_dmfr/meta"),
        (["pretrain_nir_vis@lightcnn9"], "pretrain_nir_vis/lightcnn9"),
    ],
)
def test_the_network_that_was_asked_for_leaves(project, monkeypatch, words, folder):
    for stage, name, fold in (
        *(("train_nir_vis", "hsst", number) for number in (1, 2)),
        *(("train_dmfr", "meta", number) for number in (None, 1)),
        ("pretrain_nir_vis", "lightcnn9", None),
    ):
        path = network_path(stage, name, fold)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_trained(Trained(str(path.parent), "x", (2, 2), "x", {}, "", [], {}), path)
    monkeypatch.setattr(portable, "portable_backbone", lambda found: found)
    monkeypatch.setattr(portable, "portable_method", lambda found, params: found)
    monkeypatch.setattr(portable, "write_portable", lambda leaving, to, **_: [Path(leaving.name)])
    done = CliRunner().invoke(app, ["export-model", *words, "--to", "out"])
    assert done.output == f"data/trained/{folder}\n"


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ("hsst", "'hsst': expected a training, such as train_nir_vis@<name>"),
        ("align@hsst", "'align@hsst': expected a training, such as"),
        ("evaluate_dmfr@meta-cross-pose", "'evaluate_dmfr@.*': expected a training, such as"),
        ("train_nothing@hsst", "'train_nothing@hsst': expected a training, such as"),
        ("train_nir_vis", "'' is none of train_nir_vis's"),
        ("train_nir_vis@meta", r"'meta' is none of train_nir_vis's \[.*'hsst'.* in params.yaml"),
    ],
)
def test_what_is_no_training_of_the_project_is_refused(project, training, message):
    done = CliRunner().invoke(app, ["export-model", training, "--to", "out"])
    with pytest.raises(ParamsError, match=message):
        raise done.exception
    assert not Path("out").exists()
