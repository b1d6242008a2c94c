"""A training that is not repeated where its network stands."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import DamageError
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
        write_whole(path.with_name(_CURVE), json.dumps(run.curve))
        path.with_name("checkpoint.pt").unlink(missing_ok=True)
    return load_trained(path)


def curve_of(path: Path) -> Curve:
    """Return the losses of a network that ``trained_once`` left."""
    curve: Curve = json.loads(path.with_name(_CURVE).read_text(encoding="utf-8"))
    return curve


def _stands(path: Path, key: str) -> bool:
    """Tell whether a whole network of this key is there, and its losses, which come after it."""
    try:
        both = path.is_file() and path.with_name(_CURVE).is_file()
        return both and load_trained(path).key == key
    except DamageError:
        return False
