"""Which samples make a batch: by subject and band, drawn anew for every step."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import StageError
from pipeline.training.data.labels import BandIndex, evenly_drawn
from pipeline.types import Band, Int64


class CrossBandPairs:
    """One sample in each of two bands of subjects that are all different.

    Args:
        index: the samples.
        first: band of the first sample of each pair.
        second: band of the second.
        batch_pairs: pairs in a batch.

    Raises:
        StageError: fewer subjects than pairs have samples in both bands.
    """

    def __init__(self, index: BandIndex, first: Band, second: Band, batch_pairs: int) -> None:
        self._index, self._bands = index, (first, second)
        self.batch_pairs = batch_pairs
        self.subjects = index.subjects_in((first, second))
        if len(self.subjects) < batch_pairs:
            raise StageError(
                f"{len(self.subjects)} training subjects have images in both {first} and "
                f"{second}: expected at least {batch_pairs}, one for each pair of a batch; lower "
                "batch_pairs or add subjects"
            )

    def draw(self, rng: np.random.Generator) -> tuple[Int64, Int64]:
        """Return the indices of first and second samples, each int64 (batch_pairs,)."""
        chosen = rng.choice(self.subjects, self.batch_pairs, replace=False)
        return self._pairs(rng, chosen)

    def _pairs(self, rng: np.random.Generator, chosen: Int64) -> tuple[Int64, Int64]:
        near, far = ([band] * len(chosen) for band in self._bands)
        first = self._index.draw(rng, chosen, near)
        return first, self._index.draw_beside(rng, first, chosen, far)


class SubjectPairs(CrossBandPairs):
    """Two different samples of one subject, whatever their bands: pairs of the same subjects.

    Reference:
        H. Du et al., Semi-Siamese Training for Shallow Face Learning, ECCV 2020, section 3.
    """

    def _pairs(self, rng: np.random.Generator, chosen: Int64) -> tuple[Int64, Int64]:
        return self._index.draw_two(rng, chosen, self._bands)


class CrossBandTriplets:
    """Anchor and positive of one subject in different bands, negative in the anchor's band.

    Args:
        index: the samples.
        bands: the two bands; which of them the anchor has is drawn for each triplet.
        batch_triplets: triplets in a batch.

    Raises:
        StageError: fewer than two subjects have samples in both bands.

    Reference:
        PRAM + CAT paper, section 2.2.
    """

    def __init__(self, index: BandIndex, bands: tuple[Band, Band], batch_triplets: int) -> None:
        self._index, self._bands = index, np.array([str(band) for band in bands])
        self.batch_triplets = batch_triplets
        self.subjects = index.subjects_in(bands)
        if len(self.subjects) < 2:
            raise StageError(
                f"{len(self.subjects)} training subjects have images in both {bands[0]} and "
                f"{bands[1]}: expected two or more, so that a triplet has a negative"
            )

    def draw(self, rng: np.random.Generator) -> Int64:
        """Return indices of anchors, positives and negatives, int64 (3, batch_triplets)."""
        count, size = len(self.subjects), self.batch_triplets
        mine = rng.integers(0, count, size)
        other = (mine + rng.integers(1, count, size)) % count
        near = rng.integers(0, 2, size)
        subjects, others = self.subjects[mine], self.subjects[other]
        own, across = self._bands[near].tolist(), self._bands[1 - near].tolist()
        anchor = self._index.draw(rng, subjects, own)
        positive = self._index.draw_beside(rng, anchor, subjects, across)
        return np.stack([anchor, positive, self._index.draw(rng, others, own)])


class BalancedImages:
    """Samples of subjects with equal chances, whatever the number of their images.

    Args:
        index: the samples.
        bands: whose samples are drawn, each band with equal chances.
        batch_images: samples in a batch.

    Raises:
        StageError: no subject has samples in each of the bands.
    """

    def __init__(self, index: BandIndex, bands: Sequence[Band], batch_images: int) -> None:
        self._index, self._bands = index, [str(band) for band in bands]
        self.batch_images = batch_images
        self.subjects = index.subjects_in(bands)
        if not len(self.subjects):
            raise StageError(
                f"no training subject has images in each of {self._bands}: expected some; check "
                "the bands and the train split"
            )

    def draw(self, rng: np.random.Generator) -> Int64:
        """Return the indices of a batch, int64 (batch_images,)."""
        subjects = rng.choice(self.subjects, self.batch_images)
        bands = rng.choice(self._bands, self.batch_images)
        return self._index.draw(rng, subjects, bands.tolist())


class SubjectsInAllBands:
    """Subjects of whom each brings as many samples of every band: domain-aware sampling.

    Args:
        index: the samples.
        bands: that each subject brings; who lacks one is never drawn.
        batch_subjects: subjects in a batch.
        images_per_band: of each of them; where somebody has fewer, all come before any comes again.

    Raises:
        StageError: fewer subjects have samples in every band.

    Reference:
        A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body
        embeddings, 2025, section IV-B.
    """

    def __init__(
        self, index: BandIndex, bands: Sequence[Band], batch_subjects: int, images_per_band: int
    ) -> None:
        self._index, self.batch_subjects = index, batch_subjects
        self._bands, self._images = bands, images_per_band
        self.batch_images = batch_subjects * len(bands) * images_per_band
        self.subjects = index.subjects_in(bands)
        _check_enough(len(self.subjects), batch_subjects, f"in each of {' '.join(bands)}")

    def draw(self, rng: np.random.Generator) -> Int64:
        """Return the indices of a batch, int64 (batch_images,), subject by subject."""
        chosen = rng.choice(self.subjects, self.batch_subjects, replace=False)
        return self._index.draw_several(rng, chosen, self._bands, self._images)


class SubjectsInAnyBand:
    """Subjects of whom each brings as many samples, whatever their bands: random sampling.

    Args:
        index: the samples.
        bands: whose samples are drawn.
        batch_subjects: subjects in a batch.
        images: of each of them; where somebody has fewer, all come before any comes again.

    Raises:
        StageError: fewer subjects have two samples in these bands.
    """

    def __init__(
        self, index: BandIndex, bands: Sequence[Band], batch_subjects: int, images: int
    ) -> None:
        self._samples = index.samples_of(bands)
        self._images, self.batch_subjects = images, batch_subjects
        self.batch_images = batch_subjects * images
        counts = [len(samples) for samples in self._samples]
        self.subjects = np.flatnonzero(np.array(counts, np.int64) > 1)
        _check_enough(len(self.subjects), batch_subjects, f"twice in {' '.join(bands)}")

    def draw(self, rng: np.random.Generator) -> Int64:
        """Return the indices of a batch, int64 (batch_images,), subject by subject."""
        chosen = rng.choice(self.subjects, self.batch_subjects, replace=False)
        drawn = []
        for subject in chosen.tolist():
            samples = self._samples[subject]
            drawn.append(samples[evenly_drawn(rng, len(samples), self._images)])
        return np.concatenate(drawn)


def _check_enough(found: int, wanted: int, where: str) -> None:
    if found < wanted:
        raise StageError(
            f"{found} training subjects have images {where}: expected at least {wanted}, as many "
            "as a batch has; lower batch_subjects, or check bands, protocols and subjects"
        )
