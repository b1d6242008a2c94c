"""False colours back to heat."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut, camera

from pipeline.ops.palettes import PALETTES, heat_of, levels_of, recognised

HEAT = np.ascontiguousarray(cv2.resize(camera(), (160, 120), interpolation=cv2.INTER_AREA))
OPENCV = {
    "inferno": cv2.COLORMAP_INFERNO,
    "magma": cv2.COLORMAP_MAGMA,
    "plasma": cv2.COLORMAP_PLASMA,
    "hot": cv2.COLORMAP_HOT,
    "jet": cv2.COLORMAP_JET,
    "turbo": cv2.COLORMAP_TURBO,
}


@pytest.mark.parametrize("name", sorted(PALETTES))
def test_every_level_comes_back_exactly_where_its_colour_is_its_own(name):
    table = PALETTES[name]()
    assert (table.shape, table.dtype) == ((256, 3), np.dtype(np.uint8))
    levels, distance = levels_of(table[None], name)
    np.testing.assert_array_equal(table[levels[0]], table)
    assert distance.max() == 0
    assert len(np.unique(table, axis=0)) >= 230


@pytest.mark.parametrize("name", sorted(OPENCV))
def test_opencvs_false_colours_are_undone_and_recognised(name):
    coloured = cv2.cvtColor(cv2.applyColorMap(HEAT, OPENCV[name]), cv2.COLOR_BGR2RGB)
    off = np.abs(heat_of(coloured, name).astype(int) - HEAT)
    assert np.median(off) == 0
    assert off.max() <= 2
    assert recognised(coloured) == name


@pytest.mark.parametrize("name", ["ironbow", "rainbow"])
def test_the_cameras_palettes_are_recognised(name):
    assert recognised(PALETTES[name]()[HEAT]) == name


def test_black_hot_is_grey_turned_round_and_only_its_name_tells():
    grey = np.repeat(HEAT[..., None], 3, axis=2)
    np.testing.assert_array_equal(heat_of(grey, "black_hot"), 255 - HEAT)
    np.testing.assert_array_equal(heat_of(grey, "white_hot"), HEAT)
    assert recognised(grey) == "white_hot"


def test_jpeg_costs_a_few_levels():
    coloured = PALETTES["inferno"]()[HEAT]
    _, data = cv2.imencode(".jpg", coloured[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    stored = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert recognised(stored) == "inferno"
    assert np.median(np.abs(heat_of(stored, "inferno").astype(int) - HEAT)) <= 4


def test_burned_in_text_is_filled_from_around_it():
    smooth = np.tile(np.linspace(60, 200, 160).astype(np.uint8), (120, 1))
    coloured = np.ascontiguousarray(PALETTES["inferno"]()[smooth])
    cv2.putText(coloured, "31.8 C", (30, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 255, 0), 1)
    assert np.abs(heat_of(coloured, "inferno").astype(int) - smooth).max() <= 12


def test_a_photograph_has_no_palette():
    assert recognised(astronaut()) is None
