"""A protocol measured: embeddings by sample in, the rates that its kind is published with out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import StageError
from pipeline.evaluation.closed_set import RECOGNITION_FARS, measure_closed_set
from pipeline.evaluation.listed_pairs import measure_accuracy, measure_pairs, scored_pairs
from pipeline.evaluation.rates import Recognition, over_folds
from pipeline.evaluation.reidentification import measure_reidentification
from pipeline.evaluation.search import measure_distractors, measure_open_set
from pipeline.evaluation.templates import Embedded, Embeddings, EmbeddingTable, sides_of
from pipeline.store.protocols import Exclude, Kind, Protocol

__all__ = [
    "HEADLINES",
    "RECOGNITION_FARS",
    "Embedded",
    "EmbeddingTable",
    "Embeddings",
    "ProtocolResult",
    "Recognition",
    "chance_rank1",
    "measure_protocol",
    "measure_rows",
    "over_folds",
    "recognise",
]

OfFold = Callable[[int], tuple[Embedded, Embedded]]
"""Embeddings of enrolled samples and of probes by the network that a fold is tested with."""

HEADLINES: dict[Kind, tuple[str, ...]] = {
    Kind.RECOGNITION: ("rank1", "tar_at_far.1e-2", "tar_at_far.1e-3", "eer"),
    Kind.PAIR_ACCURACY: ("accuracy", "tar_at_far.1e-2", "tar_at_far.1e-3", "eer"),
    Kind.VERIFICATION: tuple(f"tar_at_far.1e-{n}" for n in range(1, 7)),
    Kind.OPEN_SET: ("tpir_at_fpir.1e-1", "tpir_at_fpir.1e-2", "rank1", "rank5", "rank10"),
    Kind.DISTRACTORS: ("rank1", "rank10", "tar_at_far.1e-6"),
    Kind.REIDENTIFICATION: ("rank1", "rank5", "rank10", "rank20", "map", "minp"),
    Kind.REIDENTIFICATION_BY_IMAGE: ("rank1", "rank5", "rank10", "rank20", "map", "minp"),
}
"""What each kind is published with, the first one first, as keys of ``Recognition.metrics``."""

_EXCLUDES: dict[Kind, tuple[Exclude, ...]] = {
    Kind.DISTRACTORS: (Exclude.OTHER_MATES,),
    Kind.REIDENTIFICATION: tuple(e for e in Exclude if e != Exclude.OTHER_MATES),
    Kind.REIDENTIFICATION_BY_IMAGE: tuple(e for e in Exclude if e != Exclude.OTHER_MATES),
}
_LISTED = (Kind.PAIR_ACCURACY, Kind.VERIFICATION)


@dataclass(frozen=True)
class ProtocolResult:
    """What a protocol gave.

    Attributes:
        metrics: of its folds together, as ``over_folds`` joins them.
        folds: each fold's; a single one where folds choose one another's threshold.
    """

    metrics: dict[str, Any]
    folds: list[Recognition]


def measure_protocol(protocol: Protocol, of_fold: OfFold) -> ProtocolResult:
    """Measure a protocol with all its folds.

    Args:
        protocol: the whole of it.
        of_fold: called with each fold's number.

    Raises:
        StageError: a side of a fold is empty or has no embedding, or the tables contradict the
            protocol's kind.
    """
    if protocol.kind != Kind.PAIR_ACCURACY:
        found = [recognise(protocol.fold(n), *of_fold(n)) for n in protocol.folds()]
        return ProtocolResult(over_folds([each.metrics for each in found]), found)
    _check(protocol)
    pairs = []
    for number in protocol.folds():
        fold = protocol.fold(number)
        sides = sides_of(fold, *of_fold(number), numbered_as=protocol)
        pairs.append(scored_pairs(fold, number, *sides))
    accuracy = measure_accuracy(pairs)
    return ProtocolResult(accuracy.metrics, [accuracy])


def measure_rows(
    protocol: Protocol, rows: Mapping[str, Mapping[int, tuple[Embedded, Embedded]]], trained: str
) -> tuple[dict[str, list[Recognition]], dict[str, Any]]:
    """Measure a protocol by several networks.

    Args:
        protocol: the whole of it.
        rows: each row's embeddings of enrolled samples and of probes, by fold.
        trained: the row whose metrics stand on top.

    Returns:
        Each row's folds, and its metrics: the trained one's, those of the others by their names,
        and what guessing gives where a gallery is closed.
    """
    measured = {row: measure_protocol(protocol, folds.__getitem__) for row, folds in rows.items()}
    others = {row: found.metrics for row, found in measured.items() if row != trained}
    metrics = measured[trained].metrics | others
    if protocol.kind == Kind.RECOGNITION:
        rank1 = chance_rank1(protocol.fold(protocol.folds()[0]))
        metrics["chance"] = {"rank1": {"value": round(rank1, 4)}}
    return {row: found.folds for row, found in measured.items()}, metrics


def recognise(protocol: Protocol, gallery: Embedded, probes: Embedded) -> Recognition:
    """Measure one fold.

    What was not found counts as a miss in every rate of success; impostor comparisons are those
    that were made.

    Args:
        protocol: one fold.
        gallery: embeddings of enrolled samples.
        probes: embeddings of probe samples.

    Raises:
        StageError: the protocol is empty, its tables contradict its kind, its accuracy needs all
            folds, or nothing of a side has an embedding.
    """
    _check(protocol)
    if protocol.kind == Kind.PAIR_ACCURACY:
        raise StageError(
            f"protocol {protocol.name}: the threshold of a fold is chosen on the others: expected "
            "all folds, found one; call measure_protocol"
        )
    enrolled, probing = sides_of(protocol, gallery, probes)
    match protocol.kind:
        case Kind.VERIFICATION:
            return measure_pairs([scored_pairs(protocol, 1, enrolled, probing)], protocol.threshold)
        case Kind.OPEN_SET:
            return measure_open_set(enrolled, probing)
        case Kind.DISTRACTORS:
            return measure_distractors(protocol.name, enrolled, probing)
        case Kind.REIDENTIFICATION | Kind.REIDENTIFICATION_BY_IMAGE:
            by_image = protocol.kind == Kind.REIDENTIFICATION_BY_IMAGE
            return measure_reidentification(enrolled, probing, protocol.exclude, by_image=by_image)
        case _:
            return measure_closed_set(enrolled, probing)


def chance_rank1(protocol: Protocol) -> float:
    """Return the rank-1 rate of guessing: one over the enrolled templates' subjects.

    Each template of nobody is another one. Where probes meet one mate at a time among them, it is
    one over all of them and the mate.
    """
    whose = {row["template_id"]: row["subject_id"] for row in protocol.enroll.to_pylist()}
    strangers = sum(not subject for subject in whose.values())
    if protocol.kind == Kind.DISTRACTORS:
        return 1.0 / (1 + strangers)
    return 1.0 / (len({subject for subject in whose.values() if subject}) + strangers)


def _check(protocol: Protocol) -> None:
    """Refuse tables that the kind does not know."""
    listed = protocol.kind in _LISTED
    if (protocol.match is not None) != listed:
        raise StageError(
            f"protocol {protocol.name} of kind {protocol.kind} "
            + ("lacks its list of pairs" if listed else "compares listed pairs")
            + f": expected {'one' if listed else 'none, or kind pair_accuracy or verification'}"
        )
    allowed = _EXCLUDES.get(protocol.kind, (Exclude.NONE,))
    if protocol.exclude not in allowed:
        raise StageError(
            f"protocol {protocol.name} of kind {protocol.kind} leaves comparisons out "
            f"({protocol.exclude}): expected {' or '.join(allowed)}"
        )
