"""What the stage ``train_degrader`` shows: sharpness of sets of faces, and how alike they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.ops.sharpness import sharpness
from pipeline.report.image_statistics import colour_shift, grid_of, kid_of_statistics
from pipeline.report.metrics import quantiles
from pipeline.types import UInt8


def train_degrader_metrics(sets: Mapping[str, Sequence[UInt8]]) -> dict[str, Any]:
    """Measure faces before and after the network.

    Args:
        sets: ``sharp``, ``low``, ``unseen`` and ``unseen_degraded``, of one frame.

    Returns:
        ``sharpness`` of each set. ``likeness``: how like low quality the network's images are, and
        what it must not leave in them: ``kid_before`` and ``kid_after``, of unseen faces and of
        what was made of them, from those of low quality (see ``kid_of_statistics``): the goal is
        half; ``grid_before``, ``grid_after``: 1 to 5 without a chequered pattern; ``colour_shift``
        in grey levels.
    """
    sharp = {name: quantiles(map(sharpness, faces)) for name, faces in sets.items()}
    return {"sharpness": sharp, "likeness": _likeness(sets)}


def _likeness(sets: Mapping[str, Sequence[UInt8]]) -> dict[str, float | None]:
    low, before, after = sets["low"], sets["unseen"], sets["unseen_degraded"]
    both = [*low, *before]
    found = {
        "kid_before": kid_of_statistics(low, before, both),
        "kid_after": kid_of_statistics(low, after, both),
        "grid_before": grid_of(before),
        "grid_after": grid_of(after),
        "colour_shift": colour_shift(before, after),
    }
    return {name: None if value is None else round(value, 4) for name, value in found.items()}
