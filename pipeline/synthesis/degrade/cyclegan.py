"""The trained generator at work: from a sharp face to one of low quality."""

from pathlib import Path

import numpy as np
import torch

from models.cyclegan.network import ResNetGenerator
from models.precision import device_of
from pipeline.errors import DamageError, WeightsError
from pipeline.ops.codec import as_rgb
from pipeline.ops.colour import channels_apart
from pipeline.store.networks import load_network
from pipeline.types import UInt8


class CycleGanDegrader:
    """A generator loaded from the file that ``train_degrader`` writes."""

    def __init__(self, weights: Path, *, device: str = "cpu") -> None:
        """Load the generator.

        Args:
            weights: the file.
            device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

        Raises:
            WeightsError: the file is missing or holds something else.
        """
        try:
            saved = load_network(weights)
            self._net = ResNetGenerator(channels=saved["channels"], blocks=saved["blocks"])
            self._net.load_state_dict(saved["state_dict"])
        except (DamageError, OSError, KeyError, TypeError, RuntimeError) as error:
            raise WeightsError(
                f"{weights} is not a generator of train_degrader: {error}; run that stage again"
            ) from error
        self.frame_px = int(saved["frame_px"])
        """Side of the frame the generator was trained for."""
        self.device = device_of(device)
        self._net.eval().to(self.device).to(memory_format=torch.channels_last)

    def degrade(self, frame: UInt8) -> UInt8:
        """Degrade a face.

        Args:
            frame: uint8 (f, f) or (f, f, 3); f divisible by four.

        Returns:
            uint8 of the same shape; a face without colours stays without them.
        """
        colour = torch.from_numpy(as_rgb(frame)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            made = self._net(pixels_to_input(colour.to(self.device)))[0]
        degraded = output_to_pixels(made)
        if channels_apart(frame):
            return degraded
        grey: UInt8 = np.rint(degraded.mean(axis=2)).astype(np.uint8)
        return grey if frame.ndim == 2 else as_rgb(grey)


def pixels_to_input(pixels: torch.Tensor) -> torch.Tensor:
    """Map uint8 (n, 3, h, w) to the networks' float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1.0


def output_to_pixels(output: torch.Tensor) -> UInt8:
    """Map one output (3, h, w) in [-1, 1] to uint8 (h, w, 3)."""
    scaled = ((output.float() + 1.0) * 127.5).round().clamp(0, 255)
    pixels: UInt8 = scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(pixels)
