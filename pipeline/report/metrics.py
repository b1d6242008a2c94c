"""Small numbers out of a few values."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def quantiles(values: Iterable[float]) -> dict[str, float | int]:
    """Return median, 95th percentile and count of the finite values; no number where none is."""
    finite = np.asarray([value for value in values if np.isfinite(value)])
    if not len(finite):
        return {"n": 0}
    median, p95 = np.percentile(finite, [50, 95])
    return {"median": round(float(median), 4), "p95": round(float(p95), 4), "n": len(finite)}


def without_nan(metrics: Any) -> Any:
    """Return metrics with None for every number that is none: JSON has no NaN and no infinity."""
    if isinstance(metrics, Mapping):
        return {name: without_nan(value) for name, value in metrics.items()}
    if isinstance(metrics, list | tuple):
        return [without_nan(value) for value in metrics]
    if isinstance(metrics, float) and not math.isfinite(metrics):
        return None
    return metrics
