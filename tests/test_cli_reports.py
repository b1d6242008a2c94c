"""``crossband explain``, ``show`` and ``rejected`` where what they are told can't be."""

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError, StageError


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("plots: []\n", StageError, "has seen 'nobody'"),
        ("stages:\n", StageError, "has seen 'nobody'"),
        ("stages: [\n", ParamsError, r"dvc\.yaml: while parsing"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path, monkeypatch, text, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "dvc.yaml").write_text(text)
    with pytest.raises(error, match=message):
        CliRunner().invoke(app, ["explain", "nobody"], catch_exceptions=False)


@pytest.mark.parametrize("command", ["show", "rejected"])
@pytest.mark.parametrize("name", ["sheet.jpg", "sheet", "sheet.txt"])
def test_a_sheet_gets_no_name_of_another_format(tmp_path, command, name):
    words = [command, "data/sample/detect", "-o", str(tmp_path / name)]
    with pytest.raises(StageError, match=r"sheet[.\w]*: expected the extension \.png"):
        CliRunner().invoke(app, words, catch_exceptions=False)
