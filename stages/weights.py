"""Stage ``weights``: fetch and check the weight files and data artefacts that the params choose."""

from importlib import import_module

from pipeline.demo.sources import SOURCES
from pipeline.detection import DETECTORS, detector_weights
from pipeline.face3d.backends import backend_weights
from pipeline.params.load import load_params
from pipeline.params.whole import Params
from pipeline.weights import fetch, load_registry
from stages.run import PARAMS, REGISTRY, WEIGHTS, run_guarded


def needed(params: Params) -> list[str]:
    """Return the names of the files that a run with these params opens."""
    names: set[str] = set()
    if params.face_datasets:
        names |= {"face_mesh_468", "bisenet_r18", "sface"}
        if params.detect.backend in DETECTORS:
            names.update(detector_weights(params.detect.backend))
        names.update(backend_weights(params.reconstruct.backend))
    if params.body_datasets and params.detect_bodies.file is None:
        names.add(params.detect_bodies.backend)
    if any(entry.face is not None for entry in params.evaluate_bodies.values()):
        names.add("sface")
    for name, module in SOURCES.items():
        if getattr(params.sample, name):
            names.update(import_module(module).WEIGHTS)
    return sorted(names)


def run() -> None:
    """Fetch."""
    params = load_params(PARAMS)
    fetch(
        needed(params),
        load_registry(REGISTRY),
        WEIGHTS,
        commercial_only=params.weights.commercial_only,
    )


if __name__ == "__main__":
    run_guarded("weights", run)
