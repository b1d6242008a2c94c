"""``crossband embed``: every body of a stage, or face of people, by what the project trained."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
from face_rows import write_rows
from people_rows import body_row
from test_bodies_stages import built, trained
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import StageError
from pipeline.ops.codec import decode
from pipeline.schemas.crop_bodies import CROP_BODIES
from pipeline.store import ShardFolder
from pipeline.training.engine.trained import load_trained, save_trained
from pipeline.weights.verify import sha256_of

__all__ = ["built", "trained"]


def embedded(folder, by):
    done = CliRunner().invoke(app, ["embed", folder, "--by", by, "--to", "out.parquet"])
    if done.exception:
        raise done.exception
    return pq.read_table("out.parquet").to_pylist()


def test_all_bodies_of_a_stage_are_embedded_as_the_evaluation_does_by_the_file_alone(trained):
    table = pq.read_table("data/scenes/evaluate_bodies/full/embeddings.parquet").to_pylist()
    wanted = {row["sample_id"]: row["embedding"] for row in table}
    shutil.rmtree("data/trained/pretrain_bodies")
    rows = embedded("data/scenes/crop_bodies", "train_bodies@full")
    assert len(rows) == 7 * 4 * 2 - 2  # those who train, too
    found = {f"{r['sample_id'].partition('#')[0]}#{r['subject_id']}": r["embedding"] for r in rows}
    assert wanted.keys() == {name for name in found if name.startswith("test-")}
    for name, vector in wanted.items():
        np.testing.assert_allclose(found[name], vector, rtol=1e-4, atol=1e-5)


def test_bodies_of_nobody_known_are_embedded_and_another_cut_is_refused(trained):
    crop = body_row("photo", "x", "LWIR") | {"subject_id": None, "split": None}
    for dataset, policy in (("mine", "stretch"), ("wide", "pad")):
        write_rows(Path("data", dataset, "crop_bodies"), CROP_BODIES, [crop | {"policy": policy}])
    (row,) = embedded("data/mine/crop_bodies", "pretrain_bodies@vis")
    assert (row["subject_id"], row["band"], len(row["embedding"])) == (None, "LWIR", 2 * 192)
    Path("out.parquet").unlink()
    with pytest.raises(StageError, match=r"48×16 pixels .stretch., these have 48×16 .pad."):
        embedded("data/wide/crop_bodies", "pretrain_bodies@vis")


def test_a_network_of_an_earlier_version_is_to_be_trained_again(trained):
    path = Path("data/trained/train_bodies/full/fold-01/network.pt")
    network = load_trained(path)
    params = {name: value for name, value in network.params.items() if name != "network"}
    save_trained(replace(network, params=params), path)
    with pytest.raises(StageError, match=r"say what the network is built as.* train it again"):
        embedded("data/scenes/crop_bodies", "train_bodies@full")


def test_faces_of_people_are_embedded_as_their_exported_network_does(trained):
    trained.edit(pretrain_bodies={"face_vis": {"steps": 0}}, train_bodies={"face": {"steps": 0}})
    trained.run("pretrain_bodies", "face_vis")
    trained.run("train_bodies", "face")
    rows = embedded("data/scenes/crop_bodies", "train_bodies@face")
    assert len(rows) == 7 * 4 * 2 - 2 - 3 * 2  # nobody found, and three whose face is too small
    CliRunner().invoke(app, ["export-model", "train_bodies@face", "--to", "out"])
    session = onnxruntime.InferenceSession("out/model.onnx", providers=["CPUExecutionProvider"])
    crops = ShardFolder.open("data/scenes/crop_bodies").table(["sample_id", "face"]).to_pylist()
    faces = {crop["sample_id"]: crop["face"] for crop in crops}
    shown = [decode(faces[row["sample_id"]]["bytes"]).transpose(2, 0, 1) for row in rows]
    (wanted,) = session.run(None, {"images": np.stack(shown)})
    found = np.array([row["embedding"] for row in rows])
    assert np.abs(found - wanted).max() < 1e-3 * np.linalg.norm(wanted, axis=1).max()
    network = {"path": "out/model.onnx", "sha256": sha256_of(Path("out/model.onnx"))}
    trained.edit(evaluate_bodies={"full": {"network": network}})
    with pytest.raises(StageError, match="trained on crops of face_box, these are of stretch"):
        trained.run("evaluate_bodies", "full")
