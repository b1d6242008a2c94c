"""Where networks compute, and who is told: a CPU stands in for the GPU."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from models.precision import device_of
from pipeline.bodies.body_rows import body_rows
from pipeline.detection import rows as detection
from pipeline.errors import ParamsError
from pipeline.face3d import rows as face3d
from pipeline.params.load import load_params
from pipeline.recognition.rows import attribute_rows
from pipeline.synthesis.degrade.rows import degrade_rows

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("asked", "there", "meant"),
    [("cpu", True, "cpu"), ("cuda", True, "cuda"), ("auto", True, "cuda"), ("auto", False, "cpu")],
)
def test_auto_is_a_gpu_where_there_is_one(monkeypatch, asked, there, meant):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert device_of(asked) == meant


def test_a_gpu_that_is_not_there_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ParamsError, match=r"torch sees no GPU.*set device to auto or cpu"):
        device_of("cuda")
    params = load_params(ROOT / "params.yaml").detect_bodies
    halved = params.model_copy(update={"device": "auto", "precision": "float16"})
    with pytest.raises(ParamsError, match=r"set detect_bodies\.precision to auto"):
        body_rows(halved, ROOT / "no.pt")


def test_another_device_is_refused():
    with pytest.raises(ValueError, match="'tpu' is none of"):
        device_of("tpu")


@pytest.fixture
def told(monkeypatch):
    """What networks were told when they were built."""
    found = []

    def note(*arguments, **options):
        found.append(options)

    monkeypatch.setitem(sys.modules, "pipeline.recognition.sface", SimpleNamespace(SFace=note))
    cyclegan = SimpleNamespace(CycleGanDegrader=note)
    monkeypatch.setitem(sys.modules, "pipeline.synthesis.degrade.cyclegan", cyclegan)
    monkeypatch.setattr(face3d, "make_backend", note)
    monkeypatch.setattr(detection, "make_detector", note)
    return found


def test_each_stage_tells_its_network_the_device(told, tmp_path):
    params = load_params(ROOT / "params.yaml")

    def on_gpu(section):
        return getattr(params, section).model_copy(update={"device": "auto"})

    attribute_rows(on_gpu("attributes"), tmp_path)
    degrade_rows(on_gpu("degrade"), 64, tmp_path)
    face3d.reconstruct_rows(on_gpu("reconstruct"), {})
    detection.detection(on_gpu("detect"), {})
    assert [options["device"] for options in told] == ["auto"] * 4
    assert told[0]["batch_rows"] == params.attributes.batch_rows
