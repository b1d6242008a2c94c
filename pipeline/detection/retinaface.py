"""RetinaFace (ResNet-50) through facexlib's own network class; nothing is downloaded."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import cv2
import torch
from facexlib.detection.retinaface import RetinaFace as FacexlibRetinaFace

from models.precision import device_of
from pipeline.detection.faces import Faces, sorted_faces
from pipeline.detection.image import from_corner, reduced, restored
from pipeline.errors import WeightsError, one_line
from pipeline.types import UInt8
from pipeline.weights.tensors import BROKEN, read_tensors

WEIGHTS = ("retinaface_r50",)
"""What it opens, by names of ``weights.yaml``."""


class RetinaFace:
    """RetinaFace-R50.

    Input convention of the network: BGR, 0..255, minus the mean (104, 117, 123); facexlib subtracts
    it.

    Reference:
        J. Deng et al., RetinaFace: single-shot multi-level face localisation in the wild,
        CVPR 2020.
    """

    def __init__(
        self,
        weights: Path,
        *,
        score_threshold: float = 0.7,
        nms_threshold: float = 0.3,
        max_side_px: int = 640,
        device: str = "cpu",
    ) -> None:
        """Load the network.

        Args:
            weights: ``detection_Resnet50_Final.pth`` or a file of its shape.
            score_threshold: in [0, 1]; weaker boxes are no faces.
            nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two faces goes.
            max_side_px: longer side to which a larger image is reduced.
            device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

        Raises:
            WeightsError: the file is missing or holds another network.
        """
        at = torch.device(device_of(device))
        with warnings.catch_warnings():
            # facexlib still builds its backbone with torchvision's former keyword.
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
            self._network = FacexlibRetinaFace("resnet50", device=at)
        try:
            state = read_tensors(weights, "a state dict of RetinaFace-R50")
            state = {key.removeprefix("module."): value for key, value in state.items()}
            self._network.load_state_dict(state, strict=True)
        except BROKEN as error:
            raise WeightsError(f"{weights} holds no RetinaFace-R50: {one_line(error)}") from error
        self._network.eval().to(at)
        self._score_threshold = score_threshold
        self._nms_threshold = nms_threshold
        self._max_side_px = max_side_px

    @torch.inference_mode()
    def detect(self, image_rgb: UInt8) -> Faces:
        """Find the faces of an image, uint8 (h, w, 3)."""
        small, pixels_per_pixel = reduced(image_rgb, self._max_side_px)
        rows = self._network.detect_faces(
            cv2.cvtColor(small, cv2.COLOR_RGB2BGR), self._score_threshold, self._nms_threshold
        )
        corners, landmarks = (
            restored(from_corner(points), pixels_per_pixel)
            for points in (rows[:, :4].reshape(-1, 2, 2), rows[:, 5:15].reshape(-1, 5, 2))
        )
        return sorted_faces(corners.reshape(-1, 4), landmarks, rows[:, 4])


def make(
    weights: Mapping[str, Path],
    *,
    score_threshold: float,
    nms_threshold: float,
    max_side_px: int,
    device: str,
) -> RetinaFace:
    """Build the detector; see ``detection.make_detector``."""
    return RetinaFace(
        weights["retinaface_r50"],
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_side_px=max_side_px,
        device=device,
    )
