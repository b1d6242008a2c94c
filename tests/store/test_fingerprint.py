"""Fingerprints: which code counts, and which change of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.store import fingerprint
from pipeline.store.fingerprint import StageKey, bare_code, code_closure, code_sha256

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '''
"""Module."""

import os  # for paths


def area(w, h):  # comment
    """Return the area.

    Args: none of your business.
    """
    text = """kept: this is
    a value"""
    return w * h
'''


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Writes a module of a project of its own, ``pipeline``; has its folder."""
    folder = tmp_path / "pipeline"

    def write(name, text):
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n")

    write("__init__", '"""A package."""')
    write.folder = folder
    monkeypatch.setattr(fingerprint, "_root", lambda package: tmp_path / package)
    return write


def test_words_do_not_count():
    other = (
        SOURCE.replace("Module.", "Another module.")
        .replace("# for paths", "# why")
        .replace("none of your business", "width and height")
        .replace("\n\n", "\n\n\n")
    )
    assert bare_code(other) == bare_code(SOURCE)


def test_code_and_values_count():
    assert bare_code(SOURCE.replace("w * h", "w + h")) != bare_code(SOURCE)
    assert bare_code(SOURCE.replace("kept: this", "kept: that")) != bare_code(SOURCE)
    assert bare_code(SOURCE.replace("w, h", "w, h=1")) != bare_code(SOURCE)


def test_a_hash_in_a_string_is_no_comment():
    assert bare_code('x = "a # b"') != bare_code('x = "a # c"')


def test_the_closure_is_what_makes_rows():
    closure = code_closure("stages.align")
    assert {"stages.align", "pipeline.ops.alignment", "pipeline.ops.templates"} <= closure.keys()
    assert not any(
        re.match(r"pipeline\.(store|report|params|errors|weights)|stages\.run", name)
        for name in closure
    )
    assert not any(name.startswith("pipeline.detection") for name in closure)
    assert all(isinstance(path, Path) and path.suffix == ".py" for path in closure.values())


def test_data_files_that_code_names_count():
    closure = code_closure("pipeline.face3d.canonical")
    assert closure["pipeline.face3d/canonical_face.npz"].is_file()
    splits = {name for name in code_closure("pipeline.readers.buaa_visnir") if name.endswith("csv")}
    assert splits == {"pipeline.readers/splits/buaa_visnir_v1.csv"}


def test_a_data_file_counts_by_what_it_holds(source):
    source("data", 'FILE = "table.csv"')
    before = code_sha256("pipeline.data")
    source.folder.joinpath("table.csv").write_text("1\n")
    with_file = code_sha256("pipeline.data")
    source.folder.joinpath("table.csv").write_text("2\n")
    assert len({before, with_file, code_sha256("pipeline.data")}) == 3


REGISTRY = 'CHOICES: dict[str, str] = {"one": "pipeline.one"}\nOTHER = 1'


def test_a_registry_counts_neither_itself_nor_by_what_it_names(source):
    source("one", "A = 1")
    source("two", "A = 2")
    source("chooser", REGISTRY)
    before = code_sha256("pipeline.chooser")
    assert "pipeline.one" not in code_closure("pipeline.chooser")
    source("one", "A = 3")
    source("chooser", REGISTRY.replace("}", ', "two": "pipeline.two"}'))
    assert code_sha256("pipeline.chooser") == before
    source("chooser", REGISTRY.replace("OTHER = 1", "OTHER = 2"))
    assert code_sha256("pipeline.chooser") != before


def test_what_a_stage_chooses_counts_with_it(source):
    source("one", "A = 1")
    source("chooser", REGISTRY)
    before = code_sha256("pipeline.chooser", "pipeline.one")
    assert before == code_sha256("pipeline.one", "pipeline.chooser")
    source("one", "A = 2")
    assert code_sha256("pipeline.chooser", "pipeline.one") != before


def test_registries_are_followed_where_that_is_asked_for(source):
    source("one", "A = 1")
    source("chooser", REGISTRY)
    source("user", "from pipeline.chooser import CHOICES")
    followed = code_closure("pipeline.user", registries=True)
    assert followed.keys() == {"pipeline.user", "pipeline.chooser", "pipeline.one", "pipeline"}


def test_who_imports_one_module_of_a_package_does_not_get_what_its_registry_names(source):
    source("kinds/__init__", 'KINDS = {"one": "pipeline.kinds.one"}')
    source("kinds/one", "A = 1")
    source("kinds/two", "A = 1")
    source("user", "from pipeline.kinds.two import A")
    followed = code_closure("pipeline.user", registries=True)
    assert "pipeline.kinds" in followed
    assert "pipeline.kinds.one" not in followed


def test_a_dict_that_names_anything_else_is_no_registry(source):
    source("one", "A = 1")
    source("table", 'TABLE = {"one": "pipeline.one", "two": "two"}')
    before = code_sha256("pipeline.table")
    source("table", 'TABLE = {"one": "pipeline.one", "two": "three"}')
    assert code_sha256("pipeline.table") != before


def test_the_closure_follows_imports_inside_functions():
    assert "pipeline.recognition.sface" in code_closure("stages.attributes")


def test_code_digest_is_the_same_in_every_process_and_differs_by_stage():
    asked = "from pipeline.store.fingerprint import code_sha256; print(code_sha256('stages.align'))"
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # it orders what sets hold
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": seed},
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == f"{code_sha256('stages.align')}\n"
    assert code_sha256("stages.align") != code_sha256("stages.detect")


def test_a_fingerprint_depends_on_all_it_names():
    row, other = "00" * 32, "01" * 32
    base = StageKey("align", {"s": {"a": 1}}, {"net": "0"}, "c")
    same = StageKey("align", {"s": {"a": 1}}, {"net": "0"}, "c")
    assert base.fingerprint(row) == same.fingerprint(row)
    others = [
        StageKey("parse", {"s": {"a": 1}}, {"net": "0"}, "c"),
        StageKey("align", {"s": {"a": 2}}, {"net": "0"}, "c"),
        StageKey("align", {"s": {"a": 1}}, {"net": "1"}, "c"),
        StageKey("align", {"s": {"a": 1}}, {"net": "0"}, "d"),
    ]
    prints = {base.fingerprint(row), base.fingerprint(other)}
    assert len(prints | {key.fingerprint(row) for key in others}) == 6
