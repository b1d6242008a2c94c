"""``crossband doctor``: what of this machine and project is in order, and how to mend the rest."""

import glob
import importlib.util
import json
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.lock import check_lock, check_running
from pipeline.errors import CrossbandError, ReaderError, StageError, refusal
from pipeline.extras import EXTRAS
from pipeline.params.installed import check_installed, installed_version
from pipeline.params.load import load_params
from pipeline.params.training import TRAINED
from pipeline.params.whole import Params
from pipeline.readers.files import unfit_for_dvc
from pipeline.weights.registry import WeightFile

OK, NOTE, PROBLEM = "ok", "note", "problem"
_MOST_NAMED = 5
LEAST_FREE_GB = 10
"""Room on the disk below which the default run may not fit, with all that DVC caches."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: it is.
        state: ``ok``; ``note``, what only some need; ``problem``.
        found: in a few words.
        fix: what to do; empty where nothing is to be done.
    """

    what: str
    state: str
    found: str
    fix: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, not text")] = False,
) -> None:
    """Check Python, torch, GPU, OpenGL, weights, disk, DVC and data sets; say how to fix problems.

    Run it in a project, or anywhere to check only the machine. Exit status 1 if there is a problem.
    """
    findings = [*machine(), *_project_or_why_not(Path())]
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=2))
    else:
        for each in findings:
            print(f"{each.state:8}{each.what}: {each.found}")
            if each.fix:
                print(f"        → {each.fix}")
    if any(each.state == PROBLEM for each in findings):
        raise typer.Exit(1)


def machine() -> Iterator[Finding]:
    """Look at what does not depend on a project."""
    yield Finding("Python", OK, f"{platform.python_version()}, crossband {installed_version()}")
    yield from _torch()
    yield _opengl()
    if shutil.which("git") is None:
        fix = "apt-get install git, or https://git-scm.com"
        yield Finding("git", PROBLEM, "not found; crossband init and DVC need it", fix)
    else:
        yield Finding("git", OK, "found")
    missing: dict[str, list[str]] = {}
    for package, extra in EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            missing.setdefault(extra, []).append(package)
    for extra, packages in missing.items():
        fix = f"where you need it: pip install 'crossband[{extra}]'"
        yield Finding(f"extra {extra}", NOTE, f"lacks {', '.join(packages)}", fix)
    if not missing:
        yield Finding("extras", OK, "all installed")
    free = shutil.disk_usage(".").free / 1e9
    if free < LEAST_FREE_GB:
        fix = "make room, or remove what no output needs any more: dvc gc --workspace"
        yield Finding("disk", PROBLEM, f"{free:.1f} GB free", fix)
    else:
        yield Finding("disk", OK, f"{free:.0f} GB free")


def project(folder: Path) -> Iterator[Finding]:
    """Look at a project: params, weights, data sets, DVC."""
    if not (folder / "dvc.yaml").is_file():
        fix = "go into one, or make one: crossband init DIR"
        yield Finding("project", NOTE, f"none in {folder.resolve()}", fix)
        return
    try:
        check_installed(folder)
    except CrossbandError as error:
        yield Finding("version", PROBLEM, str(error), "do what it says: no stage runs until then")
    try:
        params = load_params(folder / "params.yaml")
    except CrossbandError as error:
        yield Finding(
            "params", PROBLEM, str(error), "correct params.yaml, then run: crossband params"
        )
        return
    yield Finding("params", OK, "in order")
    yield from _weights(folder, params)
    roots = {name: folder / dataset.root for name, dataset in params.datasets.items()}
    unfit = {name: found for name, root in roots.items() if (found := _unfit(root))}
    yield from _datasets(folder, params, unfit)
    yield from _left(folder, params)
    if unfit:
        yield Finding("DVC", NOTE, f"not checked: it would stop at {', '.join(unfit)}")
    else:
        yield _dvc(folder)


def _project_or_why_not(folder: Path) -> list[Finding]:
    """Look at a project, where what is installed loads: OpenCV may not, on a bare machine."""
    try:
        return list(project(folder))
    except ImportError as error:
        fix = "fix what is named above, or pip install --force-reinstall what is named here"
        return [Finding("project", PROBLEM, f"cannot be checked: {error}", fix)]


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", PROBLEM, str(error), "pip install --force-reinstall torch")
        return
    yield Finding("torch", OK, f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        yield Finding("GPU", OK, torch.cuda.get_device_name(0))
    elif shutil.which("nvidia-smi"):
        fix = "install a build of torch for your CUDA: https://pytorch.org/get-started/locally"
        yield Finding("GPU", PROBLEM, "there is one, but torch cannot use it", fix)
    else:
        yield Finding("GPU", NOTE, "none: everything runs on the CPU")


def _opengl() -> Finding:
    """OpenCV's usual build loads OpenGL, which servers often lack."""
    try:
        import cv2
    except ImportError as error:
        fix = (
            "apt-get install libgl1 libglib2.0-0, or: pip install --force-reinstall --no-deps "
            "opencv-python-headless"
        )
        return Finding("OpenGL", PROBLEM, f"OpenCV does not load: {error}", fix)
    return Finding("OpenGL", OK, f"OpenCV {cv2.__version__} loads")


def _weights(folder: Path, params: Params) -> Iterator[Finding]:
    from pipeline.weights import load_registry
    from pipeline.weights.verify import lookup, mismatch
    from stages.weights import needed  # brings what names weights

    try:
        registry = load_registry(folder / "weights.yaml")
        names = needed(params)
        entries = {name: lookup(name, registry) for name in names}
    except CrossbandError as error:
        fix = "correct weights.yaml; in a project of your own: crossband init --upgrade ."
        yield Finding("weights", PROBLEM, str(error), fix)
        return
    missing: list[str] = []
    wrong: list[str] = []
    for name, entry in entries.items():
        try:
            if mismatch(folder / "weights" / entry.file, entry):
                wrong.append(name)
        except OSError:
            missing.append(name)
    if wrong:
        fix = "remove these files, then: dvc repro weights"
        yield Finding("weights", PROBLEM, f"wrong sha256: {', '.join(wrong)}", fix)
    if missing:
        yield _not_fetched({name: entries[name] for name in missing})
    if not (wrong or missing):
        yield Finding("weights", OK, f"{len(names)} files, each with the right sha256")


def _not_fetched(missing: Mapping[str, WeightFile]) -> Finding:
    """Tell what a copy on this machine gives from what has to come over the network."""
    from pipeline.weights.sources import is_at_hand  # brings what downloads

    far = [name for name, entry in missing.items() if not is_at_hand(entry)]
    near = [name for name in missing if name not in far]
    found, fix = [], "dvc repro weights"
    if near:
        found.append(f"in the cache or $CROSSBAND_WEIGHTS: {', '.join(near)}")
    if far:
        megabytes = sum(missing[name].bytes for name in far) / 1e6
        found.append(f"to download, {megabytes:.0f} MB: {', '.join(far)}")
        fix += " (without a network it says which files to put where, with their sha256)"
    return Finding("weights", NOTE, f"not in weights/ yet; {'; '.join(found)}", fix)


def _datasets(
    folder: Path, params: Params, unfit: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    made = {entry.dataset for _, entry in params.sample if entry is not None}
    for name, dataset in params.datasets.items():
        root = folder / dataset.root
        if name in unfit:
            fix = f"rename, remove or open to you what is named, in {dataset.root}: `dvc repro` "
            yield Finding(f"data set {name}", PROBLEM, "; ".join(unfit[name]), f"{fix}stops there")
        elif root.is_file() or (root.is_dir() and any(root.iterdir())):
            yield Finding(f"data set {name}", OK, str(dataset.root))
        elif name in made:
            fix = "dvc repro makes it"
            yield Finding(f"data set {name}", NOTE, f"{dataset.root} is not made yet", fix)
        else:
            fix = f"put it there, or edit datasets.{name}.root in params.yaml"
            found = f"nothing at {dataset.root} (reader {dataset.reader})"
            yield Finding(f"data set {name}", PROBLEM, found, fix)


def _left(folder: Path, params: Params) -> Iterator[Finding]:
    """Name what data sets and trainings left that params no longer have: DVC removes none of it."""
    roots = [(folder / dataset.root).resolve() for dataset in params.datasets.values()]
    gone = [
        place
        for place in _folders(folder / "data")
        if place.name not in (*params.datasets, TRAINED)
        and any(place.glob("*/shard-*-of-*.parquet"))
        and not any(root.is_relative_to(place.resolve()) for root in roots)
    ]
    for place in list(gone):
        gone += sorted((folder / "reports").glob(f"*/{glob.escape(place.name)}"))
    for section in _folders(folder / "data" / TRAINED):
        entries = getattr(params, section.name, None)
        if isinstance(entries, dict):
            gone += [place for place in _folders(section) if place.name not in entries]
    if gone:
        names = [place.relative_to(folder).as_posix() for place in gone]
        found = f"of nothing in params.yaml: {', '.join(names[:_MOST_NAMED])}"
        more = f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else ""
        fix = f"if you no longer need them: rm -r {shlex.join(names)}"
        yield Finding("left over", NOTE, found + more, fix)


def _folders(place: Path) -> list[Path]:
    return sorted(each for each in place.iterdir() if each.is_dir()) if place.is_dir() else []


def _unfit(root: Path) -> list[str]:
    """Say of the first files or folders of a data set at which DVC stops why it does."""
    try:
        found = islice(unfit_for_dvc(root), _MOST_NAMED) if root.is_dir() else ()
        return [f"{path}: {why}" for path, why in found]
    except ReaderError as error:
        return [str(error)]
    except OSError as error:
        return [refusal(error)]


def _dvc(folder: Path) -> Finding:
    if not (folder / ".dvc").is_dir():
        return Finding("DVC", PROBLEM, "not set up here", "dvc init (--no-scm without git)")
    try:
        check_lock(folder / "dvc.lock")
        check_running(folder / ".dvc/tmp/rwlock")
    except StageError as error:
        return Finding("DVC", PROBLEM, str(error), "do what it says: DVC runs nothing until then")
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return Finding(
            "DVC", PROBLEM, _error_of(done.stderr), "run `dvc status` and do what it says"
        )
    stale = sorted(json.loads(done.stdout or "{}"))
    if not stale:
        return Finding("DVC", OK, "every output is up to date")
    some = ", ".join(stale[:4]) + (" …" if len(stale) > 4 else "")
    return Finding("DVC", NOTE, f"{len(stale)} stages are out of date: {some}", "dvc repro")


def _error_of(stderr: str) -> str:
    """Return what DVC says of an error; below a file that it can't read it prints lines of it."""
    lines = stderr.strip().splitlines() or ["dvc status failed"]
    return next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[0])
