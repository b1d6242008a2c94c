"""Whether DVC's own files are whole: a kill while DVC writes one cuts it, and DVC runs nothing."""

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import StageError


def check_lock(path: Path) -> None:
    """Refuse a ``dvc.lock`` that DVC can't read.

    Raises:
        StageError: the file is there, and cut off or damaged.
    """
    if path.exists() and not _is_whole(path):
        raise StageError(
            f"{path} is cut off or damaged, as by a kill while DVC wrote it: expected states of "
            "stages; remove it and run `dvc repro`, which keeps all rows and trainings that hold"
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
            f"{path} is cut off or damaged, as by a kill while DVC wrote it: expected which stages "
            "run; see that none does, remove it and run `dvc repro`"
        ) from error


def _is_whole(path: Path) -> bool:
    try:
        values: Any = YAML(typ="safe").load(path.read_bytes())
    except (YAMLError, ValueError):
        return False
    stages = values.get("stages") if isinstance(values, dict) else None
    return isinstance(stages, dict) and all(
        isinstance(stage, dict) and "cmd" in stage for stage in stages.values()
    )
