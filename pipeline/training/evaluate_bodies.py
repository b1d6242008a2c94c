"""Measures networks of people on protocols: between bands by templates, or image by image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from pipeline.evaluation.recognition import Embeddings, Recognition
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.bodies import check_cut
from pipeline.training.embed_people import (
    FACE,
    PRETRAINED,
    SFACE,
    TRAINED,
    UNTRAINED,
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
from pipeline.types import Float32, UInt8

AGAINST = (
    *((TRAINED, UNTRAINED), (TRAINED, PRETRAINED), (TRAINED, FACE), (TRAINED, SFACE)),
    *((FUSED_SCORES, TRAINED), (JOINED_FEATURES, TRAINED)),
    *((TRAINED, row) for row in WITHOUT),
)
"""Rows that are compared, those that there are: subject by subject, or image by image."""
MATRICES = (PRETRAINED, TRAINED)
SHOWN_PEOPLE = 4

Check = Callable[[Networks, int, Sequence[Protocol]], None]
"""Refuses a fold's network that was trained on people of protocols."""


@dataclass(frozen=True)
class Seen:
    """Where a network looks in a few images.

    Attributes:
        views: what its maps are called.
        images: uint8 (k, h, w, 3).
        maps: float32 (k, views, rows, columns).
        names: (k,), of the images.
    """

    views: tuple[str, ...]
    images: UInt8
    maps: Float32
    names: list[str]


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


def between_bands(
    protocols: Sequence[Protocol],
    folder: ShardFolder,
    body: Networks,
    face: tuple[Networks, Path] | None,
    *,
    unit: bool,
    check: Check,
    own: Embed | None = None,
) -> BetweenBands:
    """Identify people across bands, a template of each subject and band.

    Args:
        protocols: of band templates.
        folder: output of ``crop_bodies``.
        body: what is tested.
        face: the same people's faces, and the weights of SFace; None leaves them out.
        unit: whether embeddings are brought to unit length before a template's mean.
        check: refuses networks.
        own: a network of the user's own, tested as it is.
    """
    filmed, ids = filmed_in_bands(protocols), tested_ids(protocols)
    check(body, 1, protocols)
    method = body.method(1)
    tested = open_tested(method, folder, ids)
    check_cut(tested.samples, body.pretrained)
    found = starts(body, tested) | bodies_by(method, tested, flip=body.flip)
    if own is not None:
        found |= bodies_as_is(own, tested, flip=body.flip)
    if face is not None:
        check(face[0], 1, protocols)
        networks, sface = face
        of_faces = networks.method(1)
        faces = open_tested(of_faces, folder, ids)
        check_cut(faces.samples, networks.pretrained)
        found |= face_starts(networks, faces, sface)
        found |= faces_by(of_faces, faces, flip=networks.flip)
    rows = band_rows(filmed, found, unit=unit)
    if face is not None:
        rows |= fusions(rows[TRAINED], rows[FACE])
    metrics = measured_rows(rows, filmed, AGAINST, MATRICES)
    metrics["simulated"] = tested.samples.simulated
    seen = Seen(method.views, *looked_at(method, tested, SHOWN_PEOPLE))
    return BetweenBands(metrics, *_heat_map(rows[TRAINED]), seen, {1: found[TRAINED]})


def by_image(
    protocols: Sequence[Protocol],
    folder: ShardFolder,
    body: Networks,
    folds: Mapping[int, int],
    check: Check,
    own: Embed | None = None,
) -> ByImage:
    """Re-identify people, each protocol as it is published.

    Args:
        protocols: with their folds.
        folder: output of ``crop_bodies``.
        body: what is tested.
        folds: the fold whose network tests each fold.
        check: refuses networks.
        own: a network of the user's own, tested as it is.
    """
    numbers, found = sorted(set(folds.values())), dict[int, Embeddings]()
    # Opened once for all folds, so images are decoded once.
    tested = open_tested(body.start(with_weights=False), folder, tested_ids(protocols))
    check_cut(tested.samples, body.pretrained)
    for number in numbers:
        mine = [n for n, of in folds.items() if of == number]
        check(body, number, [each.fold(n) for each in protocols for n in mine])
        found[number] = bodies_by(body.method(number), tested, flip=body.flip)[TRAINED]
    same = bodies_as_is(own, tested, flip=body.flip) if own is not None else {}
    same |= starts(body, tested)
    rows = {row: dict.fromkeys(folds, each) for row, each in same.items()}
    rows[TRAINED] = {number: found[of] for number, of in folds.items()}
    metrics: dict[str, dict[str, Any]] = {}
    results: dict[str, list[Recognition]] = {}
    for protocol in protocols:
        measured, folded = measured_images(protocol, rows, TRAINED, AGAINST)
        metrics[protocol.name] = measured
        results |= {f"{protocol.name}: {row}": each for row, each in folded.items()}
    last = body.method(numbers[-1])
    return ByImage(
        metrics, results, Seen(last.views, *looked_at(last, tested, SHOWN_PEOPLE)), found
    )


def _heat_map(row: BandRow) -> tuple[Float32, list[str]]:
    """Return cosines of all templates with one another, and each one's band."""
    templates = row.templates or {}
    vectors = np.concatenate([each.vectors for each in templates.values()])
    enrolled = np.concatenate([each.enrolled for each in templates.values()])
    similarities = vectors @ vectors.T
    similarities[~enrolled], similarities[:, ~enrolled] = np.nan, np.nan
    bands = [str(band) for band, each in templates.items() for _ in each.subjects]
    return similarities, bands
