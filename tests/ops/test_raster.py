import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ops.raster import (
    interpolate,
    rasterise,
    rasterise_depth,
    rasterise_onto,
    reduce,
    sample_bilinear,
    vertex_normals,
)
from pipeline.ops.raster_finer import rasterise_finer

SQUARE = np.array([[0, 0, 1], [8, 0, 1], [8, 8, 1], [0, 8, 1]], dtype=np.float32)
TWO = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)


def test_a_square_covers_its_pixels_once():
    found = rasterise(SQUARE, TWO, (12, 12))
    # Top and left edges belong to the square, bottom and right ones do not.
    assert found.covered[:8, :8].all()
    assert found.covered.sum() == 64
    assert (found.depth[:8, :8] == 1).all()
    assert np.isinf(found.depth[8:]).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_shared_edges_are_watertight_and_never_doubled(seed):
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 8.0
    inner = (grid > 0).all(axis=1) & (grid < 32).all(axis=1)
    grid[inner] += random.uniform(-1.5, 1.5, (inner.sum(), 2))
    vertices = np.column_stack([grid, random.uniform(0, 9, len(grid))]).astype(np.float32)
    corner = np.array([row * 5 + column for row in range(4) for column in range(4)])
    triangles = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + 6], axis=1),
            np.stack([corner, corner + 6, corner + 5], axis=1),
        ]
    ).astype(np.int32)
    hits = sum(
        rasterise(vertices, triangles[i : i + 1], (33, 33)).covered.astype(int)
        for i in range(len(triangles))
    )
    assert (hits[:32, :32] == 1).all()
    assert (hits[32] == 0).all()
    assert (hits[:, 32] == 0).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-9, 9), st.integers(-9, 9))
def test_moving_the_mesh_moves_the_image(seed, dx, dy):
    random = np.random.default_rng(seed)
    vertices = random.uniform(10, 30, (12, 3)).astype(np.float32)
    triangles = random.permuted(np.tile(np.arange(12), (6, 1)), axis=1)[:, :3].astype(np.int32)
    at_rest = rasterise(vertices, triangles, (40, 40))
    moved = rasterise(vertices + np.float32([dx, dy, 0]), triangles, (40, 40))
    assert (np.roll(at_rest.triangle, (dy, dx), (0, 1)) == moved.triangle).all()


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_nearer_of_two_wins_whatever_their_order(order):
    near, far = SQUARE, SQUARE + np.float32([4, 4, 5])
    triangles = np.concatenate([[TWO, TWO + 4][i] for i in order])
    found = rasterise(np.concatenate([near, far]), triangles, (16, 16))
    assert (found.depth[:8, :8] == 1).all()
    assert (found.depth[8:12, 8:12] == 6).all()


def test_what_stands_in_front_already_hides():
    depth = np.full((12, 12), np.inf, np.float32)
    depth[:, :4] = 0.5
    seen = rasterise_onto(SQUARE, TWO, depth)
    assert (seen[:, :4] == -1).all()
    assert (seen[:8, 4:8] >= 0).all()
    assert (depth[:, :4] == 0.5).all()


def test_of_surfaces_at_one_depth_the_first_is_seen_and_none_before_itself():
    # A slope whose depths have to be rounded, half of them upwards.
    slope = np.float32([[1, 1, 10.1], [30, 3, 13.3], [9, 28, 7.7]])
    twice = np.int32([[0, 1, 2], [0, 1, 2]])
    found = rasterise(slope, twice, (32, 32))
    assert (found.triangle[found.covered] == 0).all()
    assert (rasterise_onto(slope, twice, found.depth) == -1).all()
    numbers = np.arange(32 * 32, dtype=np.int32).reshape(32, 32)
    nothing = np.full((32, 32), np.inf, np.float32)
    assert set(np.unique(rasterise_finer(slope, twice, numbers, nothing))) == {-1, 0}


def test_both_windings_carry_the_same_attributes():
    values = np.float32([[0, 0], [8, 0], [8, 8], [0, 8]])
    for triangles in (TWO, TWO[:, ::-1].copy()):
        found = rasterise(SQUARE, triangles, (8, 8))
        carried = interpolate(found, triangles, values)
        rows, columns = np.mgrid[:8, :8]
        np.testing.assert_allclose(carried, np.stack([columns, rows], axis=-1), atol=1e-5)


def test_drawing_an_image_onto_itself_changes_nothing():
    texture = np.random.default_rng(0).random((9, 9, 3), dtype=np.float32)
    found = rasterise(SQUARE, TWO, (9, 9))
    xy = interpolate(found, TWO, SQUARE[:, :2])
    np.testing.assert_allclose(sample_bilinear(texture, xy)[:8, :8], texture[:8, :8], atol=1e-5)


def test_reading_beyond_the_texture_repeats_its_border_and_nan_gives_nothing():
    texture = np.arange(4, dtype=np.float32).reshape(2, 2, 1)
    xy = np.float32([[-5, 0], [9, 9], [0.5, 0.5], [np.nan, 0]])
    assert sample_bilinear(texture, xy)[:, 0].tolist() == [0, 3, 1.5, 0]


def test_what_lies_beyond_the_image_or_is_not_finite_is_left_out():
    beyond = SQUARE + np.float32([-4, -4, 0])
    assert rasterise(beyond, TWO, (4, 4)).covered.all()
    broken = SQUARE.copy()
    broken[1] = np.nan
    assert rasterise(broken, TWO, (12, 12)).triangle.max() == 1
    assert not rasterise(SQUARE, TWO[:0], (4, 4)).covered.any()
    broken[1] = (3e30, -3e30, 1)
    assert rasterise(broken, TWO[1:], (12, 12)).covered.any()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.7, 3.0, 30.0]))
def test_many_small_triangles_are_seen_as_a_plain_loop_sees_them(seed, size):
    random = np.random.default_rng(seed)
    middle = np.repeat(random.uniform(-4, 24, (40, 1, 3)), 3, axis=1)
    vertices = (middle + random.uniform(-size, size, (40, 3, 3))).reshape(-1, 3)
    vertices[:, :2] = np.rint(vertices[:, :2] * 256) / 256
    vertices = vertices.astype(np.float32)
    triangles = np.arange(120, dtype=np.int32).reshape(-1, 3)
    x, y = np.meshgrid(np.arange(20.0), np.arange(20.0))
    nearest, expected = np.full((20, 20), np.inf), np.full((20, 20), -1)
    on_an_edge = np.zeros((20, 20), bool)
    for index, ((ax, ay, az), (bx, by, bz), (cx, cy, cz)) in enumerate(
        vertices[triangles].tolist()
    ):
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area:
            a = ((cx - bx) * (y - by) - (cy - by) * (x - bx)) / area
            b = ((ax - cx) * (y - cy) - (ay - cy) * (x - cx)) / area
            c, depth = 1 - a - b, a * az + b * bz + (1 - a - b) * cz
            on_an_edge |= np.abs([a, b, c]).min(axis=0) < 1e-9
            seen = (a > 0) & (b > 0) & (c > 0) & (depth < nearest)
            nearest[seen], expected[seen] = depth[seen], index
    found = rasterise(vertices, triangles, (20, 20))
    assert ((found.triangle == expected) | on_an_edge).all()
    np.testing.assert_allclose(found.depth[~on_an_edge], nearest[~on_an_edge], atol=1e-4)
    triangle, depth = rasterise_depth(vertices, triangles, (20, 20))
    assert (triangle == found.triangle).all()
    assert (depth == found.depth).all()


def test_normals_point_to_the_camera():
    np.testing.assert_allclose(vertex_normals(SQUARE, TWO), np.tile([0, 0, -1], (4, 1)))
    lonely = np.concatenate([SQUARE, np.zeros((1, 3), np.float32)])
    assert (vertex_normals(lonely, TWO)[4] == 0).all()


def test_reduce_averages_blocks():
    image = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert reduce(image, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]


@pytest.mark.parametrize(
    ("vertices", "triangles"),
    [
        (np.zeros((4, 2), np.float32), TWO),
        (SQUARE, TWO[:, :2]),
        (SQUARE, TWO + 1),
        (SQUARE, TWO - 1),
    ],
)
def test_wrong_shapes_are_refused(vertices, triangles):
    with pytest.raises(ValueError, match=r"vertices_xyz|triangles"):
        rasterise(vertices, triangles, (4, 4))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_quarters_of_pixels_see_what_an_image_twice_as_large_shows(seed, count):
    random = np.random.default_rng(seed)
    vertices = random.uniform(-5, 30, (40, 3)).astype(np.float32)
    triangles = random.integers(0, 40, (count, 3)).astype(np.int32)
    depth = random.uniform(0, 40, (19, 26)).astype(np.float32)
    numbers = np.full(depth.shape, -1, np.int32)
    asked = random.random(depth.shape) < 0.3
    numbers[asked] = np.arange(asked.sum())
    quarters = rasterise_finer(vertices, triangles, numbers, depth)
    twice = vertices * np.float32([2, 2, 1]) + np.float32([0.5, 0.5, 0])
    whole = rasterise_onto(twice, triangles, depth.repeat(2, axis=0).repeat(2, axis=1))
    expected = whole.reshape(19, 2, 26, 2).transpose(0, 2, 1, 3)[asked].reshape(-1, 4)
    np.testing.assert_array_equal(quarters, expected)


def test_no_pixel_asked_for_gives_no_quarters():
    corners = np.float32([[0, 0, 0], [9, 0, 0], [0, 9, 0]])
    none = np.full((8, 8), -1, np.int32)
    found = rasterise_finer(corners, np.int32([[0, 1, 2]]), none, np.ones((8, 8), np.float32))
    assert found.shape == (0, 4)
