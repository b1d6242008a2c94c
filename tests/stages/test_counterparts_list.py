"""``crossband counterparts``: the list that it writes, and what the stages make of it."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError, StageError
from pipeline.ops.codec import encode_png

ASTRONAUT = skimage.data.astronaut()[:300, 80:380]


def command(*words):
    return CliRunner().invoke(app, ["counterparts", *words], catch_exceptions=False)


def put(name, image):
    path = Path("images", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.ascontiguousarray(image)))


def heat_of(image, right, down):
    """Edges alone, blurred, moved: no network sees a face."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    moved = np.float32([[1, 0, right], [0, 1, down]])
    return 255 - cv2.warpAffine(edges, moved, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture
def pairs(workspace):
    """Two cameras side by side, the second of twice the pixels; one image alone."""
    workspace.once("pairs", lambda: detected(workspace))
    return workspace


def detected(workspace):
    put("anna/VIS/1.png", ASTRONAUT)
    put("anna/LWIR/1.png", cv2.resize(heat_of(ASTRONAUT, 6, 4), (600, 600)))
    put("anna/VIS/2.png", ASTRONAUT[:, ::-1])
    put("anna/LWIR/3.png", heat_of(ASTRONAUT, 0, 0))
    put("bob/VIS/1 a.png", ASTRONAUT[:, 20:])
    put("bob/LWIR/1 a.png", np.full((300, 140), 90, np.uint8))  # of another shape
    workspace.need("yunet", "face_mesh_468")
    workspace.run("ingest", "detect")


def test_faces_in_heat_are_aligned_by_their_counterparts(pairs):
    seen = pairs.rows("detect")["anna/VIS/1.png"]["faces"][0]["landmarks_xy"]
    told = command("mine").stdout
    assert "images/counterparts.csv: 1 of 2 images in heat" in told
    with Path("images/counterparts.csv").open() as file:
        lines = {line["path"]: line for line in csv.DictReader(file)}
    assert lines.keys() == {
        *("anna/VIS/1.png", "anna/LWIR/1.png", "anna/VIS/2.png", "anna/LWIR/3.png"),
        *("bob/VIS/1 a.png", "bob/LWIR/1 a.png"),
    }
    assert lines["bob/VIS/1 a.png"]["landmarks"]
    assert lines["bob/LWIR/1 a.png"]["landmarks"] == ""
    own = pairs.rows("detect")["anna/LWIR/3.png"]["faces"][0]["landmarks_xy"]  # no counterpart
    assert lines["anna/LWIR/3.png"]["landmarks"].split()[0] == f"{own[0, 0]:.2f}"
    pairs.edit(
        datasets={"mine": {"list": "counterparts.csv"}},
        detect={"backend": "truth"},
    )
    pairs.run("ingest", "detect", "align")
    rows = pairs.rows("align")
    visible, heat = rows["anna/VIS/1.png"], rows["anna/LWIR/1.png"]
    assert heat["band"] == "LWIR"
    np.testing.assert_allclose(visible["landmarks_xy"], seen, atol=0.01)
    np.testing.assert_allclose(heat["landmarks_xy"], 2 * (seen + np.float32([6, 4])), atol=2.5)
    # what the command knew before it knows again: nothing is moved twice
    before = lines["anna/LWIR/1.png"]["landmarks"]
    assert "1 of 2 images" in command("mine").stdout
    with Path("images/counterparts.csv").open() as file:
        again = {line["path"]: line for line in csv.DictReader(file)}["anna/LWIR/1.png"]
    numbers = [np.float32(each.split()) for each in (again["landmarks"], before)]
    np.testing.assert_allclose(*numbers, atol=0.05)


def test_no_file_of_the_user_is_replaced(pairs):
    Path("images/mine.csv").write_text("path\nanna/VIS/1.png\n")
    with pytest.raises(StageError, match=r"images/mine\.csv is there, and is none of this"):
        command("mine", "-o", "mine.csv")
    assert Path("images/mine.csv").read_text() == "path\nanna/VIS/1.png\n"


def test_the_images_of_a_list_are_listed_again(pairs):
    few = "path,subject,band\nanna/VIS/1.png,a,VIS\nanna/LWIR/1.png,a,LWIR\n"
    Path("images/few.csv").write_text(few)
    for root in ({"list": "few.csv"}, {"root": "images/few.csv"}):
        pairs.edit(datasets={"mine": {"root": "images", "list": None} | root})
        pairs.run("ingest", "detect")
        assert "images/counterparts.csv: 1 of 1" in command("mine").stdout
        assert Path("images/counterparts.csv").read_text().count("\n") == 3
    assert Path("images/few.csv").read_text() == few


def test_what_has_no_counterpart_is_told(workspace):
    put("anna/VIS/1.png", ASTRONAUT)
    put("anna/LWIR/2.png", heat_of(ASTRONAUT, 0, 0))
    workspace.need("yunet", "face_mesh_468")
    workspace.run("ingest", "detect")
    with pytest.raises(StageError, match="no image in heat has a visible counterpart"):
        command("mine")


@pytest.mark.parametrize(
    ("edit", "name", "message"),
    [
        ({}, "yours", "'yours' is no data set of params.yaml"),
        ({"pseudonyms": True}, "mine", "without pseudonyms"),
        ({"reader": "tfw"}, "mine", "expected reader folder"),
    ],
)
def test_other_data_sets_are_refused(workspace, edit, name, message):
    workspace.edit(datasets={"mine": edit})
    with pytest.raises(ParamsError, match=message):
        command(name)
