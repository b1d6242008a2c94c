"""``crossband new-dataset``: what the guide has one write, under a name of one's own."""

import re
import shutil
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import StageError

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^ *`([\w./-]+)`\n\n( *)```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def sources(tmp_path, monkeypatch):
    (tmp_path / "pipeline/readers").mkdir(parents=True)
    shutil.copy(ROOT / "pipeline/readers/__init__.py", tmp_path / "pipeline/readers")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    return CliRunner().invoke(app, ["new-dataset", *words], catch_exceptions=False)


def test_reader_and_test_are_those_of_the_guide_and_the_reader_is_listed(sources):
    assert call("portraits").exit_code == 0
    guide = (ROOT / "docs/add-a-reader.md").read_text().replace("mugshots", "portraits")
    told = {path: textwrap.dedent(text) for path, _, text in BLOCK.findall(guide)}
    assert told.keys() == {"pipeline/readers/portraits.py", "tests/readers/test_portraits.py"}
    for path, text in told.items():
        assert (sources / path).read_text() == text
    before, after = (
        (root / "pipeline/readers/__init__.py").read_text().splitlines() for root in (ROOT, sources)
    )
    new = '    "portraits": "pipeline.readers.portraits",'
    assert [line for line in after if line not in before] == [new]
    assert after[after.index(new) + 1] == "}"


def test_nothing_is_overwritten(sources):
    call("portraits")
    with pytest.raises(StageError, match=r"test_portraits\.py exist: expected a name"):
        call("portraits")


def test_names_that_python_cannot_import_are_refused(sources):
    with pytest.raises(StageError, match="expected a name of lower case"):
        call("my-set")
    assert not list(sources.glob("pipeline/readers/my*"))


def test_elsewhere_it_says_where_it_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match="expected crossband's sources"):
        call("portraits")


@pytest.mark.parametrize("name", ["class", "Mugs", "splits"])
def test_a_name_that_no_reader_can_have_is_refused(sources, name):
    (sources / "pipeline/readers/splits").mkdir()
    before = (sources / "pipeline/readers/__init__.py").read_text()
    with pytest.raises(StageError, match="expected a name"):
        call(name)
    assert (sources / "pipeline/readers/__init__.py").read_text() == before
