"""What a mask is drawn into: what hides it, where the image ends, how the image was taken."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthesis.masks.frame import Frame
from pipeline.synthesis.masks.kernel import finish
from pipeline.synthesis.masks.photograph import Photograph, grain_like
from pipeline.types import Float32, UInt8

OWN_BLUR_PX = 0.6
"""Of what is drawn, by its means over fine pixels."""


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

    def blur_px(self, least_px: float) -> float:
        """Return by how much a drawn mask is blurred, by ``least_px`` at least."""
        if self.photo is None:
            return least_px
        return max(least_px, float(np.sqrt(max(self.photo.blur_px**2 - OWN_BLUR_PX**2, 0.0))))

    def finished(
        self, cloth: Float32, shadow: Float32 | None, frame: Frame, reach: Frame, image: UInt8
    ) -> tuple[UInt8, UInt8, UInt8]:
        """Let a drawn mask look as if it had been photographed with the face, and round it.

        Args:
            cloth: float32 (h, w, c + 1) of the window: premultiplied colour, 0 to 255, coverage.
            shadow: float32 (h, w) of the window, 0 to 1.
            frame: the window.
            reach: the part of the image that has this mask's grain; the window lies in it.
            image: uint8 (H, W) or (H, W, 3).

        Returns:
            Colour, share of it and the mask's own share, shaped as the image is and as (H, W); 0
            where they are hidden or not in the image.
        """
        colour = np.zeros(image.shape, np.uint8)
        alpha, region = np.zeros(image.shape[:2], np.uint8), np.zeros(image.shape[:2], np.uint8)
        tones, grain = _NO_BYTES, _NOTHING[..., None]
        if self.photo is not None:
            if self.photo.tones is not None:
                tones = self.photo.tones
            if self.photo.grain.any():
                grain = grain_like(self.photo, reach.hw, self.seed)
        finish(
            cloth,
            _NOTHING if shadow is None else shadow,
            (tones, grain),
            (frame.left - reach.left, frame.top - reach.top),
            (
                _NOTHING if self.front is None else self.front,
                _NO_BYTES if self.known is None else self.known,
            ),
            (frame.left, frame.top),
            colour.reshape(*alpha.shape, -1),
            alpha,
            region,
        )
        return colour, alpha, region


_NOTHING, _NO_BYTES = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint8)
BARE = Scene()
"""Nothing is known beyond the image."""
