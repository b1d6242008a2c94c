"""The guided filter's two promises: edges of the guide, and a partition stays one."""

import numpy as np
import pytest

from pipeline.ops.guided import guided_upsample


def test_a_blurred_edge_moves_to_the_guide_s_edge():
    guide = np.zeros((64, 64, 3), np.float32)
    guide[:, 32:] = (0.8, 0.5, 0.2)
    ramp = np.clip((np.arange(64) - 22) / 20, 0, 1).astype(np.float32)
    coarse = np.repeat(ramp[None], 64, axis=0)
    refined = guided_upsample(coarse[None], guide, guide, radius_px=8, epsilon=1e-4)[0]
    assert coarse[32, 33] - coarse[32, 30] < 0.16
    assert refined[32, 33] - refined[32, 30] > 0.45


@pytest.mark.parametrize("factor", [1, 3])
def test_maps_that_sum_to_one_still_do(factor):
    rng = np.random.default_rng(5)
    small = rng.random((20, 30, 3)).astype(np.float32)
    guide = np.repeat(np.repeat(small, factor, axis=0), factor, axis=1)
    maps = rng.random((4, 20, 30)).astype(np.float32)
    maps /= maps.sum(axis=0)
    refined = guided_upsample(maps, small, guide, radius_px=3, epsilon=1e-3)
    assert refined.shape == (4, 20 * factor, 30 * factor)
    assert np.allclose(refined.sum(axis=0), 1.0, atol=2e-3)
