"""Stages ``train_degrader`` and ``degrade`` on a photograph."""

import csv
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.errors import StageError
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.sharpness import sharpness

TINY = {
    "crop_px": 32,
    "generator_channels": 4,
    "discriminator_channels": 4,
    "steps": 3,
    "threads": 1,
}


@pytest.fixture
def faces(workspace):
    """Three aligned photographs, one of them grey."""
    workspace.once("degraded", lambda: aligned(workspace))
    return workspace


def aligned(workspace):
    astronaut = skimage.data.astronaut()[:300, 80:400]
    for number, image in enumerate((astronaut, astronaut[:, 4:], astronaut[..., 1])):
        path = workspace.path / "images" / f"s{number}" / "a.png"
        path.parent.mkdir()
        path.write_bytes(encode_png(np.ascontiguousarray(image)))
    workspace.need("yunet", "face_mesh_468")
    workspace.edit(train_degrader=TINY)
    workspace.run("ingest", "detect", "align")


def test_each_generator_makes_its_rows_of_each_face(faces):
    faces.edit(degrade={"per_face": {"photometric": 2}})
    faces.run("train_degrader", "degrade")
    sources, rows = faces.rows("align"), faces.rows("degrade")
    names = ("cyclegan", "photometric.000", "photometric.001")
    assert rows.keys() == {f"{parent}#{name}" for parent in sources for name in names}
    for name, row in rows.items():
        source = sources[row["parent_id"]]
        assert row["generator"] == name.partition("#")[2].partition(".")[0]
        assert (row["seed"] is None) == (row["generator"] == "cyclegan")
        assert (row["defocus_px"] is None) == (row["generator"] == "cyclegan")
        assert row["simulated"]
        assert row["band"] == "VIS"
        assert decode(row["image"]["bytes"]).shape == decode(source["image"]["bytes"]).shape
        assert decode(row["dmfr"]["bytes"]).shape[:2] == (169, 137)
        assert decode(row["context"]["bytes"]).shape[:2] == (512, 512)
        np.testing.assert_array_equal(row["landmarks_xy"], source["landmarks_xy"])
    photometric = [row for row in rows.values() if row["generator"] == "photometric"]
    assert all(
        sharpness(decode(row["image"]["bytes"]))
        < sharpness(decode(sources[row["parent_id"]]["image"]["bytes"]))
        for row in photometric
    )
    assert faces.metrics("degrade")["rows"] == {"cyclegan": 3, "photometric": 6}


def test_the_training_writes_its_curve_and_measures(faces):
    faces.run("train_degrader")
    metrics = faces.metrics("train_degrader")
    assert metrics["faces"] == {"sharp": 2, "low": 1}
    assert metrics["low_quality_simulated"] is True
    with Path("reports/curves/mine/train_degrader.csv").open() as file:
        curve = list(csv.DictReader(file))
    assert [row["step"] for row in curve] == ["1", "2", "3"]
    assert float(curve[-1]["cycle"]) == pytest.approx(metrics["loss"]["cycle"], abs=1e-4)
    assert Path("reports/contact/mine/train_degrader.png").is_file()


def test_rows_are_made_again_only_when_the_generator_changed(faces):
    faces.run("train_degrader")
    assert faces.run("degrade").summary.computed == 3
    faces.run("train_degrader")
    assert faces.run("degrade").summary.computed == 0
    faces.edit(train_degrader={"seed": 8})
    faces.run("train_degrader")
    assert faces.run("degrade").summary.computed == 3


def test_a_missing_generator_is_asked_for(faces):
    with pytest.raises(StageError, match="run the stage that trains it"):
        faces.run("degrade")


def test_without_the_network_no_training_is_needed(faces):
    faces.edit(degrade={"per_face": {"cyclegan": 0}})
    faces.run("degrade")
    assert faces.metrics("degrade")["rows"] == {"photometric": 3}


def test_an_untrained_network_alone_is_refused_with_what_to_do(faces):
    faces.edit(train_degrader={"steps": 0}, degrade={"per_face": {"photometric": 0}})
    faces.run("train_degrader")
    with pytest.raises(StageError, match=r"steps is 0.*set degrade\.per_face\.photometric to 1"):
        faces.run("degrade")


def test_choosing_other_faces_or_training_otherwise_makes_no_face_again(faces):
    faces.edit(degrade={"per_face": {"cyclegan": 0}})
    faces.run("degrade")
    faces.edit(degrade={"images_per_subject": 99, "splits": ["train", "validation", "test"]})
    faces.edit(train_degrader={"steps": 77, "seed": 9})
    assert faces.run("degrade").summary.computed == 0
    faces.edit(train_degrader={"frame_px": 64, "crop_px": 32})
    assert faces.run("degrade").summary.computed > 0


def test_one_face_trains_nothing_and_is_degraded_without_the_network(faces):
    """So that a whole ``dvc repro`` goes through; metrics and output say what is missing."""
    for name in ("s1", "s2"):
        (faces.path / "images" / name / "a.png").unlink()
    faces.run("ingest", "detect", "align", "train_degrader", "degrade")
    assert faces.metrics("train_degrader") == {"steps": 0, "faces": {"sharp": 1, "low": 0}}
    metrics = faces.metrics("degrade")
    assert metrics["rows"] == {"photometric": 1}
    assert "1 sharp and 0 low-quality faces" in metrics["left_out"]["cyclegan"]
    for kind, extension in (("contact", "png"), ("curves", "csv")):
        assert Path(f"reports/{kind}/mine/train_degrader.{extension}").is_file()


def test_no_steps_train_no_network_and_leave_it_out(faces):
    """As by default: metrics, log and sheet say why, and a network of an earlier run goes."""
    faces.run("train_degrader")
    faces.edit(train_degrader={"steps": 0})
    faces.run("train_degrader", "degrade")
    assert [path.name for path in Path("data/mine/train_degrader").iterdir()] == ["untrained.txt"]
    assert faces.metrics("train_degrader") == {"steps": 0}
    metrics = faces.metrics("degrade")
    assert metrics["rows"] == {"photometric": 3}
    assert "train_degrader.steps is 0" in metrics["left_out"]["cyclegan"]
    for kind, extension in (("contact", "png"), ("curves", "csv")):
        assert Path(f"reports/{kind}/mine/train_degrader.{extension}").is_file()


def test_a_network_is_trained_as_soon_as_there_are_faces_and_dropped_when_they_are_gone(faces):
    faces.run("train_degrader", "degrade")
    assert faces.metrics("degrade")["left_out"] == {}
    for name in ("s1", "s2"):
        path = faces.path / "images" / name / "a.png"
        path.rename(faces.path / f"{name}.png")
    faces.run("ingest", "detect", "align", "train_degrader", "degrade")
    assert faces.metrics("degrade")["rows"] == {"photometric": 1}
    for name in ("s1", "s2"):
        (faces.path / f"{name}.png").rename(faces.path / "images" / name / "a.png")
    faces.run("ingest", "detect", "align", "train_degrader", "degrade")
    assert faces.metrics("degrade")["rows"] == {"cyclegan": 3, "photometric": 3}
