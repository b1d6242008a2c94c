"""SFace: a 128-dimensional embedding of an aligned face, through OpenCV."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import WeightsError
from pipeline.types import Float32, UInt8

DIMENSIONS = 128
CROP_HW = (112, 112)


class SFace:
    """SFace 2021dec.

    Input convention of the network: crops of the template ``arcface112``, RGB, 0..255; it scales
    them itself. The embedding is not of unit length. Its norm serves as quality: on the sample's
    visible pictures its median falls from 12.3 for frontal faces to 9.2 beyond 60° of yaw. It says
    little of blur, which ``sharpness`` measures.

    Reference:
        Y. Zhong et al., SFace: sigmoid-constrained hypersphere loss for robust face recognition,
        TIP 30, 2021; norm as quality: Q. Meng et al., MagFace, CVPR 2021.
    """

    def __init__(self, weights: Path) -> None:
        """Load the network.

        Args:
            weights: ``face_recognition_sface_2021dec.onnx``.

        Raises:
            WeightsError: the file is missing or no network that OpenCV reads.
        """
        if not weights.is_file():
            raise WeightsError(f"SFace's weights are missing: {weights}")
        try:
            self._network = cv2.dnn.readNetFromONNX(str(weights))
        except cv2.error as error:
            raise WeightsError(f"{weights} is no network that OpenCV reads: {error}") from error

    def embed(self, crops_rgb: UInt8) -> Float32:
        """Embed faces.

        Args:
            crops_rgb: uint8 (n, 112, 112, 3), aligned by ``arcface112``.

        Returns:
            float32 (n, 128), not of unit length.

        Raises:
            ValueError: the crops have another shape or dtype.
        """
        if crops_rgb.dtype != np.uint8 or crops_rgb.shape[1:] != (*CROP_HW, 3):
            raise ValueError(
                f"expected uint8 (n, 112, 112, 3), got {crops_rgb.dtype} {crops_rgb.shape}"
            )
        if not len(crops_rgb):
            return np.zeros((0, DIMENSIONS), np.float32)
        self._network.setInput(crops_rgb.transpose(0, 3, 1, 2).astype(np.float32))
        return np.array(self._network.forward(), np.float32)
