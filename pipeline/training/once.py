"""A training that is not repeated where its network stands."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import StageError, one_line
from pipeline.store.whole import write_whole
from pipeline.training.engine.loop import Curve, Run
from pipeline.training.engine.trained import Trained, load_trained

_CURVE = "curve.json"


def trained_once(path: Path, key: str, train: Callable[[], Run]) -> Trained:
    """Return the network of this key, trained if there is none; its checkpoints are not kept.

    Args:
        path: of the network; its losses by step are left beside it: ``curve_of``.
        key: of all that it depends on.
        train: trains it, and writes it there.
    """
    if not _stands(path, key):
        run = train()
        write_whole(path.with_name(_CURVE), json.dumps({"key": key, "curve": run.curve}))
        path.with_name("checkpoint.pt").unlink(missing_ok=True)
    return load_trained(path)


def curve_of(path: Path) -> Curve:
    """Return the losses of a network that ``trained_once`` left.

    Raises:
        StageError: they are missing, or damaged.
    """
    return _read_curve(path)[1]


def _read_curve(path: Path) -> tuple[str | None, Curve]:
    """Return whose losses lie beside a network, and them; an earlier version wrote no key."""
    try:
        found = json.loads(path.with_name(_CURVE).read_bytes())
        return (None, found) if isinstance(found, list) else (found["key"], found["curve"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise StageError(
            f"{path.with_name(_CURVE)}: expected the losses of the network beside it, found fault "
            f"with {one_line(error)}; run the row again"
        ) from error


def _stands(path: Path, key: str) -> bool:
    """Tell whether a whole network of this key is there, and its losses, which come after it.

    After a kill between both, those of a former training may lie there.
    """
    if not path.is_file():
        return False
    try:
        return _read_curve(path)[0] in (key, None) and load_trained(path).key == key
    except StageError:  # damaged, too
        return False
