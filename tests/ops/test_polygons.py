"""Filled loops: the pixels whose centres lie inside, and none twice."""

import numpy as np
import pytest

from pipeline.ops.polygons import filled


def test_pixels_are_filled_whose_centres_lie_inside():
    square = np.array([[1.5, 2.5], [4.5, 2.5], [4.5, 6.5], [1.5, 6.5]])
    expected = np.zeros((9, 9), bool)
    expected[3:7, 2:5] = True
    np.testing.assert_array_equal(filled(square, (9, 9)), expected)
    np.testing.assert_array_equal(filled(square[::-1], (9, 9)), expected)


def test_what_lies_beyond_the_frame_is_cut_off():
    wide = np.array([[-9.0, -9.0], [20.0, -9.0], [20.0, 20.0], [-9.0, 20.0]])
    assert filled(wide, (5, 7)).all()
    assert not filled(wide + 100, (5, 7)).any()


@pytest.mark.parametrize("seed", range(5))
def test_two_halves_share_no_pixel_and_leave_none_out(seed):
    # Tenths are no sums of halves: where a pixel's centre lies on the cut is a matter of rounding.
    random = np.random.default_rng(seed)
    compared = 0
    while compared < 500:
        start, one, end, other = random.integers(0, 200, (4, 2)) / 10
        sides = [
            np.cross(np.append(end - start, 0), np.append(p - start, 0))[2] for p in (one, other)
        ]
        if sides[0] * sides[1] >= 0:
            continue
        compared += 1
        halves = [
            filled(np.array(half), (20, 20)) for half in ((start, one, end), (end, start, other))
        ]
        whole = filled(np.array([start, one, end, other]), (20, 20))
        assert not (halves[0] & halves[1]).any()
        np.testing.assert_array_equal(halves[0] | halves[1], whole)
