"""Measurements summed up over all, by band, by view, and by both, with intervals over subjects."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.bootstrap import median_interval, share_interval
from pipeline.types import Band

YAW_BUCKETS_DEG = (0, 20, 40, 60, 90)
"""Edges of the buckets of |yaw|."""
BEYOND = f"over {YAW_BUCKETS_DEG[-1]}"
"""Bucket of faces that are turned further."""
UNKNOWN = "unknown"
"""Bucket of faces whose pose nobody knows."""
BUCKETS = (*(f"{low}-{high}" for low, high in pairwise(YAW_BUCKETS_DEG)), BEYOND, UNKNOWN)
"""All buckets in their order."""

Values = NDArray[np.float64]
Summary = dict[str, Any]


@dataclass(frozen=True)
class Measurements:
    """One measurement of each of n images.

    Attributes:
        subjects: (n,), number of who it shows; images without a subject count as one.
        bands: (n,).
        buckets: (n,), of ``BUCKETS``: the yaw of the face, by the truth where there is one.
        values: (n,), what was measured.
    """

    subjects: NDArray[np.int64]
    bands: NDArray[np.str_]
    buckets: NDArray[np.str_]
    values: Values

    def __len__(self) -> int:
        return len(self.values)

    def where(self, chosen: NDArray[np.bool_]) -> "Measurements":
        """Return some of them."""
        return Measurements(
            self.subjects[chosen], self.bands[chosen], self.buckets[chosen], self.values[chosen]
        )

    def split(self, column: NDArray[np.str_], names: tuple[str, ...]) -> "dict[str, Measurements]":
        """Return them by the names in a column, in the names' order; empty groups stay out."""
        groups = {name: self.where(column == name) for name in names}
        return {name: group for name, group in groups.items() if len(group)}

    def by_band(self) -> "dict[str, Measurements]":
        """Return them by band, in the bands' order."""
        return self.split(self.bands, tuple(map(str, Band)))

    def by_yaw(self) -> "dict[str, Measurements]":
        """Return them by bucket, in the buckets' order."""
        return self.split(self.buckets, BUCKETS)


def by_band_and_yaw(
    measured: Measurements, summarise: Callable[[Measurements], Summary]
) -> Summary:
    """Sum up over all and by group.

    Returns:
        The summary of all, and beside it ``by_band``, ``by_yaw`` and ``by_band_and_yaw``.
    """
    bands = measured.by_band()
    return summarise(measured) | {
        "by_band": {band: summarise(items) for band, items in bands.items()},
        "by_yaw": {bucket: summarise(items) for bucket, items in measured.by_yaw().items()},
        "by_band_and_yaw": {
            band: {bucket: summarise(found) for bucket, found in items.by_yaw().items()}
            for band, items in bands.items()
        },
    }


def mean_summary(measured: Measurements) -> Summary:
    """Return the mean of shares, its 95 % interval over subjects, and count; of none, n alone."""
    if not len(measured):
        return {"n": 0}
    return {
        "mean": round(float(measured.values.mean()), 4),
        "ci95": _rounded(share_interval(measured.values, measured.subjects)),
        "n": len(measured),
    }


def median_summary(measured: Measurements) -> Summary:
    """Return median, its 95 % interval over subjects, 95th percentile and count."""
    if not len(measured):
        return {"n": 0}
    median, p95 = np.percentile(measured.values, [50, 95])
    return {
        "median": round(float(median), 4),
        "ci95": _rounded(median_interval(measured.values, measured.subjects, resamples=500)),
        "p95": round(float(p95), 4),
        "n": len(measured),
    }


def _rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(bound, 4) for bound in interval]
