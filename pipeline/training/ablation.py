"""A method trained once for a seed, and measured on a protocol's fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pipeline.evaluation.outcomes import Outcomes, outcomes_of
from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.recognition import Embeddings, Recognition, recognise
from pipeline.params.datasets import DatasetParams
from pipeline.params.training import RecogniserParams
from pipeline.store.protocols import Protocol
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.embed_faces import check_aligned, embed_trained
from pipeline.training.engine.loop import GRADIENT, LIMITED, Curve
from pipeline.training.engine.trained import FOLDER, Trained
from pipeline.training.once import trained_once
from pipeline.training.tested import TestedSets
from pipeline.training.train import train_method

FEATURES = FOLDER / "features"
"""Frozen features that all rows and seeds share; it may be removed."""


def trained_row(
    label: str,
    params: RecogniserParams,
    pretrained: Trained,
    samples: SampleSet,
    *,
    key: str,
    path: Path,
) -> Trained:
    """Train a method, unless its network stands; see ``training.once``.

    Frozen features are left in ``FEATURES``.
    """
    return trained_once(
        path,
        key,
        lambda: train_method(
            label, params, pretrained, samples, key=key, path=path, features=FEATURES
        ),
    )


@dataclass(frozen=True)
class FoldResult:
    """What a network made of a protocol's fold.

    Attributes:
        recognition: its rates.
        outcomes: of each probe.
        embeddings: of the gallery's samples and of the probes'.
    """

    recognition: Recognition
    outcomes: Outcomes
    embeddings: tuple[Embeddings, Embeddings]


def recognised(
    params: RecogniserParams,
    pretrained: Trained,
    trained: Trained,
    fold: Protocol,
    sets: TestedSets,
    datasets: Mapping[str, DatasetParams],
    number: int = 1,
) -> FoldResult:
    """Measure a trained network.

    Args:
        params: of its training.
        pretrained: what it started from.
        trained: the network.
        fold: one fold of a protocol.
        sets: what the protocol tests.
        datasets: all data sets of params.
        number: the fold's.

    Raises:
        StageError: people of the fold were trained on, or faces are aligned otherwise.
    """
    refuse_trained(trained, fold, params.dataset, datasets)
    check_aligned(trained, sets)
    return measured_on(fold, embed_trained(params, pretrained, trained, sets), number)


def measured_on(fold: Protocol, both: tuple[Embeddings, Embeddings], number: int = 1) -> FoldResult:
    """Measure embeddings of gallery and probes on a fold."""
    return FoldResult(recognise(fold, *both), outcomes_of(fold, *both, number), both)


def gradients_of(curve: Curve) -> dict[str, float]:
    """Return what a training's curve says of its gradients: means over all steps, by name.

    ``limited`` is the share of steps whose gradient was shortened.
    """
    names = [name for name in (curve[0] if curve else {}) if name.endswith((GRADIENT, LIMITED))]
    return {name: round(fmean(point[name] for point in curve), 4) for name in names}
