"""A method trained once for a seed, and measured on a protocol's fold."""

import json
from pathlib import Path

from pipeline.errors import DamageError
from pipeline.evaluation.recognition import Recognition, recognise
from pipeline.params.train_nir_vis import MethodParams
from pipeline.params.training import RecogniserParams
from pipeline.store.protocols import Protocol
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.embed import TestedSets, check_fits, embed_trained
from pipeline.training.engine.trained import Trained, load_trained
from pipeline.training.train import train_method

CURVE = "curve.json"


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

    Its losses by step are left beside it, in ``CURVE``.
    """
    if not _stands(path, key):
        run = train_method(label, params, pretrained, samples, key=key, path=path)
        path.with_name(CURVE).write_text(json.dumps(run.curve))
        path.with_name("checkpoint.pt").unlink(missing_ok=True)
    return load_trained(path)


def _stands(path: Path, key: str) -> bool:
    """Tell whether a whole network of this key is there."""
    try:
        return path.is_file() and load_trained(path).key == key
    except DamageError:
        return False


def recognised(
    params: MethodParams, pretrained: Trained, trained: Trained, fold: Protocol, sets: TestedSets
) -> Recognition:
    """Measure a trained network.

    Raises:
        StageError: people of the fold were trained on.
    """
    check_fits(trained, params.dataset, fold, sets)
    return recognise(fold, *embed_trained(params, pretrained, trained, sets))
