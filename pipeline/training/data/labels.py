"""Samples by subject and band: the labels that a classifier learns, and who can be drawn."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.training.data.images import Int64
from pipeline.training.data.sample_set import SampleSet
from pipeline.types import Band

log = logging.getLogger(__name__)


class BandIndex:
    """Samples by label and band.

    Args:
        labels: int64 (n,), the subject of each sample, 0 … s − 1.
        bands: (n,), its band.
    """

    def __init__(self, labels: Int64, bands: Sequence[str]) -> None:
        self._names, codes = np.unique(np.asarray(bands, np.str_), return_inverse=True)
        cells = np.asarray(labels) * len(self._names) + codes
        shape = (int(np.max(labels, initial=-1)) + 1, len(self._names))
        self._order = np.argsort(cells, kind="stable")
        self._counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        self._starts = np.cumsum(self._counts).reshape(shape) - self._counts

    def subjects_in(self, bands: Sequence[Band]) -> Int64:
        """Return the labels of those who have samples in each of the bands, in order."""
        return np.flatnonzero(self._counts_in(bands).all(axis=1))

    def draw(
        self, generator: np.random.Generator, labels: Int64, bands: Sequence[str] | Sequence[Band]
    ) -> Int64:
        """Draw a sample for each of some subjects and bands.

        Args:
            generator: to draw with.
            labels: int64 (k,), of subjects who have samples in their band.
            bands: (k,), one for each.

        Returns:
            int64 (k,), indices of samples.
        """
        codes = self._codes(bands)
        within = generator.integers(0, self._counts[labels, codes])
        return np.asarray(self._order[self._starts[labels, codes] + within])

    def draw_two(
        self, generator: np.random.Generator, labels: Int64, bands: Sequence[Band]
    ) -> tuple[Int64, Int64]:
        """Draw two different samples of each of some subjects, in any of the bands.

        Args:
            generator: to draw with.
            labels: int64 (k,), of subjects with two samples or more in all of the bands together.
            bands: which.

        Returns:
            Two of int64 (k,), indices of samples.
        """
        counts = self._counts_in(bands)[labels]
        total = counts.sum(axis=1)
        first = generator.integers(0, total)
        second = generator.integers(0, total - 1)
        second += second >= first
        codes = self._codes(bands)
        ends = np.cumsum(counts, axis=1)
        drawn = []
        for place in (first, second):
            column = (place[:, None] >= ends).sum(axis=1)
            before = np.take_along_axis(ends - counts, column[:, None], axis=1)[:, 0]
            drawn.append(self._order[self._starts[labels, codes[column]] + place - before])
        return drawn[0], drawn[1]

    def _codes(self, bands: Sequence[str] | Sequence[Band]) -> Int64:
        """Return the column of each band; one that no sample has is beyond the last."""
        names = np.asarray([str(band) for band in bands], np.str_)
        places = np.searchsorted(self._names, names)
        known = np.isin(names, self._names)
        return np.where(known, places, len(self._names)).astype(np.int64)

    def _counts_in(self, bands: Sequence[Band]) -> Int64:
        """Return the number of samples of each subject in each band, int64 (s, b)."""
        none = np.zeros((len(self._counts), 1), np.int64)
        return np.asarray(np.hstack([self._counts, none])[:, self._codes(bands)])


@dataclass(frozen=True)
class Labels:
    """The subjects of a set's samples as numbers.

    Attributes:
        names: (s,), subjects, in the order of the labels.
        labels: int64 (n,), of each sample.
        index: samples by label and band.
    """

    names: tuple[str, ...]
    labels: Int64
    index: BandIndex


def label(samples: SampleSet, bands: Sequence[Band]) -> Labels:
    """Label samples by their subjects, and say who lacks a band and so takes no part."""
    names, labels = np.unique(samples.subject_ids, return_inverse=True)
    index = BandIndex(labels.astype(np.int64), samples.bands.tolist())
    whole = len(index.subjects_in(bands))
    if whole < len(names):
        log.warning(
            "%d of %d training subjects have no images in one of %s and take no part",
            len(names) - whole,
            len(names),
            " and ".join(bands),
        )
    return Labels(tuple(names.tolist()), labels.astype(np.int64), index)
