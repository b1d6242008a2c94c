"""``crossband explain``, ``show`` and ``rejected`` where what they are told can't be."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError, StageError
from pipeline.ops.codec import decode, encode_png
from pipeline.params.load import read_yaml
from pipeline.schemas.ingest import INGEST
from pipeline.store import REJECTED, ShardFolder
from pipeline.store.shards import ShardWriter
from pipeline.types import Band


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("dvc", "plots: []\n", StageError, "has seen 'nobody'"),
        ("dvc", "stages:\n", StageError, "has seen 'nobody'"),
        ("dvc", "stages:\n  align:\n", StageError, "has seen 'nobody'"),
        ("dvc", "stages: [\n", ParamsError, r"dvc\.yaml: line 2: while parsing"),
        ("params", "datasets:\n  photos:\n", StageError, "has seen 'nobody'"),
        ("params", "datasets: [photos]\n", StageError, "has seen 'nobody'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path, monkeypatch, name, text, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(error, match=message):
        CliRunner().invoke(app, ["explain", "nobody"], catch_exceptions=False)


@pytest.mark.parametrize("command", ["show", "rejected"])
@pytest.mark.parametrize("name", ["sheet.jpg", "sheet", "sheet.txt"])
def test_a_sheet_gets_no_name_of_another_format(tmp_path, command, name):
    words = [command, "data/sample/detect", "-o", str(tmp_path / name)]
    with pytest.raises(StageError, match=r"sheet[.\w]*: expected the extension \.png"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_sheet_without_a_name_is_called_as_its_rows_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ShardWriter(ShardFolder(Path("data/mine/ingest"), 1).shard(0).path, INGEST):
        pass
    done = CliRunner().invoke(app, ["show", "data/mine/ingest"], catch_exceptions=False)
    assert done.stdout.splitlines()[0] == "mine-ingest.png"
    assert (tmp_path / "mine-ingest.png").is_file()


def test_a_file_of_the_users_is_not_replaced_by_a_sheet_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ShardWriter(ShardFolder(Path("data/mine/ingest"), 1).shard(0).path, INGEST):
        pass
    mine = tmp_path / "mine-ingest.png"
    foreign = encode_png(np.zeros((40, 40), np.uint8))
    for content in (foreign, b""):
        mine.write_bytes(content)
        with pytest.raises(StageError, match=r"mine-ingest\.png exists .* by -o"):
            CliRunner().invoke(app, ["show", "data/mine/ingest"], catch_exceptions=False)
        assert mine.read_bytes() == content
    mine.unlink()
    for _ in range(2):  # one of ours is replaced
        CliRunner().invoke(app, ["show", "data/mine/ingest"], catch_exceptions=False)
    with Image.open(mine) as sheet:
        assert sheet.info["Software"] == "crossband"
        assert (np.asarray(sheet) == decode(mine.read_bytes())).all()


@pytest.mark.parametrize("command", ["show", "rejected", "explain"])
def test_a_sheet_replaces_no_image_of_the_users(tmp_path, command):
    photo = tmp_path / "photos" / "1.png"
    photo.parent.mkdir()
    content = encode_png(np.zeros((40, 40), np.uint8))
    photo.write_bytes(content)
    folder = tmp_path / "folder.png"
    folder.mkdir()
    message = r"\.png exists and is not a sheet of crossband's: name another file by -o"
    for out in (photo, photo.parent / ".." / "photos" / "1.png", folder):
        words = [command, "a", "-o", str(out)]
        with pytest.raises(StageError, match=message):
            CliRunner().invoke(app, words, catch_exceptions=False)
    assert photo.read_bytes() == content


def test_a_named_sheet_of_crossbands_is_replaced(tmp_path):
    folder = ShardFolder(tmp_path / "mine" / "ingest", 1)
    with ShardWriter(folder.shard(0).path, INGEST):
        pass
    with ShardWriter(folder.rejected.shard(0).path, REJECTED):
        pass
    for command in ("show", "rejected", "show"):
        words = [command, str(folder.path), "-o", str(tmp_path / "sheet.png")]
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0


def test_where_nothing_is_evaluated_compare_says_what_it_takes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = read_yaml(Path(__file__).resolve().parents[1] / "params.yaml")
    none = {name: {} for name in params if name.startswith("evaluate_")}
    (tmp_path / "params.yaml").write_text(json.dumps(params | none))
    with pytest.raises(ParamsError, match=r"expected an entry of evaluate_\*"):
        CliRunner().invoke(app, ["compare", "a", "b"], catch_exceptions=False)


def test_a_name_that_two_stages_evaluate_under_is_asked_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).resolve().parents[1] / "params.yaml").read_text()
    assert "  meta-cross-pose: &cross_pose" in text
    text = text.replace("  meta-cross-pose: &cross_pose", "  hsst-VIS-NIR: &cross_pose")
    (tmp_path / "params.yaml").write_text(text)
    message = "expected one of \\['evaluate_nir_vis@hsst-VIS-NIR', 'evaluate_dmfr@hsst-VIS-NIR'"
    words = ["compare", "hsst-VIS-NIR", "hsst-VIS-NIR"]
    with pytest.raises(ParamsError, match=message):
        CliRunner().invoke(app, words, catch_exceptions=False)
    words[1] = "evaluate_nir_vis@hsst-VIS-NIR"  # one of which nothing is made yet
    with pytest.raises(StageError, match="VIS-NIR"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_band_is_the_same_in_small_letters(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(sys.modules["pipeline.cli.show"], "output_of", lambda folder: folder)
    monkeypatch.setattr(
        "pipeline.report.contact_sheet.contact_sheet", lambda *_, **options: asked.update(options)
    )
    monkeypatch.setattr("pipeline.report.chosen_rows.count_subjects", lambda *_: 7)
    words = ["show", "data/sample/align", "-o", str(tmp_path / "a.png"), "--band"]
    done = CliRunner().invoke(app, [*words, "nir"])
    assert done.exit_code == 0
    assert "5 of 7 subjects (--subjects), at most 3 images of each in a band" in done.stdout
    assert asked["bands"] == [Band.NIR]
    refused = CliRunner().invoke(app, [*words, "uv"])
    assert refused.exit_code == 2
    assert "'uv' is not one of" in refused.output


@pytest.mark.parametrize(
    "words", [["show", "{}", "-o", "a.png"], ["diff", "{}", "{}"], ["rejected", "{}"]]
)
def test_the_table_of_what_was_rejected_is_no_stage_output(tmp_path, words):
    folder = ShardFolder(tmp_path, 1).rejected
    with ShardWriter(folder.shard(0).path, REJECTED):
        pass
    done = CliRunner().invoke(app, [word.format(folder.path) for word in words])
    assert f"`crossband rejected {tmp_path}` shows it" in str(done.exception)
