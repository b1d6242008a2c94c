"""Embeds the people of protocols with what was trained, and with what it is held against."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pyarrow as pa

from models.bodies.semantic_vit import LOCALS
from pipeline.evaluation.recognition import Embeddings
from pipeline.params.train_bodies import AnyTrainPeopleParams
from pipeline.recognition.sface import CROP_HW, SFace
from pipeline.store.columns import field, vectors_array
from pipeline.store.protocols import Protocol
from pipeline.store.seal import write_sealed
from pipeline.store.shards import ShardFolder
from pipeline.training.bodies import class_of, method_of
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.embedders import Embed, embed_as_is, embed_samples
from pipeline.training.engine.embedding import IMAGES_AT_ONCE
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.bodies import Bodies
from pipeline.training.methods.people import PeopleMethod, named_by
from pipeline.training.tested import PRETRAINED, TRAINED, UNTRAINED, TestedSamples
from pipeline.types import Band, Float32, Int64, UInt8

FACE_PRETRAINED, FACE, SFACE = "face_pretrained", "face", "sface"
OWN = "network"
"""Bodies by a network of the user's own, as it is."""
WITHOUT = tuple(f"without_{name}" for name in LOCALS)
"""Rows of table III: one local feature left out of the mean, nothing trained again."""

EMBEDDINGS = pa.schema(
    [
        field("fold", pa.int32(), null=False, counted_from="1", of="the network's training"),
        field("sample_id", pa.string(), null=False, of="what the protocol names"),
        field("embedding", pa.list_(pa.float32()), null=False),
    ]
)
"""What an evaluation leaves: the trained networks' embeddings."""


def tested_ids(protocols: Collection[Protocol]) -> set[str]:
    """Return the samples that protocols enrol or probe with, over all folds."""
    tables = [table for each in protocols for table in (each.enroll, each.probe)]
    return {sample for table in tables for sample in table["sample_id"].to_pylist()}


def open_tested(method: PeopleMethod, folder: ShardFolder, ids: Collection[str]) -> TestedSamples:
    """Open what a method is tested on, in any band.

    Raises:
        StageError: nothing of it was cut out.
    """
    wanted = frozenset(ids)
    samples = method.open(folder, wanted, tuple(Band), method.params.image_budget_mb << 20)
    columns = ("sample_id", "parent_id", "subject_id")
    rows = zip(*(list(samples.column(name)) for name in columns), strict=True)
    names = [named_by(dict(zip(columns, row, strict=True)), wanted) for row in rows]
    return TestedSamples(samples, tuple(cast(list[str], names)))


@dataclass(frozen=True)
class Networks:
    """A method with what it started from and what came of it.

    Attributes:
        params: of the training.
        pretrained: what it started from.
        of_fold: its network of a fold.
        flip: whether an embedding is the mean of an image's and of its mirror image's.
    """

    params: AnyTrainPeopleParams
    pretrained: Trained
    of_fold: Callable[[int], Trained]
    flip: bool = False

    def method(self, fold: int) -> PeopleMethod:
        """Build the method with the weights of a fold."""
        method = class_of(self.params).seeded_like(self.params, self.pretrained)
        method.load(self.of_fold(fold))
        return method

    def start(self, *, with_weights: bool) -> PeopleMethod:
        """Build the method as it starts, or with seeded weights."""
        if with_weights:
            return method_of(self.params, self.pretrained)
        return class_of(self.params).seeded_like(self.params, self.pretrained)


def starts(networks: Networks, tested: TestedSamples) -> dict[str, Embeddings]:
    """Embed bodies by what no fold changes: the network with seeded weights, and pretrained."""
    found = {}
    for row, weights in ((UNTRAINED, False), (PRETRAINED, True)):
        method = networks.start(with_weights=weights)
        made = embed_samples(method, tested.samples, flip=networks.flip)
        found[row] = tested.named(method.fuse(made))
    return found


def bodies_by(
    method: PeopleMethod, tested: TestedSamples, *, flip: bool = False
) -> dict[str, Embeddings]:
    """Embed bodies by a trained network, and, if it has any, without each local feature."""
    tokens = embed_samples(method, tested.samples, flip=flip)
    found = {TRAINED: tested.named(method.fuse(tokens))}
    if not isinstance(method, Bodies):
        return found
    for left_out, row in enumerate(WITHOUT):
        kept = [place != left_out for place in range(len(LOCALS))]
        found[row] = tested.named(method.fuse(tokens, (kept[0], kept[1], kept[2])))
    return found


def bodies_as_is(
    embed: Embed, tested: TestedSamples, *, flip: bool = False
) -> dict[str, Embeddings]:
    """Embed bodies by a user's network."""
    return {OWN: tested.named(embed_as_is(embed, tested.samples, flip=flip))}


def face_starts(networks: Networks, tested: TestedSamples, sface: Path) -> dict[str, Embeddings]:
    """Embed faces by what no fold changes: pretrained, and by SFace as it is.

    Args:
        networks: of faces; SFace runs on their device.
        tested: as the networks' method opens them.
        sface: the weight file.
    """
    network = SFace(sface, device=networks.params.device, batch_rows=IMAGES_AT_ONCE)

    def as_is(samples: SampleSet, indices: Int64, mirror: bool) -> Float32:
        crops = _as_sface_takes(samples.read(indices))
        return network.embed(crops[:, :, ::-1] if mirror else crops)

    start, flip = networks.start(with_weights=True), networks.flip
    return {
        FACE_PRETRAINED: tested.named(embed_samples(start, tested.samples, flip=flip)),
        SFACE: tested.named(embed_as_is(as_is, tested.samples, flip=flip)),
    }


def faces_by(
    method: PeopleMethod, tested: TestedSamples, *, flip: bool = False
) -> dict[str, Embeddings]:
    """Embed faces by a trained network."""
    return {FACE: tested.named(embed_samples(method, tested.samples, flip=flip))}


def looked_at(
    method: PeopleMethod, tested: TestedSamples, most: int
) -> tuple[UInt8, Float32, list[str]]:
    """Return some people, one in each band in turn, and where the network looks.

    Args:
        method: of bodies.
        tested: from whom they are taken.
        most: people.

    Returns:
        Images uint8 (k, h, w, 3), weights float32 (k, views, rows, columns) and names, which
        tell where images are simulated.
    """
    samples = tested.samples
    made = " simulated" if samples.simulated else ""
    chosen = _one_in_each_band(samples, most)
    maps = method.looks(samples, chosen)
    pairs = zip(samples.subject_ids[chosen], samples.bands[chosen], strict=True)
    return samples.read(chosen), maps, [f"{subject} {band}{made}" for subject, band in pairs]


def write_embeddings(path: Path, folds: Mapping[int, Embeddings]) -> None:
    """Write a trained network's embeddings: fold, sample as the protocols call it, vector."""
    tables = [
        pa.table(
            [
                pa.array(np.full(len(found), number, np.int32)),
                pa.array(sorted(found), pa.string()),
                vectors_array([found[name] for name in sorted(found)]),
            ],
            schema=EMBEDDINGS,
        )
        for number, found in sorted(folds.items())
    ]
    write_sealed(pa.concat_tables(tables), path, compression="zstd")


def _one_in_each_band(samples: SampleSet, most: int) -> Int64:
    seen: dict[tuple[int, str], int] = {}
    turn: dict[str, int] = {}
    for index, band in enumerate(samples.bands.tolist()):
        seen[turn.setdefault(band, 0), band] = index
        turn[band] += 1
    return np.array([seen[key] for key in sorted(seen)][:most], np.int64)


def _as_sface_takes(faces: UInt8) -> UInt8:
    if faces.shape[1:3] == CROP_HW:
        return faces
    return np.stack([cv2.resize(face, CROP_HW, interpolation=cv2.INTER_AREA) for face in faces])
