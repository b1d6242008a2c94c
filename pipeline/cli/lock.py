"""Whether DVC's own files are whole: where a kill or a merge left one damaged, DVC runs nothing."""

import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import StageError

_TYPES = {"path": str, "hash": str, "md5": str, "size": int, "nfiles": int}
"""Of what DVC notes of a file or folder."""

_CONFLICT = re.compile(rb"^<{7}", re.MULTILINE)


def check_lock(path: Path) -> None:
    """Refuse a ``dvc.lock`` that DVC can't read.

    Raises:
        StageError: the file is there, and cut off or damaged, or git left a conflict in it.
    """
    if path.exists() and not _is_whole(data := path.read_bytes()):
        if _CONFLICT.search(data):
            raise StageError(
                f"{path} has a git conflict: take either side (`git checkout --ours {path}`), "
                "then `dvc repro`"
            )
        raise StageError(
            f"{path} is cut off or damaged, as if DVC was killed while writing it: expected the "
            "states of stages; remove it and run `dvc repro`, which keeps all rows and trainings "
            "that are still valid"
        )


def check_running(path: Path) -> None:
    """Refuse a note of running stages, ``.dvc/tmp/rwlock``, that DVC can't read.

    Raises:
        StageError: the file is there, and cut off or damaged.
    """
    try:
        if path.exists():
            json.loads(path.read_bytes())
    except ValueError as error:
        raise StageError(
            f"{path} is cut off or damaged, as if DVC was killed while writing it: expected the "
            "stages that run; make sure that none does, remove it and run `dvc repro`"
        ) from error


def _is_whole(data: bytes) -> bool:
    try:
        values: Any = YAML(typ="safe").load(data)
    except (YAMLError, ValueError):
        return False
    stages = values.get("stages") if isinstance(values, dict) else None
    return isinstance(stages, dict) and all(map(_is_state, stages.values()))


def _is_state(stage: Any) -> bool:
    """Tell whether DVC takes this for a stage's state: the last one of a cut file may be YAML."""
    return (
        isinstance(stage, dict)
        and isinstance(stage.get("cmd"), str | list)
        and all(
            isinstance(stage.get(side, []), list) and all(map(_is_file, stage.get(side, [])))
            for side in ("deps", "outs")
        )
    )


def _is_file(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and "path" in entry
        and all(isinstance(value, _TYPES.get(name, object)) for name, value in entry.items())
    )
