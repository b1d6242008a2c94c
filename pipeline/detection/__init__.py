"""Face detection: boxes and five landmarks, by backends chosen by name.

Data that brings its own boxes and landmarks needs no network: see ``faces_from_ground_truth``.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.detection.faces import FaceDetector, Faces, faces_from_ground_truth
from pipeline.detection.yunet import YuNet

__all__ = [
    "DETECTORS",
    "DETECTOR_WEIGHTS",
    "FaceDetector",
    "Faces",
    "YuNet",
    "faces_from_ground_truth",
    "make_detector",
]


def _yunet(
    weights: Mapping[str, Path], score_threshold: float, nms_threshold: float, max_side_px: int
) -> YuNet:
    return YuNet(
        weights["yunet"],
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_side_px=max_side_px,
    )


def _retinaface(
    weights: Mapping[str, Path], score_threshold: float, nms_threshold: float, max_side_px: int
) -> FaceDetector:
    from pipeline.detection.retinaface import RetinaFace  # imports torch and facexlib

    return RetinaFace(
        weights["retinaface_r50"],
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_side_px=max_side_px,
    )


def _fan(
    weights: Mapping[str, Path], score_threshold: float, nms_threshold: float, max_side_px: int
) -> FaceDetector:
    from pipeline.detection.fan import Fan  # imports torch, numba and face-alignment

    detector = _yunet(weights, score_threshold, nms_threshold, max_side_px)
    return Fan(detector, weights["fan_2d"])


DETECTORS: dict[str, Callable[[Mapping[str, Path], float, float, int], FaceDetector]] = {
    "yunet": _yunet,
    "retinaface": _retinaface,
    "fan": _fan,
}
"""Detectors by name."""

DETECTOR_WEIGHTS: dict[str, tuple[str, ...]] = {
    "yunet": ("yunet",),
    "retinaface": ("retinaface_r50",),
    "fan": ("yunet", "fan_2d"),
}
"""What each detector opens, by names of ``weights.yaml``."""


def make_detector(
    name: str,
    weights: Mapping[str, Path],
    *,
    score_threshold: float = 0.7,
    nms_threshold: float = 0.3,
    max_side_px: int = 640,
) -> FaceDetector:
    """Build a detector.

    Args:
        name: a name of ``DETECTORS``.
        weights: at least the files that ``DETECTOR_WEIGHTS`` names for it; already verified.
        score_threshold: in [0, 1]; weaker candidates are no faces.
        nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two faces goes.
        max_side_px: longer side to which a larger image is reduced for the network.

    Raises:
        ValueError: the name is not offered.
        WeightsError: a weight file is missing or holds another network.
    """
    if name not in DETECTORS:
        raise ValueError(f"detector {name!r} is none of {list(DETECTORS)}")
    return DETECTORS[name](weights, score_threshold, nms_threshold, max_side_px)
