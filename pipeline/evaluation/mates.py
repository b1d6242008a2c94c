"""Who has mates among the templates that were tried, and what failed."""

import logging
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.rates import mean_rate
from pipeline.evaluation.subjects import NOBODY
from pipeline.evaluation.templates import Side
from pipeline.types import Int64

Number = TypeVar("Number", np.int64, np.float32, np.float64)

log = logging.getLogger(__name__)


def entries_of(asked: Int64, known: Int64) -> Int64:
    """Count how many of ``known`` (m,) are of each subject of ``asked`` (n,); nobody has none."""
    counts = np.bincount(known[known != NOBODY], minlength=int(asked.max(initial=0)) + 1)
    return np.where(asked == NOBODY, 0, counts[asked])


def mates_of(gallery: Side, probes: Side, *, elsewhere: bool = False) -> Int64:
    """Count each probe's mates among all templates that were tried, int64 (n,).

    Args:
        gallery: what was to be enrolled.
        probes: what probes.
        elsewhere: only those that another camera took.
    """
    mates = entries_of(probes.subjects, gallery.subjects)
    if not elsewhere:
        return mates
    width = max(probes.cameras.max(initial=0), gallery.cameras.max(initial=0)) + 1

    def taken(side: Side) -> Int64:
        where = side.subjects * width + side.cameras
        return np.where((side.subjects == NOBODY) | (side.cameras == NOBODY), NOBODY, where)

    return mates - entries_of(taken(probes), taken(gallery))


def over_tried(side: Side, values: NDArray[Number], missing: float = 0) -> NDArray[Number]:
    """Spread values of the enrolled templates over all that were tried."""
    spread = np.full(len(side.enrolled), missing, values.dtype)
    spread[side.enrolled] = values
    return spread


def counted(gallery: Side, probes: Side, mates: Int64) -> dict[str, Any]:
    """Count templates and failures to enrol; probes without any mate are counted and said.

    Args:
        gallery: what was to be enrolled.
        probes: what probes.
        mates: int64 (n,), number of mates of each probe.
    """
    failed = ~np.r_[gallery.enrolled, probes.enrolled]
    owners = np.r_[gallery.subjects, probes.subjects]
    alone = int((mates == 0).sum())
    if alone:
        log.warning(
            "%d of %d probes have no mate in the gallery: they count as impostors, but in no rank",
            alone,
            len(mates),
        )
    return {
        "failure_to_enrol": mean_rate(failed, owners),
        "probes": len(probes.enrolled),
        "unmated_probes": alone,
        "gallery": len(gallery.enrolled),
    }
