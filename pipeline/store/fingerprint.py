"""Fingerprints: what a row was made from, so that it is made again only when that changed."""

import ast
import hashlib
import importlib.util
import io
import json
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

PROJECT_PACKAGES = ("pipeline", "stages", "models")

NEUTRAL_CODE = (
    "pipeline.errors",
    "pipeline.params",
    "pipeline.readers",  # what they list is part of each row's content
    "pipeline.report",
    "pipeline.schemas",
    "pipeline.store",
    "pipeline.weights",
    "stages.run",
)
"""Project code that can't change a row: it validates, fetches, moves, stores, shows and reports.

``STORE_FORMAT`` stands for the store's part: raise it when rows have to be made again.
"""

STORE_FORMAT = "1"


@dataclass(frozen=True)
class StageKey:
    """What all rows of one stage run have in common.

    Attributes:
        stage: name of the stage.
        params: the sections of ``params.yaml`` that the stage reads, as plain JSON values.
        weights: sha256 of each weight file, by name.
        code: ``code_sha256`` of the stage's module.
    """

    stage: str
    params: Mapping[str, Any]
    weights: Mapping[str, str]
    code: str

    @cached_property
    def digest(self) -> bytes:
        """The key as 32 bytes."""
        text = json.dumps(
            [STORE_FORMAT, self.stage, dict(self.params), dict(self.weights), self.code],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).digest()

    def fingerprint(self, content: str) -> str:
        """Return the fingerprint of what the stage makes from a row of this ``content_sha256``."""
        return hashlib.sha256(self.digest + bytes.fromhex(content)).hexdigest()


def code_sha256(module: str) -> str:
    """Return the sha256 of the project code that a module imports, directly or not.

    Comments, docstrings and blank lines don't count, so that better words recompute nothing.

    Args:
        module: dotted name, for example ``stages.align``.
    """
    digest = hashlib.sha256()
    for name, path in sorted(code_closure(module).items()):
        digest.update(f"{name}\0{bare_code(path.read_text())}\0".encode())
    return digest.hexdigest()


def code_closure(module: str) -> dict[str, Path]:
    """Return the project modules that a module imports, itself included, and their files.

    Imports are read from the source, those inside functions too; nothing is executed.
    ``NEUTRAL_CODE`` is left out.
    """
    closure: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in closure or _is_neutral(name) or (path := _file_of(name)) is None:
            continue
        closure[name] = path
        waiting += _imports(name, path)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
    return closure


def bare_code(source: str) -> str:
    """Return source text without comments, docstrings, blank lines and trailing space."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for start, end in _docstrings(ast.parse(source)):
        lines[start - 1 : end] = [""] * (end - start + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Yield first and last line of each string that stands alone as a statement."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.end_lineno or node.lineno


def _is_neutral(name: str) -> bool:
    return any(name == neutral or name.startswith(f"{neutral}.") for neutral in NEUTRAL_CODE)


def _file_of(name: str) -> Path | None:
    """Return the source file of a project module, None for anything else."""
    package, *inner = name.split(".")
    if package not in PROJECT_PACKAGES or (root := _root(package)) is None:
        return None
    place = root.joinpath(*inner)
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


@cache
def _root(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _imports(name: str, path: Path) -> Iterator[str]:
    """Yield the dotted names a source file imports (a name in a ``from`` may be a module)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
