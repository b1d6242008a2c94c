"""YuNet's boxes with FAN's landmarks, through face-alignment; nothing is downloaded."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from face_alignment import FaceAlignment, LandmarksType
from face_alignment.api import models_urls

from models.precision import device_of
from pipeline.detection import yunet
from pipeline.detection.faces import Faces, sorted_faces
from pipeline.detection.yunet import YuNet
from pipeline.errors import WeightsError, one_line
from pipeline.scratch import ScratchFolder
from pipeline.types import Float32, UInt8
from pipeline.weights.tensors import BROKEN

WEIGHTS = (*yunet.WEIGHTS, "fan_2d")
"""What it opens, by names of ``weights.yaml``."""


class Fan:
    """The 2D FAN-4 on YuNet's boxes; slower than YuNet, meant for large poses.

    Input convention of the network: RGB, [0, 1], 256 × 256 about the box; face-alignment does it.
    Eyes are means of their six contour landmarks, the nose tip is point 31 of 68, mouth corners are
    landmarks 49 and 55.

    Reference:
        A. Bulat, G. Tzimiropoulos, How far are we from solving the 2D & 3D face alignment problem?,
        ICCV 2017.
    """

    def __init__(self, detector: YuNet, weights: Path, *, device: str = "cpu") -> None:
        """Load the network.

        Args:
            detector: finds the boxes; its scores are kept.
            weights: ``2DFAN4-11f355bf06.pth.tar`` or a file of its shape.
            device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

        Raises:
            WeightsError: the file is missing or holds another network.
        """
        if not weights.is_file():
            raise WeightsError(f"FAN's weights are missing: {weights}")
        self._detector = detector
        former_hub = torch.hub.get_dir()
        # face-alignment takes no path: it looks for one name in torch's hub, and downloads if the
        # file is not there. A private hub with a link of that name leaves it nothing to download.
        with ScratchFolder() as hub:
            checkpoints = Path(hub) / "checkpoints"
            checkpoints.mkdir()
            name = PurePosixPath(models_urls["2DFAN-4"]).name
            (checkpoints / name).symlink_to(weights.resolve())
            torch.hub.set_dir(hub)
            try:
                self._network = FaceAlignment(
                    LandmarksType.TWO_D,
                    device=device_of(device),
                    flip_input=False,
                    face_detector="folder",  # the one that has no network: boxes are YuNet's
                    compile=False,
                )
            except BROKEN as error:
                raise WeightsError(f"{weights} holds no 2D FAN-4: {one_line(error)}") from error
            finally:
                torch.hub.set_dir(former_hub)

    def detect(self, image_rgb: UInt8) -> Faces:
        """Find the faces of an image, uint8 (h, w, 3)."""
        faces = self._detector.detect(image_rgb)
        if not len(faces):
            return faces
        found = self._network.get_landmarks_from_image(image_rgb, faces.boxes_xyxy.tolist())
        landmarks = np.stack([_five_of_68(np.asarray(each, dtype=np.float32)) for each in found])
        return sorted_faces(faces.boxes_xyxy, landmarks, faces.scores)


def _five_of_68(landmarks_xy: Float32) -> Float32:
    return np.stack(
        [
            landmarks_xy[36:42].mean(axis=0),
            landmarks_xy[42:48].mean(axis=0),
            landmarks_xy[30],
            landmarks_xy[48],
            landmarks_xy[54],
        ]
    )


def make(
    weights: Mapping[str, Path],
    *,
    score_threshold: float,
    nms_threshold: float,
    max_side_px: int,
    device: str,
) -> Fan:
    """Build the detector; see ``detection.make_detector``."""
    boxes = yunet.make(
        weights,
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_side_px=max_side_px,
        device=device,
    )
    return Fan(boxes, weights["fan_2d"], device=device)
