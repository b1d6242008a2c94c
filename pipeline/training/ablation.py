"""A method trained once for a seed, and measured on a protocol's fold."""

from pathlib import Path

from pipeline.evaluation.recognition import Recognition, recognise
from pipeline.params.evaluate import EvaluateParams
from pipeline.params.train import MethodParams
from pipeline.store.protocols import Protocol
from pipeline.training.evaluating import Sides, check_fits, embed_trained
from pipeline.training.faces import Components, FaceSet
from pipeline.training.recognisers import train_method
from pipeline.training.trained import Trained, load_trained


def trained_once(
    name: str,
    params: MethodParams,
    start: Trained,
    faces: FaceSet,
    components: Components | None,
    *,
    key: str,
    path: Path,
) -> Trained:
    """Return the network of this key, trained if there is none; its checkpoints are not kept."""
    if not path.is_file() or load_trained(path).data != key:
        train_method(name, params, start, faces, components, key=key, path=path)
        path.with_name("checkpoint.pt").unlink(missing_ok=True)
    return load_trained(path)


def recognised(
    params: MethodParams, start: Trained, trained: Trained, fold: Protocol, sides: Sides
) -> Recognition:
    """Measure a trained network.

    Raises:
        StageError: people of the fold were trained on.
    """
    tested = EvaluateParams(
        method="ablated", dataset=params.dataset, protocol=fold.name, probes="plain"
    )
    check_fits(trained, tested, fold, sides)
    return recognise(fold, *embed_trained(params, start, trained, sides))
