"""Embeds all rows of a stage's output with a trained network, whatever protocol they are of."""

from functools import partial

import pyarrow as pa

from pipeline.params.body_training import PeopleParams
from pipeline.params.training import RecogniserParams, TrainingParams
from pipeline.store.columns import field, vectors_array
from pipeline.store.shards import ShardFolder
from pipeline.training import bodies
from pipeline.training.aligned import check_alignment
from pipeline.training.backbones import backbone_named, make_backbone
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
        folder: output of a stage that has what the method reads: of people ``crop_bodies``.
        trained: the network.
        params: of its training.

    Returns:
        A table of ``EMBEDDED``, sorted by ``sample_id``; a network of people's faces embeds the
        crops that have one.

    Raises:
        StageError: the stage lacks what the method reads, or its crops are aligned, or cut,
            otherwise than those that it was trained on.
    """
    if isinstance(params, PeopleParams):
        samples, vectors = _of_people(folder, trained, params)
    elif isinstance(params, RecogniserParams):
        samples, vectors = _by_method(folder, trained, params)
    else:
        samples, vectors = _by_backbone(folder, trained, params)
    texts = (list(samples.column(name)) for name in EMBEDDED.names[:-1])
    columns = [pa.array(text, pa.string()) for text in texts]
    return pa.table([*columns, vectors_array(list(vectors))], schema=EMBEDDED)


def _of_people(
    folder: ShardFolder, trained: Trained, params: PeopleParams
) -> tuple[SampleSet, Float32]:
    known = bodies.class_of(params)
    budget = params.image_budget_mb << 20
    samples = known.open_where(lambda _: True, folder, budget, unknown_subjects=True)
    bodies.check_cut(samples, trained)
    method = known.seeded_like(params, trained)
    method.load(trained)
    return samples, method.fuse(embed_samples(method, samples))


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
