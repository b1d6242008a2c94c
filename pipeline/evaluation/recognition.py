"""A protocol's fold measured: embeddings by sample in, rates with intervals out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.evaluation.bootstrap import RESAMPLES, VerificationBootstrap, mean_interval
from pipeline.evaluation.comparison import compare, unit_length
from pipeline.evaluation.curve import ScoreCurve, eer, far_name, roc, tar_at_far
from pipeline.evaluation.identification import cmc
from pipeline.evaluation.measures import measure
from pipeline.evaluation.pooling import pool_templates
from pipeline.store.protocols import Exclude, Protocol
from pipeline.types import Float32

Embeddings = Mapping[str, Float32]
"""Embedding (d,) by the sample id that a protocol names; a face that was not found is missing."""

RECOGNITION_FARS = (1e-1, 1e-2, 1e-3)
CMC_RANKS = 20
MOST_RESAMPLED = 100_000_000
"""Scores that all resamples together may look at: large comparisons get fewer resamples."""


@dataclass(frozen=True)
class Recognition:
    """What one fold gave.

    Attributes:
        metrics: numbers by name, each with its 95 % interval over subjects.
        roc: float64 (2, k), FAR and TAR, failures counted.
        cmc: float64 (r,), from rank 1 on, failures counted.
    """

    metrics: dict[str, Any]
    roc: NDArray[np.float64]
    cmc: NDArray[np.float64]


@dataclass(frozen=True)
class _Side:
    """Templates of one side: those that have an embedding, and all that were tried."""

    templates: Float32
    subjects: NDArray[np.str_]
    tried: NDArray[np.str_]
    """Subject of every template, enrolled or not."""
    enrolled: NDArray[np.bool_]
    """Whether each of these has an embedding."""


def recognise(protocol: Protocol, gallery: Embeddings, probes: Embeddings) -> Recognition:
    """Measure one fold.

    A probe that was not found counts as a miss in ``rank1`` and ``tar_at_far``, and so does one
    whose subject's template could not be enrolled; impostor comparisons are those that were made.

    Args:
        protocol: one fold; each probe meets each enrolled template.
        gallery: embeddings of enrolled samples.
        probes: embeddings of probe samples.

    Raises:
        StageError: the protocol is empty or of another kind, or nothing of a side has an embedding.
    """
    _check(protocol)
    enrolled, probing = (
        _side(protocol.enroll, gallery, "enrolled"),
        _side(protocol.probe, probes, "probe"),
    )
    measures = measure(
        compare(probing.templates, enrolled.templates, probing.subjects, enrolled.subjects),
        RECOGNITION_FARS,
    )
    hits = np.zeros(len(probing.tried))
    hits[probing.enrolled] = measures.ranks.rank == 1
    mated = np.isin(probing.tried, enrolled.tried)
    tried = _genuine(probing.tried, enrolled.tried)
    curve, share = measures.curve, measures.curve.genuine / max(1, tried)
    scores = probing.templates @ enrolled.templates.T
    resamples = int(np.clip(MOST_RESAMPLED // max(1, scores.size), 50, RESAMPLES))
    bootstrap = VerificationBootstrap(
        scores, probing.subjects, enrolled.subjects, resamples=resamples
    )
    found = np.r_[enrolled.enrolled, probing.enrolled]
    failures = 1.0 - found
    owners = np.r_[enrolled.tried, probing.tried]
    metrics: dict[str, Any] = {
        "rank1": _rate(float(hits[mated].mean()), mean_interval(hits[mated], probing.tried[mated])),
        "tar_at_far": {
            far_name(far): _point(curve, far, share, bootstrap) for far in RECOGNITION_FARS
        },
        "eer": _rate(eer(curve), bootstrap.eer_interval()),
        "failure_to_enrol": _rate(float(failures.mean()), mean_interval(failures, owners)),
        "genuine": curve.genuine,
        "impostor": curve.impostor,
        "probes": len(probing.tried),
        "gallery": len(enrolled.tried),
    }
    far, tar = roc(curve)
    ranks = min(CMC_RANKS, len(set(enrolled.subjects.tolist())))
    return Recognition(metrics, np.stack([far, share * tar]), share * cmc(measures.ranks, ranks))


def chance_rank1(protocol: Protocol) -> float:
    """Return the rank-1 rate of guessing: one over the enrolled templates' subjects."""
    return 1.0 / len(set(protocol.enroll["subject_id"].to_pylist()))


def over_folds(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join the metrics of folds: of one, its own; of several, mean, deviation and all rows.

    Args:
        folds: ``Recognition.metrics`` of each fold.
    """
    if len(folds) == 1:
        return folds[0]
    joined: dict[str, Any] = {}
    for name, first in folds[0].items():
        each = [fold[name] for fold in folds]
        if isinstance(first, dict) and "value" not in first:
            joined[name] = over_folds(each)
        elif isinstance(first, dict):
            joined[name] = _over_folds([fold["value"] for fold in each])
        else:
            joined[name] = sum(each)
    return joined


def _over_folds(values: Sequence[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return {"value": None, "std": None, "folds": list(values)}
    return {
        "value": round(float(np.mean(known)), 4),
        "std": round(float(np.std(known, ddof=1)), 4),
        "folds": list(values),
    }


def _check(protocol: Protocol) -> None:
    for name, table in (("enroll", protocol.enroll), ("probe", protocol.probe)):
        if not len(table):
            raise StageError(
                f"protocol {protocol.name} is empty: expected rows in {name}, found none; check "
                "the splits and bands of the data set"
            )
    if protocol.match is not None or protocol.exclude != Exclude.NONE:
        raise StageError(
            f"protocol {protocol.name} compares listed pairs or leaves comparisons out "
            f"({protocol.exclude}): expected one where each probe meets each enrolled template"
        )


def _side(table: pa.Table, embeddings: Embeddings, name: str) -> _Side:
    """Pool the embeddings of one side's samples to templates."""
    pairs = zip(table["template_id"].to_pylist(), table["subject_id"].to_pylist(), strict=True)
    subject_of = dict(sorted(pairs))  # as the pooled templates are
    rows = [row for row in table.to_pylist() if row["sample_id"] in embeddings]
    if not rows:
        raise StageError(
            f"no {name} face has an embedding: expected some of {len(table)}; were they detected?"
        )
    vectors = unit_length(np.stack([embeddings[row["sample_id"]] for row in rows]))
    media = [row["media_id"] or row["sample_id"] for row in rows]
    pooled, ids = pool_templates(vectors, [row["template_id"] for row in rows], media)
    known = set(ids.tolist())
    return _Side(
        pooled,
        np.array([subject_of[i] for i in ids.tolist()]),
        np.array(list(subject_of.values())),
        np.array([i in known for i in subject_of]),
    )


def _genuine(probes: NDArray[np.str_], gallery: NDArray[np.str_]) -> int:
    names, counts = np.unique(gallery, return_counts=True)
    of = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return sum(of.get(subject, 0) for subject in probes.tolist())


def _point(
    curve: ScoreCurve, far: float, share: float, bootstrap: VerificationBootstrap
) -> dict[str, Any]:
    point = tar_at_far(curve, far)
    if point.tar is None or point.achieved_far is None:
        return {"value": None, "achieved_far": None, "ci95": None, "reason": point.reason}
    interval = bootstrap.tar_interval(far)
    scaled = None if interval is None else (share * interval[0], share * interval[1])
    return _rate(share * point.tar, scaled) | {"achieved_far": round(point.achieved_far, 6)}


def _rate(value: float | None, interval: tuple[float, float] | None) -> dict[str, Any]:
    return {
        "value": None if value is None else round(value, 4),
        "ci95": None if interval is None else [round(bound, 4) for bound in interval],
    }
