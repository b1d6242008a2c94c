"""Trained networks leave as safetensors and ONNX, and embed there as here."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from pipeline.errors import ExportError
from pipeline.params.load import load_params
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.engine.trained import Trained
from pipeline.training.portable import (
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
    network = make_backbone(backbone, hw, 3)
    leaving = portable_backbone(trained("pretrain@x", backbone, hw, network.state_dict()))
    files = write_portable(leaving, tmp_path, measured={})
    assert [file.name for file in files] == ["model.safetensors", "model.onnx", "README.md"]
    crops = np.random.default_rng(1).integers(0, 256, (5, 3, *hw), np.uint8)
    session = onnxruntime.InferenceSession(str(files[1]), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": crops})
    preprocess = BACKBONES[backbone].preprocess
    with torch.no_grad():
        values = preprocess.values(preprocess.cut(torch.from_numpy(crops)))
        wanted = network.eval()(values).numpy()
    assert np.abs(found - wanted).max() < 1e-3 * np.linalg.norm(wanted, axis=1).max()


def test_the_safetensors_file_holds_every_weight_and_what_it_is(tmp_path):
    network = make_backbone("mobilefacenet", (112, 112), 3)
    leaving = portable_backbone(
        trained("pretrain@x", "mobilefacenet", (112, 112), network.state_dict())
    )
    write_portable(leaving, tmp_path, measured={})
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
    files = write_portable(leaving, tmp_path, measured={"mine": {"rank1": 0.5}})
    assert compared(leaving, files[1]) < 1e-3
    card = files[2].read_text()
    assert card.startswith(f"# train_nir_vis@{name}\n")
    assert "sample (2 subjects)" in card
    assert '- mine: `{"rank1": 0.5}`' in card
    shape = "5, 1, 128, 128" if name == "pram_cat" else "3, 144, 144"
    assert f"(n, {shape})" in card


def test_a_method_of_several_inputs_is_refused(request):
    entries = load_params(request.config.rootpath / PARAMS).train_bodies
    params = next(iter(entries.values()))
    with pytest.raises(ExportError, match="takes more than one image of a sample"):
        portable_method(trained("train_bodies@x", "x", (384, 128), {}), params)


def test_a_pretrained_network_of_bodies_is_refused():
    bodies = trained("pretrain_bodies@vis", "semantic_vit", (384, 128), {})
    with pytest.raises(ExportError, match="semantic_vit, which takes more than one image"):
        portable_backbone(bodies)
