"""The params and networks of the library: those that crossband ships, each loaded once."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from pipeline.errors import StageError
from pipeline.params.installed import shipped
from pipeline.params.load import load_params
from pipeline.params.whole import Params
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Rejected, Row
from pipeline.weights import fetch, load_registry
from pipeline.weights.sources import cache_folder

if TYPE_CHECKING:
    from pipeline.recognition.sface import SFace

_turn = Lock()
"""Whose turn it is, where threads of a program share the networks."""


def in_turn(function: BatchFunction) -> BatchFunction:
    """Let threads wait for one another: a network keeps its input, and would mix two images up."""

    def serve(rows: list[Row]) -> Sequence[Outcome]:
        with _turn:
            return function(rows)

    return serve


@cache
def default_params() -> Params:
    """Return the params that crossband ships."""
    return load_params(shipped("params.yaml"))


@cache
def weight(name: str) -> Path:
    """Return a weight file of ``weights.yaml``, checked, from the user's cache or its source.

    Raises:
        WeightsError: no source has it.
    """
    registry = load_registry(shipped("weights.yaml"))
    (fetched,) = fetch([name], registry, cache_folder() / "named")
    return fetched.path


@cache
def detect() -> BatchFunction:
    """Load the face detector and the mesh network."""
    from pipeline.detection import DETECTORS, detector_weights
    from pipeline.detection.rows import detect_rows

    params = default_params().detect
    opened = detector_weights(params.backend) if params.backend in DETECTORS else ()
    weights = {name: weight(name) for name in opened}
    return in_turn(detect_rows(params, weights, weight("face_mesh_468")))


@cache
def take_known() -> BatchFunction:
    """Load the mesh network, for faces whose landmarks are known."""
    from pipeline.detection.rows import detect_rows

    params = default_params().detect.model_copy(update={"backend": "truth"})
    return in_turn(detect_rows(params, {}, weight("face_mesh_468")))


@cache
def parse(template: str) -> BatchFunction:
    """Load the parser for crops of an alignment template."""
    from pipeline.ops.templates import ALIGNMENT_TEMPLATES
    from pipeline.parsing.rows import parse_rows

    params, aligned = default_params().parse, ALIGNMENT_TEMPLATES[template]
    return in_turn(parse_rows(params, aligned, weight("bisenet_r18")))


@cache
def parts() -> BatchFunction:
    """Build what cuts parts out."""
    from pipeline.parsing.part_rows import part_rows

    return part_rows(default_params().parts)


@cache
def sface() -> "SFace":
    """Load the network that embeds faces."""
    from pipeline.recognition.sface import SFace

    params = default_params().attributes
    return SFace(weight("sface"), precision=params.precision, device=params.device)


@cache
def reconstruct() -> BatchFunction:
    """Build what makes a face 3D, from its mesh."""
    from pipeline.face3d.rows import reconstruct_rows

    return reconstruct_rows(default_params().reconstruct.model_copy(update={"backend": "mesh"}), {})


@cache
def detect_bodies() -> BatchFunction:
    """Load the detector of people."""
    from pipeline.bodies.body_rows import body_rows

    params = default_params().detect_bodies
    return in_turn(body_rows(params, weight(params.backend)))


def only_row(outcomes: Outcome) -> Row:
    """Return the one row that was made.

    Raises:
        StageError: the sample was rejected, and why.
    """
    (outcome,) = outcomes
    if isinstance(outcome, Rejected):
        raise StageError(words_of(outcome))
    return outcome


def words_of(rejected: Rejected) -> str:
    """Say why a sample was rejected."""
    return f"{rejected.reason}: {rejected.detail}"
