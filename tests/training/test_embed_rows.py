"""``crossband embed``: every face of a stage, by what the project trained."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from face_rows import face_row, write_rows
from torchvision.transforms.functional import rgb_to_grayscale
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError, StageError
from pipeline.ops.codec import decode
from pipeline.schemas.align import ALIGN
from pipeline.training.backbones import make_backbone
from pipeline.training.engine.trained import load_trained, network_path

ROWS = [
    face_row("photos/1", "anna"),
    face_row("photos/2", "bob", "NIR"),
    face_row("photos/3", "unknown") | {"subject_id": None, "split": None},
]
BACKBONE = "pretrain_nir_vis@lightcnn9"


def embed(*words):
    done = CliRunner().invoke(app, ["embed", *words, "--to", "out.parquet"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_a_backbone_embeds_every_aligned_face_of_another_data_set(trained_sample):
    """By torchvision's grey: LightCNN takes the middle 128 pixels of the crop, in 0 to 1."""
    write_rows(Path("data/photos/align"), ALIGN, ROWS)
    printed = embed("data/photos/align", "--by", BACKBONE)
    assert printed.startswith("out.parquet: 3 embeddings of 32 numbers, by pretrain_nir_vis@")
    made = pq.read_table("out.parquet").to_pylist()
    known = [(row["sample_id"], row["subject_id"], row["band"], row["split"]) for row in made]
    assert known == [
        ("photos/1", "anna", "VIS", "train"),
        ("photos/2", "bob", "NIR", "train"),
        ("photos/3", None, "VIS", None),
    ]
    trained = load_trained(network_path("pretrain_nir_vis", "lightcnn9"))
    network = make_backbone("lightcnn9", (144, 144), 0)
    network.load_state_dict(dict(trained.weights))
    for row, found in zip(ROWS, made, strict=True):
        crop = torch.from_numpy(decode(row["image"]["bytes"])).permute(2, 0, 1)
        grey = rgb_to_grayscale(crop)[:, 8:136, 8:136]
        with torch.no_grad():
            wanted = network.eval()(grey[None] / 255)[0]
        np.testing.assert_allclose(found["embedding"], wanted.numpy(), rtol=1e-3, atol=1e-4)


def test_a_method_embeds_as_its_evaluation_does(trained_sample):
    trained_sample.run("evaluate_nir_vis", "pram_cat-VIS-NIR")
    wanted = trained_sample.embeddings("sample", "pram_cat-VIS-NIR")
    embed("data/sample/parts", "--by", "train_nir_vis@pram_cat")
    rows = pq.read_table("out.parquet").to_pylist()
    found = {row["sample_id"]: np.array(row["embedding"]) for row in rows}
    assert len(found) == 20  # trained people, too
    for name, vector in wanted.items():
        np.testing.assert_allclose(found[name], vector, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_embedded_is_refused_before_anything_is_written(trained_sample):
    write_rows(Path("data/photos/align"), ALIGN, ROWS)
    write_rows(Path("data/wide/align"), ALIGN, [ROWS[0] | {"template": "arcface112"}])
    for words, error, message in (
        (("data/photos/align", "--by", "hsst"), ParamsError, "'hsst': expected a training"),
        (("data/photos/parse", "--by", BACKBONE), StageError, "data/photos/parse"),
        (
            ("data/wide/align", "--by", BACKBONE),
            StageError,
            "144×144 pixels aligned by arcface144, these have .* are aligned by arcface112",
        ),
        (
            ("data/photos/align", "--by", "train_nir_vis@pram_cat"),
            StageError,
            "has no column 'labels', 'left_eye', .* which the method Pram asks for",
        ),
        (
            ("data/photos/align", "--by", "train_dmfr@meta"),
            StageError,
            "train_dmfr/meta/network.pt is missing: run the stage that trains it",
        ),
    ):
        with pytest.raises(error, match=message):
            embed(*words)
    assert not Path("out.parquet").exists()


def test_a_file_that_is_there_is_replaced_only_if_asked(trained_sample):
    write_rows(Path("data/photos/align"), ALIGN, ROWS)
    Path("out.parquet").write_text("mine")
    with pytest.raises(StageError, match=r"out\.parquet exists: name another file, or .*overwrite"):
        embed("data/photos/align", "--by", BACKBONE)
    assert Path("out.parquet").read_text() == "mine"
    embed("data/photos/align", "--by", BACKBONE, "--overwrite")
    assert len(pq.read_table("out.parquet")) == 3


def test_a_file_of_another_format_is_refused():
    done = CliRunner().invoke(app, ["embed", "data/a/align", "--by", BACKBONE, "--to", "out.npy"])
    assert "out.npy: expected the extension .parquet" in str(done.exception)
