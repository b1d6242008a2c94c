"""How a mask is worn: which part of the face its design is drawn over."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthesis.masks.design import MaskDesign

FITS = ("proper", "below_nose", "chin")
"""Over nose and mouth; over the mouth alone; under the mouth."""

_TOP_V = {"below_nose": 0.605, "chin": 0.785}
_BOTTOM_V = {"below_nose": 1.07, "chin": 1.13}
_CHIN_V, _TUCK_V = 0.93, 0.05
"""A design that reaches the chin is tucked in under it."""
_NARROW = {"proper": 1.0, "below_nose": 1.0, "chin": 0.93}


@dataclass(frozen=True)
class Placement:
    """Where a design lies on the face: an affine map of the texture.

    Attributes:
        fit: a name of ``FITS``.
        texture_to_design: float64 (2, 3), the face's texture coordinates to the design's.
    """

    fit: str
    texture_to_design: np.ndarray


def place(design: MaskDesign, fit: str, jitter: float, rng: np.random.Generator) -> Placement:
    """Place a design on the face.

    Args:
        design: the design.
        fit: a name of ``FITS``.
        jitter: 0 for the exact place, 1 for as unevenly as people fit masks: about 4 mm aside and
            6 mm up or down, 2° of turn, 3 % in width.
        rng: draws the unevenness; always takes the same number of draws.

    Raises:
        ValueError: an unknown fit.
    """
    if fit not in FITS:
        raise ValueError(f"fit {fit!r} is none of {list(FITS)}")
    aside, down, turn, wide = rng.uniform(-1, 1, 4) * jitter
    _, top, _, bottom = design.extent_uv
    tucked = bottom + _TUCK_V * (bottom > _CHIN_V)
    new_top, new_bottom = _TOP_V.get(fit, top), _BOTTOM_V.get(fit, tucked)
    stretch = (new_bottom - new_top) / (bottom - top)
    new_top += 0.018 * down
    width = _NARROW[fit] * (1 + 0.03 * wide)
    angle = np.radians(2.0 * turn)
    middle = 0.5 + 0.012 * aside
    # design = scale · turn · (texture − anchor) + the design's own anchor
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.diag([1 / width, 1 / stretch]) @ np.array([[cos, sin], [-sin, cos]])
    shift = np.array([0.5, top]) - linear @ (middle, new_top)
    return Placement(fit, np.column_stack([linear, shift]))


def choose_fit(distribution: dict[str, float], rng: np.random.Generator) -> str:
    """Draw how a mask is worn.

    Args:
        distribution: weight of each name of ``FITS``; those missing count 0.
        rng: one draw is taken.
    """
    weights = np.array([distribution.get(name, 0.0) for name in FITS])
    place_on_line = rng.uniform(0, weights.sum())
    index = int(np.searchsorted(np.cumsum(weights), place_on_line, side="right"))
    return FITS[min(index, len(FITS) - 1)]
