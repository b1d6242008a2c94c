"""Face detection: boxes and five landmarks, by backends chosen by name.

Each module of ``DETECTORS`` has ``WEIGHTS``, what it opens by names of ``weights.yaml``, and
``make``. Data that brings its own boxes and landmarks needs no network: see
``faces.faces_from_ground_truth``.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from pipeline.detection.faces import FaceDetector
from pipeline.errors import WeightsError

DETECTORS: dict[str, str] = {
    "yunet": "pipeline.detection.yunet",
    "retinaface": "pipeline.detection.retinaface",
    "fan": "pipeline.detection.fan",
}
"""Modules by the name in ``detect.backend``, loaded on demand."""


def detector_weights(name: str) -> tuple[str, ...]:
    """Return what a detector opens, by names of ``weights.yaml``."""
    weights: tuple[str, ...] = import_module(DETECTORS[name]).WEIGHTS
    return weights


def make_detector(
    name: str,
    weights: Mapping[str, Path],
    *,
    score_threshold: float = 0.7,
    nms_threshold: float = 0.3,
    max_side_px: int = 640,
    device: str = "cpu",
) -> FaceDetector:
    """Build a detector.

    Args:
        name: a name of ``DETECTORS``.
        weights: at least the files that ``detector_weights`` names for it; already verified.
        score_threshold: in [0, 1]; weaker candidates are no faces.
        nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two faces goes.
        max_side_px: at least 1; longer side to which a larger image is reduced for the network.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one. YuNet takes 10 ms on a CPU
            and stays there.

    Raises:
        ValueError: the name is not offered, or a number is out of its range.
        WeightsError: a weight file is missing or holds another network.
    """
    if name not in DETECTORS:
        raise ValueError(f"detector {name!r} is none of {list(DETECTORS)}")
    if missing := sorted({*detector_weights(name)} - {*weights}):
        raise WeightsError(
            f"detector {name!r} opens {', '.join(missing)} of weights.yaml: missing, expected the "
            "path of each by its name"
        )
    if not (0.0 <= score_threshold <= 1.0 and 0.0 <= nms_threshold <= 1.0):
        raise ValueError(f"thresholds lie in [0, 1], not at {score_threshold}, {nms_threshold}")
    if max_side_px < 1:
        raise ValueError(f"max_side_px has to be 1 or more, got {max_side_px}")
    detector: FaceDetector = import_module(DETECTORS[name]).make(
        weights,
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_side_px=max_side_px,
        device=device,
    )
    return detector
