"""What a mask is drawn into: what hides it, where the image ends, how the image was taken."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.synthesis.masks.frame import Frame
from pipeline.synthesis.masks.photograph import Photograph, grain_like
from pipeline.types import Float32, UInt8

OWN_BLUR_PX = 0.6
"""Of what is drawn, by its means over fine pixels."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Scene:
    """An image around a face, beyond its pixels.

    Attributes:
        hair: float32 (h, w), 0 to 1: what ear loops go under.
        front: likewise, what lies in front of the mask; None where nothing does.
        known: uint8 (h, w), 0 to 255: where the image shows something; None: everywhere.
        photo: how it was taken; None leaves the mask sharp, clean and in its colours.
        seed: of the mask's grain.
    """

    hair: Float32 | None = None
    front: Float32 | None = None
    known: UInt8 | None = None
    photo: Photograph | None = None
    seed: int = 0

    def taken(self, cloth: Float32, frame: Frame, blur_px: float) -> Float32:
        """Let a drawn mask look as if it had been photographed with the face.

        Args:
            cloth: float32 (h, w, c + 1) of the window: premultiplied colour, 0 to 255, coverage.
            frame: the window.
            blur_px: by which it is blurred at least.
        """
        if self.photo is not None:
            extra = np.sqrt(max(self.photo.blur_px**2 - OWN_BLUR_PX**2, 0.0))
            blur_px = max(blur_px, float(extra))
        if blur_px >= 0.3:
            cloth = np.asarray(cv2.GaussianBlur(cloth, (0, 0), blur_px), np.float32)
        covered = cloth[..., -1:]
        if self.photo is not None:
            if self.photo.tones is not None:
                cloth[..., :-1] = _toned(cloth, self.photo.tones)
            if self.photo.grain.any():
                cloth[..., :-1] += covered * grain_like(self.photo, frame.hw, self.seed)
        return self.open(cloth, frame)

    def open(self, layer: Float32, frame: Frame) -> Float32:
        """Take out of a window's layer, (h, w) or (h, w, c), what is hidden or not in the image."""
        for hidden in (
            None if self.front is None else 1 - self.front[frame.slices],
            None if self.known is None else self.known[frame.slices] * np.float32(1 / 255),
        ):
            if hidden is not None:
                layer = layer * (hidden if layer.ndim == 2 else hidden[..., None])
        return layer


BARE = Scene()
"""Nothing is known beyond the image."""


def _toned(cloth: Float32, tones: UInt8) -> Float32:
    """Return premultiplied colour whose hue follows from its luma."""
    covered = cloth[..., -1]
    luma = cloth[..., :-1] @ _LUMA / np.maximum(covered, 1e-4)
    looked_up = tones[np.clip(np.rint(luma), 0, 255).astype(np.uint8)]
    return looked_up.astype(np.float32) * covered[..., None]
