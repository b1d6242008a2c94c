import numpy as np
import pytest
import torch
import torchvision.transforms.v2
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StageError
from pipeline.training.data.preprocess import Preprocess

GREY = Preprocess(grey=True, hw=(4, 2), offset=0.0, divisor=255.0)
WHOLE = Preprocess(grey=False, hw=None, offset=127.5, divisor=128.0)


def images(count, channels, height, width):
    drawn = np.random.default_rng(count).integers(0, 256, (count, channels, height, width))
    return torch.from_numpy(drawn.astype(np.uint8))


def test_the_middle_is_cut_by_default_and_all_of_it_where_no_size_is_named():
    batch = images(3, 3, 7, 5)
    assert torch.equal(GREY.cut(batch), batch[..., 1:5, 1:3])
    assert torch.equal(WHOLE.cut(batch), batch)
    assert GREY.room((7, 5)) == (3, 3)
    assert WHOLE.room((7, 5)) == (0, 0)


@given(
    count=st.integers(0, 6),
    channels=st.sampled_from([1, 3, 5]),
    extra=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    boolean=st.booleans(),
)
def test_each_image_is_cut_at_its_own_corner(count, channels, extra, boolean):
    batch = images(count, channels, 4 + extra[0], 2 + extra[1])
    batch = batch > 99 if boolean else batch
    corners = GREY.random_corners(np.random.default_rng(0), count, tuple(batch.shape[2:]))
    assert (corners >= 0).all()
    assert (corners <= np.array(extra)).all()
    cut = GREY.cut(batch, torch.from_numpy(corners))
    assert cut.shape == (count, channels, 4, 2)
    for image, (top, left), made in zip(batch, corners, cut, strict=True):
        assert torch.equal(made, image[:, top : top + 4, left : left + 2])


def test_every_corner_is_drawn():
    corners = GREY.random_corners(np.random.default_rng(0), 500, (6, 4))
    assert {tuple(corner) for corner in corners.tolist()} == {
        (top, left) for top in range(3) for left in range(3)
    }


def test_values_are_scaled_and_lie_channels_last():
    batch = images(2, 3, 6, 4)
    values = WHOLE.values(batch)
    assert torch.equal(values, (batch.float() - 127.5) / 128.0)
    assert values.is_contiguous(memory_format=torch.channels_last)
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1)
    assert GREY.values(red).item() == pytest.approx(76 / 255)


def test_one_channel_is_repeated_where_three_are_taken():
    batch = images(2, 1, 3, 3)
    assert torch.equal(WHOLE.values(batch), (batch.float().repeat(1, 3, 1, 1) - 127.5) / 128.0)
    assert torch.equal(GREY.values(batch), batch.float() / 255.0)


@pytest.mark.parametrize("hw", [(3, 9), (9, 1)])
def test_a_crop_that_is_too_small_is_told(hw):
    with pytest.raises(StageError, match=f"{hw[0]}×{hw[1]} pixels, the network takes 4×2"):
        GREY.cut(images(1, 1, *hw))


def test_grey_is_torchvisions():
    colours = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    whole = Preprocess(grey=True, hw=None, offset=0.0, divisor=1.0)
    expected = torchvision.transforms.v2.functional.rgb_to_grayscale(colours).float()
    torch.testing.assert_close(whole.values(colours), expected, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(2, 4, 8, 8), (3, 8, 8)])
def test_a_tensor_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=rf"got torch.uint8 \({', '.join(map(str, shape))}\)"):
        WHOLE.values(torch.zeros(shape, dtype=torch.uint8))


def test_values_of_0_to_1_are_refused():
    with pytest.raises(ValueError, match=r"expected uint8 .*, 0 to 255, got torch.float32"):
        GREY.values(torch.rand(2, 3, 8, 8))
