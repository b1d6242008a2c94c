"""Writes what follows from code: ``deps`` in ``dvc.yaml``, the stages in ``pyproject.toml``.

``python -m stages.wiring`` (``make wiring``) rewrites the code among each stage's ``deps``, the
data that the methods of a family read, and the list of stages that may not import one another. It
leaves everything else as it is. ``python -m stages.wiring --check`` only says what is stale.
"""

import ast
import io
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML

from pipeline.params.whole import Params
from pipeline.store.fingerprint import (
    PROJECT_PACKAGES,
    code_closure,
    holds_code,
    imports_of,
)
from pipeline.store.whole import write_whole
from pipeline.training.engine.method import Method
from pipeline.training.methods import load_method
from pipeline.training.methods.cyclegan import CycleGan
from pipeline.training.methods.pretrain import Pretraining

ROOT = Path(__file__).resolve().parents[1]
DATA = frozenset({".npz", ".csv", ".html", ".css", ".js"})
"""What counts of a package beside its modules."""

SOURCES = tuple(file.stem for file in sorted((ROOT / "pipeline" / "schemas").glob("*.py")))
"""Stages whose outputs are rows, which a method can read: those with a schema."""

_ROW = "data/${item.method.dataset}"
_FOLDERS = {
    "stages.train_degrader": "data/${key}",
    "ablations.nir_vis_row": _ROW,
    "ablations.dmfr_row": _ROW,
    "ablations.bodies_row": _ROW,
}
"""Folder of an entry's data set, where it is not that of ``dataset`` in a section of params."""

_ROWS_OF = {
    "ablations.nir_vis_row": "stages.train_nir_vis",
    "ablations.dmfr_row": "stages.train_dmfr",
    "ablations.bodies_row": "stages.train_bodies",
}
"""The stage whose methods the rows of ablations train."""

_BESIDE = {"ablations.nir_vis_row": ("masks",)}
"""What is read beside what the methods declare: masked probes."""

_SHARED = frozenset({"__init__", "run", "wiring"})
_CONTRACT = re.compile(r'(name = "Stages do not import one another".*?modules = \[\n)[^\]]*', re.S)


def stage_names() -> list[str]:
    """Return the stages: the modules beside this one that are no shared ones."""
    return sorted(file.stem for file in (ROOT / "stages").glob("*.py") if file.stem not in _SHARED)


def code_deps(module: str) -> list[str]:
    """Return the code that a stage's module runs, as paths from the project's root, its own first.

    A folder stands for its files where half of them are needed or more. Of each path DVC keeps a
    record in ``dvc.lock``, which it reads and writes whole after every stage; to start one that
    finds its rows fresh costs less.
    """
    files = code_closure(module, registries=True)
    if module == "stages.weights":
        files = _naming_weights(files)
    if module == "stages.report":  # what counts nowhere else is all that it does
        files |= {str(path): path for path in _counted(ROOT / "pipeline" / "report")}
    needed = {path for path in files.values() if _counts(path)}
    found = sorted(path.relative_to(ROOT).as_posix() for path in _packed(needed))
    own = files[module].relative_to(ROOT).as_posix()
    return [own, *(path for path in found if path != own)]


def methods_of(module: str) -> list[type[Method]]:
    """Return the methods that a stage may train: a family's by the kinds of its params.

    What is tested on which rows is a param of its own.
    """
    if module in _ROWS_OF:
        return methods_of(_ROWS_OF[module])
    if module == "stages.train_degrader":
        return [CycleGan]
    if module == "stages.pretrain_nir_vis":
        return [Pretraining]
    what, _, family = module.removeprefix("stages.").partition("_")
    kinds = kinds_of(f"train_{family}") if what in ("pretrain", "train") else []
    return [load_method(kind) for kind in kinds]


def kinds_of(section: str) -> list[str]:
    """Return the kinds that the entries of a section of params can be of."""
    _, entry = get_args(Params.model_fields[section].annotation)
    models = get_args(get_args(entry)[0])
    return [kind for model in models for kind in get_args(model.model_fields["kind"].annotation)]


def wired_pipeline(text: str) -> str:
    """Return a ``dvc.yaml`` with what its stages depend on as it follows from code.

    That is the code that they import, and of families of methods the data that these read.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    yaml.preserve_quotes = True
    pipeline = yaml.load(text)
    for stage in pipeline["stages"].values():
        does = stage.get("do", stage)
        module, deps = does["cmd"].split()[2], does["deps"]
        if module.endswith("table"):  # it runs reports, which count nowhere else
            continue
        wired = _replaced(list(deps), code_deps(module), _is_code)
        inputs = {source for method in methods_of(module) for source in method.inputs}
        if inputs := inputs.union(_BESIDE.get(module, ())):
            folder = _FOLDERS.get(module, "data/${item.dataset}")
            read = [f"{folder}/{source}" for source in SOURCES if source in inputs]
            wired = _replaced(wired, read, partial(_is_data, folder))
        if wired != list(deps):
            deps[:] = wired
    written = io.StringIO()
    yaml.dump(pipeline, written)
    return written.getvalue()


def wired_project(text: str) -> str:
    """Return ``pyproject.toml`` with all stages in the contract that holds them apart."""
    listed = "".join(f'    "stages.{name}",\n' for name in stage_names())
    return _CONTRACT.sub(lambda found: found[1] + listed, text)


FILES = {
    "dvc.yaml": wired_pipeline,
    "ablations/stages.yaml": wired_pipeline,
    "ablations/dmfr/stages.yaml": wired_pipeline,
    "ablations/bodies/stages.yaml": wired_pipeline,
    "pyproject.toml": wired_project,
}
"""What is rewritten, and how."""


def main(words: list[str]) -> None:
    """Rewrite the files, or check them; exits with 1 where a checked file is stale."""
    stale = {}
    for name, wired in FILES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        if (new := wired(text)) != text:
            stale[name] = new
    if words == ["--check"]:
        sys.exit(f"stale: {', '.join(stale)}; run `make wiring`" if stale else 0)
    for name, new in stale.items():
        write_whole(ROOT / name, new)
        print(f"{name}: rewired")


def _replaced(deps: list[Any], new: list[str], stale: Callable[[Any], bool]) -> list[Any]:
    """Put the new where the first of the stale stood, or first of all."""
    kept = [dep for dep in deps if not stale(dep)]
    first = next((place for place, dep in enumerate(deps) if stale(dep)), 0)
    return [*kept[:first], *new, *kept[first:]]


def _is_code(dep: Any) -> bool:
    return str(dep).partition("/")[0] in PROJECT_PACKAGES


def _is_data(folder: str, dep: Any) -> bool:
    above, _, stage = str(dep).rpartition("/")
    return above == folder and stage in SOURCES


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
    assigned = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
    ]
    return any(getattr(name, "id", "") == "WEIGHTS" for node in assigned for name in node.targets)


def _packed(needed: set[Path]) -> Iterable[Path]:
    """Yield files, and folders in place of their files where half that counts of them is needed."""
    return {_highest(path, needed) for path in needed}


def _highest(path: Path, needed: set[Path]) -> Path:
    """Return the highest folder above a file of which half is needed, or the file.

    No package as a whole: it holds what changes no row, and a project of one's own has none.
    """
    inner = [folder for folder in path.parents if folder.is_relative_to(ROOT)][:-2]
    whole = path
    for folder in inner:
        counted = _counted(folder)
        if 2 * len(needed & counted) >= len(counted):
            whole = folder
    return whole


@cache
def _counted(folder: Path) -> frozenset[Path]:
    files = [path for path in folder.rglob("*") if path.suffix in {".py", *DATA}]
    return frozenset(path for path in files if _counts(path))


@cache
def _counts(path: Path) -> bool:
    """Tell whether a file is data, or a module with more than words."""
    return path.suffix in DATA or holds_code(path)


if __name__ == "__main__":
    main(sys.argv[1:])
