"""Order relations that published images of each band show, on an image made by hand."""

import cv2
import numpy as np
import pytest

from pipeline.demo.bands.emissive import face_celsius
from pipeline.demo.bands.exposure import BAND_MODELS, SENSORS, simulate_bands
from pipeline.demo.bands.planes import sample_scene
from pipeline.demo.bands.scene import MATERIALS, Scene
from pipeline.demo.bands.traits import draw_traits
from pipeline.types import Band

PATCH = 48
# sRGB of each material's patch: brown skin, black hair, a white shirt, a grey wall.
COLOURS = {
    "skin": (150, 105, 85),
    "hair": (22, 18, 16),
    "brows": (40, 30, 28),
    "lips": (150, 80, 80),
    "eyes": (60, 45, 40),
    "glasses": (30, 30, 30),
    "cloth": (235, 235, 235),
    "background": (128, 128, 128),
}


def patches() -> Scene:
    """One column a material."""
    width = PATCH * len(MATERIALS)
    rgb = np.zeros((PATCH, width, 3), np.uint8)
    maps = {name: np.zeros((PATCH, width), np.float32) for name in MATERIALS}
    for index, name in enumerate(MATERIALS):
        columns = slice(index * PATCH, (index + 1) * PATCH)
        rgb[:, columns] = COLOURS[name]
        maps[name][:, columns] = 1.0
    return Scene(rgb=rgb, **maps)


def levels(image: np.ndarray) -> dict[str, float]:
    middle = slice(PATCH // 4, 3 * PATCH // 4)
    return {
        name: float(image[middle, index * PATCH : (index + 1) * PATCH][:, middle].mean())
        for index, name in enumerate(MATERIALS)
    }


@pytest.fixture(scope="module")
def bands() -> dict[Band, dict[str, float]]:
    scene = patches()
    hw = scene.rgb.shape[:2]
    images = simulate_bands(scene, tuple(BAND_MODELS), draw_traits(7, "A"), 7, "A/1", hw)
    return {band: levels(image) for band, image in images.items()}


def test_skin_is_brighter_in_nir_than_in_vis_relative_to_a_white_shirt(bands):
    luma = {name: np.dot(rgb, (0.299, 0.587, 0.114)) for name, rgb in COLOURS.items()}
    assert bands[Band.NIR]["skin"] / bands[Band.NIR]["cloth"] > 1.3 * luma["skin"] / luma["cloth"]


def test_lips_lose_their_contrast_in_nir(bands):
    assert abs(bands[Band.NIR]["lips"] / bands[Band.NIR]["skin"] - 1) < 0.1


def test_black_hair_stays_darker_than_skin_in_nir(bands):
    assert bands[Band.NIR]["hair"] < 0.6 * bands[Band.NIR]["skin"]


def test_skin_is_dark_and_hair_and_cloth_are_bright_in_swir(bands):
    swir = bands[Band.SWIR]
    assert swir["skin"] < 0.6 * swir["hair"] < swir["cloth"]
    assert swir["eyes"] < swir["hair"]


@pytest.mark.parametrize("band", [Band.MWIR, Band.LWIR])
def test_heat_falls_from_skin_over_hair_and_cloth_to_the_room(bands, band):
    heat = bands[band]
    assert heat["skin"] > heat["eyes"] > heat["cloth"] > heat["background"]
    assert heat["skin"] > heat["hair"] > heat["background"]


@pytest.mark.parametrize("band", [Band.MWIR, Band.LWIR])
def test_glasses_are_opaque_to_heat(bands, band):
    heat = bands[band]
    assert heat["glasses"] - heat["background"] < 0.35 * (heat["skin"] - heat["background"])


def test_lwir_does_not_see_the_colour_of_cloth():
    scene = patches()
    planes = {name: np.zeros_like(scene.cloth) for name in MATERIALS}
    planes["cloth"] = np.ones_like(scene.cloth)
    striped = np.zeros_like(scene.rgb)
    striped[:, scene.rgb.shape[1] // 2 :] = 230
    shirt = Scene(rgb=striped, **planes)
    hw = striped.shape[:2]
    image = simulate_bands(shirt, [Band.LWIR], draw_traits(7, "A"), 7, "x", hw)[Band.LWIR]
    quarter = hw[1] // 4
    dark, light = image[:, : quarter // 2], image[:, -quarter // 2 :]
    assert abs(float(dark.mean()) - float(light.mean())) < 20


def test_equal_arguments_give_equal_bytes_and_noise_is_new_in_each_image():
    scene, traits = patches(), draw_traits(7, "A")
    hw = scene.rgb.shape[:2]

    def made(image_id: str) -> dict[Band, np.ndarray]:
        return simulate_bands(scene, tuple(BAND_MODELS), traits, 7, image_id, hw)

    first, again, other = made("A/1"), made("A/1"), made("A/2")
    for band in BAND_MODELS:
        assert np.array_equal(first[band], again[band])
        assert not np.array_equal(first[band], other[band])
        assert np.abs(first[band].astype(int) - other[band]).mean() < 6


def test_a_band_does_not_depend_on_which_others_are_made():
    scene, traits = patches(), draw_traits(7, "A")
    hw = scene.rgb.shape[:2]
    alone = simulate_bands(scene, [Band.MWIR], traits, 7, "A/1", hw)[Band.MWIR]
    among = simulate_bands(scene, tuple(BAND_MODELS), traits, 7, "A/1", hw)[Band.MWIR]
    assert np.array_equal(alone, among)


def test_a_coarse_scene_fills_the_shape_that_is_asked_for():
    scene = patches()
    hw = (100, 801)
    for image in simulate_bands(
        scene, tuple(BAND_MODELS), draw_traits(7, "A"), 7, "x", hw
    ).values():
        assert image.shape == hw
        assert image.dtype == np.uint8


@pytest.mark.parametrize("hw", [(1, 1), (3, 40), (17, 5)])
def test_tiny_images_of_background_alone(hw):
    maps = {name: np.zeros(hw, np.float32) for name in MATERIALS}
    maps["background"] = np.ones(hw, np.float32)
    scene = Scene(rgb=np.full((*hw, 3), 90, np.uint8), **maps)
    images = simulate_bands(scene, tuple(BAND_MODELS), draw_traits(1, "B"), 1, "b", hw)
    assert {image.shape for image in images.values()} == {hw}


def test_traits_belong_to_seed_and_subject():
    same, again = draw_traits(7, "A"), draw_traits(7, "A")
    assert np.array_equal(same.vessels, again.vessels)
    assert same.dye_phase == again.dye_phase

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    for other in (draw_traits(7, "B"), draw_traits(8, "A")):
        # Everyone's vessels run along the same nerves and arteries, but not in the same places.
        assert correlation(same.vessels, other.vessels) < 0.6


def test_a_vessel_lies_at_its_texture_coordinates():
    traits = draw_traits(7, "A")
    row, column = np.unravel_index(np.argmax(traits.vessels), traits.vessels.shape)
    side = traits.vessels.shape[0]
    uv = np.full((2, 1, 2), np.nan, np.float32)
    uv[0, 0] = (column + 0.5) / side, (row + 0.5) / side
    warmer = face_celsius(uv, traits, vessels_c=2.0) - face_celsius(uv, traits, vessels_c=0.0)
    assert warmer[0, 0] == pytest.approx(2.0 * traits.vessels[row, column], abs=1e-3)
    assert warmer[1, 0] == 0.0


def test_sensors_have_the_noise_that_they_state():
    sensor = SENSORS[Band.LWIR]
    hw = (300, 384)
    flat = np.full(hw, 0.5, np.float32)
    image = sensor.expose(flat, hw, np.random.default_rng(0)) / 255
    within_columns = float(image.std(axis=0).mean())
    assert within_columns == pytest.approx(sensor.read, rel=0.4)
    assert float(image.mean()) == pytest.approx(0.5, abs=0.02)


def test_regions_of_a_face_are_ordered_as_on_real_lwir_images():
    """Readings: inner eye corner 34.4 °C, forehead 33.8, cheek 33.3, nose tip 31.5, in one person.

    From person to person the nose goes from barely cooler than the cheeks to the darkest skin by
    far, and cheeks are often unlike.
    """

    def around(warmth, u, v):
        x, y = round(u * 256), round(v * 256)
        return float(warmth[y - 4 : y + 4, x - 4 : x + 4].mean())

    people = [draw_traits(7, f"person {number}").warmth for number in range(60)]
    corner, forehead, left, right, nose = (
        np.array([around(warmth, *place) for warmth in people])
        for place in ((0.425, 0.365), (0.5, 0.16), (0.27, 0.58), (0.73, 0.58), (0.5, 0.565))
    )
    cheek = (left + right) / 2
    medians = [float(np.median(each)) for each in (corner, forehead, cheek, nose)]
    assert medians == sorted(medians, reverse=True)
    cooler = cheek - nose
    assert np.quantile(cooler, 0.1) < 1.0
    assert np.quantile(cooler, 0.9) > 3.0
    assert (np.abs(left - right) > 0.5).mean() > 0.3


@pytest.mark.parametrize("band", [Band.MWIR, Band.LWIR])
def test_brows_are_clearly_darker_than_skin_in_heat(bands, band):
    assert bands[band]["background"] < bands[band]["brows"] < 0.9 * bands[band]["skin"]


def lone_disc() -> Scene:
    """A disc of skin before a wall of the very same colour, with a texture over it."""
    side = 160
    y, x = np.mgrid[:side, :side].astype(np.float32)
    disc = (np.hypot(x - 80, y - 80) < 60).astype(np.float32)
    maps = {name: np.zeros((side, side), np.float32) for name in MATERIALS}
    maps |= {"skin": disc, "background": 1 - disc}
    uv = np.stack([(x - 20) / 120, (y - 20) / 120], axis=-1)
    uv[disc == 0] = np.nan
    rgb = np.full((side, side, 3), (150, 105, 85), np.uint8)
    return Scene(rgb=rgb, **maps, face_uv=uv, head_xyxy=(20.0, 20.0, 140.0, 140.0))


@pytest.mark.parametrize("side", [80, 64, 100])
def test_a_coarser_sensor_sees_the_texture_where_it_lies(side):
    scene = lone_disc()
    seen = sample_scene(scene, (side, side)).face_uv
    assert seen is not None
    y, x = (np.mgrid[:side, :side] + 0.5) * 160 / side - 0.5  # pixels of the image
    known = np.hypot(x - 80, y - 80) < 57
    found = seen[known] * 120 + 20
    np.testing.assert_allclose(found[:, 0], x[known], atol=0.1)
    np.testing.assert_allclose(found[:, 1], y[known], atol=0.1)
    on_face = ~np.isnan(seen[..., 0])
    assert abs(x[on_face].mean() - 80) < 0.1
    assert abs(on_face.sum() * (160 / side) ** 2 / (np.pi * 60**2) - 1) < 0.01


def test_active_near_infrared_falls_off_towards_the_outline_and_on_the_wall():
    scene = lone_disc()
    image = simulate_bands(scene, (Band.NIR,), draw_traits(7, "A"), 7, "A/1", (160, 160))[Band.NIR]
    middle, rim, wall = (float(image[75:85, x : x + 3].mean()) for x in (79, 22, 4))
    # Of a real face: forehead 135, cheeks 118, ear 63, wall 36.
    assert 90 < middle < 170
    assert rim < 0.8 * middle
    assert wall < 0.65 * middle


def test_vessels_show_more_in_mwir_than_in_lwir():
    scene = lone_disc()
    both = (Band.MWIR, Band.LWIR)
    shown = {band: [] for band in both}
    for person in "ABCDEF":
        traits = draw_traits(7, person)
        vessels = cv2.resize(traits.vessels, (120, 120), interpolation=cv2.INTER_AREA)[30:90, 30:90]
        images = simulate_bands(scene, both, traits, 7, f"{person}/1", (160, 160))
        for band, image in images.items():
            inside = image[50:110, 50:110].astype(np.float32)
            detail = inside - cv2.GaussianBlur(inside, (0, 0), 6.0)
            shown[band].append(detail[vessels > 0.6].mean())
    assert np.median(shown[Band.MWIR]) > 1.5 * np.median(shown[Band.LWIR])
