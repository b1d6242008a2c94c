"""Views of heat: coordinates come back, candidates vote together, other bands are left alone."""

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.detection import make_detector
from pipeline.detection.faces import sorted_faces
from pipeline.detection.rows import detection
from pipeline.detection.views import ThermalDetector, thermal_mesh
from pipeline.face3d.mesh import FaceMesh
from pipeline.params.detect import ThermalViewParams
from pipeline.params.load import load_params

ROOT = Path(__file__).resolve().parents[2]


class BrightSpot:
    """Finds the box of what is brighter than 200, where there is anything; remembers the views."""

    def __init__(self, score=0.9):
        self.score = score
        self.shapes = []

    def detect(self, image_rgb):
        self.shapes.append(image_rgb.shape[:2])
        ys, xs = np.nonzero(image_rgb[..., 0] > 200)
        if not len(xs):
            return sorted_faces([], [], [])
        low, high = (xs.min() - 0.5, ys.min() - 0.5), (xs.max() + 0.5, ys.max() + 0.5)
        five = np.tile(np.mean([low, high], axis=0), (1, 5, 1))
        return sorted_faces([[*low, *high]], five, [self.score])


def view(inverted=False, side_px=100, border_share=0.0, tone="as_is"):
    return ThermalViewParams(
        tone=tone, inverted=inverted, side_px=side_px, border_share=border_share
    )


def thermal(detector, *views, threshold=0.5):
    return ThermalDetector(detector, views, score_threshold=threshold, nms_threshold=0.3)


@pytest.mark.parametrize(
    "shown", [view(side_px=64), view(side_px=150), view(side_px=140, border_share=0.2)]
)
def test_boxes_and_points_come_back_to_the_images_pixels(shown):
    image = np.zeros((80, 100, 3), np.uint8)
    image[20:60, 30:70] = 255
    faces = thermal(BrightSpot(), shown).detect(image)
    np.testing.assert_allclose(faces.boxes_xyxy, [[29.5, 19.5, 69.5, 59.5]], atol=1.6)
    np.testing.assert_allclose(faces.landmarks_xy[0], np.full((5, 2), (49.5, 39.5)), atol=1.1)


def test_a_view_is_enlarged_by_half_at_most_and_has_its_border_inside_its_side():
    detector = BrightSpot()
    views = view(side_px=640), view(side_px=70, border_share=0.2)
    thermal(detector, *views).detect(np.full((80, 100, 3), 255, np.uint8))
    assert detector.shapes == [(120, 150), (60, 70)]


def test_the_negative_finds_what_is_cold():
    image = np.full((80, 100, 3), 255, np.uint8)
    image[20:60, 30:70] = 0
    faces = thermal(BrightSpot(), view(inverted=True)).detect(image)
    np.testing.assert_allclose(faces.boxes_xyxy, [[29.5, 19.5, 69.5, 59.5]], atol=0.1)


def test_what_several_views_find_is_one_face_and_weak_ones_are_none():
    image = np.zeros((80, 100, 3), np.uint8)
    image[20:60, 30:70] = 255
    three = view(), view(side_px=80), view(side_px=120)
    assert len(thermal(BrightSpot(), *three).detect(image)) == 1
    assert len(thermal(BrightSpot(score=0.4), *three).detect(image)) == 0
    assert len(thermal(BrightSpot(), view(inverted=True)).detect(image * 0 + 255)) == 0


@pytest.fixture
def params():
    return load_params(ROOT / "params.yaml").detect


def test_other_bands_are_seen_once_and_as_ever(params, weight_file):
    weights = {"yunet": weight_file("yunet")}
    find = detection(params, weights)
    once = make_detector("yunet", weights).detect(astronaut())
    for band in ("VIS", "NIR", "SWIR"):
        faces = find({"band": band}, astronaut())
        np.testing.assert_array_equal(faces.boxes_xyxy, once.boxes_xyxy)
        np.testing.assert_array_equal(faces.landmarks_xy, once.landmarks_xy)
    heat = find({"band": "LWIR"}, astronaut())
    assert len(heat) == 1
    assert not np.array_equal(heat.boxes_xyxy, once.boxes_xyxy)


def test_the_threshold_is_the_bands(params, weight_file):
    weights = {"yunet": weight_file("yunet")}
    strict = params.model_copy(update={"band_score_thresholds": {"NIR": 1.0}})
    find = detection(strict, weights)
    assert len(find({"band": "VIS"}, astronaut())) == 1
    assert len(find({"band": "NIR"}, astronaut())) == 0


def test_the_mesh_of_heat_lies_between_those_of_the_image_and_its_negative(weight_file):
    mesh = FaceMesh(weight_file("face_mesh_468"))
    five = make_detector("yunet", {"yunet": weight_file("yunet")}).detect(astronaut()).landmarks_xy
    grey = np.repeat(astronaut()[..., 1:2], 3, axis=2)
    both, presence = thermal_mesh(mesh, grey, five)
    (first, sure), (second, unsure) = (mesh.points(each, five) for each in (grey, 255 - grey))
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert ((both >= low - 1e-3) & (both <= high + 1e-3)).all()
    assert presence == pytest.approx(np.maximum(sure, unsure))
    nothing, none = thermal_mesh(mesh, grey, np.zeros((0, 5, 2), np.float32))
    assert (nothing.shape, none.shape) == ((0, 468, 3), (0,))
