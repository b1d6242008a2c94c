"""What holds for every module of the house."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ("ablations", "benchmarks", "crossband", "docs", "models", "pipeline", "stages", "tests")
MOST_LINES_OF_A_FILE, MOST_LINES, MOST_ARGUMENTS = 400, 60, 7

_IMPORT_ALL = """
import importlib, json, pkgutil, sys
asked = []
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        asked.append([event, str(args)])
sys.addaudithook(hook)
count = 0
for top in ("pipeline", "stages", "models", "ablations"):
    package = importlib.import_module(top)
    for each in pkgutil.walk_packages(package.__path__, top + "."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
            count += 1
import onnxruntime
print(json.dumps([count, asked]))
"""


def test_importing_everything_asks_for_no_host_and_writes_nothing(tmp_path):
    telemetry = {"HF_HUB_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY"}
    environment = {key: value for key, value in os.environ.items() if key not in telemetry}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    count, asked = json.loads(done.stdout)
    assert count > 300
    assert asked == []
    assert list(tmp_path.rglob("*")) == []


def too_large(source: str) -> list[str]:
    """Name the functions that are too large and whose docstring doesn't say why.

    An option of a command (``typer``) is no argument; a constructor's docstring is its class's.
    """
    found = []
    tree = ast.parse(source)
    class_of = {
        child: node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for child in node.body
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        told = class_of.get(node, node) if node.name == "__init__" else node
        reasons = " ".join((ast.get_docstring(told) or "").split()).lower()
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        every += [each for each in (node.args.vararg, node.args.kwarg) if each]
        arguments = [
            each
            for each in every
            if each.arg not in {"self", "cls"}
            and "typer." not in ast.unparse(each.annotation or ast.Constant(None))
        ]
        lines = (node.end_lineno or 0) - node.lineno + 1
        if len(arguments) > MOST_ARGUMENTS and "more arguments because" not in reasons:
            found.append(f"{node.name}: {len(arguments)} arguments")
        if lines > MOST_LINES and "more lines because" not in reasons:
            found.append(f"{node.name}: {lines} lines")
    return found


@pytest.mark.parametrize("package", HOUSE)
def test_files_and_functions_stay_small(package):
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        source = path.read_text()
        found += [f"{path.relative_to(ROOT)}: {each}" for each in too_large(source)]
        if (lines := len(source.splitlines())) > MOST_LINES_OF_A_FILE:
            found.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a, b, c, d, *, e, f, g): pass", []),
        ("def f(a, b, c, d, *, e, f, g, h): pass", ["f: 8 arguments"]),
        ("def f(a, b, c, d, e, f, *g, **h): pass", ["f: 8 arguments"]),
        ("def f(a, b, c, d, e, f, g, h):\n  'More arguments because\\n of a.'", []),
        ("def f(a, b, c, d, e, f, g, h: Annotated[int, typer.Option()]): pass", []),
        ("class C:\n  def m(self, a, b, c, d, e, f, g): pass", []),
        (
            "class C:\n 'More arguments because.'\n def __init__(self, a, b, c, d, e, f, g, h): 0",
            [],
        ),
        ("class C:\n  def __init__(self, a, b, c, d, e, f, g, h): pass", ["__init__: 8 arguments"]),
        ("def f():\n" + "  pass\n" * 59, []),
        ("def f():\n" + "  pass\n" * 60, ["f: 61 lines"]),
        ("def f():\n  'Says. More lines because so.'\n" + "  pass\n" * 60, []),
    ],
)
def test_what_counts_as_too_large(source, found):
    assert too_large(source) == found


def test_modules_of_tests_have_names_of_their_own():
    """They are imported by that name alone: of two, one would stand for both."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_modules_of_tests_are_imported_by_that_name():
    """A package that some library leaves beside its own is called `tests`, too, and comes first."""
    named = re.compile(r"^\s*(from|import) tests\b", re.MULTILINE)
    modules = (ROOT / "tests").rglob("*.py")
    found = [path for path in modules if named.search(path.read_text(encoding="utf-8"))]
    assert found == []


def without_encoding(source: str) -> list[str]:
    """Name the calls that read or write text as the locale has it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        words = {each.arg for each in node.keywords}
        modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
        as_text = node.func.attr in ("read_text", "write_text") or (
            node.func.attr == "open"
            and ast.unparse(node.func.value) not in ("av", "tarfile")
            and ("newline" in words or set(modes) & {"r", "w", "a", "a+"})
        )
        if as_text and "encoding" not in words:
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("package", [each for each in HOUSE if each != "tests"])
def test_text_is_utf_8_whatever_the_locale(package):
    paths = (ROOT / package).rglob("*.py")
    found = {str(path): without_encoding(path.read_text(encoding="utf-8")) for path in paths}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("path.read_text()", True),
        ("path.write_text(text)", True),
        ("path.open('w', newline='')", True),
        ("path.open('w', encoding='utf-8')", False),
        ("path.open('rb')", False),
    ],
)
def test_what_counts_as_text_without_encoding(call, found):
    assert without_encoding(call) == [call] * found
