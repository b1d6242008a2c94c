"""Colour models of one person's skin and hair in one session's light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.bands.planes import blur
from pipeline.types import Float32

_LEAST_PIXELS = 40
_SPREAD = np.array([200.0, 20.0, 24.0])
"""Variance added to L, a, b: shadow and light on limbs vary more than on the face learned from."""
_OTHER_LOG_DENSITY = -13.0
"""Of any other colour: one over the volume of all colours in Lab, about 4·10⁵."""


@dataclass(frozen=True)
class ColourModel:
    """A Gaussian in CIE Lab (L 0..100).

    Attributes:
        mean: (3,).
        covariance: (3, 3).
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def log_density(self, lab: Float32) -> Float32:
        """Return the log density of colours (..., 3)."""
        inverse = np.linalg.inv(self.covariance)
        offset = lab - self.mean.astype(np.float32)
        distance = np.einsum(
            "...i,...i->...", offset @ inverse.astype(np.float32), offset, dtype=np.float32
        )
        constant = 0.5 * np.linalg.slogdet(2 * np.pi * self.covariance)[1]
        return np.asarray(-0.5 * distance - np.float32(constant), np.float32)


@dataclass(frozen=True)
class Appearance:
    """Skin and hair of a person as a session's images show them."""

    skin: ColourModel
    hair: ColourModel

    def posteriors(
        self, lab: Float32, skin_prior: Float32, hair_prior: Float32, smooth_px: float
    ) -> tuple[Float32, Float32]:
        """Return the probabilities of skin and of hair against anything else.

        Args:
            lab: float32 (h, w, 3).
            skin_prior: float32 (h, w) in [0, 1]: how far skin can be there at all.
            hair_prior: the same of hair.
            smooth_px: over which distance skin or hair is decided as one: strands of brown hair
                have skin's colour one by one, but not together. 0 decides each pixel by itself.
        """
        skin_log, hair_log = self.skin.log_density(lab), self.hair.log_density(lab)
        skin = skin_prior * np.exp(skin_log - _OTHER_LOG_DENSITY)
        hair = hair_prior * np.exp(hair_log - _OTHER_LOG_DENSITY)
        if smooth_px > 0:
            either = skin + hair
            odds = np.clip(skin_log - hair_log, -6.0, 6.0) + np.log(
                (skin_prior + 1e-3) / (hair_prior + 1e-3)
            )
            weight = either / (1.0 + either) + np.float32(1e-3)
            odds = blur(odds * weight, smooth_px) / blur(weight, smooth_px)
            share = 1.0 / (1.0 + np.exp(-2.0 * odds))
            skin, hair = either * share, either * (1.0 - share)
        total = 1.0 + skin + hair
        return skin / total, hair / total


TYPICAL = Appearance(
    ColourModel(np.array([55.0, 14.0, 18.0]), np.diag([250.0, 30.0, 40.0])),
    ColourModel(np.array([14.0, 1.0, 2.0]), np.diag([130.0, 12.0, 15.0])),
)
"""For an image without a face of a person of whom nothing is known; ours, dark-haired."""


def learn_appearance(lab: Float32, skin: Float32, hair: Float32, prior: Appearance) -> Appearance:
    """Learn a person's colours where a parser is sure of skin and hair.

    Args:
        lab: float32 (h, w, 3).
        skin: probability of skin, float32 (h, w).
        hair: probability of hair, float32 (h, w).
        prior: what stands for a material that is hardly seen.
    """
    return Appearance(_fit(lab[skin > 0.9], prior.skin), _fit(lab[hair > 0.9], prior.hair))


def _fit(colours: Float32, prior: ColourModel) -> ColourModel:
    if len(colours) < _LEAST_PIXELS:
        return prior
    middle = np.median(colours, axis=0)
    # Highlights, nostrils and stray labels lie far off: the nearer 85 % make the model.
    distance = np.abs(colours - middle).sum(axis=1)
    kept = colours[distance <= np.quantile(distance, 0.85)].astype(np.float64)
    return ColourModel(kept.mean(axis=0), np.cov(kept.T) * 1.5 + np.diag(_SPREAD))
