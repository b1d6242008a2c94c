"""What users with a network of their own are told to run: its file, its measures, a fold's rows."""

import re
import textwrap
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.errors import StageError
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    template_table,
    train_table,
    write_protocol,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"


def block(page, word):
    """The block of Python that has a word."""
    found = re.findall(r"^( *)```python\n(.*?)^ *```$", (DOCS / page).read_text(), re.M | re.S)
    (text,) = [text for _, text in found if word in text]
    return textwrap.dedent(text)


def test_a_torch_network_becomes_a_file_that_takes_any_number_of_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = torch.nn.Sequential(torch.nn.AvgPool2d(112), torch.nn.Flatten())
    exec(block("methods.md", "torch.onnx.export"), {"network": network})
    session = onnxruntime.InferenceSession("mine.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["n", 3, 112, 112]
    for count in (1, 3):
        images = np.random.default_rng(count).random((count, 3, 112, 112), np.float32)
        (found,) = session.run(None, {"images": images})
        np.testing.assert_allclose(found, images.mean(axis=(2, 3)), rtol=1e-4)


def two_folds(folder, name):
    """Fold 1 trains on a and tests b, fold 2 the other way round; c trains in both."""
    of = {1: "b", 2: "a"}
    sides = (
        template_table([(n, f"{who}.{s}", who, f"{who}.{s}", None, None) for n, who in of.items()])
        for s in ("VIS", "NIR")
    )
    train = [(None, "c.VIS", "c"), *((3 - n, f"{who}.VIS", who) for n, who in of.items())]
    tables = *sides, None, train_table(train)
    write_protocol(folder, Protocol(name, Provenance.DERIVED, "Made up.", *tables))


def test_a_protocol_measures_embeddings_of_ones_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    two_folds(Path("data/sample/protocols"), "VIS-NIR")
    ids = ["a.VIS", "a.NIR", "b.VIS"]  # b's probe was not found, and is a miss
    Path("mine").mkdir()
    table = pa.table({"sample_id": ids, "embedding": [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]})
    pq.write_table(table, "mine/embeddings.parquet")
    text = block("methods.md", "measure_protocol").replace("print(", "metrics = (")
    names = {}
    with pytest.raises(StageError, match="probe"):  # of fold 1 nothing probes at all
        exec(text, names)
    found = pa.table({"sample_id": [*ids, "b.NIR"], "embedding": [[1.0, 0.0]] * 4})
    pq.write_table(found, "mine/embeddings.parquet")
    exec(text, names)
    assert names["metrics"]["rank1"]["folds"] == [1.0, 1.0]


def test_the_rows_of_a_fold_are_those_of_its_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    two_folds(Path("data/casia/protocols"), "view2")
    ids = [f"{who}.{band}" for who in "abc" for band in ("VIS", "NIR")]
    Path("exports/casia").mkdir(parents=True)
    pq.write_table(pa.table({"sample_id": ids}), "exports/casia/train.parquet")
    names = {}
    exec(block("exports.md", "of_fold"), names)
    taken = {name: names[name]["sample_id"] for name in ("train", "gallery", "probes")}
    assert taken == {"train": ["a.VIS", "c.VIS"], "gallery": ["b.VIS"], "probes": ["b.NIR"]}
