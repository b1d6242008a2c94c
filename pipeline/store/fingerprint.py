"""Fingerprints: what a row was made from, so that it is made again only when that changed.

The rules by which a key stays as narrow as the code:

- All project code that a module imports counts, directly or not, imports inside functions too,
  but comments and docstrings; and so does each data file beside such a module that its source
  names (``"canonical_face.npz"``).
- What is chosen by name is no import. A *registry*, a dict at the top of a module from names to
  dotted module names (``{"folder": "pipeline.readers.folder"}``), is loaded on demand with
  ``importlib``, and neither it nor what it names counts. A stage that chooses has a function
  ``code_of(params, item)``, which returns its own module and the chosen ones; ``StageRun.map`` and
  ``key`` take them as ``code``. So a new entry makes nothing stale, and an edit of one only what
  uses it.
- A package's ``__init__`` counts wherever one of its modules does: it imports nothing.
- Params count by the name of their section, without the keys that are marked ``NEUTRAL`` because
  they can't change a result; where a stage needs one key of a section it names that one alone.
- ``NEUTRAL_CODE`` never counts.
"""

import ast
import hashlib
import importlib.util
import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

PROJECT_PACKAGES = ("pipeline", "stages", "models", "ablations")

NEUTRAL_CODE = (
    "pipeline.errors",
    "pipeline.params",
    "pipeline.partial",
    "pipeline.process",
    "pipeline.report",
    "pipeline.schemas",
    "pipeline.store",
    "pipeline.weights",
    "stages.run",
)
"""Project code that can't change a row: it validates, fetches, moves, stores, shows and reports.

``STORE_FORMAT`` stands for the store's part: raise it when rows have to be made again. A shard of
another schema is never reused, so schemas need no part in a key.
"""

STORE_FORMAT = "3"

_NEUTRAL = tuple(f"{name}." for name in NEUTRAL_CODE)
_MODULE_NAME = re.compile(rf"({'|'.join(PROJECT_PACKAGES)})(\.\w+)+")
_DATA_NAME = re.compile(r"[\w./-]+\.\w+")


@dataclass(frozen=True)
class StageKey:
    """What all rows of one stage run have in common.

    Attributes:
        stage: name of the stage.
        params: what the rows depend on of ``params.yaml``, as plain JSON values by dotted path: a
            whole section (``detect``) or one key of it (``train_degrader.frame_px``).
        weights: sha256 of each weight file, by name.
        code: ``code_sha256`` of the stage's module and of those that its params choose.
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


def code_sha256(*modules: str) -> str:
    """Return the sha256 of the project code that modules import, directly or not.

    Comments, docstrings, blank lines and registries don't count, so that better words and new
    entries recompute nothing.

    Args:
        modules: dotted names, for example ``stages.ingest`` and ``pipeline.readers.folder``; their
            order does not matter.
    """
    digest = hashlib.sha256()
    for name, path in sorted(code_closure(*modules).items()):
        data = path.read_bytes()
        if path.suffix == ".py":
            data = bare_code(data.decode()).encode()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def code_closure(*modules: str, registries: bool = False) -> dict[str, Path]:
    """Return the project modules that modules import, themselves included, and their files.

    Imports are read from the source, those inside functions too; nothing is executed.
    ``NEUTRAL_CODE`` is left out.

    Args:
        modules: dotted names.
        registries: follow registries as well, to all that they name.

    Returns:
        Files by dotted name; data files that a module names and has beside it, by
        ``<package>/<file>``.
    """
    closure: dict[str, Path] = {}
    seen: set[tuple[str, bool]] = set()
    waiting = [(module, True) for module in modules]
    while waiting:
        name, asked_for = waiting.pop()
        if (name, asked_for) in seen:
            continue
        seen.add((name, asked_for))
        path = None if is_neutral(name) else file_of(name)
        if path is None:
            continue
        source = _read(path.read_text(encoding="utf-8"))
        closure |= {name: path} | _beside(name, path, source.data_names)
        waiting += [(module, True) for module in source.imports]
        if "." in name:  # Python runs the package on the way, for nothing that it offers
            waiting.append((name.rpartition(".")[0], False))
        if registries and asked_for:
            waiting += [(module, True) for module in source.registered]
    return closure


@dataclass(frozen=True)
class _Source:
    """What a module's source names, and where it has words.

    Attributes:
        imports: dotted names it imports (a name in a ``from`` may be a module).
        registered: modules that its registries name.
        data_names: strings that may be names of data files beside it.
        words: first and last line of each docstring and registry.
        holds_code: whether it has anything else.
    """

    imports: tuple[str, ...]
    registered: tuple[str, ...]
    data_names: tuple[str, ...]
    words: tuple[tuple[int, int], ...]
    holds_code: bool


@cache
def _read(text: str) -> _Source:
    tree = ast.parse(text)
    registries = _registries(tree)
    imports: list[str] = []
    strings: list[str] = []
    words = list(registries)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports += _imported(node)
        elif isinstance(node, ast.Expr):
            words += [_lines(node)] if _is_text(node.value) else []
        elif isinstance(node, ast.Constant):
            strings += [node.value] if isinstance(node.value, str) else []
    registered = [module for named in registries.values() for module in named]
    names = [name for name in strings if _DATA_NAME.fullmatch(name)]
    holds_code = not all(_lines(node) in words for node in tree.body)
    return _Source(tuple(imports), tuple(registered), tuple(names), tuple(words), holds_code)


def imports_of(path: Path) -> tuple[str, ...]:
    """Return the dotted names that a source file imports; those in a ``from`` may be modules."""
    return _read(path.read_text(encoding="utf-8")).imports


def holds_code(path: Path) -> bool:
    """Tell whether a source file has more than docstrings, registries and comments."""
    return _read(path.read_text(encoding="utf-8")).holds_code


@cache
def bare_code(source: str) -> str:
    """Return source text without comments, docstrings, registries, blank lines, trailing space."""
    lines = source.splitlines()
    # To look for comments takes longer than all else, and most modules have none.
    tokens = tokenize.generate_tokens(io.StringIO(source).readline) if "#" in source else ()
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for start, end in _read(source).words:
        lines[start - 1 : end] = [""] * (end - start + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _lines(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def _is_text(value: ast.expr) -> bool:
    """Tell whether an expression, alone as a statement, is a docstring."""
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _registries(tree: ast.Module) -> dict[tuple[int, int], list[str]]:
    """Return the modules that each registry of a source names, by its first and last line."""
    found = {}
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(value, ast.Dict) or not value.values:
            continue
        named = [entry.value if isinstance(entry, ast.Constant) else None for entry in value.values]
        modules = [name for name in named if isinstance(name, str) and _MODULE_NAME.fullmatch(name)]
        if len(modules) == len(named):
            found[_lines(node)] = modules
    return found


def _beside(name: str, path: Path, data_names: Sequence[str]) -> dict[str, Path]:
    """Return those of the named data files that lie beside a module."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    files = {f"{package}/{data}": path.parent / data for data in data_names}
    return {key: file for key, file in files.items() if file.suffix != ".py" and file.is_file()}


def is_neutral(name: str) -> bool:
    """Tell whether a module is of ``NEUTRAL_CODE``."""
    return f"{name}.".startswith(_NEUTRAL)


def file_of(name: str) -> Path | None:
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


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
