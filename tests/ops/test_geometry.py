"""Similarities, affine maps and warps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ops import geometry
from pipeline.ops.geometry import (
    BORDERS,
    INTERPOLATIONS,
    affine_between,
    compose_affine,
    invert_affine,
    scale_of,
    similarity_from_points,
    transform_mesh,
    transform_points,
    warp_affine,
)

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]])


def similarity(scale, degrees, shift):
    cos, sin = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


def smooth_image(hw=(120, 140)):
    y, x = np.mgrid[: hw[0], : hw[1]].astype(np.float32)
    waves = [np.sin(x / 9) + np.cos(y / 11), np.cos((x + y) / 13), np.sin((x - y) / 15)]
    return (128 + 50 * np.stack(waves, axis=-1)).clip(0, 255).astype(np.uint8)


def test_quarter_turn_of_double_scale_and_a_shift_worked_by_hand():
    # (x, y) -> (10 - 2y, 20 + 2x): 90 degrees from x towards y, twice as large.
    target = np.stack([10 - 2 * SQUARE[:, 1], 20 + 2 * SQUARE[:, 0]], axis=1)
    matrix = similarity_from_points(SQUARE, target)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix, [[0, -2, 10], [2, 0, 20]], atol=1e-6)


def test_least_squares_worked_by_hand():
    # One end moves out by 1 and the other does not: the best scale is 3/2 about the middle.
    matrix = similarity_from_points([[-1, 0], [1, 0]], [[-1, 0], [2, 0]])
    np.testing.assert_allclose(matrix, [[1.5, 0, 0.5], [0, 1.5, 0]], atol=1e-6)


def test_agrees_with_scikit_images_umeyama_on_noisy_points():
    from skimage.transform import SimilarityTransform

    rng = np.random.default_rng(3)
    source = rng.normal(size=(5, 2)) * 30
    target = transform_points(source, similarity(0.7, 33, (5, 8))) + rng.normal(size=(5, 2))
    reference = SimilarityTransform.from_estimate(source, target)
    np.testing.assert_allclose(
        similarity_from_points(source, target), reference.params[:2], rtol=1e-5, atol=1e-5
    )


@given(st.floats(0.05, 20), st.floats(-180, 180), st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_recovers_any_similarity(scale, degrees, x, y):
    ground_truth = similarity(scale, degrees, (x, y))
    source = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]])
    target = source @ ground_truth[:, :2].T + ground_truth[:, 2]
    fitted = similarity_from_points(source, target)
    np.testing.assert_allclose(transform_points(source, fitted), target, atol=1e-2, rtol=1e-5)
    assert scale_of(fitted) == pytest.approx(scale, rel=1e-4)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ([[3, 3], [3, 3], [3, 3]], [[0, 0], [1, 0], [0, 1]]),
        ([[0, 0], [1, 0], [0, 1]], [[3, 3], [3, 3], [3, 3]]),
        ([[0, 0], [1, np.nan]], [[0, 0], [1, 0]]),
        ([[0, 0]], [[0, 0]]),
        ([[0, 0], [1, 1]], [[0, 0], [1, 1], [2, 2]]),
        # A square and its mirror image: every rotation is equally bad.
        ([[0, 0], [1, 0], [1, 1], [0, 1]], [[1, 0], [0, 0], [0, 1], [1, 1]]),
    ],
)
def test_degenerate_points_are_refused(source, target):
    with pytest.raises(ValueError):
        similarity_from_points(source, target)


@given(st.floats(0.1, 10), st.floats(-180, 180), st.floats(-500, 500))
def test_inverse_undoes_the_map(scale, degrees, shift):
    matrix = similarity(scale, degrees, (shift, -shift / 2)).astype(np.float32)
    both = compose_affine(matrix, invert_affine(matrix))
    np.testing.assert_allclose(both, [[1, 0, 0], [0, 1, 0]], atol=2e-2)


def test_compose_applies_the_first_map_first():
    shift, double = [[1, 0, 3], [0, 1, 0]], [[2, 0, 0], [0, 2, 0]]
    np.testing.assert_array_equal(compose_affine(shift, double), [[2, 0, 6], [0, 2, 0]])
    np.testing.assert_array_equal(compose_affine(double, shift), [[2, 0, 3], [0, 2, 0]])


def test_between_two_crops_of_one_source_lies_one_map():
    half, turned = np.float32([[0.5, 0, 3], [0, 0.5, -2]]), np.float32([[0, -1, 9], [1, 0, 4]])
    point = np.float32([[7, 5]])
    moved = transform_points(transform_points(point, half), affine_between(half, turned))
    np.testing.assert_allclose(moved, transform_points(point, turned), atol=1e-5)


def test_transform_keeps_leading_axes_and_the_empty_set():
    matrix = [[0, -1, 0], [1, 0, 0]]
    assert transform_points(np.zeros((0, 5, 2)), matrix).shape == (0, 5, 2)
    np.testing.assert_array_equal(transform_points([[[2, 1]]], matrix), [[[-1, 2]]])


def test_a_meshs_depth_grows_with_the_similaritys_scale():
    quarter_turn = similarity(2.0, 90, (5, 0))
    np.testing.assert_allclose(
        transform_mesh(np.array([[3, 1, 4], [0, 0, -1]], np.float32), quarter_turn),
        [[3, 6, 8], [5, 0, -2]],
        atol=1e-6,
    )


def test_a_flat_map_has_no_inverse():
    with pytest.raises(ValueError):
        invert_affine([[1, 1, 0], [1, 1, 0]])


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("border", BORDERS)
def test_the_identity_changes_nothing(interpolation, border):
    image = smooth_image()
    same = warp_affine(
        image, [[1, 0, 0], [0, 1, 0]], image.shape[:2],
        interpolation=interpolation, border=border,
    )  # fmt: skip
    np.testing.assert_array_equal(same, image)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_shift_by_whole_pixels_is_exact(interpolation):
    image = smooth_image()
    moved = warp_affine(
        image, [[1, 0, 7], [0, 1, -4]], image.shape[:2], interpolation=interpolation
    )
    np.testing.assert_array_equal(moved[:-4, 7:], image[4:, :-7])
    assert not moved[-4:].any()
    assert not moved[:, :7].any()


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic", "lanczos"])
def test_a_face_elsewhere_in_the_image_gives_the_same_crop(interpolation):
    image = smooth_image()
    larger = np.zeros((200, 220, 3), np.uint8)
    larger[24 : 24 + 120, 16 : 16 + 140] = image
    matrix = similarity(0.75, 20, (30.25, -2.5))
    elsewhere = matrix.copy()
    elsewhere[:, 2] -= matrix[:, :2] @ (16, 24)
    np.testing.assert_array_equal(
        warp_affine(image, matrix, (64, 64), interpolation=interpolation),
        warp_affine(larger, elsewhere, (64, 64), interpolation=interpolation),
    )


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "lanczos"])
def test_warp_then_inverse_warp_returns_the_image(interpolation):
    image = smooth_image()
    matrix = similarity(1.5, 25, (80, 10))
    there = warp_affine(image, matrix, (320, 320), interpolation=interpolation)
    back = warp_affine(there, invert_affine(matrix), (120, 140), interpolation=interpolation)
    inner = np.abs(back[30:-30, 30:-30].astype(int) - image[30:-30, 30:-30])
    assert inner.max() <= 3


@pytest.mark.parametrize("scale", [0.7, 0.5, 0.4, 0.21, 0.11])
@pytest.mark.parametrize("interpolation", ["linear", "area", "cubic", "lanczos"])
def test_reduction_keeps_places_to_a_tenth_of_a_target_pixel(scale, interpolation):
    # Each pixel of a ramp holds its own x: the crop tells where it was sampled. (OpenCV's cubic
    # kernel itself misses a ramp by 0.06 pixels.)
    ramp = np.tile(np.arange(403, dtype=np.float32), (401, 1))
    matrix = similarity(scale, 0, (1.3, 2.6))
    side = int(scale * 400)
    crop = warp_affine(ramp, matrix, (side, side), interpolation=interpolation)
    target = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1)
    expected = transform_points(target, invert_affine(matrix))[..., 0]
    inner = slice(side // 4, -side // 4)
    assert np.abs(crop - expected)[inner, inner].max() * scale < 0.1


@pytest.mark.parametrize("interpolation", ["linear", "area", "cubic", "lanczos"])
def test_a_fine_chequerboard_becomes_grey_and_never_moire(interpolation):
    chequers = (np.indices((300, 300)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = warp_affine(
        chequers, similarity(0.37, 10, (20, 0)), (100, 100), interpolation=interpolation
    )
    assert np.abs(crop[30:70, 30:70].astype(int) - 127).max() <= 2


@pytest.mark.parametrize("interpolation", ["linear", "area", "cubic", "lanczos"])
def test_a_warp_that_shrinks_one_axis_leaves_the_other_as_it_is(interpolation):
    rows = np.tile(np.uint8([[0], [200]]), (8, 32))
    quarter = [[0.25, 0.0, -0.375], [0.0, 1.0, 0.0]]
    thin = warp_affine(rows, quarter, (16, 8), interpolation=interpolation)
    np.testing.assert_array_equal(thin, rows[:, :8])
    upright = warp_affine(
        rows.T.copy(), np.roll(quarter, 1, axis=0)[:, [1, 0, 2]], (8, 16),
        interpolation=interpolation,
    )  # fmt: skip
    np.testing.assert_array_equal(upright, rows.T[:8])


@pytest.mark.parametrize("interpolation", ["linear", "area"])
def test_fine_columns_become_grey_where_they_alone_shrink(interpolation):
    columns = np.tile(np.uint8([[0, 200]]), (9, 60))
    squeezed = [[1 / 3, 0.0, -1 / 3], [0.0, 3.0, 1.0]]
    seen = warp_affine(columns, squeezed, (27, 40), interpolation=interpolation)
    # Of three columns, one or two are bright; read at one place, they would stay 0 or 200.
    assert np.abs(seen[3:-3].astype(int) - 100).max() <= 34


def test_labels_never_mix():
    labels = np.where(np.indices((300, 300))[1] < 150, 3, 11).astype(np.uint8)
    crop = warp_affine(labels, similarity(0.2, 17, (5, 5)), (60, 60), interpolation="nearest")
    assert set(np.unique(crop)) <= {0, 3, 11}


def test_borders():
    row = np.array([[10, 20, 30]], dtype=np.uint8)
    shift = [[1, 0, 2], [0, 1, 0]]
    assert warp_affine(row, shift, (1, 5), border="constant").tolist() == [[0, 0, 10, 20, 30]]
    assert warp_affine(row, shift, (1, 5), border="replicate").tolist() == [[10, 10, 10, 20, 30]]
    assert warp_affine(row, shift, (1, 5), border="reflect").tolist() == [[30, 20, 10, 20, 30]]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (5, 900), (16, 16, 3)])
def test_shape_and_dtype_are_kept(dtype, shape):
    crop = warp_affine(np.ones(shape, dtype), similarity(0.1, 5, (0, 0)), (7, 9))
    assert crop.dtype == dtype
    assert crop.shape == (7, 9, *shape[2:])


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (np.zeros((4, 4), np.float64), {}),
        (np.zeros((0, 4), np.uint8), {}),
        (np.zeros((4, 4), np.uint8), {"interpolation": "bilinear"}),
        (np.zeros((4, 4), np.uint8), {"border": "wrap"}),
    ],
)
def test_what_is_not_offered_is_refused(image, options):
    with pytest.raises(ValueError):
        warp_affine(image, [[1, 0, 0], [0, 1, 0]], (4, 4), **options)


def test_a_flat_map_is_refused():
    with pytest.raises(ValueError, match="inverse"):
        warp_affine(np.zeros((4, 4), np.uint8), np.zeros((2, 3)), (4, 4))


def test_an_image_can_shrink_to_nothing():
    crop = warp_affine(np.full((30, 700, 3), 9, np.uint8), similarity(1e-12, 0, (0, 0)), (4, 4))
    assert crop.shape == (4, 4, 3)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_large_image_gives_what_all_of_it_gives(border, interpolation, monkeypatch):
    """It is cut before it is reduced; here any image counts as large."""
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (203, 311, 3), np.uint8)
    for scale in (1.3, 0.6, 0.5, 0.31, 0.12):
        for middle in ((150, 100), (2, 3), (309, 201), (330, -20)):
            turn = similarity(scale, float(rng.uniform(0, 360)), (0, 0))
            matrix = np.column_stack([turn[:, :2], (9, 11) - turn[:, :2] @ middle])
            options = {"interpolation": interpolation, "border": border}
            whole = warp_affine(image, matrix, (24, 20), **options)
            with monkeypatch.context() as patch:
                patch.setattr(geometry, "_LARGE_PX", 1)
                alone = warp_affine(image, matrix, (24, 20), **options)
            same = np.abs(whole.astype(int) - alone) <= 1  # but for a coordinate's last digit
            assert same.mean() > 0.998


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("upright", [False, True])
def test_an_image_longer_than_opencv_warps_gives_what_its_part_gives(border, upright):
    """A panorama, turned by 10 degrees about places in its middle, at its ends, and beyond."""
    long = np.random.default_rng(2).integers(0, 256, (40, 40_000, 3)).astype(np.uint8)
    for start, middle in ((0, -5), (0, 30), (20_000, 20_100), (39_700, 39_990), (39_700, 40_020)):
        part = long[:, start : start + 300]
        turn = similarity(1.5, 10, (0, 0))
        matrices = []
        for origin in (0, start):
            at = np.array([middle - origin, 20.0])
            matrices.append(np.column_stack([turn[:, :2], (50, 30) - turn[:, :2] @ at]))
        images = [long, part]
        if upright:
            images = [image.swapaxes(0, 1) for image in images]
            matrices = [matrix[:, [1, 0, 2]] for matrix in matrices]
        whole, alone = (
            warp_affine(np.ascontiguousarray(image), matrix, (60, 100), border=border)
            for image, matrix in zip(images, matrices, strict=True)
        )
        assert alone.any()
        np.testing.assert_allclose(whole.astype(int), alone, atol=9)
        assert np.abs(whole.astype(int) - alone).mean() < 0.5
