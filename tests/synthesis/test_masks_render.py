"""Drawing masks: nothing outside changes, the mask lies where it belongs and looks as it should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.face3d.canonical import canonical_vertices
from pipeline.ops.geometry import warp_affine
from pipeline.synthesis.masks.apply import (
    carry_layer,
    coverage,
    encode_layer,
    intersection_over_union,
    lay_over,
    mask_crop,
)
from pipeline.synthesis.masks.drawn import BUILTIN, drawn_design
from pipeline.synthesis.masks.fit import FITS, place
from pipeline.synthesis.masks.render import MaskLayer, composite, draw_mask
from pipeline.types import Band, FaceClass


def posed(yaw_deg=0.0, pixels_per_cm=9.0, shift=(128.0, 118.0, 0.0)):
    yaw = np.radians(yaw_deg)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    return (canonical_vertices() @ turn.T * pixels_per_cm + shift).astype(np.float32)


def face_image(hw=(256, 256), skin=150, seed=0):
    noise = np.random.default_rng(seed).integers(-9, 10, (*hw, 3))
    return np.clip(np.array([skin + 20, skin, skin - 20]) + noise, 0, 255).astype(np.uint8)


def worn(name="surgical_blue", fit="proper", jitter=0.0, seed=0):
    design = drawn_design(name)
    return design, place(design, fit, jitter, np.random.default_rng(seed))


@settings(deadline=None, max_examples=20)
@given(
    st.floats(-75, 75),
    st.sampled_from(sorted(BUILTIN)),
    st.sampled_from(FITS),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_every_pixel_outside_alpha_is_bit_identical(yaw, name, fit, seed, grey):
    image = face_image(seed=seed)
    image = image[..., 0].copy() if grey else image
    layer = draw_mask(image, posed(yaw), *worn(name, fit, 1.0, seed))
    masked = composite(image, layer)
    assert masked.shape == image.shape
    assert (masked[layer.alpha == 0] == image[layer.alpha == 0]).all()
    assert (layer.alpha >= layer.region).all()
    assert (layer.region > 200).any()


def test_a_mask_hides_mouth_and_nose_but_not_the_eyes():
    layer = draw_mask(face_image(), posed(), *worn())
    mesh = np.rint(posed()).astype(int)
    for hidden in (4, 13, 14, 17, 61, 291, 199):
        assert layer.region[mesh[hidden, 1], mesh[hidden, 0]] > 250
    for bare in (33, 133, 263, 362, 10, 151, 168):
        assert layer.region[mesh[bare, 1], mesh[bare, 0]] == 0


@pytest.mark.parametrize(
    ("fit", "nose", "mouth"),
    [("proper", True, True), ("below_nose", False, True), ("chin", False, False)],
)
def test_wear_decides_what_is_hidden(fit, nose, mouth):
    layer = draw_mask(face_image(), posed(), *worn(fit=fit))
    mesh = np.rint(posed()).astype(int)
    for point, hidden in ((4, nose), (0, mouth), (17, mouth), (199, True)):
        assert (layer.region[mesh[point, 1], mesh[point, 0]] > 127) == hidden


def test_the_mask_has_no_holes_and_its_edge_is_soft():
    from scipy.ndimage import binary_fill_holes, label

    for yaw in (0, 30, -60):
        layer = draw_mask(face_image(), posed(yaw), *worn(), loops=False)
        opaque = layer.region > 127
        assert (binary_fill_holes(opaque) == opaque).all()
        assert label(opaque)[1] == 1
        between = (layer.region > 8) & (layer.region < 247)
        outline = opaque ^ (np.roll(opaque, 1, 0) & np.roll(opaque, 1, 1) & opaque)
        assert between.sum() > 0.5 * outline.sum()


def test_a_turned_head_shows_the_mask_beyond_its_profile():
    mesh = posed(80)
    layer = draw_mask(face_image(), mesh, *worn("kn95_white"), loops=False)
    columns = np.flatnonzero((layer.region > 127).any(axis=0))
    # The nose points to larger x; the mask stands off it by a few millimetres.
    assert mesh[:, 0].max() < columns.max() < mesh[:, 0].max() + 2.5 * 9


def test_the_mask_is_lit_like_the_face():
    bright_left = face_image()
    ramp = np.linspace(1.3, 0.5, 256)[None, :, None]
    image = np.clip(bright_left * ramp, 0, 255).astype(np.uint8)
    masked = composite(image, draw_mask(image, posed(), *worn("cloth_grey"), loops=False))
    left, right = masked[150:170, 80:100].mean(), masked[150:170, 156:176].mean()
    assert left > 1.15 * right


def test_moving_the_face_moves_the_mask():
    layer = draw_mask(face_image(), posed(20), *worn(), loops=False)
    moved = draw_mask(face_image(), posed(20, shift=(131, 113, 0)), *worn(), loops=False)
    shifted = np.roll(layer.region, (-5, 3), (0, 1)).astype(int)
    assert np.abs(shifted - moved.region).max() <= 2


@pytest.mark.parametrize("band", [Band.NIR, Band.SWIR])
def test_beyond_red_a_pattern_fades(band):
    image = face_image()[..., 0].copy()
    spread = {}
    for each in (Band.VIS, band):
        layer = draw_mask(image, posed(), *worn("cloth_striped"), band=each, loops=False)
        spread[each] = layer.colour[120:180, 90:160].astype(float).std()
    assert spread[band] < 0.6 * spread[Band.VIS]


def test_a_polypropylene_mask_outshines_skin_in_near_infrared():
    image = face_image(skin=110)[..., 0].copy()
    layer = draw_mask(image, posed(), *worn("surgical_blue"), band=Band.NIR, loops=False)
    assert np.median(layer.colour[layer.region > 250]) > np.median(image)


@pytest.mark.parametrize("band", [Band.MWIR, Band.LWIR])
def test_a_mask_is_colder_than_skin_and_warmer_than_the_room(band):
    image = np.full((256, 256), 30, np.uint8)
    image[20:230, 40:216] = 200
    layer = draw_mask(image, posed(), *worn("surgical_blue"), band=band, loops=False)
    level = np.median(layer.colour[layer.region > 250])
    assert 60 < level < 190


def test_a_face_beyond_the_image_gets_no_mask_and_one_at_the_border_is_cut():
    image = face_image()
    away = draw_mask(image, posed(shift=(900, 900, 0)), *worn())
    assert not away.alpha.any()
    whole = draw_mask(image, posed(), *worn(), loops=False)
    cut = draw_mask(image[:, :128].copy(), posed(), *worn(), loops=False)
    assert np.abs(cut.region.astype(int) - whole.region[:, :128]).max() <= 2


def test_tiny_faces_are_masked_too():
    image = face_image((48, 48))
    layer = draw_mask(image, posed(pixels_per_cm=1.2, shift=(24, 24, 0)), *worn())
    mouth = np.rint(posed(pixels_per_cm=1.2, shift=(24, 24, 0))[13]).astype(int)
    assert layer.region[mouth[1], mouth[0]] > 200


def test_a_mesh_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="468 finite"):
        draw_mask(face_image(), np.full((468, 3), np.nan, np.float32), *worn())


def test_a_carried_layer_leaves_the_crop_alone_outside_it():
    image = face_image((512, 512))
    mesh = posed(15, pixels_per_cm=18, shift=(256, 240, 0))
    layer = draw_mask(image, mesh, *worn("cloth_dotted"))
    third = np.float32([[0.3, 0, -4], [0, 0.3, -5]])
    crop = face_image((144, 144), seed=1)
    made = mask_crop(crop, layer, third)
    assert made.changed_outside == 0
    assert (made.image[made.layer.alpha == 0] == crop[made.layer.alpha == 0]).all()
    # Its area shrinks with the scale's square.
    area = layer.region.sum() * 0.09
    assert made.layer.region.sum() == pytest.approx(area, rel=0.02)
    assert carry_layer(layer, third, (144, 144)).alpha.max() == 255


@pytest.mark.parametrize("scale", [0.9, 0.45, 0.3, 0.22])
def test_a_carried_layer_is_that_of_the_whole_image_wherever_its_mask_begins(scale):
    """The source is reduced by 1, 2, 3 or 4 first: by the same blocks as the whole image is."""
    noise = np.random.default_rng(3).integers(0, 255, (200, 180), np.uint8)
    alpha = np.zeros((512, 512), np.uint8)
    alpha[131:331, 157:337] = noise
    layer = MaskLayer(np.full((512, 512), 200, np.uint8), alpha, alpha)
    shrunk = np.float32([[scale, 0, -4], [0, scale, -5]])
    whole = warp_affine(alpha.astype(np.float32), shrunk, (144, 144))
    found = carry_layer(layer, shrunk, (144, 144)).alpha.astype(float)
    assert np.abs(found - whole).max() <= 0.51


@pytest.mark.parametrize("grey", [False, True])
def test_an_encoded_layer_gives_the_same_image(grey):
    image = face_image()
    image = image[..., 0].copy() if grey else image
    layer = draw_mask(image, posed(), *worn())
    assert (lay_over(image, encode_layer(layer)) == composite(image, layer)).all()
    with pytest.raises(ValueError, match="RGBA layer"):
        lay_over(image[:99], encode_layer(layer))


def test_coverage_counts_each_part_and_is_unknown_where_there_is_none():
    labels = np.full((4, 4), FaceClass.SKIN, np.uint8)
    labels[0, :2] = FaceClass.LEFT_EYE
    labels[3, :2] = FaceClass.UPPER_LIP
    covered = np.zeros((4, 4), bool)
    covered[2:] = True
    np.testing.assert_allclose(coverage(labels, covered), [0, np.nan, 1, 0.5])


def test_intersection_over_union_by_hand():
    a, b = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    assert intersection_over_union(a, b) == 1
    a[:2], b[1:3] = 255, 200
    assert intersection_over_union(a, b) == pytest.approx(1 / 3)
