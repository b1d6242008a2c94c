"""Stage ``weights``: fetch and check the weight files and data artefacts that the params choose."""

import logging
import sys

from pipeline.bodies import BODY_DETECTORS
from pipeline.demo.sources.registry import SOURCES
from pipeline.demo.sources.scenes import SCENE_WEIGHTS
from pipeline.detection import DETECTOR_WEIGHTS
from pipeline.errors import CrossbandError
from pipeline.face3d.backends import BACKEND_WEIGHTS
from pipeline.params.load import load_params
from pipeline.params.whole import Params
from pipeline.weights import fetch, load_registry
from stages.run import PARAMS, REGISTRY, WEIGHTS


def needed(params: Params) -> list[str]:
    """Return the names of the files that a run with these params opens."""
    names: set[str] = set()
    if params.face_datasets:
        names |= {"face_mesh_468", "bisenet_r18", "sface"}
        names.update(DETECTOR_WEIGHTS.get(params.detect.backend, ()))
        names.update(BACKEND_WEIGHTS[params.reconstruct.backend])
    if params.body_datasets and params.detect_bodies.backend in BODY_DETECTORS:
        names.add(BODY_DETECTORS[params.detect_bodies.backend])
    for name, source in SOURCES.items():
        if getattr(params.sample, name):
            names.update(source.weights)
    if params.sample.scenes:
        names.update(SCENE_WEIGHTS)
    return sorted(names)


def main() -> None:
    """Fetch."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        params = load_params(PARAMS)
        fetch(
            needed(params),
            load_registry(REGISTRY),
            WEIGHTS,
            commercial_only=params.weights.commercial_only,
        )
    except CrossbandError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
