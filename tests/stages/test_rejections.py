"""Why a sample is not there: ``crossband rejected`` and ``crossband explain``."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.cli.rejected import explain, rejected
from pipeline.errors import StageError
from pipeline.ops.codec import decode, encode_png
from pipeline.params.load import load_params
from pipeline.readers.listing import sample_id_of
from pipeline.testing.images import put_image
from stages import crops as stage_crops
from stages.run import StageRun


@pytest.fixture
def samples(workspace):
    """A face, an image of nothing and a broken file, taken in and looked at."""

    def prepare():
        face = np.ascontiguousarray(skimage.data.astronaut()[:300, 80:400])
        nothing = np.full((200, 200, 3), 127, np.uint8)
        for name, data in (("face", encode_png(face)), ("nothing", encode_png(nothing))):
            (workspace.path / f"images/{name}.png").write_bytes(data)
        (workspace.path / "images/broken.png").write_bytes(encode_png(face)[:1000])
        workspace.need("yunet", "face_mesh_468")
        workspace.run("ingest", "detect", "align")

    workspace.once("rejections", prepare)
    return workspace


def test_reasons_are_counted_with_their_samples(samples, capsys):
    rejected(Path("data/mine/detect"), per_reason=6)
    printed = capsys.readouterr().out
    assert "no_face: 1\n  nothing.png" in printed
    assert printed.endswith("data/mine/detect: 1 rejected\n")
    rejected(Path("data/mine/ingest"), as_json=True)
    (gone,) = json.loads(capsys.readouterr().out)
    assert (gone["sample_id"], gone["reason"]) == ("broken.png", "truncated")


def test_thumbnails_show_the_image_that_left(samples, tmp_path):
    rejected(Path("data/mine/detect"), tmp_path / "sheet.png", per_reason=6, tile_px=64)
    sheet = decode((tmp_path / "sheet.png").read_bytes())
    assert sheet.shape[1] == 6 * 64
    assert sheet[:18].max() > 150  # the title
    assert (sheet[18 + 10 : 18 + 50, 10:50] == 127).all()  # the grey image
    rejected(Path("data/mine/ingest"), tmp_path / "none.png", per_reason=6, tile_px=64)
    assert decode((tmp_path / "none.png").read_bytes()).shape == sheet.shape
    rejected(Path("data/mine/align"), tmp_path / "empty.png", per_reason=6, tile_px=64)
    assert decode((tmp_path / "empty.png").read_bytes()).shape == sheet.shape


def test_many_thumbnails_are_a_page_and_no_more(workspace, tmp_path):
    """Sixty tiles and more of 300 pixels would be 3,000 pixels high."""
    for number in range(60):
        path = workspace.path / f"images/{number:02}.png"
        path.write_bytes(b"" if number else encode_png(np.full((8, 8), 9, np.uint8)))
    workspace.run("ingest")
    rejected(Path("data/mine/ingest"), tmp_path / "sheet.png", per_reason=60, tile_px=300)
    assert max(decode((tmp_path / "sheet.png").read_bytes()).shape) <= 2000


def test_a_samples_way_is_told_to_where_it_left(samples, capsys):
    (samples.path / "dvc.yaml").write_text("stages: {ingest: {}, detect: {}, align: {}}\n")
    explain("nothing.png")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "nothing.png in mine:"
    assert lines[1].split() == ["ingest", "1", "made:", "nothing.png"]
    assert lines[-1].split()[:4] == ["detect", "nothing.png", "rejected:", "no_face"]
    explain("face.png", as_json=True)
    steps = json.loads(capsys.readouterr().out)["mine"]
    assert [step["stage"] for step in steps] == ["ingest", "detect", "align"]
    assert steps[-1]["made"] == ["face.png"]


def test_a_second_template_is_followed_and_shown_too(samples, capsys, tmp_path):
    crops = {"small": {"dataset": "mine", "template": "arcface112"}}
    samples.edit(crops=crops, align={"min_interocular_px": 1000.0})
    (samples.path / "dvc.yaml").write_text("stages: {ingest: {}, crops: {}, detect: {}}\n")
    stage_crops.run(StageRun("crops", "small", load_params(Path("params.yaml"))))
    capsys.readouterr()
    explain("face.png", as_json=True)
    steps = json.loads(capsys.readouterr().out)["mine"]
    assert [step["stage"] for step in steps] == ["ingest", "crops/small", "detect", "align"]
    (gone,) = steps[1]["gone"]
    assert gone["reason"] == "too_small"
    rejected(Path("data/mine/crops/small"), tmp_path / "sheet.png", per_reason=6, tile_px=64)
    sheet = decode((tmp_path / "sheet.png").read_bytes())
    assert sheet[18 : 18 + 64, :64].std() > 20  # the photograph


def test_an_unknown_sample_is_told_with_where_was_looked(samples):
    with pytest.raises(StageError, match=r"no stage below .*/data has seen 'nobody\.png'"):
        explain("nobody.png")


@pytest.mark.parametrize("path", ["Łuk asz/1 é.png", "anna/a#1.png", "anna/50%.png"])
def test_a_sample_is_found_by_its_images_path(workspace, capsys, path):
    put_image(workspace.path / "images" / path)
    workspace.run("ingest")
    capsys.readouterr()
    known = path, f"mine/{path}", f"images/{path}", str(workspace.path / "images" / path)
    for asked in known:
        explain(asked)
        named, made, *_ = capsys.readouterr().out.splitlines()
        assert named == f"{asked} in mine:"
        assert made.split() == ["ingest", "1", "made:", sample_id_of(path)]
