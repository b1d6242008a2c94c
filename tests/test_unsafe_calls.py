"""No source of the house calls what runs code or a shell on bytes that others wrote."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("crossband", "pipeline", "stages", "models", "ablations", "benchmarks", "docs")
FORBIDDEN = (
    "eval",
    "exec",
    "os.system",
    "os.popen",
    "pickle.load",
    "pickle.loads",
    "marshal.loads",
)
OF_ITS_OWN = {
    # what the process that started this one hands it
    "pipeline/training/engine/loop.py": ["pickle.loads(sent.pop())"],
}
"""Calls on bytes that nobody else wrote."""


def unsafe(source: str) -> list[str]:
    """Name the calls that may run what they are given."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name, words = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
        if (
            name in FORBIDDEN
            or (name == "torch.load" and words.get("weights_only") != "True")
            or words.get("allow_pickle") == "True"
            or words.get("shell") == "True"
        ):
            found.append(ast.unparse(node))
    return found


def test_nothing_unpickles_code_or_starts_a_shell():
    sources = {path: path.read_text() for top in TOPS for path in (ROOT / top).rglob("*.py")}
    assert len(sources) > 500
    found = {path: calls for path, text in sources.items() if (calls := unsafe(text))}
    assert {str(path.relative_to(ROOT)): calls for path, calls in found.items()} == OF_ITS_OWN


@pytest.mark.parametrize(
    "call",
    [
        "eval(text)",
        "pickle.load(file)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(words, shell=True)",
    ],
)
def test_such_calls_are_seen(call):
    assert unsafe(call) == [call]
