"""Faces to train on: with labels, by subject and band."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.training.faces import Components, FaceSet
from pipeline.training.samplers import BandIndex, Int64
from pipeline.types import Band

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingFaces:
    """Faces of labelled subjects.

    Attributes:
        faces: the faces.
        components: their parts and masks, None where the method takes none.
        names: (s,), subjects, in the order of the labels.
        labels: int64 (n,), of each face.
        index: faces by label and band.
    """

    faces: FaceSet
    components: Components | None
    names: tuple[str, ...]
    labels: Int64
    index: BandIndex


def training_faces(
    faces: FaceSet, components: Components | None, bands: Sequence[Band]
) -> TrainingFaces:
    """Label faces by their subjects, and say who lacks a band and so takes no part."""
    names, labels = np.unique(np.array(faces.subjects), return_inverse=True)
    index = BandIndex(labels.astype(np.int64), faces.bands)
    whole = len(index.subjects_in(bands))
    if whole < len(names):
        log.warning(
            "%d of %d training subjects have no images in one of %s and take no part",
            len(names) - whole,
            len(names),
            " and ".join(bands),
        )
    return TrainingFaces(faces, components, tuple(names.tolist()), labels.astype(np.int64), index)


def joined(
    first: tuple[FaceSet, Components | None], second: tuple[FaceSet, Components | None]
) -> tuple[FaceSet, Components | None]:
    """Put two sets of faces together, sorted by id, as those of two stages.

    Raises:
        ValueError: their crops differ in size.
    """
    (a, of_a), (b, of_b) = first, second
    ids = np.array([*a.sample_ids, *b.sample_ids])
    order: NDArray[np.int64] = np.argsort(ids, kind="stable")
    subjects, bands = (*a.subjects, *b.subjects), (*a.bands, *b.bands)
    faces = FaceSet(
        tuple(ids[order].tolist()),
        tuple((*a.parents, *b.parents)[i] for i in order),
        tuple(subjects[i] for i in order),
        tuple(bands[i] for i in order),
        np.concatenate([a.images, b.images])[order],
        a.digest + b.digest,
        a.simulated or b.simulated,
    )
    if of_a is None or of_b is None:
        return faces, None
    parts = np.concatenate([of_a.parts, of_b.parts])[order]
    return faces, Components(parts, np.concatenate([of_a.masks, of_b.masks])[order])
