"""Measurements summed up over all, by band, by view, and by both, with intervals over subjects."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.bootstrap import bootstrap_interval, mean_interval
from pipeline.report.metrics import quantiles
from pipeline.types import Band

YAW_BUCKETS_DEG = (0, 20, 40, 60, 90)
"""Edges of the buckets of |yaw|."""
UNKNOWN = "unknown"
"""Bucket of faces whose pose nobody knows."""

Values = NDArray[np.float64]
Summary = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One measurement of one image.

    Attributes:
        subject: who it shows; images without a subject count as one.
        band: its band.
        yaw_deg: of the face, by the ground truth where there is one.
        value: what was measured.
    """

    subject: str
    band: str
    yaw_deg: float
    value: float


def yaw_bucket(yaw_deg: float) -> str:
    """Name the bucket of an angle, for example ``20-40``; ``unknown`` where it is NaN."""
    if np.isnan(yaw_deg):
        return UNKNOWN
    for low, high in pairwise(YAW_BUCKETS_DEG):
        if abs(yaw_deg) < high:
            return f"{low}-{high}"
    return f"over {YAW_BUCKETS_DEG[-1]}"


def by_band_and_yaw(
    measured: Sequence[Measured], summarise: Callable[[Sequence[Measured]], Summary]
) -> Summary:
    """Sum up over all and by group.

    Returns:
        The summary of all, and beside it ``by_band``, ``by_yaw`` and ``by_band_and_yaw``.
    """
    bands, yaws = defaultdict(list), defaultdict(list)
    both: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(measured, key=_order):
        bucket = yaw_bucket(item.yaw_deg)
        bands[item.band].append(item)
        yaws[bucket].append(item)
        both[item.band][bucket].append(item)
    return summarise(measured) | {
        "by_band": {band: summarise(items) for band, items in bands.items()},
        "by_yaw": {bucket: summarise(yaws[bucket]) for bucket in sorted(yaws, key=_bucket_order)},
        "by_band_and_yaw": {
            band: {name: summarise(found[name]) for name in sorted(found, key=_bucket_order)}
            for band, found in both.items()
        },
    }


def mean_summary(measured: Sequence[Measured]) -> Summary:
    """Return mean, its 95 % interval over subjects, and count; no number where there is none."""
    if not measured:
        return {"n": 0}
    values, subjects = _columns(measured)
    return {
        "mean": round(float(values.mean()), 4),
        "ci95": _rounded(mean_interval(values, subjects)),
        "n": len(values),
    }


def median_summary(measured: Sequence[Measured]) -> Summary:
    """Return median, its 95 % interval over subjects, 95th percentile and count."""
    if not measured:
        return {"n": 0}
    values, subjects = _columns(measured)
    median, p95 = np.percentile(values, [50, 95])
    return {
        "median": round(float(median), 4),
        "ci95": _rounded(bootstrap_interval(values, subjects, _median, resamples=500)),
        "p95": round(float(p95), 4),
        "n": len(values),
    }


def grouped_quantiles(values: dict[str, list[float]]) -> dict[str, Any]:
    """Quantiles of all, then by yaw and by band."""
    result: dict[str, Any] = dict(quantiles(values.get("all", [])))
    for kind in ("yaw", "band"):
        groups = {
            name.removeprefix(f"{kind} "): quantiles(found)
            for name, found in sorted(values.items())
            if name.startswith(f"{kind} ")
        }
        if groups:
            result[f"by_{kind}"] = groups
    return result


def _median(values: Values) -> float:
    return float(np.median(values))


def _columns(measured: Sequence[Measured]) -> tuple[Values, NDArray[np.str_]]:
    return (
        np.array([item.value for item in measured], np.float64),
        np.array([item.subject for item in measured], np.str_),
    )


def _rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(bound, 4) for bound in interval]


def _order(item: Measured) -> int:
    return list(Band).index(Band(item.band))


def _bucket_order(bucket: str) -> int:
    beyond = f"over {YAW_BUCKETS_DEG[-1]}"
    return [*(f"{low}-{high}" for low, high in pairwise(YAW_BUCKETS_DEG)), beyond, UNKNOWN].index(
        bucket
    )
