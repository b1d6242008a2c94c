"""Bands of real portraits: materials, orders, identity."""

import cv2
import numpy as np
import pytest

from pipeline.demo.bands.materials import WEIGHTS, MaterialEstimator
from pipeline.demo.bands.scene import MATERIALS
from pipeline.demo.bands.simulate import BandSimulator
from pipeline.demo.people.openpeople import frames_of, list_images, read_image
from pipeline.face3d.canonical import canonical_texture
from pipeline.face3d.uv import face_uv
from pipeline.types import Band


@pytest.fixture(scope="module")
def weights(weight_file):
    return {name: weight_file(name) for name in WEIGHTS}


@pytest.fixture(scope="module")
def simulator(weights):
    return BandSimulator(weights, seed=7)


@pytest.fixture(scope="module")
def images(weight_file):
    archive = weight_file("openpeople")
    wanted = ("P006/studio_portrait", "P006/character_sheet", "P010/studio_portrait")
    return {
        source.key: frames_of(source, read_image(archive, source.member), max_side_px=512)
        for source in list_images(archive)
        if source.key in wanted
    }


@pytest.fixture(scope="module")
def portrait(images):
    return images["P006/studio_portrait"][0].image


@pytest.fixture(scope="module")
def scene(weights, portrait):
    return MaterialEstimator(weights).estimate(portrait)[0]


@pytest.fixture(scope="module")
def bands(simulator, portrait):
    return simulator.simulate(portrait, "P006", "P006/studio_portrait")


def level(image, material):
    return float(np.median(image[material > 0.9]))


def test_materials_are_a_partition(scene):
    maps = np.stack([getattr(scene, name) for name in MATERIALS])
    assert maps.min() >= 0.0
    assert maps.max() <= 1.0
    assert np.allclose(maps.sum(axis=0), 1.0, atol=0.02)


def test_the_wall_is_background_and_the_shirt_is_cloth(scene):
    height, width = scene.skin.shape
    assert scene.background[: height // 3, : width // 6].min() > 0.97
    assert scene.cloth[-8:, width // 3 : -width // 3].mean() > 0.95
    x1, y1, x2, y2 = (round(side) for side in scene.head_xyxy)
    assert scene.skin[(y1 + y2) // 2, (x1 + x2) // 2] > 0.9


def test_skin_does_not_leak_onto_the_wall(scene):
    far = cv2.erode((scene.background > 0.5).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert float(scene.skin[far].max()) < 0.1
    assert float(scene.hair[far].max()) < 0.1


def test_bands_are_grey_images_of_the_same_shape(bands, portrait):
    assert list(bands) == [Band.NIR, Band.SWIR, Band.MWIR, Band.LWIR]
    for image in bands.values():
        assert image.shape == portrait.shape[:2]
        assert image.dtype == np.uint8


def test_reflective_orders(bands, scene, portrait):
    luma = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    nir, swir = bands[Band.NIR], bands[Band.SWIR]
    relative_nir = level(nir, scene.skin) / level(nir, scene.cloth)
    assert relative_nir > 1.3 * level(luma, scene.skin) / level(luma, scene.cloth)
    assert level(nir, scene.hair) < 0.6 * level(nir, scene.skin)
    assert level(swir, scene.skin) < 0.6 * level(swir, scene.hair)
    assert level(swir, scene.skin) < 0.6 * level(swir, scene.cloth)


@pytest.mark.parametrize("band", [Band.MWIR, Band.LWIR])
def test_emissive_orders(bands, scene, band):
    heat = bands[band]
    others = (scene.hair, scene.cloth, scene.background)
    assert level(heat, scene.skin) > max(level(heat, other) for other in others) + 40
    assert level(heat, scene.background) < min(
        level(heat, other) for other in (scene.skin, scene.hair, scene.cloth)
    )


def test_no_glow_around_the_head_in_lwir(bands, scene):
    lwir = bands[Band.LWIR].astype(float)
    wall = (scene.background > 0.99).astype(np.uint8)
    near = cv2.erode(wall, np.ones((15, 15), np.uint8)) > 0
    far = cv2.erode(wall, np.ones((61, 61), np.uint8)) > 0
    assert abs(lwir[near & ~far].mean() - lwir[far].mean()) < 8


def test_bytes_depend_on_subject_and_image_alone(simulator, weights, portrait, bands):
    again = BandSimulator(weights, seed=7)
    again.simulate(portrait[:, ::-1].copy(), "P001", "other")  # what came before does not matter
    repeated = again.simulate(portrait, "P006", "P006/studio_portrait")
    other = simulator.simulate(portrait, "P006", "P006/second")
    for band, image in bands.items():
        assert np.array_equal(image, repeated[band])
        assert not np.array_equal(image, other[band])


def texture(image, scene):
    """Gather an image in the canonical face's coordinates: means over a grid of 40 × 40."""
    seen = ~np.isnan(scene.face_uv[..., 0]) & (scene.skin > 0.8)
    cells = np.minimum((scene.face_uv[seen] * 40).astype(int), 39)
    index = cells[:, 1] * 40 + cells[:, 0]
    sums = np.bincount(index, image[seen].astype(float), 1600)
    counts = np.bincount(index, minlength=1600)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def test_a_subject_s_heat_lies_at_the_same_places_of_the_face(simulator, weights, images):
    estimator = MaterialEstimator(weights)
    faces = {
        "own": (images["P006/studio_portrait"][0], "P006"),
        "own again": (images["P006/character_sheet"][0], "P006"),
        # The look-alike, with her own vessels and temperatures.
        "other": (images["P010/studio_portrait"][0], "P010"),
    }
    maps = {
        name: texture(
            simulator.simulate(frame.image, subject, name)[Band.MWIR],
            estimator.estimate(frame.image)[0],
        )
        for name, (frame, subject) in faces.items()
    }
    # What all faces have in common (cool nose, warm canthi) goes; the subject's own map remains.
    common = (maps["own"] + maps["other"]) / 2

    def correlation(a, b):
        both = np.isfinite(a) & np.isfinite(b)
        return float(np.corrcoef(a[both], b[both])[0, 1])

    own = correlation(maps["own"] - common, maps["own again"] - common)
    other = correlation(maps["other"] - common, maps["own again"] - common)
    assert own > 0.4
    assert other < 0.0


def test_a_back_view_is_hair_skin_and_shirt(weights, images):
    estimator = MaterialEstimator(weights)
    frames = images["P006/character_sheet"]
    _, appearance = estimator.estimate(frames[0].image)
    scene, _ = estimator.estimate(frames[2].image, appearance)
    height, width = scene.hair.shape
    assert scene.face_uv is None
    assert scene.hair[height // 4, width // 2] > 0.9
    assert scene.cloth[-5, width // 2] > 0.9
    assert scene.background[5, 5] > 0.95


@pytest.mark.parametrize("hw", [(40, 30), (64, 64)])
def test_an_image_without_anyone_is_simulated_as_a_room(simulator, hw):
    grey = np.full((*hw, 3), 120, np.uint8)
    assert {p.shape for p in simulator.simulate(grey, "X", "x").values()} == {hw}


def test_face_uv_returns_each_vertex_to_its_own_texture_coordinates():
    uv, _ = canonical_texture()
    # A flat face, drawn as its own texture: pixel (x, y) has the coordinates (x, y) / 200.
    xyz = np.column_stack([uv * 200, np.zeros(468)]).astype(np.float32)
    found = face_uv(xyz, (200, 200))
    rows, columns = np.nonzero(~np.isnan(found[..., 0]))
    expected = np.stack([columns, rows], axis=1) / 200
    assert len(rows) > 0.4 * 200 * 200
    assert np.abs(found[rows, columns] - expected).max() < 0.01
