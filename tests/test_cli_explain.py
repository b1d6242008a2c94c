"""``crossband explain`` in a folder whose ``dvc.yaml`` is another one's, or damaged."""

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
