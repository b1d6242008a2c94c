"""Commands that make projects: ``init`` one of one's own, ``workspace`` a copy of this one."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.errors import StageError
from pipeline.params.edit import edited
from pipeline.params.inputs import check_inputs
from pipeline.params.installed import MADE_WITH, installed_version, shipped
from pipeline.params.load import check_params, lay_profile_over, read_yaml
from pipeline.params.whole import Params
from pipeline.store.whole import write_whole, written_whole

PARAMS = Path("params.yaml")
CODE = ("pipeline", "stages", "models", "ablations")
IGNORES = (".dvcignore", ".gitignore", ".dvc/.gitignore")
DVC_CONFIG = ".dvc/config"
SETTINGS = ("weights.yaml", *IGNORES, DVC_CONFIG)
PLOTS = (".dvc/plots/cmc.json", ".dvc/plots/roc.json")
_CODE_DEP = re.compile(rf" +- ({'|'.join(CODE)})/")

Profiles = Annotated[
    list[Path] | None, typer.Option(help="YAML to lay over params.yaml; repeatable, in order")
]


def init(
    target: Annotated[Path, typer.Argument(help="new or empty folder")],
    images: Annotated[
        Path | None,
        typer.Option(
            help="your images, a folder or a CSV: data set `photos`, in place of the sample"
        ),
    ] = None,
    profile: Profiles = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="bring a project to the installed version")
    ] = False,
) -> None:
    """Make a project of your own: params, stages, git and DVC set up, no code copied.

    Its stages use the installed version of crossband. `--upgrade` writes `dvc.yaml` and
    `weights.yaml` again, and changes neither `params.yaml` nor DVC's settings. Edits that git does
    not have are kept beside them, as `<name>.former`.
    """
    if upgrade:
        if images is not None or profile:
            raise StageError(
                "--upgrade does not change params.yaml: edit images and params there, "
                "without --images and --profile"
            )
        if not (target / MADE_WITH).is_file():
            raise StageError(f"{target.resolve()} has no {MADE_WITH}: no project to upgrade")
        _write_pipeline(target)
        print(f"{target}: now of crossband {installed_version()}; `git diff` shows what changed")
        return
    profiles = [read_yaml(file) for file in profile or ()]
    if images is not None:
        profiles.insert(0, _profile_of(images, target))
        _check_apart(target, images)
    _check_empty(target)
    _check_git()
    text, params = _with_profiles(shipped(str(PARAMS)), profiles)
    if images is not None:
        _look_at_photos(params, target)
    write_whole(target / PARAMS, text)
    _write_pipeline(target)
    started = _start_git(target)
    print(f"{target}: ready{'' if started else '; commit it'}")
    if images is not None:
        print(f"data set photos: {images.resolve()}")
        if not images.is_dir() and _lies_beside(target, images):
            print(
                "DVC sees the list, but not when an image is replaced: it does in a project "
                f"outside of {images.resolve().parent}"
            )
        print(f"next: cd {_quoted(target)} && dvc repro parts@photos, or dvc repro for all stages")
    else:
        print(f"next: cd {_quoted(target)} && dvc repro")


def workspace(
    target: Annotated[Path, typer.Argument(help="folder to make")],
    profile: Profiles = None,
) -> None:
    """Copy this project into a new DVC workspace with git, with params of its own.

    Use it to try something without changing this project's params and data. `--profile
    params/tiny.yaml` is the small run of tests and CI. Weight files come from the user's cache.
    """
    source = project_file(str(PARAMS))
    _check_empty(target)
    _check_git()
    text, _ = _with_profiles(source, [read_yaml(file) for file in profile or ()])
    _check_outside(target)
    target.mkdir(parents=True, exist_ok=True)
    for name in (*CODE, "params", "dvc.yaml", str(MADE_WITH), *SETTINGS, *PLOTS):
        _copy(Path(name), target / name)
    write_whole(target / PARAMS, text)
    _start_git(target)
    print(f"{target}: ready; run `dvc repro` there")


def project_file(name: str) -> Path:
    """Return a file of the project that the command runs in.

    Raises:
        StageError: the current folder is no project.
    """
    if not Path(name).is_file():
        raise StageError(
            f"no {name} in {Path.cwd()}: expected the folder of a crossband project. Go into one, "
            "or make one: `crossband init DIR`"
        )
    return Path(name)


def _write_pipeline(target: Path) -> None:
    """Write all of a project but its params; DVC's settings and ignored names that stand stay."""
    for name in (*SETTINGS, *PLOTS):
        if name in IGNORES and (target / name).is_file():
            _add_lines(shipped(name), target / name)
        elif name != DVC_CONFIG or not (target / name).exists():
            _put(target / name, shipped(name).read_bytes())
    pipeline = own_pipeline(shipped("dvc.yaml").read_text(encoding="utf-8"))
    _put(target / "dvc.yaml", pipeline.encode())
    write_whole(target / MADE_WITH, f"version: {installed_version()}\n")


def _put(path: Path, content: bytes) -> None:
    """Write a project's file; a former one that git does not have stays under another name."""
    if path.is_file() and path.read_bytes() != content and not _is_committed(path):
        names = (f"{path.name}.former{end}" for end in chain([""], map("-{}".format, count(2))))
        kept = next(place for place in map(path.with_name, names) if not place.exists())
        _copy(path, kept)
        print(f"{path}: git has not what stood there, which is kept as {kept.name}")
    write_whole(path, content)


def _is_committed(path: Path) -> bool:
    """Tell whether git's last commit has a file as it is."""
    if shutil.which("git") is None:
        return False
    there = _git(path.parent, "rev-parse", "--quiet", "--verify", f"HEAD:./{path.name}")
    now = _git(path.parent, "hash-object", "--", path.name)
    return there.returncode == 0 and there.stdout == now.stdout


def own_pipeline(text: str) -> str:
    """Return ``dvc.yaml`` with stages that depend on the installed version, and on no code."""
    lines = [
        "# Written by `crossband init`. `--upgrade` writes it again, so put stages of your own",
        "# into a dvc.yaml in another folder.",
        "",
    ]
    for line in text[text.index("stages:") :].splitlines():
        if _CODE_DEP.match(line):
            continue
        lines.append(line)
        if line.strip() == "params:":
            inner = line[: len(line) - len(line.lstrip())] + "  "
            lines += [f"{inner}- {MADE_WITH}:", f"{inner}    - version"]
    return "\n".join(lines) + "\n"


def _profile_of(images: Path, target: Path) -> dict[str, Any]:
    """Return what params say of one's own images.

    A CSV is the list of its folder, so that DVC sees an image that is replaced; where the project
    lies in that folder, of which DVC takes no output, it is the root itself.
    """
    if not images.exists():
        raise StageError(f"there is no {images.resolve()}: expected a folder of images or a CSV")
    if not images.is_dir() and images.suffix.lower() != ".csv":
        raise StageError(
            f"{images.resolve()} is one file: expected a folder of images, unpacked, or a .csv"
        )
    place = images.resolve()
    listed = not place.is_dir() and not _lies_beside(target, images)
    source = {"root": str(place.parent), "list": place.name} if listed else {"root": str(place)}
    photos = {"reader": "folder", **source, "shards": 16}
    return {"sample": None, "datasets": {"photos": photos}, "face_datasets": {"photos": {}}}


def _lies_beside(target: Path, images: Path) -> bool:
    """Tell whether a project lies in the folder of a CSV."""
    return target.resolve().is_relative_to(images.resolve().parent)


def _look_at_photos(params: Params, target: Path) -> None:
    """Refuse images that the first stage would refuse as a whole."""
    from pipeline.readers.folder import look

    photos = params.datasets.get("photos")
    if photos and photos.reader == "folder":
        look((target / photos.root).resolve(), "photos", photos)


def _with_profiles(path: Path, profiles: Sequence[Mapping[str, Any]]) -> tuple[str, Params]:
    """Return a parameter file with profiles laid over it, as text and checked."""
    values = read_yaml(path)
    for each in profiles:
        values = lay_profile_over(values, each)
    name = Path("params.yaml with the profile")
    params = check_params(values, name)
    check_inputs(params, name)
    return edited(path.read_text(encoding="utf-8"), values), params


def _check_empty(target: Path) -> None:
    if target.exists() and any(target.iterdir()):
        raise StageError(f"{target} is not empty; name a new folder")


def _check_outside(target: Path) -> None:
    """Refuse a workspace in a folder that it would hold a copy of: that had no end."""
    for name in (*CODE, "params"):
        if target.resolve().is_relative_to(Path(name).resolve()):
            raise StageError(f"{target} lies in {name}/, which is copied: name a folder elsewhere")


def _check_apart(target: Path, images: Path) -> None:
    """Refuse a project inside of its images' folder: DVC takes no output that lies in an input."""
    if target.resolve().is_relative_to(images.resolve()):
        raise StageError(
            f"{target.resolve()} lies in the folder of the images, {images.resolve()}: expected a "
            "folder outside of it, or the project's own files would be taken for your images"
        )


def _check_git() -> None:
    """Refuse to begin without git, whose commits DVC compares runs by."""
    if shutil.which("git") is None:
        raise StageError("git is not on the PATH, and DVC compares runs by its commits: install it")


def _quoted(path: Path) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(str(path))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # What numba compiled of the same code comes along: it takes half a minute.
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc*", "*.tmp.*"))
    elif source.is_file():
        with written_whole(target) as partial:
            shutil.copy2(source, partial)


def _add_lines(source: Path, target: Path) -> None:
    """Add the lines of a file that another one lacks: `dvc add` and users have put in theirs."""
    data = target.read_bytes()  # names that users put there may be in any encoding
    there = data.splitlines()
    missing = [each for each in source.read_bytes().splitlines() if each not in there]
    if missing:
        end = b"" if not data or data.endswith(b"\n") else b"\n"
        write_whole(target, data + end + b"\n".join(missing) + b"\n")


def _start_git(target: Path) -> bool:
    """Put a new project under git with a first commit; returns whether it has a repository now.

    A folder in a repository that does not ignore it stays part of that one: nothing is committed.
    """
    inside = _git(target, "rev-parse", "--is-inside-work-tree").returncode == 0
    if inside and _git(target, "check-ignore", "-q", ".").returncode != 0:
        return False
    _git(target, "init", "-q")
    named = _git(target, "config", "user.email").returncode == 0
    who = () if named else ("-c", "user.name=crossband", "-c", "user.email=crossband@localhost")
    _git(target, "add", "-A", ".")
    return _git(target, *who, "commit", "-q", "-m", "Start of the project").returncode == 0


def _git(folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False)
