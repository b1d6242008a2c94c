"""What a camera does to a band: limited resolution, blur, noise, eight bits."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.types import Float32, UInt8


@dataclass(frozen=True)
class Sensor:
    """A simulated camera; levels are shares of full scale.

    Attributes:
        max_side_px: samples along the longer side; a finer image is sampled down and back up.
        psf_px: standard deviation of the optics' blur, samples.
        shot: standard deviation of photon noise at full scale; grows with the signal's root.
        read: standard deviation of read noise.
        column: standard deviation of the fixed pattern from column to column.
        shading: amplitude of the slow non-uniformity that calibration leaves.
    """

    max_side_px: int
    psf_px: float
    shot: float
    read: float
    column: float
    shading: float

    def grid_hw(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Return the shape in which an image of shape ``hw`` is sampled."""
        scale = min(1.0, self.max_side_px / max(hw))
        return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))

    def expose(self, signal: Float32, hw: tuple[int, int], rng: np.random.Generator) -> UInt8:
        """Turn a signal on the sensor's grid into an image.

        Args:
            signal: float32 of the sensor's shape, 0 black, 1 full scale.
            hw: height and width of the image.
            rng: source of this image's noise.

        Returns:
            uint8 ``hw``.
        """
        rows, columns = signal.shape
        blurred = cv2.GaussianBlur(signal, (0, 0), self.psf_px, borderType=cv2.BORDER_REFLECT_101)
        image = np.asarray(blurred, np.float32)
        noise = rng.standard_normal(signal.shape, dtype=np.float32)
        noise *= np.sqrt(self.read**2 + self.shot**2 * np.clip(image, 0.0, 1.0))
        image = image + noise
        if self.column > 0:
            pattern = rng.standard_normal(columns, dtype=np.float32)
            image += np.float32(self.column) * pattern
        if self.shading > 0:
            coarse = rng.standard_normal((4, 4), dtype=np.float32)
            slow = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
            image += np.float32(self.shading) * np.asarray(slow, np.float32)
        if (rows, columns) != tuple(hw):
            resized = cv2.resize(image, hw[::-1], interpolation=cv2.INTER_CUBIC)
            image = np.asarray(resized, np.float32)
        return np.asarray(np.rint(np.clip(image, 0.0, 1.0) * 255), dtype=np.uint8)
