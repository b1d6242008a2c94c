"""SFace: a 128-dimensional embedding of an aligned face."""

from pathlib import Path

import numpy as np
import torch

from models.precision import device_of, precision_of
from models.sface.network import DIMENSIONS, SIDE_PX, load_sface
from pipeline.types import Float32, UInt8

CROP_HW = (SIDE_PX, SIDE_PX)


class SFace:
    """SFace 2021dec.

    Input convention of the network: crops of the template ``arcface112``, RGB, 0..255. The
    embedding is not of unit length. Its norm serves as quality: on the sample's
    visible images its median falls from 12.3 for frontal faces to 9.2 beyond 60° of yaw. It says
    little of blur, which ``sharpness`` measures.

    An embedding does not depend on the faces given with it, bit for bit: on a CPU each pass of the
    network holds one face, on a GPU ``batch_rows``, the last one filled up with black.

    Args:
        weights: ``face_recognition_sface_2021dec.onnx``.
        precision: ``float32``, ``bfloat16``, or ``auto``: bfloat16 where the device computes it
            natively. A machine always makes the same choice; it stands in ``self.precision``.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        batch_rows: faces in one pass on a GPU.

    Raises:
        WeightsError: the file is missing or not this network's.
        ValueError: a precision or a device that is not offered.

    Reference:
        Y. Zhong et al., SFace: sigmoid-constrained hypersphere loss for robust face recognition,
        TIP 30, 2021; norm as quality: Q. Meng et al., MagFace, CVPR 2021.
    """

    def __init__(
        self, weights: Path, *, precision: str = "auto", device: str = "cpu", batch_rows: int = 16
    ) -> None:
        self.device = device_of(device)
        self.precision = precision = precision_of(precision, self.device)
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._pass_rows = batch_rows if self.device == "cuda" else 1
        network = load_sface(weights).to(self.device, self._dtype)
        self._network = network.to(memory_format=torch.channels_last)

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
        embeddings = np.empty((len(crops_rgb), DIMENSIONS), np.float32)
        with torch.inference_mode():
            for start in range(0, len(crops_rgb), self._pass_rows):
                crops = crops_rgb[start : start + self._pass_rows]
                held = np.zeros((self._pass_rows, *CROP_HW, 3), np.uint8)
                held[: len(crops)] = crops
                pixels = torch.from_numpy(held).to(self.device).permute(0, 3, 1, 2)
                values = ((pixels.float() - 127.5) / 128).to(self._dtype)
                made = self._network(values)[: len(crops)].float()
                embeddings[start : start + len(crops)] = made.cpu().numpy()
        return embeddings
