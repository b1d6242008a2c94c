"""The rows of a table of re-identification: networks beside each other, and beside chance."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from pipeline.evaluation.outcomes import SEARCHED, Outcomes, compared, outcomes_of
from pipeline.evaluation.recognition import Embeddings, Recognition, measure_protocol
from pipeline.evaluation.reidentification import by_chance
from pipeline.evaluation.templates import sides_of
from pipeline.store.protocols import Kind, Protocol

OfFolds = Mapping[int, Embeddings]
"""By fold, embeddings of all images by the network that the fold is tested with."""

_BY_CHANCE = (Kind.REIDENTIFICATION, Kind.REIDENTIFICATION_BY_IMAGE)


def measured_images(
    protocol: Protocol,
    rows: Mapping[str, OfFolds],
    first: str,
    against: Iterable[tuple[str, str]],
) -> tuple[dict[str, Any], dict[str, list[Recognition]]]:
    """Measure a protocol by several networks.

    Args:
        protocol: the whole of it.
        rows: by name.
        first: the row whose metrics stand alone; those of others have their names.
        against: pairs of rows that are compared, see ``compared``; one that is missing is skipped.

    Returns:
        The metrics, with ``differences`` by ``<row> - <row>`` where probes search a gallery, and
        ``chance`` (see ``by_chance``, mean of the folds) in re-identification; and by row what
        each fold gave.
    """
    measured = {
        row: measure_protocol(protocol, partial(_both, found)) for row, found in rows.items()
    }
    metrics = measured[first].metrics | {
        row: each.metrics for row, each in measured.items() if row != first
    }
    if protocol.kind in SEARCHED:
        outcomes = {row: _outcomes(protocol, found) for row, found in rows.items()}
        metrics["differences"] = {
            f"{one} - {other}": compared(outcomes[one], outcomes[other])
            for one, other in against
            if one in rows and other in rows
        }
    if protocol.kind in _BY_CHANCE:
        metrics["chance"] = _chance(protocol, rows[first])
    return metrics, {row: each.folds for row, each in measured.items()}


def _both(of_fold: OfFolds, number: int) -> tuple[Embeddings, Embeddings]:
    return of_fold[number], of_fold[number]


def _outcomes(protocol: Protocol, of_fold: OfFolds) -> Outcomes:
    found: Outcomes = {}
    for number in protocol.folds():
        found |= outcomes_of(protocol.fold(number), *_both(of_fold, number), number)
    return found


def _chance(protocol: Protocol, of_fold: OfFolds) -> dict[str, Any]:
    folds = [
        by_chance(*sides_of(protocol.fold(number), *_both(of_fold, number)), protocol.exclude)
        for number in protocol.folds()
    ]
    means = {name: float(np.mean([fold[name] for fold in folds])) for name in folds[0]}
    return {
        name: {"value": None if np.isnan(mean) else round(mean, 6)} for name, mean in means.items()
    }
