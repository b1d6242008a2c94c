"""The photometric chain does what its physical quantities say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.ops.sharpness import sharpness
from pipeline.params.load import load_params
from pipeline.synthesis.degrade.photometric import (
    Degradation,
    degrade_photometric,
    disc_kernel,
    draw_degradation,
    line_kernel,
)

RANGES = load_params(Path(__file__).resolve().parents[2] / "params.yaml").degrade.photometric
FACE = np.ascontiguousarray(skimage.data.astronaut()[20:192, 140:312])
NOTHING = Degradation(0, 6, 0, 0, 0, 1, 0, 0, 100)


def degraded(image=FACE, seed=0, **changes):
    return degrade_photometric(image, replace(NOTHING, **changes), np.random.default_rng(seed))


def test_nothing_but_the_codec_at_its_best_leaves_the_image_nearly_as_it_is():
    assert np.abs(degraded().astype(int) - FACE).mean() < 1


@pytest.mark.parametrize("radius", [0.5, 2.0, 3.7])
def test_a_disc_spreads_light_evenly_and_loses_none(radius):
    kernel = disc_kernel(radius)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_array_equal(kernel, kernel.T)
    assert np.count_nonzero(kernel > 0.99 * kernel.max()) == pytest.approx(
        np.pi * (radius + 0.0) ** 2, rel=0.5, abs=2
    )


@pytest.mark.parametrize(("angle", "spread"), [(0, (4, 0)), (90, (0, 4)), (45, (2.83, 2.83))])
def test_a_movement_spreads_light_along_its_direction(angle, spread):
    kernel = line_kernel(4.0, angle)
    rows, columns = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1)
    assert (kernel * rows).sum() == pytest.approx(0, abs=1e-6)
    # A uniform path of length l has a variance of l² / 12; sampling between pixels adds up to 1/4.
    for axis, length in zip((columns, rows), spread, strict=True):
        assert (kernel * axis**2).sum() == pytest.approx(length**2 / 12, abs=0.3)
    assert (kernel * rows * columns).sum() == pytest.approx(spread[0] * spread[1] / 12, abs=0.15)


@pytest.mark.parametrize(
    "change",
    [{"defocus_px": 2.0}, {"motion_px": 5.0}, {"downscale": 3.0}],
    ids=lambda change: next(iter(change)),
)
def test_blur_takes_sharpness(change):
    assert sharpness(degraded(**change)) < 0.8 * sharpness(FACE)


@pytest.mark.parametrize(("heat", "level"), [(True, 100), (False, 200 * 0.5 ** (1 / 2.2))])
def test_a_coarse_sensor_sees_the_mean_of_what_is_shown(heat, level):
    """Of light behind a camera's gamma, and of heat, which is shown as it is: half of 200."""
    board = np.tile(np.uint8([[0, 200], [200, 0]]), (20, 20))
    coarse = replace(NOTHING, downscale=2)
    seen = degrade_photometric(board, coarse, np.random.default_rng(0), heat=heat)
    assert np.abs(seen - level).max() < 2


def test_noise_has_the_deviation_that_it_is_given():
    grey = np.full((200, 200), 186, np.uint8)  # half of full scale in linear light
    noise = degraded(grey, read_noise=0.02).astype(float) - 186
    slope = 255 / 2.2 * (186 / 255) ** (1 - 2.2)  # of the display's curve there
    assert noise.std() == pytest.approx(0.02 * slope, rel=0.1)
    assert noise.mean() == pytest.approx(0, abs=0.2)


def test_photon_noise_grows_with_the_light():
    bright, dark = (
        degraded(np.full((99, 99), value, np.uint8), shot_noise=0.03) / 255.0 for value in (230, 60)
    )
    assert (bright**2.2).std() > 2 * (dark**2.2).std()


@pytest.mark.filterwarnings("error")
def test_black_stays_black_under_photon_noise_alone_however_wide_the_blur():
    spot = np.zeros((96, 96), np.uint8)
    spot[10:20, 10:20] = 255
    assert not degraded(spot, defocus_px=8, shot_noise=0.05)[60:, 60:].any()


def test_turbulence_moves_pixels_by_its_root_mean_square():
    ramp = np.tile(np.linspace(0, 255, 172) ** 1.0, (172, 1)).astype(np.uint8)
    moved = degraded(ramp, turbulence_px=2.0).astype(float) - ramp
    assert moved[10:-10, 40:-10].std() == pytest.approx(2.0 * 255 / 171, rel=0.25)


def test_grey_stays_grey_and_shapes_stay():
    assert degraded(FACE[..., 0], downscale=2.5, motion_px=3.0).shape == FACE.shape[:2]
    assert degraded(FACE[:57, :41], downscale=3.3).shape == (57, 41, 3)


def test_a_grey_image_stored_as_three_channels_gets_no_coloured_noise():
    grey = np.ascontiguousarray(FACE[..., 1])
    changes = {"read_noise": 0.02, "downscale": 2.0, "jpeg_quality": 60}
    noisy = degraded(np.repeat(grey[..., None], 3, axis=2), **changes)
    for channel in range(3):
        np.testing.assert_array_equal(noisy[..., channel], degraded(grey, **changes))


def test_draws_lie_in_their_ranges_and_repeat_by_seed():
    drawn = [draw_degradation(RANGES, np.random.default_rng(seed)) for seed in range(40)]
    for name, limits in RANGES:
        values = [getattr(each, name) for each in drawn]
        low, high = limits if isinstance(limits, tuple) else (limits, limits)
        assert low <= min(values) <= max(values) <= high
    assert drawn[3] == draw_degradation(RANGES, np.random.default_rng(3))
    assert len({each.defocus_px for each in drawn}) == 40
    np.testing.assert_array_equal(
        degrade_photometric(FACE, drawn[3], np.random.default_rng(1)),
        degrade_photometric(FACE, drawn[3], np.random.default_rng(1)),
    )


@pytest.mark.parametrize(("side", "scale"), [(64, 64.0), (172, 6.0)])
def test_turbulence_shifts_by_its_root_mean_square_however_far_the_air_moves_alike(
    monkeypatch, side, scale
):
    shifts = []

    def remapped(light, x, y, *_, **__):
        rows, columns = np.mgrid[:side, :side]
        shifts.append(np.sqrt((np.square(x - columns).mean() + np.square(y - rows).mean()) / 2))
        return light

    monkeypatch.setattr("pipeline.synthesis.degrade.photometric.cv2.remap", remapped)
    for seed in range(9):
        degraded(FACE[:side, :side], seed, turbulence_px=2.0, turbulence_scale_px=scale)
    assert shifts == pytest.approx([2.0] * 9, rel=0.03)
