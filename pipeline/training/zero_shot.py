"""Networks that are tested as they are, by aligned faces of any stage: SFace, and a user's own."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.evaluation.recognition import Embeddings
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.params.base import Device
from pipeline.params.evaluation import NetworkParams
from pipeline.recognition.sface import SFace
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.data.sample_set import Part, SampleSet, of_samples
from pipeline.training.embedders import Embed, embed_as_is
from pipeline.training.engine.embedding import IMAGES_AT_ONCE
from pipeline.training.methods.dmfr import made_by
from pipeline.training.own_network import if_named
from pipeline.training.realign import GEOMETRY, realigned
from pipeline.training.tested import TestedSets, open_sets
from pipeline.types import FACE_PARTS, Band, Float32, Int64, UInt8

TEMPLATE = ALIGNMENT_TEMPLATES["arcface112"]


def open_faces(
    gallery: ShardFolder,
    probes: ShardFolder,
    protocol: Protocol,
    budget_mb: int,
    generator: str | None = None,
) -> TestedSets:
    """Open what a protocol tests, with the geometry that ``realigned`` needs.

    Args:
        gallery: rows of the stage that is enrolled.
        probes: rows of the stage that probes.
        protocol: with the folds that are tested.
        budget_mb: what decoded images may take, of either side.
        generator: whose rows of ``probes`` probe; None: all.

    Raises:
        StageError: a stage has none of it, or holds no aligned faces.
    """

    def opens(folder: ShardFolder, ids: frozenset[str]) -> SampleSet:
        there = folder.shard(0).schema().names
        choice = of_samples(ids, *Band)
        if folder is probes and generator is not None:
            choice = made_by((generator,), choice)
        return SampleSet.open(
            [Part(folder, choice)],
            extras=(*GEOMETRY, "template"),
            images=("image", *(part for part in FACE_PARTS if part in there)),
            budget_bytes=budget_mb << 20,
            asked_by="a zero-shot test",
            unknown_subjects=True,
        )

    return open_sets(gallery, probes, protocol, opens)


def embed_zero_shot(
    networks: Mapping[str, Embed], sets: TestedSets, *, flip: bool = False
) -> dict[str, tuple[Embeddings, Embeddings]]:
    """Return gallery's and probes' embeddings by networks as they are, by row.

    Args:
        networks: ``as_they_are``.
        sets: what ``open_faces`` found.
        flip: whether embeddings are means of an image's and of its mirror image's.
    """
    found = {}
    for row, embed in networks.items():
        gallery, probes = (each.named(embed_as_is(embed, each.samples, flip=flip)) for each in sets)
        found[row] = gallery, probes
    return found


def as_they_are(
    sface: Path, own: NetworkParams | None, file: Callable[[Path, str], Path], device: Device
) -> dict[str, Embed]:
    """Return the networks that stand first in a table, by row: SFace, and the user's own.

    Args:
        sface: its weights.
        own: the user's; None where there is none.
        file: checks that a path has a sha256: ``StageRun.file``.
        device: of the method that they stand beside.
    """
    found = {"sface": by_sface(sface, device)}
    if (network := if_named(own, file, device)) is not None:
        found["network"] = network
    return found


def by_sface(weights: Path, device: Device) -> Embed:
    """Embed with SFace, whatever template the faces are aligned by.

    Its crop is cut out of the aligned one; what lies beyond that repeats its border.

    Args:
        weights: of SFace.
        device: of the method that it stands beside.
    """
    network = SFace(weights, device=device, batch_rows=IMAGES_AT_ONCE)

    def embed(samples: SampleSet, indices: Int64, mirror: bool) -> Float32:
        crops = arcface_crops(samples, indices)
        return network.embed(crops[:, :, ::-1] if mirror else crops)

    return embed


def arcface_crops(samples: SampleSet, indices: Int64) -> UInt8:
    """Return faces aligned by ``arcface112``, uint8 (n, 112, 112, 3)."""
    return realigned(samples, indices, TEMPLATE)
