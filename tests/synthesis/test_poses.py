"""Turning a head: the mesh has no holes, nothing turned gives the image back, halves mirror."""

import math
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.head_pose import head_pose, rotation_matrix
from pipeline.ops.contours import FACE_LOOP
from pipeline.ops.raster import rasterise
from pipeline.synthesis.poses.background import background_of
from pipeline.synthesis.poses.fill import fill
from pipeline.synthesis.poses.head import (
    ATLAS_PX,
    FACE_POINTS,
    head_mesh,
    mean_reach,
    measured_reach,
    turn_points,
)
from pipeline.synthesis.poses.layers import Layers, layers_of_labels
from pipeline.synthesis.poses.render import posable_head
from pipeline.synthesis.poses.rows import pose_name, psnr_db
from pipeline.types import FaceClass

HW = (512, 512)
SAME = np.eye(2, 3)


def mesh_of(yaw=0.0, pitch=0.0):
    """A canonical face as it lies in a context crop."""
    face = 20.0 * canonical_vertices() @ rotation_matrix(yaw, pitch, 0.0).T + (256.0, 300.0, 0.0)
    return face.astype(np.float32)


def make_image(mesh, seed=0):
    """A soft random image with a face of its own tone, so that misplaced pixels show."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(60, 200, (9, 9, 3))
    rows = np.linspace(0, 8, 512)
    low = np.floor(rows).astype(int).clip(0, 7)
    share = (rows - low)[:, None, None]
    tall = coarse[low] * (1 - share) + coarse[low + 1] * share
    share = (rows - low)[None, :, None]
    return (tall[:, low] * (1 - share) + tall[:, low + 1] * share).astype(np.uint8)


def test_every_vertex_has_a_partner_at_the_mirrored_place():
    mesh = head_mesh()
    np.testing.assert_array_equal(mesh.mirror[mesh.mirror], np.arange(len(mesh.mirror)))
    mirrored = mesh.atlas_xy[mesh.mirror] * (-1, 1) + (ATLAS_PX - 1, 0)
    np.testing.assert_allclose(mirrored, mesh.atlas_xy, atol=0.5)


def test_the_outline_is_the_border_of_the_face():
    face = head_mesh().triangles[:898]
    edges = np.sort(face[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, where, counts = np.unique(edges, axis=0, return_index=True, return_counts=True)
    border = {tuple(edges[i]) for i in where[counts == 1]}
    assert border == {tuple(sorted(pair)) for pair in pairwise((*FACE_LOOP, FACE_LOOP[0]))}
    assert FACE_POINTS == 468


def test_the_atlas_is_covered_but_for_its_corners():
    covered = head_mesh().atlas.covered
    assert covered.mean() > 0.97
    assert covered[100:-100, 100:-100].all()


def layers(mesh, reach_px=60, background=0):
    """A round head about a face, with a neck below."""
    y, x = np.indices(HW)
    middle = mesh[list(FACE_LOOP), :2].mean(axis=0)
    across = np.ptp(mesh[list(FACE_LOOP), :2], axis=0) / 2 + reach_px
    head = (((x - middle[0]) / across[0]) ** 2 + ((y - middle[1]) / across[1]) ** 2 <= 1) * 1.0
    neck = ((np.abs(x - middle[0]) < 80) & (y > middle[1])) * (1.0 - head)
    return Layers(head.astype(np.float32), neck.astype(np.float32), np.zeros(HW, np.float32))


@pytest.mark.parametrize("yaw", [-90, -60, -30, 0.1, 30, 60, 90])
@pytest.mark.parametrize("pitch", [-40, 0, 40])
def test_no_turn_leaves_a_hole_or_moves_the_background(yaw, pitch):
    """A green head before blue: turned, what was the head's place is blue as well."""
    mesh = mesh_of(5.0)
    cut = layers(mesh)
    image = np.full((512, 512, 3), (0, 0, 200), np.uint8)
    image[cut.head > 0] = (0, 200, 0)
    image[cut.neck > 0] = (200, 0, 0)
    drawn = posable_head(image, mesh, cut).render(yaw, pitch, SAME, HW).astype(int)
    assert np.abs(drawn.sum(axis=2) - 200).max() < 60  # nothing black, nothing of another tone
    assert np.abs(drawn[:40] - (0, 0, 200)).max() <= 3
    middle = drawn[240:300, 236:276]
    assert np.median(middle[..., 1]) > 180


@pytest.mark.parametrize(("cuts", "corner"), [(False, (0, 0, 200)), (True, (0, 0, 0))])
def test_black_beyond_the_image_stays_only_where_it_cuts_the_head(cuts, corner):
    mesh = mesh_of()
    cut = layers(mesh)
    image = np.full((512, 512, 3), (0, 0, 200), np.uint8)
    image[cut.head > 0] = (0, 200, 0)
    beyond = np.zeros(HW, np.float32)
    beyond[:120] = cuts
    beyond[:60, :60] = 1.0
    image[beyond > 0] = 0
    drawn = posable_head(image, mesh, replace(cut, beyond=beyond)).render(30.0, 0, SAME, HW)
    np.testing.assert_allclose(drawn[20, 20], corner, atol=3)


def test_a_turned_faces_background_goes_on_beyond_the_crop_without_streaks():
    """A target that reaches 100 pixels beyond the crop: mirrored first, soft at its end."""
    random = np.random.default_rng(3)
    mesh = mesh_of()
    cut = layers(mesh)
    image = random.integers(0, 256, (512, 512), np.uint8)
    shifted = np.array([[1, 0, 100], [0, 1, 0]], np.float32)
    drawn = posable_head(image, mesh, cut).render(0, 0, shifted, HW).astype(int)
    assert np.abs(drawn[:, 98] - drawn[:, 102]).mean() < 3  # its own mirror image
    assert drawn[100:400, :8].std() < 12  # no column drawn out into lines


def test_stray_hair_goes_with_the_head_and_a_line_farther_off_stays():
    context = np.full((512, 512, 3), 180, np.uint8)
    cv2.circle(context, (256, 256), 120, (30, 30, 30), -1)
    cv2.line(context, (370, 256), (420, 230), (40, 40, 40), 3)
    cv2.line(context, (20, 20), (20, 200), (40, 40, 40), 3)
    head = (context[..., 0] == 30).astype(np.float32)
    nothing = np.zeros(HW, np.float32)
    taken = cv2.resize(head, (256, 256), interpolation=cv2.INTER_AREA)
    layers = Layers(head, nothing, nothing)
    left = background_of(context, taken, layers, np.zeros(HW, np.uint8), 376.0, 256.0)
    assert left[:, 40:].min() > 150
    assert left[100, 20].max() < 60
    lighter = background_of(255 - context, taken, layers, np.zeros(HW, np.uint8), 376.0, 256.0)
    assert lighter[:, 40:].max() < 105


def test_a_corner_of_which_nothing_is_known_is_filled_with_what_is_known_elsewhere():
    colour = np.full((64, 64, 3), (90.0, 120.0, 150.0), np.float32)
    known = np.zeros((64, 64), np.float32)
    known[:, :20] = 1.0
    colour[:, 20:] = 0.0
    filled = fill(colour * known[..., None], known)
    np.testing.assert_allclose(filled, np.broadcast_to((90.0, 120.0, 150.0), filled.shape), atol=1)
    assert (fill(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)) == 0).all()


def test_hair_that_the_mesh_does_not_reach_colours_no_ground():
    context = np.full((512, 512, 3), 180, np.uint8)
    head = np.zeros(HW, np.float32)
    head[100:300, 100:400] = 1.0
    context[head > 0] = 20
    taken = np.zeros((256, 256), np.float32)
    taken[50:150, 70:180] = 1.0
    nothing = np.zeros(HW, np.float32)
    layers = Layers(head, nothing, nothing)
    left = background_of(context, taken, layers, np.zeros(HW, np.uint8), 290.0, 200.0)
    assert left[140:260, 200:300].min() > 165


def test_where_a_guessed_head_ends_no_seam_is_seen():
    mesh = mesh_of()
    image = make_image(mesh)
    drawn = posable_head(image, mesh, None).render(0, 0, SAME, HW)
    assert np.abs(drawn.astype(int) - image)[:500].max() < 24


def test_nothing_of_the_back_is_seen_before_the_head_is_turned():
    mesh = mesh_of()
    cut = layers(mesh)
    image = np.full((512, 512, 3), (0, 0, 200), np.uint8)
    image[cut.head > 0] = (0, 200, 0)
    drawn = posable_head(image, mesh, cut).render(0, 0, SAME, HW)
    away = cv2.dilate(cut.head, np.ones((13, 13))) == 0
    assert drawn[:500][away[:500], 1].max() < 10


def test_the_head_reaches_as_far_as_in_the_image():
    mesh = mesh_of()
    pose = head_pose(mesh)
    low, high = (
        measured_reach(mesh, pose, each.head, each.beyond)
        for each in (layers(mesh, 30), layers(mesh, 70))
    )
    assert high[:4] - low[:4] == pytest.approx(np.full(4, 2.0), abs=0.6)  # 40 pixels of 20 / cm
    np.testing.assert_allclose(high[1:18], high[:18:-1], atol=0.41)


def test_a_head_cut_by_the_image_is_taken_to_reach_as_far_as_most():
    mesh = mesh_of()
    head = layers(mesh, 60)
    cut = (np.indices(HW)[0] < mesh[10, 1] + 5).astype(np.float32)
    reach = measured_reach(mesh, head_pose(mesh), head.head * (1 - cut), cut)
    assert reach[0] == pytest.approx(mean_reach()[0], abs=0.3)


def test_labels_of_the_crop_become_the_heads_share_up_to_the_context_crops_edges():
    labels = np.full((100, 100), FaceClass.BACKGROUND, np.uint8)
    labels[:, 30:70] = FaceClass.HAIR
    labels[80:, 40:60] = FaceClass.NECK
    context = np.full((512, 512, 3), 200, np.uint8)
    context[:, 176:336] = 40  # what the labels call hair, 56 pixels farther up than they reach
    found = layers_of_labels(labels, np.array([[4.0, 0, 57.5], [0, 4.0, 57.5]]), context)
    assert found is not None
    assert found.head[10:360, 190:320].min() > 0.9
    assert found.head[:, :160].max() < 0.1
    assert found.neck[400:440, 230:280].min() > 0.9
    assert not found.beyond.any()


def test_labels_without_hair_or_ears_do_not_say_where_a_head_ends():
    labels = np.full((100, 100), FaceClass.SKIN, np.uint8)
    assert layers_of_labels(labels, SAME, np.zeros((512, 512), np.uint8)) is None


def test_a_turn_and_its_reverse_give_the_points_back():
    mesh = mesh_of()
    pose = head_pose(mesh)
    turned = turn_points(mesh, pose, 40, 10)
    back = replace(pose, angles_deg=(40.0, 10.0, 0.0))
    np.testing.assert_allclose(turn_points(turned, back, -40, -10), mesh, atol=1e-3)


def test_a_turned_point_is_seen_in_perspective():
    """10 cm before the axis, 30 degrees: 5 cm aside, 81.34 cm from the camera instead of 90."""
    pose = head_pose(mesh_of())
    axis = pose.place(np.array([0.0, 0.0, 4.0]))
    turned = turn_points(axis - (0.0, 0.0, 10.0 * pose.scale), pose, 30, 0)
    np.testing.assert_allclose((turned - axis) / pose.scale, (5 * 90 / 81.34, 0, -8.66), atol=1e-3)


@pytest.mark.parametrize("yaw", [0.0, 8.0, -25.0])
def test_nothing_turned_gives_the_image_back(yaw):
    mesh = mesh_of(yaw)
    image = make_image(mesh)
    drawn = posable_head(image, mesh).render(0, 0, SAME, HW)
    near = slice(150, 400)
    assert psnr_db(image, drawn, np.ones(HW, np.uint8)) > 28
    if yaw == 0.0:
        assert psnr_db(image[near, near], drawn[near, near], np.ones((250, 250))) > 38


def test_a_tenth_of_a_degree_differs_from_nothing_and_only_a_little():
    mesh = mesh_of()
    head = posable_head(make_image(mesh), mesh)
    still, moved = head.render(0, 0, SAME, HW), head.render(0.1, 0, SAME, HW)
    assert (still != moved).any()
    assert psnr_db(still, moved, np.ones(HW, np.uint8)) > 35


def test_the_mirrored_image_turned_the_other_way_is_the_mirror_image():
    mesh = mesh_of()
    image = make_image(mesh)
    mirrored = mesh[head_mesh().mirror[:468]] * np.float32([-1, 1, 1]) + np.float32([511, 0, 0])
    one = posable_head(image, mesh).render(35, 10, SAME, HW)
    other = posable_head(np.ascontiguousarray(image[:, ::-1]), mirrored).render(-35, 10, SAME, HW)
    assert psnr_db(one, other[:, ::-1], np.ones(HW, np.uint8)) > 35


def test_one_tone_stays_one_tone_whatever_is_lent_or_filled():
    image = np.full((512, 512, 3), 160, np.uint8)
    texture = posable_head(image, mesh_of(-35.0)).texture
    assert np.abs(texture.astype(int) - 160).max() <= 2


def test_the_far_half_is_the_mirror_image_of_the_near_one_not_the_background():
    mesh = mesh_of(30.0)
    image = np.full((512, 512, 3), (0, 200, 0), np.uint8)
    image[rasterise(mesh, head_mesh().triangles[:898], HW).covered] = (200, 150, 120)
    face = posable_head(image, mesh).texture[280:480, 260:500].astype(int)
    assert (face[..., 0] > face[..., 1]).mean() > 0.97


def test_what_is_lent_takes_the_light_of_the_half_it_goes_to():
    """A face of one skin under light that falls off towards the far half."""
    mesh = mesh_of(25.0)
    light = np.clip(1.15 - 0.0016 * np.arange(512), 0.4, 1.0)
    image = np.repeat(np.rint(200 * light)[None, :, None], 512, axis=0).repeat(3, axis=2)
    texture = posable_head(image.astype(np.uint8), mesh).texture[..., 0].astype(float)
    near, far = texture[380, 230:260].mean(), texture[380, 508:538].mean()  # mirrored places
    assert far < near - 20


def test_grey_images_stay_grey_and_rendering_repeats():
    mesh = mesh_of(12.0)
    image = np.ascontiguousarray(make_image(mesh)[..., 0])
    one, other = (posable_head(image, mesh).render(30, 0, SAME, HW) for _ in range(2))
    assert one.shape == HW
    np.testing.assert_array_equal(one, other)


def test_a_mesh_that_is_not_finite_is_refused():
    mesh = mesh_of()
    mesh[7, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        posable_head(make_image(mesh), mesh)


def test_names_sort_and_are_legal_ids():
    assert pose_name(30, -10) == "pose.+030.00-010.00"
    assert pose_name(-0.1, 0) == "pose.-000.10+000.00"


def test_psnr_follows_its_definition():
    black = np.zeros((4, 4), np.uint8)
    inside = np.eye(4, dtype=np.uint8)
    assert psnr_db(black, black + np.uint8(10), inside) == pytest.approx(28.13, abs=0.01)
    assert psnr_db(black, black, inside) == 99
    assert math.isnan(psnr_db(black, black, np.zeros((4, 4), np.uint8)))
