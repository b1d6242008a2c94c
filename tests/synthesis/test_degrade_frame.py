"""Crops of a degraded face: cut out of one frame, whatever the template."""

import numpy as np
import pytest

from pipeline.ops.templates import (
    ALIGNMENT_TEMPLATES,
    ARCFACE_112_XY,
    CONTEXT,
    warp_to_template,
)
from pipeline.synthesis.degrade.frame import crop_from_frame


@pytest.mark.parametrize("name", ALIGNMENT_TEMPLATES)
def test_no_template_shows_what_lies_beyond_the_frame(name):
    """Black there would tell degraded faces from real ones, whatever was done to them."""
    template = ALIGNMENT_TEMPLATES[name]
    frame = np.full((172, 172, 3), 255, np.uint8)
    for shift in np.random.default_rng(0).normal(0, 2, (20, 5, 2)):
        face = 3 * (np.array(ARCFACE_112_XY) + shift)
        to_context, to_crop = (warp_to_template(face, each) for each in (CONTEXT, template))
        assert crop_from_frame(frame, to_context, to_crop, template.hw).min() == 255
