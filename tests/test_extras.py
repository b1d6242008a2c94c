"""What is not installed by default is named with the extra that brings it."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from pipeline.extras import EXTRAS, missing_words

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BROUGHT = {"gcsfs": "fsspec", "s3fs": "fsspec"}
"""Modules that come with an extra of another package."""


def names(requirements):
    return {re.split(r"[^\w-]", each)[0].replace("-", "_") for each in requirements}


@pytest.mark.parametrize(("module", "extra"), EXTRAS.items())
def test_the_extra_that_is_named_brings_the_package(module, extra):
    assert BROUGHT.get(module, module) in names(PROJECT["optional-dependencies"][extra])
    assert module not in names(PROJECT["dependencies"])


def test_nothing_of_an_extra_is_imported_by_what_everybody_runs():
    """At the top of modules that are of no extra's own packages."""
    own = ("exporters", "training", "bodies")
    kept = {"pipeline/detection/fan.py", "pipeline/detection/retinaface.py"}
    found = []
    for top in ("pipeline", "stages", "crossband"):
        for path in (ROOT / top).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if path.parent.name in own or "training" in path.parts or name in kept:
                continue
            for node in ast.parse(path.read_text()).body:
                modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                found += [(name, m) for m in modules if m.partition(".")[0] in EXTRAS]
    assert found == []


def test_the_message_says_what_to_install():
    words = missing_words(ModuleNotFoundError(name="ultralytics.nn"))
    assert "`pip install 'crossband[bodies]'`" in words
    assert missing_words(ModuleNotFoundError(name="nowhere")) is None


IMPORTED_AS = {
    "opencv_python": "cv2",
    "pillow": "PIL",
    "scikit_image": "skimage",
    "scikit_learn": "sklearn",
}
NOT_IMPORTED = {
    "dvc": "the command that runs the stages",
    "lap": "ultralytics' trackers import it",
    "ultralytics": "imported by name, pipeline/bodies/ultralytics_offline.py",
    "crossband": "extras of its own",
}


def test_every_dependency_is_imported_by_the_package_or_it_says_here_what_for():
    found = set()
    for top in ("pipeline", "stages", "models", "crossband"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.partition(".")[0])
    users = [PROJECT["dependencies"]]
    users += [PROJECT["optional-dependencies"][extra] for extra in set(EXTRAS.values())]
    declared = set.union(*map(names, users))
    assert {name for name in declared if IMPORTED_AS.get(name, name) not in found} <= set(
        NOT_IMPORTED
    )
