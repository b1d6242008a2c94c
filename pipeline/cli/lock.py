"""Whether ``dvc.lock`` is whole: a kill while DVC writes it cuts it, and DVC then runs nothing."""

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


def _is_whole(path: Path) -> bool:
    try:
        values: Any = YAML(typ="safe").load(path.read_bytes())
    except (YAMLError, ValueError):
        return False
    stages = values.get("stages") if isinstance(values, dict) else None
    return isinstance(stages, dict) and all(
        isinstance(stage, dict) and "cmd" in stage for stage in stages.values()
    )
