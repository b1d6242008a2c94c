"""Measures networks of people on protocols: between bands by templates, or image by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.evaluation.band_rows import (
    FUSED_SCORES,
    JOINED_FEATURES,
    BandRow,
    band_rows,
    fusions,
    measured_rows,
)
from pipeline.evaluation.band_templates import filmed_in_bands
from pipeline.evaluation.image_rows import measured_images
from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, Recognition
from pipeline.params.datasets import DatasetParams
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.bodies import check_cut
from pipeline.training.embed_people import (
    FACE,
    SFACE,
    WITHOUT,
    Networks,
    bodies_as_is,
    bodies_by,
    face_starts,
    faces_by,
    looked_at,
    open_tested,
    starts,
    tested_ids,
)
from pipeline.training.embedders import Embed
from pipeline.training.tested import PRETRAINED, TRAINED, UNTRAINED, TestedSamples
from pipeline.types import Float32, UInt8

AGAINST = (
    *((TRAINED, UNTRAINED), (TRAINED, PRETRAINED), (TRAINED, FACE), (TRAINED, SFACE)),
    *((FUSED_SCORES, TRAINED), (JOINED_FEATURES, TRAINED)),
    *((TRAINED, row) for row in WITHOUT),
)
"""Rows that are compared, those that there are: subject by subject, or image by image."""
MATRICES = (PRETRAINED, TRAINED)
SHOWN_PEOPLE = 4


class Seen(NamedTuple):
    """Where a network looks in a few images, as ``report.evaluate_bodies`` draws it.

    Attributes:
        images: uint8 (k, h, w, 3).
        maps: float32 (k, views, rows, columns).
        names: (k,), of the images.
        views: what its maps are called.
    """

    images: UInt8
    maps: Float32
    names: list[str]
    views: tuple[str, ...]


@dataclass(frozen=True)
class BetweenBands:
    """What templates of bands gave.

    Attributes:
        metrics: of all rows.
        similarities: float32 (t, t), cosines of the trained network's templates, by band and
            subject; NaN where one was not enrolled.
        bands: (t,), of each.
        seen: where the network looks.
        embeddings: of the trained network, by fold.
    """

    metrics: dict[str, Any]
    similarities: Float32
    bands: list[str]
    seen: Seen
    embeddings: dict[int, Embeddings]


@dataclass(frozen=True)
class ByImage:
    """What protocols of re-identification gave, by their names.

    Attributes:
        metrics: of the trained network, with those of ``untrained`` and ``pretrained`` beside, and
            what ``measured_images`` adds.
        results: by protocol and row, fold by fold.
        seen: where the last fold's network looks.
        embeddings: of the trained networks, by fold.
    """

    metrics: dict[str, dict[str, Any]]
    results: dict[str, list[Recognition]]
    seen: Seen
    embeddings: dict[int, Embeddings]


@dataclass(frozen=True)
class PeopleTest:
    """Networks of people, and what they are tested on.

    Attributes:
        body: networks of bodies.
        own: a network of the user's own, tested as it is beside them; None: there is none.
        folder: output of ``crop_bodies``.
        protocols: with their folds.
        dataset: the tested one.
        datasets: all data sets of params.
    """

    body: Networks
    own: Embed | None
    folder: ShardFolder
    protocols: Sequence[Protocol]
    dataset: str
    datasets: Mapping[str, DatasetParams]

    def between_bands(self, face: tuple[Networks, Path] | None, *, unit: bool) -> BetweenBands:
        """Identify people across bands, a template of each subject and band.

        Args:
            face: the same people's faces, and the weights of SFace; None leaves them out.
            unit: whether embeddings are brought to unit length before a template's mean.

        Raises:
            StageError: a network is missing, was trained on some of the people, or on crops that
                are cut otherwise.
        """
        body, ids = self.body, tested_ids(self.protocols)
        filmed = filmed_in_bands(self.protocols)
        self._refuse_known(body, 1, self.protocols)
        method = body.method(1)
        tested = open_tested(method, self.folder, ids)
        check_cut(tested.samples, body.pretrained)
        found = starts(body, tested) | bodies_by(method, tested, flip=body.flip)
        found |= self._as_it_is(tested)
        if face is not None:
            networks, sface = face
            self._refuse_known(networks, 1, self.protocols)
            of_faces = networks.method(1)
            faces = open_tested(of_faces, self.folder, ids)
            check_cut(faces.samples, networks.pretrained)
            found |= face_starts(networks, faces, sface)
            found |= faces_by(of_faces, faces, flip=networks.flip)
        rows = band_rows(filmed, found, unit=unit)
        if face is not None:
            rows |= fusions(rows[TRAINED], rows[FACE])
        metrics = measured_rows(rows, filmed, AGAINST, MATRICES)
        metrics["simulated"] = tested.samples.simulated
        seen = Seen(*looked_at(method, tested, SHOWN_PEOPLE), method.views)
        return BetweenBands(metrics, *_heat_map(rows[TRAINED]), seen, {1: found[TRAINED]})

    def by_image(self, folds: Mapping[int, int]) -> ByImage:
        """Re-identify people, each protocol as it is published.

        Args:
            folds: the fold whose network tests each fold.

        Raises:
            StageError: as ``between_bands`` does.
        """
        body, numbers = self.body, sorted(set(folds.values()))
        found: dict[int, Embeddings] = {}
        # Opened once for all folds, so images are decoded once.
        start = body.start(with_weights=False)
        tested = open_tested(start, self.folder, tested_ids(self.protocols))
        check_cut(tested.samples, body.pretrained)
        for number in numbers:
            mine = [n for n, of in folds.items() if of == number]
            self._refuse_known(body, number, [e.fold(n) for e in self.protocols for n in mine])
            found[number] = bodies_by(body.method(number), tested, flip=body.flip)[TRAINED]
        same = self._as_it_is(tested) | starts(body, tested)
        rows = {row: dict.fromkeys(folds, each) for row, each in same.items()}
        rows[TRAINED] = {number: found[of] for number, of in folds.items()}
        metrics: dict[str, dict[str, Any]] = {}
        results: dict[str, list[Recognition]] = {}
        for protocol in self.protocols:
            measured, folded = measured_images(protocol, rows, TRAINED, AGAINST)
            metrics[protocol.name] = measured
            results |= {f"{protocol.name}: {row}": each for row, each in folded.items()}
        last = body.method(numbers[-1])
        seen = Seen(*looked_at(last, tested, SHOWN_PEOPLE), last.views)
        return ByImage(metrics, results, seen, found)

    def _refuse_known(self, networks: Networks, fold: int, mine: Sequence[Protocol]) -> None:
        """Refuse a fold's network that was trained on people of these protocols."""
        for each in mine:
            refuse_trained(networks.of_fold(fold), each, self.dataset, self.datasets)

    def _as_it_is(self, tested: TestedSamples) -> dict[str, Embeddings]:
        """Embed bodies by the user's own network, if there is one."""
        if self.own is None:
            return {}
        return bodies_as_is(self.own, tested, flip=self.body.flip)


def _heat_map(row: BandRow) -> tuple[Float32, list[str]]:
    """Return cosines of all templates with one another, and each one's band."""
    templates = row.templates or {}
    vectors = np.concatenate([each.vectors for each in templates.values()])
    enrolled = np.concatenate([each.enrolled for each in templates.values()])
    similarities = vectors @ vectors.T
    similarities[~enrolled], similarities[:, ~enrolled] = np.nan, np.nan
    bands = [str(band) for band, each in templates.items() for _ in each.subjects]
    return similarities, bands
