"""A method trained once for a seed, and measured on a protocol's fold."""

from pathlib import Path

from pipeline.evaluation.recognition import Embeddings, Recognition, recognise
from pipeline.params import EvaluateParams, MethodParams
from pipeline.store.protocols import Protocol
from pipeline.training.backbones import BACKBONES
from pipeline.training.embedding import embed_faces
from pipeline.training.evaluating import Side, Sides, check_fits
from pipeline.training.faces import Components, FaceSet
from pipeline.training.methods import method_of
from pipeline.training.recognisers import build_network, train_method
from pipeline.training.trained import Trained, load_trained, take_up


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
    network = build_network(params, start)
    take_up(network, trained)
    method, inputs = method_of(params), BACKBONES[start.backbone].inputs

    def embedded(side: Side) -> Embeddings:
        vectors = embed_faces(
            network,
            lambda chosen: method.inputs(inputs, side.faces, side.components, chosen),
            len(side.faces),
            embed=method.embed,
            device=params.device,
            precision=params.precision,
        )
        # of several faces made of one sample, the first by id counts
        return dict(reversed(list(zip(side.samples, vectors, strict=True))))

    return recognise(fold, embedded(sides.gallery), embedded(sides.probes))
