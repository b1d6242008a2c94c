"""How a mask is worn: which part of the face its template is drawn over."""

from dataclasses import dataclass

import numpy as np

from pipeline.synthesis.masks.template import MaskTemplate

WEARS = ("proper", "below_nose", "chin")
"""Over nose and mouth; over the mouth alone; under the mouth."""

_TOP_V = {"below_nose": 0.605, "chin": 0.775}
_BOTTOM_V = {"below_nose": 1.07, "chin": 1.13}
_CHIN_V, _TUCK_V = 0.93, 0.05
"""A template that reaches the chin is tucked in under it."""
_NARROW = {"proper": 1.0, "below_nose": 1.0, "chin": 0.93}


@dataclass(frozen=True)
class Placement:
    """Where a template lies on the face: an affine map of the texture.

    Attributes:
        wear: a name of ``WEARS``.
        texture_to_template: float64 (2, 3), the face's texture coordinates to the template's.
    """

    wear: str
    texture_to_template: np.ndarray


def place(
    template: MaskTemplate, wear: str, jitter: float, random: np.random.Generator
) -> Placement:
    """Place a template on the face.

    Args:
        template: the template.
        wear: a name of ``WEARS``.
        jitter: 0 for the exact place, 1 for as unevenly as people wear masks: about 4 mm aside and
            6 mm up or down, 2° of turn, 3 % in width.
        random: draws the unevenness; always takes the same number of draws.

    Raises:
        ValueError: an unknown wear.
    """
    if wear not in WEARS:
        raise ValueError(f"wear {wear!r} is none of {list(WEARS)}")
    aside, down, turn, wide = random.uniform(-1, 1, 4) * jitter
    _, top, _, bottom = template.extent_uv
    tucked = bottom + _TUCK_V * (bottom > _CHIN_V)
    new_top, new_bottom = _TOP_V.get(wear, top), _BOTTOM_V.get(wear, tucked)
    stretch = (new_bottom - new_top) / (bottom - top)
    new_top += 0.018 * down
    width = _NARROW[wear] * (1 + 0.03 * wide)
    angle = np.radians(2.0 * turn)
    middle = 0.5 + 0.012 * aside
    # template = scale · turn · (texture − anchor) + the template's own anchor
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.diag([1 / width, 1 / stretch]) @ np.array([[cos, sin], [-sin, cos]])
    shift = np.array([0.5, top]) - linear @ (middle, new_top)
    return Placement(wear, np.column_stack([linear, shift]))


def choose_wear(distribution: dict[str, float], random: np.random.Generator) -> str:
    """Draw how a mask is worn.

    Args:
        distribution: weight of each name of ``WEARS``; those missing count 0.
        random: one draw is taken.
    """
    weights = np.array([distribution.get(name, 0.0) for name in WEARS])
    place_on_line = random.uniform(0, weights.sum())
    index = int(np.searchsorted(np.cumsum(weights), place_on_line, side="right"))
    return WEARS[min(index, len(WEARS) - 1)]
