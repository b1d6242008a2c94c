"""Which images make a batch: by subject and band, drawn anew for every step."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.types import Band

Int64 = NDArray[np.int64]


class BandIndex:
    """Images by subject and band.

    Args:
        subjects: int (n,), the subject of each image, 0 … s − 1.
        bands: (n,), its band.
    """

    def __init__(self, subjects: Int64, bands: Sequence[str]) -> None:
        self.subjects = np.asarray(subjects)
        self.bands = np.asarray(bands)
        self._images: dict[tuple[int, str], Int64] = {}
        order = np.lexsort((self.bands, self.subjects))
        keys = list(zip(self.subjects[order].tolist(), self.bands[order].tolist(), strict=True))
        starts = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
        for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
            self._images[keys[start]] = np.sort(order[start:end])

    def subjects_in(self, bands: Sequence[Band]) -> Int64:
        """Return the subjects that have images in each of the bands, in order."""
        everyone = sorted({subject for subject, _ in self._images})
        kept = [s for s in everyone if all((s, str(band)) in self._images for band in bands)]
        return np.array(kept, dtype=np.int64)

    def draw(self, generator: np.random.Generator, subject: int, band: str) -> int:
        """Return one of a subject's images in a band."""
        return int(generator.choice(self._images[subject, band]))

    def draw_two(
        self, generator: np.random.Generator, subject: int, bands: Sequence[str]
    ) -> tuple[int, int]:
        """Return two different images of a subject in any of the bands."""
        all_of_them = np.concatenate([self._images[subject, band] for band in bands])
        first, second = generator.choice(all_of_them, 2, replace=False).tolist()
        return first, second


class CrossBandPairs:
    """One image in each of two bands of subjects that are all different.

    Args:
        index: the images.
        first: band of the first image of each pair.
        second: band of the second.
        batch_pairs: pairs in a batch.

    Raises:
        StageError: fewer subjects than pairs have images in both bands.
    """

    def __init__(self, index: BandIndex, first: Band, second: Band, batch_pairs: int) -> None:
        self._index, self._bands = index, (str(first), str(second))
        self.batch_pairs = batch_pairs
        self.subjects = index.subjects_in((first, second))
        if len(self.subjects) < batch_pairs:
            raise StageError(
                f"{len(self.subjects)} training subjects have images in both {first} and "
                f"{second}: expected at least {batch_pairs}, one for each pair of a batch; lower "
                "batch_pairs or add subjects"
            )

    def draw(self, generator: np.random.Generator) -> tuple[Int64, Int64]:
        """Return the indices of first and second images, each int64 (batch_pairs,)."""
        chosen = generator.choice(self.subjects, self.batch_pairs, replace=False)
        pairs = [self._pair(generator, subject) for subject in chosen.tolist()]
        first, second = np.array(pairs, dtype=np.int64).T
        return first, second

    def _pair(self, generator: np.random.Generator, subject: int) -> tuple[int, int]:
        first, second = (self._index.draw(generator, subject, band) for band in self._bands)
        return first, second


class SubjectPairs(CrossBandPairs):
    """Two different images of one subject, whatever their bands: pairs of the same subjects.

    Reference:
        H. Du et al., Semi-Siamese Training for Shallow Face Learning, ECCV 2020, section 3.
    """

    def _pair(self, generator: np.random.Generator, subject: int) -> tuple[int, int]:
        return self._index.draw_two(generator, subject, self._bands)


class CrossBandTriplets:
    """Anchor and positive of one subject in different bands, negative in the anchor's band.

    Args:
        index: the images.
        bands: the two bands; which of them the anchor has is drawn for each triplet.
        batch_triplets: triplets in a batch.

    Raises:
        StageError: fewer than two subjects have images in both bands.

    Reference:
        PRAM + CAT paper, section 2.2.
    """

    def __init__(self, index: BandIndex, bands: tuple[Band, Band], batch_triplets: int) -> None:
        self._index, self._bands = index, bands
        self.batch_triplets = batch_triplets
        self.subjects = index.subjects_in(bands)
        if len(self.subjects) < 2:
            raise StageError(
                f"{len(self.subjects)} training subjects have images in both {bands[0]} and "
                f"{bands[1]}: expected two or more, so that a triplet has a negative"
            )

    def draw(self, generator: np.random.Generator) -> Int64:
        """Return indices of anchors, positives and negatives, int64 (3, batch_triplets)."""
        triplets = []
        for _ in range(self.batch_triplets):
            mine, other = generator.choice(self.subjects, 2, replace=False).tolist()
            near, far = (str(self._bands[i]) for i in generator.permutation(2))
            triplets.append(
                [
                    self._index.draw(generator, mine, near),
                    self._index.draw(generator, mine, far),
                    self._index.draw(generator, other, near),
                ]
            )
        return np.array(triplets, dtype=np.int64).T


class BalancedImages:
    """Images of subjects with equal chances, whatever the number of their images.

    Args:
        index: the images.
        bands: whose images are drawn, each band with equal chances.
        batch_images: images in a batch.

    Raises:
        StageError: no subject has images in each of the bands.
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

    def draw(self, generator: np.random.Generator) -> Int64:
        """Return the indices of a batch, int64 (batch_images,)."""
        subjects = generator.choice(self.subjects, self.batch_images)
        bands = generator.choice(self._bands, self.batch_images)
        return np.array(
            [
                self._index.draw(generator, subject, band)
                for subject, band in zip(subjects.tolist(), bands.tolist(), strict=True)
            ],
            dtype=np.int64,
        )
