"""Writes what follows from imports: the code in ``dvc.yaml``, the stages in ``pyproject.toml``.

``python -m stages.wiring`` (``make wiring``) rewrites the code among each stage's ``deps`` and the
list of stages that may not import one another, and leaves everything else as it is;
``python -m stages.wiring --check`` only says what is stale.
"""

import ast
import io
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.store.fingerprint import (
    PROJECT_PACKAGES,
    bare_code,
    code_closure,
    imports_of,
)

ROOT = Path(__file__).resolve().parents[1]
DATA = frozenset({".npz", ".csv"})
"""What counts of a package beside its modules."""

_SHARED = frozenset({"__init__", "run", "wiring"})
_CONTRACT = re.compile(r'(name = "Stages do not import one another".*?modules = \[\n)[^\]]*', re.S)


def stage_names() -> list[str]:
    """Return the stages: the modules beside this one that are no shared ones."""
    return sorted(file.stem for file in (ROOT / "stages").glob("*.py") if file.stem not in _SHARED)


def code_deps(stage: str) -> list[str]:
    """Return the code that a stage runs, as paths from the project's root, the stage's own first.

    Whole packages where all that counts of them is needed, single files elsewhere.
    """
    module = f"stages.{stage}"
    files = code_closure(module, registries=True)
    if stage == "weights":
        files = _naming_weights(files)
    needed = {path for path in files.values() if _counts(path)}
    found = sorted(path.relative_to(ROOT).as_posix() for path in _packed(needed))
    own = f"stages/{stage}.py"
    return [own, *(path for path in found if path != own)]


def wired_pipeline(text: str) -> str:
    """Return ``dvc.yaml`` with the code deps of its stages as they follow from imports."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    yaml.preserve_quotes = True
    pipeline = yaml.load(text)
    for name, stage in pipeline["stages"].items():
        deps = stage.get("do", stage)["deps"]
        if (wired := _rewired(list(deps), code_deps(name))) != list(deps):
            deps[:] = wired
    written = io.StringIO()
    yaml.dump(pipeline, written)
    return written.getvalue()


def wired_project(text: str) -> str:
    """Return ``pyproject.toml`` with all stages in the contract that holds them apart."""
    listed = "".join(f'    "stages.{name}",\n' for name in stage_names())
    return _CONTRACT.sub(lambda found: found[1] + listed, text)


FILES = {"dvc.yaml": wired_pipeline, "pyproject.toml": wired_project}
"""What is rewritten, and how."""


def main(words: list[str]) -> None:
    """Rewrite the files, or check them; exits with 1 where a checked file is stale."""
    stale = {}
    for name, wired in FILES.items():
        text = (ROOT / name).read_text()
        if (new := wired(text)) != text:
            stale[name] = new
    if words == ["--check"]:
        sys.exit(f"stale: {', '.join(stale)}; run `make wiring`" if stale else 0)
    for name, new in stale.items():
        (ROOT / name).write_text(new)
        print(f"{name}: rewired")


def _rewired(deps: list[Any], code: list[str]) -> list[Any]:
    """Put the code where the first of it stood, or at the end."""
    kept = [dep for dep in deps if not _is_code(dep)]
    first = next((place for place, dep in enumerate(deps) if _is_code(dep)), len(deps))
    return [*kept[:first], *code, *kept[first:]]


def _is_code(dep: Any) -> bool:
    return str(dep).partition("/")[0] in PROJECT_PACKAGES


def _naming_weights(files: dict[str, Path]) -> dict[str, Path]:
    """Return what tells ``weights`` which files are needed, and what fetches them.

    It opens no network, so of all modules it can choose from only those count that say what they
    open.
    """
    stage = files["stages.weights"]
    asked = imports_of(stage)
    kept = {name: path for name, path in files.items() if name in asked or _names_weights(path)}
    fetching = (ROOT / "pipeline" / "weights").rglob("*.py")
    return kept | {"stages.weights": stage} | {str(path): path for path in fetching}


def _names_weights(path: Path) -> bool:
    if path.suffix != ".py":
        return False
    assigned = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)]
    return any(getattr(name, "id", "") == "WEIGHTS" for node in assigned for name in node.targets)


def _packed(needed: set[Path]) -> Iterable[Path]:
    """Yield files, and folders in place of their files where all that counts of them is needed."""
    return {_highest(path, needed) for path in needed}


def _highest(path: Path, needed: set[Path]) -> Path:
    whole = path
    for folder in path.parents:
        if folder == ROOT or not needed.issuperset(_counted(folder)):
            break
        whole = folder
    return whole


@cache
def _counted(folder: Path) -> frozenset[Path]:
    files = [path for path in folder.rglob("*") if path.suffix in {".py", *DATA}]
    return frozenset(path for path in files if _counts(path))


@cache
def _counts(path: Path) -> bool:
    """Tell whether a file is data, or a module with more than words."""
    return path.suffix in DATA or bool(bare_code(path.read_text()).strip())


if __name__ == "__main__":
    main(sys.argv[1:])
