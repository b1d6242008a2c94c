"""``crossband counterparts``: the list that it writes, and what the stages make of it."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from detection.real_heat import FOLDER, labelled_files
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.cli.counterparts import Known, _in_heat
from pipeline.errors import ParamsError, StageError
from pipeline.ops.codec import encode_png
from pipeline.ops.geometry import transform_points

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
    assert "images/counterparts.csv: 1 of 2 thermal images" in told
    assert "already" not in told
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
    again = command("mine").stdout
    assert "1 of 2 thermal images" in again
    assert "reads counterparts.csv itself: its images and landmarks were used again" in again
    with Path("images/counterparts.csv").open() as file:
        again = {line["path"]: line for line in csv.DictReader(file)}["anna/LWIR/1.png"]
    numbers = [np.float32(each.split()) for each in (again["landmarks"], before)]
    np.testing.assert_allclose(*numbers, atol=0.05)


def test_heat_of_a_quarter_of_the_pixels_has_the_face_where_its_pixels_show_it():
    visible = np.ascontiguousarray(ASTRONAUT)
    heat = cv2.resize(255 - visible, (75, 75), interpolation=cv2.INTER_AREA)
    rows = ({"image": {"bytes": encode_png(each)}} for each in (heat, visible))
    points = np.float32([[124, 107], [159, 104], [147, 127], [132, 148], [162, 146]])
    found = _in_heat(*rows, Known(np.float32([99.5, 79.5, 179.5, 179.5]), points))
    # A pixel of heat is four wide: its centre lies between the second and the third of them.
    np.testing.assert_allclose(found.box_xyxy, [24.5, 19.5, 44.5, 44.5], atol=0.2)
    np.testing.assert_allclose(found.landmarks_xy[0], [30.625, 26.375], atol=0.2)


def test_a_broken_image_stays_rejected_with_its_reason(pairs):
    Path("images/anna/LWIR/2.png").write_bytes(b"")
    Path("images/anna/notes.txt").write_text("no image")
    pairs.run("ingest")
    rejected = pairs.rejected("ingest")
    assert rejected.keys() >= {"anna/LWIR/2.png", "anna/notes.txt"}
    command("mine")
    with Path("images/counterparts.csv").open() as file:
        lines = {line["path"]: line for line in csv.DictReader(file)}
    assert lines["anna/LWIR/2.png"]["band"] == "LWIR"
    assert "anna/notes.txt" not in lines
    pairs.edit(datasets={"mine": {"list": "counterparts.csv"}})
    pairs.run("ingest")
    assert pairs.rejected("ingest") == {"anna/LWIR/2.png": rejected["anna/LWIR/2.png"]}


def test_the_list_lies_beside_the_images(pairs):
    with pytest.raises(StageError, match="expected a name without a folder"):
        command("mine", "-o", "anna/list.csv")


def test_no_file_of_the_user_is_replaced(pairs):
    Path("images/mine.csv").write_text("path\nanna/VIS/1.png\n")
    with pytest.raises(StageError, match=r"images/mine\.csv exists and was not written by this"):
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
    with pytest.raises(StageError, match="no thermal image has a visible counterpart"):
        command("mine")


@pytest.mark.parametrize(
    ("edit", "name", "message"),
    [
        ({}, "yours", "'yours' is not a data set of params.yaml"),
        ({"pseudonyms": True}, "mine", "without pseudonyms"),
        ({"reader": "tfw"}, "mine", "expected reader folder"),
    ],
)
def test_other_data_sets_are_refused(workspace, edit, name, message):
    workspace.edit(datasets={"mine": edit})
    with pytest.raises(ParamsError, match=message):
        command(name)


def test_ten_real_pairs_lie_at_one_place(workspace):
    """As users do it; VIS by its mesh, LWIR by labels made by eye, px of a crop of 144."""
    known = {}
    for label, _ in labelled_files():
        name, folder = label["name"], Path("images", label["name"])
        if file := next(iter(FOLDER.glob(f"*SpeakingFaces__{name}_vis.png")), None):
            known[name] = np.float32(label["faces"][0]["landmarks_xy"])
            for band, each in (("VIS", file), ("LWIR", str(file).replace("_vis", "_thermal"))):
                (folder / band).mkdir(parents=True)
                (folder / band / "1.png").symlink_to(each)
    assert len(known) == 10
    workspace.edit(datasets={"mine": {"heat": {"palette": "auto"}}})
    workspace.need("yunet", "face_mesh_468")
    workspace.run("ingest", "detect")
    assert "8 of 10 thermal images" in command("mine").stdout
    workspace.edit(
        datasets={"mine": {"list": "counterparts.csv"}},
        detect={"backend": "truth"},
    )
    workspace.run("ingest", "detect", "align")
    rows = workspace.rows("align")
    assert len(rows) == 20
    apart = []
    for name, points in known.items():
        visible, heat = (rows[f"{name}/{band}/1.png"] for band in ("VIS", "LWIR"))
        seen = transform_points(visible["landmarks_xy"], visible["warp_2x3"])
        labelled = transform_points(points, heat["warp_2x3"])
        apart.append(np.hypot(*(seen - labelled)[[0, 1, 3, 4]].T))
    print(np.round(apart, 1).tolist())
    assert np.median(apart) <= 3.0
    assert np.max(apart) <= 9.0
