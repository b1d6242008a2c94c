"""Stage ``ingest``: everything that can lie in a folder ends as a row or as a reason."""

import os
import struct
import time
from pathlib import Path
from types import SimpleNamespace

import flyr
import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ParamsError, StageError
from pipeline.ops.codec import decode, encode_jpeg, encode_png
from pipeline.ops.palettes import PALETTES
from pipeline.params.datasets import HeatParams
from pipeline.params.load import load_params
from pipeline.readers.rows import take_in
from stages.run import StageRun

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
COLOUR = np.dstack([GREY, GREY * 2, GREY * 3])


def fill(folder):
    """One file of every kind; returns the expected reasons."""
    (folder / "s").mkdir()
    files = {
        "good.jpg": encode_jpeg(np.tile(COLOUR, (8, 8, 1)), 90),
        "good.png": encode_png(GREY),
        "cut.jpg": encode_jpeg(np.tile(COLOUR, (8, 8, 1)), 90)[:-300],
        "zero.jpg": b"",
        "text.jpg": b"Dear sir or madam",
    }
    for name, data in files.items():
        (folder / "s" / name).write_bytes(data)
    Image.fromarray(GREY.astype(np.uint16) * 500).save(folder / "s/deep.png")
    Image.fromarray(np.dstack([COLOUR, GREY])).save(folder / "s/alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(COLOUR).save(folder / "s/turned.png", exif=exif)
    Image.new("1", (20000, 20000)).save(folder / "s/huge.png")
    return {
        "s/cut.jpg": "truncated",
        "s/zero.jpg": "empty_file",
        "s/text.jpg": "not_an_image",
        "s/huge.png": "too_large",
    }


def test_each_file_becomes_a_row_or_a_reason(workspace):
    expected = fill(workspace.path / "images")
    workspace.run("ingest")
    assert workspace.rejected("ingest") == expected
    rows = workspace.rows("ingest")
    assert set(rows) == {
        f"s/{n}" for n in ("good.jpg", "good.png", "deep.png", "alpha.png", "turned.png")
    }
    source = workspace.path / "images"
    for name in ("s/good.jpg", "s/good.png"):  # not encoded again
        assert rows[name]["image"]["bytes"] == (source / name).read_bytes()
    images = {name: decode(row["image"]["bytes"]) for name, row in rows.items()}
    assert all(image.dtype == np.uint8 for image in images.values())
    assert np.array_equal(images["s/turned.png"], np.rot90(COLOUR, -1))
    assert images["s/deep.png"].ndim == 2
    row = rows["s/turned.png"]
    columns = ("subject_id", "band", "region", "simulated")
    assert [row[column] for column in columns] == ["s", "VIS", "scene", False]
    assert (row["height_px"], row["width_px"]) == images["s/turned.png"].shape[:2]


def test_metrics_count_what_came_and_what_went(workspace):
    fill(workspace.path / "images")
    workspace.run("ingest")
    metrics = workspace.metrics("ingest")
    assert (metrics["in"], metrics["out"]) == (9, 5)
    assert metrics["rejected"] == {
        "empty_file": 1,
        "not_an_image": 1,
        "too_large": 1,
        "truncated": 1,
    }
    assert metrics["share"]["band"] == {"VIS": 1.0}
    assert (workspace.path / "reports/contact/mine/ingest.png").stat().st_size > 0


def test_a_band_that_was_named_wrongly_is_told_by_its_colours(workspace, capsys):
    vivid = np.zeros((12, 12, 3), np.uint8)
    vivid[..., 0], vivid[:6, :, 1] = 200, 100
    for band, image in (("LWIR", vivid), ("VIS", GREY), ("NIR", GREY)):
        folder = workspace.path / "images" / band / "anna"
        folder.mkdir(parents=True)
        for number in range(8):
            (folder / f"{number}.png").write_bytes(encode_png(image))
    (workspace.path / "images/LWIR/anna/7.png").write_bytes(encode_png(np.dstack([GREY] * 3)))
    workspace.run("ingest")
    assert workspace.metrics("ingest")["colour"] == {
        "VIS": {"images": 6, "grey": 1.0, "saturation": 0.0},
        "NIR": {"images": 6, "grey": 1.0, "saturation": 0.0},
        "LWIR": {"images": 6, "grey": 0.1667, "saturation": 0.8333},
    }
    told = capsys.readouterr().out
    assert "all 6 VIS images looked at are grey: if they are infra-red, name" in told
    assert "5 of 6 LWIR images looked at have colour: if they are visible light" in told
    assert "NIR images" not in told


def test_images_in_no_row_of_the_list_are_told(workspace, capsys):
    for name in ("a", "b", "c"):
        (workspace.path / f"images/{name}.png").write_bytes(encode_png(GREY))
    (workspace.path / "images/faces.csv").write_text("path\na.png\n")
    workspace.edit(datasets={"mine": {"list": "faces.csv"}})
    workspace.run("ingest")
    told = "2 images below images are not listed in faces.csv, and are left out; among them b.png"
    assert f"ingest@mine: {told}" in capsys.readouterr().out
    workspace.edit(datasets={"mine": {"list": None}})
    workspace.run("ingest")
    assert "not listed" not in capsys.readouterr().out


def test_the_limit_of_megapixels_is_a_param(workspace):
    (workspace.path / "images/a.png").write_bytes(encode_png(np.zeros((300, 400), np.uint8)))
    workspace.edit(ingest={"max_megapixels": 0.1})
    workspace.run("ingest")
    assert workspace.rejected("ingest") == {"a.png": "too_large"}
    workspace.edit(ingest={"max_megapixels": 0.2})
    workspace.run("ingest")
    assert workspace.rejected("ingest") == {}
    assert set(workspace.rows("ingest")) == {"a.png"}


def test_a_data_set_that_params_do_not_know_is_named(workspace):
    other = {"reader": "folder", "root": "x", "shards": 1}
    workspace.edit(datasets={"mine": None, "other": other}, face_datasets={"mine": None})
    with pytest.raises(ParamsError, match=r"'mine' is none of \['other'\]"):
        workspace.run("ingest")


def test_a_second_run_computes_nothing(workspace):
    fill(workspace.path / "images")
    assert workspace.run("ingest").summary.computed == 9
    assert workspace.run("ingest").summary.computed == 0


def test_pages_behind_the_first_and_files_passed_over_are_counted(workspace):
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    pages[0].save(workspace.path / "images/a.tif", save_all=True, append_images=pages[1:])
    (workspace.path / "images/b.heic").write_bytes(b"anything")
    workspace.run("ingest")
    assert np.array_equal(decode(workspace.rows("ingest")["a.tif"]["image"]["bytes"]), GREY)
    assert workspace.rejected("ingest") == {
        "a.tif#pages": "further_pages",
        "b.heic": "other_format",
    }
    assert workspace.metrics("ingest")["rejected"] == {"further_pages": 1, "other_format": 1}
    assert workspace.run("ingest").summary.computed == 0


@pytest.mark.parametrize("how", ["replaced", "added", "removed"])
def test_a_data_set_that_changes_while_it_is_read_is_refused(workspace, monkeypatch, how):
    for name in ("a", "b"):
        write_png(f"images/{name}.png", 10)
    mapped = StageRun.map

    def meanwhile(stage, *arguments, **options):
        output = mapped(stage, *arguments, **options)
        if how == "removed":
            Path("images/a.png").unlink()
        else:
            write_png("other.png", 20)
            os.utime("other.png", ns=(0, 0))  # as `cp -p` does: older than what it replaces
            Path("other.png").replace(f"images/{'a' if how == 'replaced' else 'c'}.png")
        return output

    time.sleep(0.05)  # the file system's clock ticks some hundred times a second
    with monkeypatch.context() as patch:
        patch.setattr(StageRun, "map", meanwhile)
        with pytest.raises(StageError, match=r"changed while they were read.*run the stage again"):
            workspace.run("ingest")
    run = workspace.run("ingest")
    assert run.summary.computed == (0 if how == "removed" else 1)
    assert len(workspace.rows("ingest")) == {"replaced": 2, "added": 3, "removed": 1}[how]


def test_a_file_servers_clock_may_be_ahead(workspace, monkeypatch):
    """Files that were put there just now are then as if they were changed an hour later."""
    write_png("images/a.png", 10)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert workspace.run("ingest").summary.computed == 1


def write_png(path, value):
    Path(path).write_bytes(encode_png(np.full((8, 8, 3), value, np.uint8)))


def test_places_in_a_radiometric_file_are_in_pixels_of_its_sensor(monkeypatch):
    """The camera stores a JPEG of 64 × 48 pixels beside temperatures of 16 × 12."""
    read = SimpleNamespace(celsius=np.linspace(18.0, 38.0, 16 * 12).reshape(12, 16))
    monkeypatch.setattr(flyr, "unpack", lambda stream: read)
    shown = encode_jpeg(np.zeros((48, 64), np.uint8), 90)
    block = b"FLIR\0\1\0\0" + bytes(64)
    data = shown[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + shown[2:]
    row = {"sample_id": "a", "band": "LWIR", "content": data}
    row |= {"truth_box_xyxy": np.array([3.5, 7.5, 31.5, 39.5], np.float32)}
    row |= {"truth_landmarks_xy": [[1.5, 1.5], [9.5, 1.5], [5.5, 5.5], [1.5, 9.5], [9.5, 9.5]]}
    params = load_params(Path(__file__).parents[2] / "params.yaml").ingest
    (made,) = take_in(row, params, HeatParams())
    assert (made["height_px"], made["width_px"]) == (12, 16)
    # Corners of pixels lie at halves: the corner between pixels 3 and 4 of the JPEG is the
    # sensor's between 0 and 1.
    np.testing.assert_allclose(made["truth_box_xyxy"], [0.5, 1.5, 7.5, 9.5])
    np.testing.assert_allclose(made["truth_landmarks_xy"][:2], [[0.0, 0.0], [2.0, 0.0]])
    assert made["truth_landmarks_xy"].shape == (5, 2)
    (bare,) = take_in(row, params)
    assert bare["width_px"] == 64
    assert bare["truth_box_xyxy"] is row["truth_box_xyxy"]


def test_false_colours_of_heat_become_grey_and_a_photograph_among_them_is_told(workspace):
    heat = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    for name, image in {
        "hot": PALETTES["inferno"]()[heat],
        "visible": np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8),
    }.items():
        (workspace.path / f"images/{name}.png").write_bytes(encode_png(image))
    workspace.edit(datasets={"mine": {"band": "LWIR", "heat": {"palette": "auto"}}})
    workspace.run("ingest")
    assert workspace.rejected("ingest") == {"visible.png": "unknown_palette"}
    np.testing.assert_array_equal(
        decode(workspace.rows("ingest")["hot.png"]["image"]["bytes"]), heat
    )
