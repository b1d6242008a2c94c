"""Where a face's geometry comes from, by name.

Each module of ``BACKENDS`` has ``WEIGHTS``, what it opens by names of ``weights.yaml``, and
``make(weights, device)``, which returns a ``Reconstruct``.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from pipeline.types import Float32, Row

Reconstruct = Callable[[Row], tuple[Float32, bytes]]
"""Takes a row of the stage ``parts``; returns the face's 468 points and its encoded position map.

Both are in pixels of the source image. ValueError where the row does not hold what it takes.
"""

BACKENDS: dict[str, str] = {
    "mesh": "pipeline.face3d.backends.mesh",
    "prnet": "pipeline.face3d.backends.prnet",
    "truth": "pipeline.face3d.backends.truth",
}
"""Modules by the name in ``reconstruct.backend``, loaded on demand."""


def backend_weights(name: str) -> tuple[str, ...]:
    """Return what a back end opens, by names of ``weights.yaml``."""
    weights: tuple[str, ...] = import_module(BACKENDS[name]).WEIGHTS
    return weights


def make_backend(name: str, weights: Mapping[str, Path], *, device: str = "cpu") -> Reconstruct:
    """Load a back end.

    Args:
        name: a name of ``BACKENDS``.
        weights: the files that ``backend_weights`` names for it; already verified.
        device: where a network computes: ``cpu``, ``cuda``, or ``auto``.

    Raises:
        WeightsError: a weight file is missing or holds another network.
    """
    backend: Reconstruct = import_module(BACKENDS[name]).make(weights, device)
    return backend
