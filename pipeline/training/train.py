"""From params and shard folders to a method's trained network."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

from pipeline.errors import StageError
from pipeline.params.train_nir_vis import NirVisParams
from pipeline.params.training import RecogniserParams
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.aligned import check_alignment, subjects_of, trained_network
from pipeline.training.data.sample_set import Part, SampleSet, of_samples
from pipeline.training.engine.loop import Run, train
from pipeline.training.engine.trained import Trained, save_trained
from pipeline.training.methods import load_method
from pipeline.training.methods.nir_vis import NirVisMethod
from pipeline.training.methods.recogniser import Recogniser
from pipeline.training.methods.relating import RelatingMethod
from pipeline.types import Band


def open_training_samples(
    params: NirVisParams, folders: Mapping[str, ShardFolder], ids: Collection[str]
) -> SampleSet:
    """Open what a method on faces in two bands trains on.

    Args:
        params: of the training.
        folders: outputs of the stages that the method reads, by name.
        ids: samples of a fold's table ``train``.

    Raises:
        StageError: nothing is left, or too few people, or a stage lacks what the method reads.
    """
    method = cast(type[NirVisMethod], class_of(params))
    samples = method.open(method.parts(params, folders, ids), params)
    method.check_people(params, samples)
    return samples


def open_folds(
    params: NirVisParams, folders: Mapping[str, ShardFolder], protocol: Protocol
) -> dict[int, SampleSet]:
    """Open what a method trains on in each fold, before any fold trains.

    Raises:
        StageError: see ``open_training_samples``; it names the fold.
    """
    opened = {}
    for number in protocol.folds():
        ids = protocol.fold(number).train["sample_id"].to_pylist()
        try:
            opened[number] = open_training_samples(params, folders, ids)
        except StageError as error:
            raise StageError(f"protocol {protocol.name}, fold {number}: {error}") from error
    return opened


def open_tested_samples(
    params: RecogniserParams, folder: ShardFolder, ids: Collection[str]
) -> SampleSet:
    """Open what a method is tested on: all that was made of some samples, in any band.

    Those of unknown subjects, too: distractors are.
    """
    parts = [Part(folder, of_samples(ids, *Band))]
    return class_of(params).open(parts, params, unknown_subjects=True)


def train_method(
    label: str,
    params: RecogniserParams,
    pretrained: Trained,
    samples: SampleSet,
    *,
    key: str,
    path: Path,
    features: Path | None = None,
) -> Run:
    """Train a method and write its network.

    Args:
        label: in progress and messages, for example ``train_nir_vis@pram``.
        params: of the training.
        pretrained: its backbone.
        samples: to train on.
        key: what the training depends on.
        path: of the network; the checkpoint lies beside it.
        features: folder where frozen features are left for other trainings; None leaves none.

    Raises:
        StageError: the samples are aligned otherwise than the backbone's were, are too few, or a
            loss was not finite.
    """
    check_alignment(samples, pretrained)
    method = build_method(params, pretrained)
    if isinstance(method, RelatingMethod):
        method.features = features
    method.train_on(samples)
    run = train(method, label=label, key=key, checkpoint=path.with_name("checkpoint.pt"))
    subjects = {*pretrained.subjects, *subjects_of(params.dataset, samples)}
    save_trained(trained_network(label, pretrained.backbone, method, samples, subjects, key), path)
    return run


def build_method(
    params: RecogniserParams, pretrained: Trained, *, with_weights: bool = True
) -> Recogniser:
    """Build a method on a pretrained backbone.

    Args:
        params: of the training.
        pretrained: the backbone.
        with_weights: whether it is; otherwise its weights are seeded ones.
    """
    if with_weights:
        return class_of(params).start_from(params, pretrained)
    return class_of(params).seeded(params, pretrained.backbone, pretrained.crop_hw)


def class_of(params: RecogniserParams) -> type[Recogniser]:
    """Return the class of the method that params ask for, of any family."""
    return cast(type[Recogniser], load_method(params.kind))
