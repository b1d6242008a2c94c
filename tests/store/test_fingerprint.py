"""Fingerprints: which code counts, and which change of it."""

import re
from pathlib import Path

from pipeline.store.fingerprint import StageKey, bare_code, code_closure, code_sha256

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


def test_the_closure_follows_imports_inside_functions():
    assert "pipeline.detection.retinaface" in code_closure("stages.detect")


def test_code_digest_is_stable_and_differs_by_stage():
    assert code_sha256("stages.align") == code_sha256("stages.align")
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
