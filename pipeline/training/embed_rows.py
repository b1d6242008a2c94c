"""Embeds all rows of a stage's output with a trained network, whatever protocol they are of."""

from functools import partial

import pyarrow as pa

from pipeline.errors import StageError
from pipeline.params.training import RecogniserParams, TrainingParams
from pipeline.store.columns import field, vectors_array
from pipeline.store.shards import ShardFolder
from pipeline.training.aligned import check_alignment
from pipeline.training.backbones import MODULES, backbone_named, make_backbone
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.training.embedders import embed_samples
from pipeline.training.engine.embedding import embed_all
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.training.methods.recogniser import whole_images
from pipeline.training.train import build_method, class_of
from pipeline.types import Float32

EMBEDDED = pa.schema(
    [
        field("sample_id", pa.string(), null=False),
        field("subject_id", pa.string(), empty="none that is known"),
        field("band", pa.string(), null=False),
        field("split", pa.string()),
        field("embedding", pa.list_(pa.float32()), null=False, compare="by the cosine"),
    ]
)
"""What ``crossband embed`` writes."""


def embed_rows(folder: ShardFolder, trained: Trained, params: TrainingParams) -> pa.Table:
    """Embed every row, those of unknown subjects, too.

    Args:
        folder: output of a stage that has what the method reads.
        trained: the network.
        params: of its training.

    Returns:
        A table of ``EMBEDDED``, sorted by ``sample_id``.

    Raises:
        StageError: the network is none of faces, the stage lacks what it reads, or its crops are
            aligned otherwise than those that it was trained on.
    """
    if isinstance(params, RecogniserParams):
        samples, vectors = _by_method(folder, trained, params)
    elif trained.backbone in MODULES:
        samples, vectors = _by_backbone(folder, trained, params)
    else:
        raise StageError(
            f"{trained.name} embeds people by several images of each: expected a network of faces; "
            "embeddings of bodies are what `evaluate_bodies` leaves"
        )
    texts = (list(samples.column(name)) for name in EMBEDDED.names[:-1])
    columns = [pa.array(text, pa.string()) for text in texts]
    return pa.table([*columns, vectors_array(list(vectors))], schema=EMBEDDED)


def _by_method(
    folder: ShardFolder, trained: Trained, params: RecogniserParams
) -> tuple[SampleSet, Float32]:
    samples = class_of(params).open([Part(folder, lambda _: True)], params, unknown_subjects=True)
    check_alignment(samples, trained)
    method = build_method(params, trained, with_weights=False)
    load_weights(method.network, trained)
    return samples, embed_samples(method, samples)


def _by_backbone(
    folder: ShardFolder, trained: Trained, params: TrainingParams
) -> tuple[SampleSet, Float32]:
    samples = SampleSet.open(
        [Part(folder, lambda _: True)],
        extras=("template",),
        budget_bytes=params.image_budget_mb << 20,
        asked_by=f"the network {trained.name}",
        unknown_subjects=True,
    )
    check_alignment(samples, trained)
    backbone = make_backbone(trained.backbone, trained.crop_hw, params.seed)
    load_weights(backbone, trained)
    vectors = embed_all(
        backbone,
        partial(whole_images, backbone_named(trained.backbone).preprocess, samples),
        len(samples),
        device=params.device,
        precision=params.precision,
    )
    return samples, vectors
