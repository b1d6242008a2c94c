"""Small numbers out of a few values."""

from collections.abc import Iterable

import numpy as np


def quantiles(values: Iterable[float]) -> dict[str, float | int]:
    """Return median, 95th percentile and count of the finite values; no number where none is."""
    finite = np.asarray([value for value in values if np.isfinite(value)])
    if not len(finite):
        return {"n": 0}
    median, p95 = np.percentile(finite, [50, 95])
    return {"median": round(float(median), 4), "p95": round(float(p95), 4), "n": len(finite)}
