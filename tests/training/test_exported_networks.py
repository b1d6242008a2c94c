"""What ``export-model`` wrote, as the network of an evaluation: it embeds as the method does."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from face_rows import face_row, open_rows
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import StageError
from pipeline.params.evaluation import NetworkParams
from pipeline.params.load import load_params
from pipeline.schemas.parts import PARTS
from pipeline.store import ShardFolder
from pipeline.store.protocols import read_protocol
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.pram import Pram
from pipeline.training.origin import Origin
from pipeline.training.own_network import by_file
from pipeline.training.portable import portable_method, write_portable
from pipeline.training.train import build_method
from pipeline.training.zero_shot import open_faces
from pipeline.weights.verify import sha256_of


@pytest.mark.parametrize("name", ["hsst", "pram_cat"])
def test_a_network_that_export_model_wrote_stands_in_a_table_as_its_method_does(
    trained_sample, name
):
    done = CliRunner().invoke(app, ["export-model", f"train_nir_vis@{name}", "--to", "out"])
    assert done.exit_code == 0, done.output
    network = {"path": "out/model.onnx", "sha256": sha256_of(Path("out/model.onnx"))}
    trained_sample.edit(evaluate_nir_vis={f"{name}-VIS-NIR": {"network": network}})
    trained_sample.run("evaluate_nir_vis", f"{name}-VIS-NIR")
    metrics = trained_sample.metrics("sample", "evaluate_nir_vis", f"{name}-VIS-NIR")
    assert metrics["network"]["rank1"] == metrics["rank1"]
    assert metrics["network"]["eer"] == metrics["eer"]
    wanted = trained_sample.embeddings("sample", f"{name}-VIS-NIR")
    folder = ShardFolder.open("data/sample/parts")
    for each in open_faces(folder, folder, read_protocol(Path("data/sample/protocols/VIS-NIR")), 9):
        embed = by_file(Path("out/model.onnx"), NetworkParams(**network), "cpu")
        found = embed(each.samples, np.arange(len(each.samples)), False)
        for name, vector in zip(each.names, found, strict=True):
            np.testing.assert_allclose(vector, wanted[name], rtol=1e-3, atol=1e-4)


def test_a_users_network_is_compared_with_a_method_probe_by_probe(trained_sample):
    """PRAM's own file finds whom PRAM finds; the other rows have the rank-1 of their table."""
    CliRunner().invoke(app, ["export-model", "train_nir_vis@pram_cat", "--to", "out"])
    network = {"path": "out/model.onnx", "sha256": sha256_of(Path("out/model.onnx"))}
    trained_sample.edit(evaluate_nir_vis={"pram_cat-VIS-NIR": {"network": network}})
    trained_sample.run("evaluate_nir_vis", "pram_cat-VIS-NIR")
    metrics = trained_sample.metrics("sample", "evaluate_nir_vis", "pram_cat-VIS-NIR")

    def said(*words):
        return CliRunner().invoke(app, ["compare", *words], catch_exceptions=False).output

    alike = said("pram_cat-VIS-NIR/network", "evaluate_nir_vis@pram_cat-VIS-NIR")
    assert "2 probes of 2 subjects" in alike
    assert "found by pram_cat-VIS-NIR/network alone: 0, by" in alike
    for row in ("sface", "untrained", "pretrained", "trained"):
        rank1 = metrics.get(row, metrics)["rank1"]["value"]
        assert f"rank-1: pram_cat-VIS-NIR/{row} {100 * rank1:.1f} %" in said(
            f"pram_cat-VIS-NIR/{row}", "pram_cat-VIS-NIR"
        )
    trained_sample.edit(evaluate_nir_vis={"pram_cat-VIS-NIR": {"network": None}})
    trained_sample.run("evaluate_nir_vis", "pram_cat-VIS-NIR")  # its row is of no table any more
    there = "expected one of ['pretrained', 'sface', 'trained', 'untrained']"
    with pytest.raises(StageError, match=re.escape(there)):
        said("pram_cat-VIS-NIR/network", "pram_cat-VIS-NIR")


def test_embeddings_of_ones_own_stand_for_an_evaluation(trained_sample):
    """As `crossband embed` writes them, or pandas: no fold, no side, and numbers of 64 bits."""
    trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    Path("mine").mkdir()
    words = ["embed", "data/sample/parts", "--by", "train_nir_vis@hsst"]
    CliRunner().invoke(app, [*words, "--to", "mine/embeddings.parquet"], catch_exceptions=False)
    same = CliRunner().invoke(app, ["compare", "mine", "hsst-VIS-NIR"], catch_exceptions=False)
    assert "2 probes of 2 subjects" in same.output
    assert "difference: +0.0" in same.output
    ids = [f"{who}.{n}" for who in ("e0", "e1") for n in ("0.VIS", "1.NIR")]
    rows = [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.9, 0.1]]  # the second probe is nearer to e0
    own = {"sample_id": ids, "embedding": pa.array(rows, pa.list_(pa.float64()))}
    pq.write_table(pa.table(own), "mine/embeddings.parquet")
    half = CliRunner().invoke(app, ["compare", "mine", "hsst-VIS-NIR"], catch_exceptions=False)
    assert "rank-1: mine 50.0 %" in half.output
    pq.write_table(pa.table({"id": ids}), "mine/embeddings.parquet")
    with pytest.raises(StageError, match=r"expected the columns sample_id and embedding.*\['id'\]"):
        CliRunner().invoke(app, ["compare", "mine", "hsst-VIS-NIR"], catch_exceptions=False)
    own["sample_id"] = [f"{name}.png" for name in ids]
    pq.write_table(pa.table(own), "mine/embeddings.parquet")
    with pytest.raises(StageError, match="embedding"):
        CliRunner().invoke(app, ["compare", "mine", "hsst-VIS-NIR"], catch_exceptions=False)


def test_a_network_that_export_model_wrote_refuses_faces_of_another_template(trained_sample):
    CliRunner().invoke(app, ["export-model", "pretrain_nir_vis@lightcnn9", "--to", "out"])
    path = Path("out/model.onnx")
    row = face_row("a", "s0") | {"template": "lightcnn144"}
    samples = open_rows(Path("rows"), PARTS, [row], extras=("template",))
    embed = by_file(path, NetworkParams(path=str(path), sha256=sha256_of(path)), "cpu")
    with pytest.raises(StageError, match="crops of arcface144, these are of lightcnn144"):
        embed(samples, np.array([0]), False)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('{"web": {"subjects": 9}, "a\\u001b": {"subjects": 1}}', "9 people of 'web' and 1 people"),
        *((text, None) for text in ("{}", "[]", "no", '{"a": 3}', '{"a": {"subjects": "x"}}')),
        ("[" * 100_000, None),
    ],
)
def test_a_file_tells_who_trained_it_where_it_says_so(tmp_path, caplog, told, said):
    """What another project wrote is shown, and breaks nothing."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    path = tmp_path / "model.onnx"
    torch.onnx.export(
        network,
        (torch.zeros(2, 3, 2, 2),),
        str(path),
        input_names=["images"],
        dynamic_axes={"images": {0: "n"}},
        dynamo=False,
    )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"crossband.trained_on": told})
    onnx.save(model, path)
    params = NetworkParams(path=path.name, sha256=sha256_of(path), offset=0.0, divisor=255.0)
    with caplog.at_level("INFO"):
        by_file(path, params, "cpu")
    if said is None:
        assert "was trained on" not in caplog.text
    else:
        assert f"was trained on {said}" in caplog.text
        assert "\x1b" not in caplog.text


@pytest.fixture
def pram_by_file(tmp_path, request):
    """PRAM with the weights it starts from, and its file."""
    params = load_params(request.config.rootpath / "params.yaml").train_nir_vis["pram_cat"]
    start = Trained("start", "lightcnn9", (144, 144), "arcface144", {}, "k", [], {})
    method = build_method(params, start, with_weights=False).eval()
    whole = replace(start, weights=method.network.state_dict())
    path = write_portable(
        portable_method(whole, params), tmp_path / "out", measured={}, origin=Origin()
    )[1]
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
