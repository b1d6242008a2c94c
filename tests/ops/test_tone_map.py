"""Deep images become 8 bits in little memory, with the pixels that the plain formula gives."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.ops import pixels
from pipeline.ops.pixels import shallow, tone_map

PERCENTS = st.floats(0, 100)
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.tuples(
    st.integers(1, 5), st.integers(1, 5), st.just(3)
)
DEEP = arrays(np.uint16, SHAPES, elements=st.integers(0, 65535))
FEW = arrays(np.uint16, SHAPES, elements=st.sampled_from((0, 7, 8, 4000, 65535)))


def plainly_mapped(values, percentiles):
    low, high = np.percentile(values, percentiles)
    span = max(float(high - low), np.finfo(np.float32).tiny)
    scaled = (values - low) / span
    return (np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


@given(DEEP | FEW, st.tuples(PERCENTS, PERCENTS).map(sorted))
def test_sixteen_bits_are_mapped_as_by_the_formula(values, percentiles):
    counts = np.bincount(values.ravel(), minlength=1 << 16)
    found = pixels._percentiles_of(counts, percentiles)
    assert found.tolist() == np.percentile(values, percentiles).tolist()
    mapped = tone_map(values, percentiles)
    assert mapped.dtype == np.uint8
    assert np.array_equal(mapped, plainly_mapped(values, percentiles))
    turned = tone_map(values[::-1, ::2], percentiles)
    assert np.array_equal(turned, plainly_mapped(values[::-1, ::2], percentiles))


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_blocks_of_rows_make_no_difference(block, monkeypatch):
    values = np.random.default_rng(1).integers(0, 65536, (37, 11, 4), np.uint16)
    opacity = values[..., 3:].astype(np.float64) / 65535.0
    laid = (values[..., :3] * opacity).astype(np.uint16)
    monkeypatch.setattr(pixels, "_BLOCK", block)
    mapped = tone_map(values, (0.5, 99.5))
    assert np.array_equal(mapped, plainly_mapped(values, (0.5, 99.5)))
    assert np.array_equal(shallow(values, (0.5, 99.5)), (laid >> 8).astype(np.uint8))


@pytest.mark.parametrize("channels", [1, 2])
def test_sixteen_bits_take_few_times_their_bytes(channels):
    values = np.zeros((3000, 4000, channels), np.uint16)
    tracemalloc.start()
    shallow(values, (0.5, 99.5))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3000 * 4000 * 3 + (40 << 20)
