"""Embeds a protocol's samples with a trained network and with what it started from."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.evaluation.recognition import Embeddings
from pipeline.params.training import RecogniserParams
from pipeline.store.columns import field, vectors_array
from pipeline.store.protocols import Protocol
from pipeline.store.seal import write_sealed
from pipeline.store.shards import ShardFolder
from pipeline.training.aligned import check_alignment
from pipeline.training.embedders import embed_by_backbone, embed_samples
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.training.methods.recogniser import Recogniser
from pipeline.training.tested import (
    PRETRAINED,
    UNTRAINED,
    TestedSamples,
    TestedSets,
    open_sets,
)
from pipeline.training.train import build_method, open_tested_samples

EMBEDDINGS = pa.schema(
    [
        field("fold", pa.int32(), null=False, counted_from="1"),
        field("side", pa.string(), null=False, values="gallery, probe"),
        field("sample_id", pa.string(), null=False, of="what the protocol names"),
        field("subject_id", pa.string(), empty="none that is known"),
        field("embedding", pa.list_(pa.float32()), null=False),
    ]
)
"""What an evaluation leaves: the trained network's embeddings."""


def open_tested(
    gallery: ShardFolder, probes: ShardFolder, protocol: Protocol, params: RecogniserParams
) -> TestedSets:
    """Open the samples of a protocol.

    Args:
        gallery: rows of the stage that is enrolled.
        probes: rows of the stage that probes, for example of ``masks``.
        protocol: with the folds that are tested.
        params: of the method, which says what is read.

    Raises:
        StageError: a stage has none of them, or lacks what the method reads.
    """
    return open_sets(gallery, probes, protocol, partial(open_tested_samples, params))


def check_aligned(trained: Trained, sets: TestedSets) -> None:
    """Refuse to test samples that are aligned otherwise than what a network was trained on.

    Raises:
        StageError: template or size differ.
    """
    for each in sets:
        check_alignment(each.samples, trained)


def embed_starts(
    params: RecogniserParams, pretrained: Trained, sets: TestedSets, *, flip: bool = False
) -> dict[str, tuple[Embeddings, Embeddings]]:
    """Return gallery's and probes' embeddings by the networks that no fold changes.

    Args:
        params: of the method.
        pretrained: its backbone.
        sets: what is embedded.
        flip: whether embeddings are means of an image's and of its mirror image's.
    """
    untrained = build_method(params, pretrained, with_weights=False)

    def start(each: TestedSamples) -> Embeddings:
        return each.named(embed_by_backbone(params, pretrained, each.samples, flip=flip))

    return {
        UNTRAINED: _both(untrained, sets, flip),
        PRETRAINED: (start(sets.gallery), start(sets.probes)),
    }


def embed_trained(
    params: RecogniserParams,
    pretrained: Trained,
    trained: Trained,
    sets: TestedSets,
    *,
    flip: bool = False,
) -> tuple[Embeddings, Embeddings]:
    """Return gallery's and probes' embeddings by a fold's network, as ``embed_starts`` does."""
    method = build_method(params, pretrained, with_weights=False)
    load_weights(method.network, trained)
    return _both(method, sets, flip)


def write_embeddings(
    path: Path, folds: Mapping[int, tuple[Embeddings, Embeddings]], sets: TestedSets
) -> None:
    """Write the trained network's embeddings: fold, side, sample id, subject, vector."""
    sides = [
        pa.table(
            [
                pa.array(np.full(len(each.names), number, np.int32)),
                pa.array([side] * len(each.names)),
                pa.array(each.names, pa.string()),
                pa.array(list(each.samples.column("subject_id")), pa.string()),
                vectors_array([vectors[name] for name in each.names]),
            ],
            schema=EMBEDDINGS,
        )
        for number, both in folds.items()
        for side, vectors, each in zip(("gallery", "probe"), both, sets, strict=True)
    ]
    write_sealed(pa.concat_tables(sides), path, compression="zstd")


def _both(method: Recogniser, sets: TestedSets, flip: bool) -> tuple[Embeddings, Embeddings]:
    """Embed both sets with a method's network, by the protocol's names."""
    gallery, probes = (each.named(embed_samples(method, each.samples, flip=flip)) for each in sets)
    return gallery, probes
