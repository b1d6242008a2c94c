"""PRAM's ONNX file takes aligned crops and the crops of their parts, and embeds as PRAM does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from face_rows import face_row, open_rows

from pipeline.errors import StageError
from pipeline.params.evaluation import NetworkParams
from pipeline.params.load import load_params
from pipeline.schemas.parts import PARTS
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.pram import Pram
from pipeline.training.own_network import by_file
from pipeline.training.portable import portable_method, write_portable
from pipeline.training.train import build_method
from pipeline.weights.verify import sha256_of


@pytest.fixture
def pram_by_file(tmp_path, request):
    """PRAM with the weights it starts from, and its file."""
    params = load_params(request.config.rootpath / "params.yaml").train_nir_vis["pram_cat"]
    start = Trained("start", "lightcnn9", (144, 144), "arcface144", {}, "k", [], {})
    method = build_method(params, start, with_weights=False).eval()
    whole = replace(start, weights=method.network.state_dict())
    path = write_portable(portable_method(whole, params), tmp_path / "out", measured={})[1]
    return method, by_file(path, NetworkParams(path=path.name, sha256=sha256_of(path)), "cpu")


@pytest.mark.parametrize("mirror", [False, True])
def test_prams_file_takes_faces_and_parts_as_pram_does(tmp_path, pram_by_file, mirror):
    """Of the second face no mouth was found."""
    method, embed = pram_by_file
    rows = [face_row("a", "s0"), face_row("b", "s1", missing=("mouth",)), face_row("c", "s2")]
    samples = open_rows(tmp_path / "rows", PARTS, rows, images=Pram.images, extras=("template",))
    chosen = np.array([2, 0, 1])
    with torch.no_grad():
        given = method.network_inputs(samples, chosen)
        wanted = method.embed(method.mirrored(given) if mirror else given).numpy()
    found = embed(samples, chosen, mirror)
    assert np.abs(found - wanted).max() < 1e-5 * np.linalg.norm(wanted, axis=1).max()


def test_rows_without_crops_of_parts_are_told_to_prams_file(tmp_path, pram_by_file):
    samples = open_rows(tmp_path / "rows", PARTS, [face_row("a", "s0")], extras=("template",))
    with pytest.raises(StageError, match="samples have no left_eye: expected rows of the stage"):
        pram_by_file[1](samples, np.array([0]), False)
