"""A method trained once for a seed, and measured on a protocol's fold."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pipeline.errors import DamageError
from pipeline.evaluation.outcomes import Outcomes, outcomes_of
from pipeline.evaluation.recognition import Embeddings, Recognition, recognise
from pipeline.params.training import RecogniserParams
from pipeline.store.protocols import Protocol
from pipeline.store.whole import write_whole
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.embed import TestedSets, check_fits, embed_trained
from pipeline.training.engine.loop import GRADIENT, LIMITED, Curve
from pipeline.training.engine.trained import FOLDER, Trained, load_trained
from pipeline.training.train import train_method

CURVE = "curve.json"
FEATURES = FOLDER / "features"
"""Frozen features that all rows and seeds share; it may be removed."""


def trained_once(
    label: str,
    params: RecogniserParams,
    pretrained: Trained,
    samples: SampleSet,
    *,
    key: str,
    path: Path,
) -> Trained:
    """Return the network of this key, trained if there is none; its checkpoints are not kept.

    Its losses by step are left beside it, in ``CURVE``; frozen features in ``FEATURES``.
    """
    if not _stands(path, key):
        run = train_method(
            label, params, pretrained, samples, key=key, path=path, features=FEATURES
        )
        write_whole(path.with_name(CURVE), json.dumps(run.curve))
        path.with_name("checkpoint.pt").unlink(missing_ok=True)
    return load_trained(path)


def _stands(path: Path, key: str) -> bool:
    """Tell whether a whole network of this key is there, and its losses, which come after it."""
    try:
        both = path.is_file() and path.with_name(CURVE).is_file()
        return both and load_trained(path).key == key
    except DamageError:
        return False


@dataclass(frozen=True)
class Tested:
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
    number: int = 1,
) -> Tested:
    """Measure a trained network.

    Args:
        params: of its training.
        pretrained: what it started from.
        trained: the network.
        fold: one fold of a protocol.
        sets: what the protocol tests.
        number: the fold's.

    Raises:
        StageError: people of the fold were trained on.
    """
    check_fits(trained, params.dataset, fold, sets)
    return measured_on(fold, embed_trained(params, pretrained, trained, sets), number)


def measured_on(fold: Protocol, both: tuple[Embeddings, Embeddings], number: int = 1) -> Tested:
    """Measure embeddings of gallery and probes on a fold."""
    return Tested(recognise(fold, *both), outcomes_of(fold, *both, number), both)


def gradients_of(curve: Curve) -> dict[str, float]:
    """Return what a training's curve says of its gradients: means over all steps, by name.

    ``limited`` is the share of steps whose gradient was shortened.
    """
    names = [name for name in (curve[0] if curve else {}) if name.endswith((GRADIENT, LIMITED))]
    return {name: round(fmean(point[name] for point in curve), 4) for name in names}
