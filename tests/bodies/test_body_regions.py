"""Local regions: bands by proportion, shapes by keypoints, which one stands in for the other."""

import numpy as np
import pytest

from pipeline.bodies.body_regions import BACKENDS, BodyRegion, locate_body_regions
from pipeline.bodies.crops import crop_body

HW = (384, 128)
BOX = np.float32([-0.5, -0.5, 127.5, 383.5])
AS_IS = np.float32([[1, 0, 0], [0, 1, 0]])

STANDING = np.float32(
    [
        *([64, 30], [70, 25], [58, 25], [78, 28], [50, 28]),
        *([90, 75], [38, 75], [100, 120], [28, 120], [104, 165], [24, 165]),
        *([80, 190], [48, 190], [78, 270], [50, 270], [76, 350], [52, 350]),
    ]
)
SURE = np.ones(17, np.float32)


def locate(points=STANDING, scores=SURE, **options):
    return locate_body_regions(BOX, points, scores, AS_IS, HW, **options)


def test_proportions_are_bands_of_the_stature():
    regions = locate(backend="proportions")
    assert regions.backends == ("proportions",) * 3
    face, torso, lower = regions.boxes_xyxy
    assert face[1] == -0.5
    assert face[3] == pytest.approx(0.13 * 384, abs=1.5)
    assert torso[3] == pytest.approx(0.47 * 384, abs=1.5)
    assert lower.tolist()[2:] == [127.5, 383.5]
    assert face[2] - face[0] == pytest.approx(0.1 * 384, abs=2)
    assert torso[2] - torso[0] == pytest.approx(0.259 * 384, abs=2)


def test_keypoints_put_each_area_about_its_joints():
    regions = locate()
    assert regions.backends == ("keypoints",) * 3
    face, torso, lower = regions.boxes_xyxy
    assert (face[:2] < STANDING[:5].min(axis=0)).all()
    assert (face[2:] > STANDING[:5].max(axis=0)).all()
    assert face[3] < torso[3] < lower[3]
    for joints, box in ((STANDING[[5, 6, 11, 12]], torso), (STANDING[11:], lower)):
        assert (box[:2] < joints.min(axis=0)).all()
        assert (joints.max(axis=0) < box[2:]).all()
    assert lower[3] == 383.5  # from the ankle on to the sole
    values = [regions.labels[30, 64], regions.labels[130, 64], regions.labels[300, 64]]
    assert values == [BodyRegion.FACE, BodyRegion.TORSO, BodyRegion.LOWER_BODY]
    assert regions.labels[60, 2] == BodyRegion.NONE


@pytest.mark.parametrize(
    ("unsure", "expected"),
    [
        (range(5), ("proportions", "keypoints", "keypoints")),
        ([5], ("keypoints", "proportions", "keypoints")),
        ([13, 14, 15, 16], ("keypoints", "keypoints", "proportions")),
        ([11], ("keypoints", "proportions", "proportions")),
        (range(17), ("proportions",) * 3),
    ],
)
def test_an_area_without_sure_points_falls_back(unsure, expected):
    scores = SURE.copy()
    scores[list(unsure)] = 0.4
    assert locate(scores=scores).backends == expected


def test_points_that_are_not_finite_are_not_believed():
    points = STANDING.copy()
    points[5] = np.nan
    assert locate(points).backends == ("keypoints", "proportions", "keypoints")


def test_a_detector_without_keypoints_gives_proportions():
    assert locate(None, None).backends == ("proportions",) * 3


def test_all_joints_in_one_place_give_proportions_for_the_torso():
    assert locate(np.full_like(STANDING, 60)).backends[1] == "proportions"


def test_a_region_has_the_pixels_whose_centres_lie_in_it():
    # By hand: 100 pixels high, so chin at row 12.5 and crotch at 46.5; about column 19.5 a head
    # 10 wide, 14.5 to 24.5, and shoulders 25.9 wide, 6.55 to 32.45.
    body = np.float32([-0.5, -0.5, 39.5, 99.5])
    regions = locate_body_regions(body, None, None, AS_IS, (100, 40), backend="proportions")
    expected = [[14.5, -0.5, 24.5, 12.5], [6.5, 12.5, 32.5, 46.5], [-0.5, 46.5, 39.5, 99.5]]
    np.testing.assert_allclose(regions.boxes_xyxy, expected)
    assert np.bincount(regions.labels.ravel()).tolist() == [866, 10 * 13, 26 * 34, 40 * 53]


@pytest.mark.parametrize("policy", ["pad", "context"])
def test_no_region_is_where_the_crop_shows_nothing(policy):
    """The torso's outline reaches beyond the box that ends at the image's edge."""
    image = np.full((384, 128, 3), 200, np.uint8)
    box = np.float32([23.5, -0.5, 127.5, 383.5])
    crop = crop_body(image, box, (384, 192), policy=policy)
    points = STANDING + np.float32([34, 0])  # the left shoulder lies at the edge
    regions = locate_body_regions(box, points, SURE, crop.warp_2x3, (384, 192), shown=crop.shown)
    black = crop.image.max(axis=2) == 0
    assert black.any()
    np.testing.assert_array_equal(crop.shown, ~black)
    assert not regions.labels[black].any()
    everywhere = locate_body_regions(box, points, SURE, crop.warp_2x3, (384, 192))
    assert everywhere.labels[black].any()
    np.testing.assert_array_equal(regions.labels[~black], everywhere.labels[~black])
    edge = crop.warp_2x3[0] @ [127.5, 0, 1]
    assert regions.boxes_xyxy[1, 2] <= edge + 1e-3


@pytest.mark.parametrize("backend", BACKENDS)
def test_areas_stay_inside_the_crop_and_follow_the_warp(backend):
    half = np.float32([[0.5, 0, -40], [0, 0.5, -30]])  # a window that cuts the head off
    regions = locate_body_regions(BOX, STANDING, SURE, half, (96, 40), backend=backend)
    assert regions.labels.shape == (96, 40)
    seen = regions.boxes_xyxy[np.isfinite(regions.boxes_xyxy).all(axis=1)]
    assert (seen[:, :2] >= -0.5).all()
    assert (seen[:, 2:] <= [39.5, 95.5]).all()
    assert np.isnan(regions.boxes_xyxy[0]).all()


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="none of"):
        locate(backend="parser")
