"""Failure to enrol: what has no embedding is counted, never compared as a zero vector."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Enrolment:
    """How many samples were tried and how many gave an embedding."""

    attempted: int
    enrolled: int

    @property
    def failure_to_enrol(self) -> float | None:
        """Share of the samples that gave none; None where nothing was tried."""
        return 1.0 - self.enrolled / self.attempted if self.attempted else None

    def counting_failures(self, rate: float) -> float | None:
        """Turn a rate over enrolled samples into one over all, failures counted as misses.

        For rates of success that are means over probes: rank-k, TPIR, mAP, and TAR where only
        probes fail. None where nothing was tried.

        Reference:
            ISO/IEC 19795-1: FRR = FTA + FNMR · (1 − FTA).
        """
        return rate * self.enrolled / self.attempted if self.attempted else None


def enrolment(enrolled: ArrayLike) -> Enrolment:
    """Count, from one flag a sample."""
    flags = np.asarray(enrolled, bool).ravel()
    return Enrolment(len(flags), int(flags.sum()))


def enrolment_by(enrolled: ArrayLike, groups: ArrayLike) -> dict[str, Enrolment]:
    """Count by group (band, yaw bucket, subject), sorted by name.

    Raises:
        ValueError: the shapes differ.
    """
    flags, names = np.asarray(enrolled, bool), np.asarray(groups)
    if flags.ndim != 1 or flags.shape != names.shape:
        raise ValueError(f"expected (n,) twice, got {flags.shape}, {names.shape}")
    return {str(name): enrolment(flags[names == name]) for name in np.unique(names)}
