"""Samples by subject and band: the labels that a classifier learns, and who can be drawn."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.training.data.sample_set import SampleSet
from pipeline.types import Band, Int64

log = logging.getLogger(__name__)


class BandIndex:
    """Samples by label and band.

    Args:
        labels: int64 (n,), the subject of each sample, 0 … s − 1.
        bands: (n,), its band.
        shots: int64 (n,), two samples of one shot make no pair; by default each is its own.
        paired: two bands, to leave out samples that have no partner of another shot in the other
            one; by default all stay.
    """

    def __init__(
        self,
        labels: Int64,
        bands: Sequence[str],
        shots: Int64 | None = None,
        paired: Sequence[Band] = (),
    ) -> None:
        self._names, codes = np.unique(np.asarray(bands, np.str_), return_inverse=True)
        self._shots = np.arange(len(codes)) if shots is None else np.asarray(shots, np.int64)
        cells = np.asarray(labels) * len(self._names) + codes
        shape = (int(np.max(labels, initial=-1)) + 1, len(self._names))
        self._fill(cells, np.arange(len(cells)), shape)
        if len(paired) == 2:
            self._fill(cells, self._partnered(np.asarray(labels), codes, paired), shape)

    def _fill(self, cells: Int64, kept: Int64, shape: tuple[int, int]) -> None:
        """Sort the kept samples by subject and band, then by shot."""
        self._order = kept[np.lexsort((kept, self._shots[kept], cells[kept]))]
        self._counts = np.bincount(cells[kept], minlength=shape[0] * shape[1]).reshape(shape)
        self._starts = np.cumsum(self._counts).reshape(shape) - self._counts
        self._keys = cells[self._order] * self._span + self._shots[self._order]

    @property
    def _span(self) -> int:
        return int(self._shots.max(initial=0)) + 1

    def _partnered(self, labels: Int64, codes: Int64, paired: Sequence[Band]) -> Int64:
        """Return the samples that another one can be paired with, rising."""
        first, second = self._codes(paired)
        other = np.select([codes == first, codes == second], [second, first], len(self._names))
        own = other == len(self._names)
        own |= self._away(labels, other, self._shots)[2] > 0
        return np.flatnonzero(own)

    def _away(self, labels: Int64, codes: Int64, shots: Int64) -> tuple[Int64, Int64, Int64]:
        """Find the samples of subjects in bands that are of other shots.

        Args:
            labels: int64 (k,).
            codes: int64 (k,), columns of bands, that of none beyond the last.
            shots: int64 (k,), each to be left out.

        Returns:
            Where those of the shot begin in the order and how many they are, and how many others
            there are, each int64 (k,).
        """
        known = codes < len(self._names)
        keys = (labels * len(self._names) + codes) * self._span + shots
        start, stop = (np.searchsorted(self._keys, keys, side) for side in ("left", "right"))
        same = np.where(known, stop - start, 0)
        counts = np.hstack([self._counts, np.zeros((len(self._counts), 1), np.int64)])
        return start, same, counts[labels, codes] - same

    def subjects_in(self, bands: Sequence[str] | Sequence[Band]) -> Int64:
        """Return the labels of those who have samples in each of the bands, in order."""
        return np.flatnonzero(self._counts_in(bands).all(axis=1))

    def draw(
        self, rng: np.random.Generator, labels: Int64, bands: Sequence[str] | Sequence[Band]
    ) -> Int64:
        """Draw a sample for each of some subjects and bands.

        Args:
            rng: to draw with.
            labels: int64 (k,), of subjects who have samples in their band.
            bands: (k,), one for each.

        Returns:
            int64 (k,), indices of samples.
        """
        codes = self._codes(bands)
        within = rng.integers(0, self._counts[labels, codes])
        return np.asarray(self._order[self._starts[labels, codes] + within])

    def draw_several(
        self, rng: np.random.Generator, labels: Int64, bands: Sequence[Band], count: int
    ) -> Int64:
        """Draw different samples of each of some subjects in each of some bands.

        Args:
            rng: to draw with.
            labels: int64 (k,), of subjects who have samples in every band.
            bands: (b,), which.
            count: for each subject and band; where somebody has fewer, all come as often as others
                or once more.

        Returns:
            int64 (k · b · count,), indices of samples, subject by subject, in these band by band.
        """
        cells = np.ix_(labels, self._codes(bands))
        starts, counts = (each[cells].ravel().tolist() for each in (self._starts, self._counts))
        pairs = zip(starts, counts, strict=True)
        places = [start + evenly_drawn(rng, n, count) for start, n in pairs]
        return np.asarray(self._order[np.concatenate(places)])

    def draw_beside(
        self,
        rng: np.random.Generator,
        drawn: Int64,
        labels: Int64,
        bands: Sequence[str] | Sequence[Band],
    ) -> Int64:
        """Draw a partner of another shot for each of some samples.

        Args:
            rng: to draw with.
            drawn: int64 (k,), indices of samples.
            labels: int64 (k,), their subjects.
            bands: (k,), of the partners.

        Returns:
            int64 (k,), indices of samples.
        """
        codes = self._codes(bands)
        start, same, others = self._away(labels, codes, self._shots[drawn])
        place = self._starts[labels, codes] + rng.integers(0, others)
        return np.asarray(self._order[place + np.where(place >= start, same, 0)])

    def draw_two(
        self, rng: np.random.Generator, labels: Int64, bands: Sequence[Band]
    ) -> tuple[Int64, Int64]:
        """Draw two samples of different shots of each of some subjects, in any of the bands.

        Args:
            rng: to draw with.
            labels: int64 (k,), of subjects whose samples have two shots or more.
            bands: which.

        Returns:
            Two of int64 (k,), indices of samples.
        """
        counts = self._counts_in(bands)[labels]
        codes = self._codes(bands)
        column, place = _placed(counts, rng.integers(0, counts.sum(axis=1)))
        first = self._order[self._starts[labels, codes[column]] + place]
        shots = self._shots[first]
        away = [self._away(labels, np.full(len(labels), code), shots) for code in codes]
        start, same, others = (np.stack(each, axis=1) for each in zip(*away, strict=True))
        column, place = _placed(others, rng.integers(0, others.sum(axis=1)))
        rows = np.arange(len(labels))
        place += self._starts[labels, codes[column]]
        place += np.where(place >= start[rows, column], same[rows, column], 0)
        return first, self._order[place]

    def samples_of(self, bands: Sequence[Band]) -> list[Int64]:
        """Return the indices of each subject's samples in any of the bands, by label."""
        codes = self._codes(bands)
        known = codes[codes < len(self._names)]
        starts, counts = self._starts[:, known], self._counts[:, known]
        return [
            np.concatenate([self._order[a : a + n] for a, n in zip(*row, strict=True)])
            if len(known)
            else np.empty(0, np.int64)
            for row in zip(starts.tolist(), counts.tolist(), strict=True)
        ]

    def _codes(self, bands: Sequence[str] | Sequence[Band]) -> Int64:
        """Return the column of each band; one that no sample has is beyond the last."""
        names = np.asarray([str(band) for band in bands], np.str_)
        places = np.searchsorted(self._names, names)
        known = np.isin(names, self._names)
        return np.where(known, places, len(self._names)).astype(np.int64)

    def _counts_in(self, bands: Sequence[str] | Sequence[Band]) -> Int64:
        """Return the number of samples of each subject in each band, int64 (s, b)."""
        none = np.zeros((len(self._counts), 1), np.int64)
        return np.asarray(np.hstack([self._counts, none])[:, self._codes(bands)])


def evenly_drawn(rng: np.random.Generator, n: int, count: int) -> Int64:
    """Draw so many of n, and none once more before all others have come as often.

    Args:
        rng: to draw with.
        n: 1 or more.
        count: to draw.

    Returns:
        int64 (count,), 0 … n − 1, each ⌊count / n⌋ or ⌈count / n⌉ times.
    """
    if n >= count:
        return rng.choice(n, count, replace=False)
    runs = [rng.permutation(n) for _ in range(-(-count // n))]
    return np.concatenate(runs)[:count]


def _placed(counts: Int64, places: Int64) -> tuple[Int64, Int64]:
    """Return in which column each place lies, and where in it.

    Args:
        counts: int64 (k, b), how many places each column has.
        places: int64 (k,), counted over all columns.
    """
    ends = np.cumsum(counts, axis=1)
    column = (places[:, None] >= ends).sum(axis=1)
    return column, places - np.take_along_axis(ends - counts, column[:, None], axis=1)[:, 0]


@dataclass(frozen=True)
class Labels:
    """The subjects of a set's samples as numbers.

    Attributes:
        names: (s,), subjects who take part, in the order of the labels: the classes.
        labels: int64 (n,), of each sample; from s on where its subject takes no part.
        index: samples by label and band.
    """

    names: tuple[str, ...]
    labels: Int64
    index: BandIndex


def people_in(samples: SampleSet, bands: Sequence[Band]) -> tuple[int, int]:
    """Count the subjects who take part, as ``label`` has it, and all of them."""
    sessions, rendered = (list(samples.column(name)) for name in ("session_id", "rendered"))
    return count_people(samples.subject_ids, samples.bands.tolist(), sessions, rendered, bands)


def count_people(
    subjects: Sequence[str] | NDArray[np.str_],
    bands: Sequence[str],
    sessions: Sequence[str | None],
    rendered: Sequence[bool],
    wanted: Sequence[Band],
) -> tuple[int, int]:
    """Count as ``people_in`` does, by columns.

    Args:
        subjects: (n,), of each sample.
        bands: (n,), its band.
        sessions: (n,), its session; None where there is none.
        rendered: (n,), whether a program made the face.
        wanted: the bands that a subject needs.
    """
    names, labels, shots = _numbered(subjects, sessions, rendered)
    index = BandIndex(labels, bands, shots, wanted)
    return len(index.subjects_in(wanted)), len(names)


def label(samples: SampleSet, bands: Sequence[Band]) -> Labels:
    """Label samples by their subjects, and say how many lack a band and so take no part.

    Nobody of them is a class: its prototype would only ever be pushed away. A rendered band shows
    the very shot that it was rendered from, so such images of one session make no pair, masked or
    not.
    """
    sessions, rendered = (list(samples.column(name)) for name in ("session_id", "rendered"))
    names, labels, shots = _numbered(samples.subject_ids, sessions, rendered)
    found = samples.bands.tolist()
    index = BandIndex(labels, found, shots, bands)
    whole = index.subjects_in(bands)
    if len(whole) < len(names):
        log.warning(
            "%d of %d training subjects take no part: they have no images in one of %s (of "
            "another session, where bands are simulated)",
            len(names) - len(whole),
            len(names),
            " and ".join(bands),
        )
        others = np.setdiff1d(np.arange(len(names)), whole)
        labels = np.argsort(np.concatenate([whole, others]))[labels]
        index = BandIndex(labels, found, shots, bands)
    return Labels(tuple(names[whole].tolist()), labels, index)


def _numbered(
    subjects: Sequence[str] | NDArray[np.str_],
    sessions: Sequence[str | None],
    rendered: Sequence[bool],
) -> tuple[NDArray[np.str_], Int64, Int64]:
    """Return the subjects (s,), and the numbers of each sample's subject and shot, (n,)."""
    names, found = np.unique(np.asarray(subjects, np.str_), return_inverse=True)
    labels = found.astype(np.int64)
    return names, labels, shots_of(labels, sessions, rendered)


def shots_of(labels: Int64, sessions: Sequence[str | None], rendered: Sequence[bool]) -> Int64:
    """Number what may not be paired: a session of a subject of which a program made any face.

    Args:
        labels: int64 (n,), the subject of each sample.
        sessions: (n,), its session; None where there is none.
        rendered: (n,), whether a program made the face.

    Returns:
        int64 (n,); samples of real sessions, or of none, have a number each.
    """
    shots = np.arange(len(labels))
    groups: dict[tuple[int, str], list[int]] = {}
    for place, (subject, session) in enumerate(zip(labels.tolist(), sessions, strict=True)):
        if session is not None:
            groups.setdefault((subject, session), []).append(place)
    for places in groups.values():
        if any(rendered[place] for place in places):
            shots[places] = places[0]
    return shots
