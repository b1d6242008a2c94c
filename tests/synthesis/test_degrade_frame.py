"""Crops of a degraded face: cut out of one frame, whatever the template."""

import numpy as np
import pytest

from pipeline.ops.codec import decode
from pipeline.ops.geometry import transform_points, warp_affine
from pipeline.ops.templates import (
    ALIGNMENT_TEMPLATES,
    ARCFACE_112_XY,
    CONTEXT,
    warp_to_template,
)
from pipeline.synthesis.degrade.frame import crop_from_frame, frame_of_face
from pipeline.synthesis.degrade.photometric import Degradation, degrade_photometric
from pipeline.synthesis.degrade.rows import quality_row


@pytest.mark.parametrize("name", ALIGNMENT_TEMPLATES)
def test_no_template_shows_what_lies_beyond_the_frame(name):
    """Black there would tell degraded faces from real ones, whatever was done to them."""
    template = ALIGNMENT_TEMPLATES[name]
    frame = np.full((172, 172, 3), 255, np.uint8)
    for shift in np.random.default_rng(0).normal(0, 2, (20, 5, 2)):
        face = 3 * (np.array(ARCFACE_112_XY) + shift)
        to_context, to_crop = (warp_to_template(face, each) for each in (CONTEXT, template))
        assert crop_from_frame(frame, to_context, to_crop, template.hw).min() == 255


def test_neither_light_nor_noise_passes_the_images_edge():
    """A grey wall of 100, cut at the left: 100 up to its edge, black beyond it."""
    image, source_hw = np.full((300, 300), 100, np.uint8), [300, 300]
    landmarks = np.float32(ARCFACE_112_XY) * 1.5 + (-30, 60)  # one eye at x = 27
    template = ALIGNMENT_TEMPLATES["arcface144"]
    to_context, to_crop = (warp_to_template(landmarks, each) for each in (CONTEXT, template))
    row = {
        "sample_id": "a",
        "landmarks_xy": landmarks,
        "height_px": 144,
        "width_px": 144,
        "source_hw": source_hw,
        "warp_2x3": to_crop,
        "context_warp_2x3": to_context,
    }
    frame = frame_of_face(warp_affine(image, to_context, CONTEXT.hw), to_context, source_hw, 172)
    assert frame.min() > 80  # the crop itself fades over half a pixel of the image
    assert (frame[:, :9] == 100).all()
    noisy = Degradation(0, 6, 2, 3, 0, 1, 0, 0.02, 100)
    after = degrade_photometric(frame, noisy, np.random.default_rng(0))
    made = quality_row(row, "photometric.000", frame, after, 95)
    for name, warp in (("image", to_crop), ("dmfr", made["dmfr_warp_2x3"])):
        crop = decode(made[name]["bytes"])
        # The image's edge lies at −0.5, so a column is shown whose centre lies to its right.
        first = int(np.ceil(transform_points([[-0.5, 0]], warp)[0, 0]))
        assert 0 < first < 40
        assert not crop[:, :first].any()
        assert crop[:, first].mean() == pytest.approx(crop[:, -20:].mean(), abs=6)
    context = decode(made["context"]["bytes"])
    edge = int(np.ceil(transform_points([[-0.5, 0]], to_context)[0, 0]))
    assert not context[:, : edge // 8 * 8].any()  # before the JPEG's block at the edge
