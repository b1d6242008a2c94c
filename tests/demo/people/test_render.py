"""Rendered people: ground truth and z-buffer agree, mirrors mirror, bands keep their order."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.demo.bands.exposure import simulate_bands
from pipeline.demo.bands.scene import MATERIALS
from pipeline.demo.bands.traits import draw_traits
from pipeline.demo.people.head import CLOTH, Head
from pipeline.demo.people.identity import draw_identity
from pipeline.demo.people.image import rotation_of
from pipeline.demo.people.person import build_person
from pipeline.demo.people.posed import pose_person
from pipeline.demo.people.render import render
from pipeline.face3d.mesh import MOUTH_LEFT, MOUTH_RIGHT
from pipeline.face3d.pose import pose_deg
from pipeline.ops.contours import LEFT_EYE_LOOP, NOSE_LOOP
from pipeline.types import Band, FaceClass

SIDE_PX = 192
MIRRORED = {
    FaceClass.LEFT_BROW: FaceClass.RIGHT_BROW,
    FaceClass.LEFT_EYE: FaceClass.RIGHT_EYE,
    FaceClass.LEFT_EAR: FaceClass.RIGHT_EAR,
}


def test_landmarks_lie_on_their_vertices(shot):
    ground_truth = shot.ground_truth
    np.testing.assert_allclose(
        ground_truth.landmarks_xy[3:], ground_truth.mesh_xyz[[MOUTH_RIGHT, MOUTH_LEFT], :2]
    )
    eye = ground_truth.mesh_xyz[list(LEFT_EYE_LOOP), :2].mean(axis=0)
    np.testing.assert_allclose(ground_truth.landmarks_xy[1], eye, rtol=1e-5)


def test_seen_vertices_lie_on_the_surface_of_the_z_buffer(shot):
    seen = shot.ground_truth.visibility > 0
    x, y = np.rint(shot.ground_truth.mesh_xyz[seen, :2] * 2 + 0.5).astype(int).T
    depth = shot.rendered.seen.depth[y, x] / 2
    error = np.abs(depth - shot.ground_truth.mesh_xyz[seen, 2]) / shot.rendered.posed.scale_px
    assert seen.mean() > 0.7
    assert np.median(error) < 0.01


def test_the_nose_is_as_large_as_its_outline(atlas):
    x, y = atlas.points[list(NOSE_LOOP)].astype(float).T
    area = abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
    assert abs((atlas.nose > 0.5).sum() / area - 1) < 0.01  # it was 4 % larger by its rim


def test_parts_lie_where_their_landmarks_are(bare_shot):
    labels, mesh = bare_shot.ground_truth.labels, bare_shot.ground_truth.mesh_xyz
    for cls, indices in (
        ((FaceClass.LEFT_EYE,), (263, 362, 386, 374)),
        ((FaceClass.RIGHT_EYE,), (33, 133, 159, 145)),
        ((FaceClass.NOSE,), (168, 2, 48, 278)),
        ((FaceClass.UPPER_LIP, FaceClass.LOWER_LIP, FaceClass.MOUTH_INNER), (61, 291, 0, 17)),
    ):
        y, x = np.nonzero(np.isin(labels, cls))
        low, high = mesh[list(indices), :2].min(axis=0), mesh[list(indices), :2].max(axis=0)
        np.testing.assert_allclose((x.min(), y.min()), low, atol=4)
        np.testing.assert_allclose((x.max(), y.max()), high, atol=4)
    assert (labels == FaceClass.MOUTH_INNER).sum() > 20


def test_glasses_take_the_eyes_behind_them(shot, bare_shot):
    eyes = np.isin(bare_shot.ground_truth.labels, (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE))
    assert eyes.sum() > 100
    assert (shot.ground_truth.labels[eyes] == FaceClass.GLASSES).mean() > 0.95
    assert shot.ground_truth.scene.eyes[eyes].mean() < 0.1


def test_hollows_are_warmer_than_grazing_edges(bare_shot):
    relief, labels = bare_shot.ground_truth.scene.relief, bare_shot.ground_truth.labels
    inner, skin = labels == FaceClass.MOUTH_INNER, labels == FaceClass.SKIN
    assert relief[inner].mean() > relief[skin].mean() + 0.3
    assert (relief[labels == FaceClass.BACKGROUND] == 0).mean() > 0.9
    assert np.abs(relief).max() <= 1.0


def test_the_box_holds_the_face_and_not_the_neck(shot):
    x0, y0, x1, y1 = shot.ground_truth.box_xyxy
    labels = shot.ground_truth.labels
    y, x = np.nonzero(np.isin(labels, (FaceClass.SKIN, FaceClass.NOSE, FaceClass.LOWER_LIP)))
    assert x0 - 3 <= x.min()
    assert x.max() <= x1 + 3
    assert y0 - 0.08 * (y1 - y0) <= y.min()
    chin = shot.ground_truth.mesh_xyz[152, 1]
    assert chin - 2 < y1 < chin + 0.08 * (y1 - y0)
    neck_y, _ = np.nonzero(labels == FaceClass.NECK)
    assert (neck_y > y1).mean() > 0.6


def test_cloth_covers_no_face(shot, head):
    labels = shot.ground_truth.labels
    y, x = np.nonzero(labels == FaceClass.CLOTH)
    x0, _, x1, y1 = shot.ground_truth.box_xyxy
    assert ((y <= y1) & (x >= x0) & (x <= x1)).mean() < 0.01
    assert (head.bust.part == CLOTH).any()


def test_materials_sum_to_one_and_follow_the_labels(shot):
    scene, labels = shot.ground_truth.scene, shot.ground_truth.labels
    maps = {name: getattr(scene, name) for name in MATERIALS}
    np.testing.assert_allclose(sum(maps.values()), 1.0, atol=1e-5)
    assert maps["hair"][labels == FaceClass.HAIR].mean() > 0.8
    assert maps["cloth"][labels == FaceClass.CLOTH].mean() > 0.9
    assert maps["background"][labels == FaceClass.BACKGROUND].mean() > 0.9
    assert maps["glasses"][labels == FaceClass.GLASSES].mean() > 0.6


@pytest.mark.parametrize("pose", [(30.0, 0.0, 0.0), (-45.0, 10.0, -8.0), (0.0, -20.0, 12.0)])
def test_pose_has_the_signs_of_the_mesh(head, reader, person, conditions, pose):
    posed = pose_person(head, person, replace(conditions, pose_deg=pose, distance=1e4), SIDE_PX)
    straight = replace(conditions, pose_deg=(0.0, 0.0, 0.0), distance=1e4)
    still = pose_person(head, person, straight, SIDE_PX)
    turned = (still.face_xyz - still.face_xyz.mean(axis=0)) @ rotation_of(pose).T
    moved = posed.face_xyz - posed.face_xyz.mean(axis=0)
    np.testing.assert_allclose(moved, turned, atol=1.5)  # under the jaw skin follows the neck
    assert np.median(np.abs(moved - turned)) < 0.1
    found = pose_deg(posed.face_xyz[None])[0]
    assert np.sign(found[0]) == np.sign(pose[0]) or pose[0] == 0


def test_a_mirrored_person_is_the_image_mirrored(head, atlas, reader, person, conditions):
    mirrored = build_person(head, atlas, person.identity.mirror(), 5)
    conditions = replace(conditions, glasses=False)  # which would take the eyes
    yaw, pitch, roll = conditions.pose_deg
    flip = np.array([-1, 1, 1], np.float32)
    lights = replace(
        conditions.lights, key=conditions.lights.key * flip, fill=conditions.lights.fill * flip
    )
    centre = 1.0 - conditions.centre[0], conditions.centre[1]
    gaze = -conditions.gaze[0], conditions.gaze[1]
    other = replace(
        conditions,
        pose_deg=(-yaw, pitch, -roll),
        body_yaw_deg=-conditions.body_yaw_deg,
        lights=lights,
        centre=centre,
        gaze=gaze,
    )
    straight = reader.read(person, render(head, person, conditions, SIDE_PX))
    flipped = reader.read(mirrored, render(head, mirrored, other, SIDE_PX))
    labels = flipped.labels[:, ::-1].copy()
    swapped = labels.copy()
    for left, right in MIRRORED.items():
        swapped[labels == left], swapped[labels == right] = right, left
    hairless = (swapped != FaceClass.HAIR) & (straight.labels != FaceClass.HAIR)
    assert (swapped == straight.labels)[hairless].mean() > 0.98
    for left, right in MIRRORED.items():
        a, b = hairless & (straight.labels == left), hairless & (flipped.labels[:, ::-1] == right)
        assert (a & b).sum() > 0.7 * (a | b).sum()


def test_bands_keep_their_order_relations(shot):
    ground_truth = shot.ground_truth
    traits = draw_traits(5, "Q0001")
    bands = simulate_bands(
        ground_truth.scene, list(Band)[1:], traits, 5, "image", (SIDE_PX, SIDE_PX)
    )
    grey = shot.rendered.rgb.mean(axis=2)
    labels = ground_truth.labels
    skin, hair = labels == FaceClass.SKIN, labels == FaceClass.HAIR
    glasses = labels == FaceClass.GLASSES
    assert bands[Band.NIR][skin].mean() > grey[skin].mean()
    assert bands[Band.SWIR][skin].mean() < grey[skin].mean()
    assert bands[Band.SWIR][hair].mean() > bands[Band.SWIR][skin].mean()
    assert bands[Band.LWIR][glasses].mean() < 0.7 * bands[Band.LWIR][skin].mean()


def test_an_identity_depends_on_its_name_and_seed_alone():
    first, again, other = (draw_identity(s, n) for s, n in ((5, "Q1"), (5, "Q1"), (6, "Q1")))
    assert first == again
    assert not np.allclose(first.vector, other.vector)
    assert first.vector.shape == draw_identity(5, "Q2").vector.shape
    assert np.isfinite(first.vector).all()


def test_mirroring_twice_gives_the_same_person(identity):
    assert identity.mirror().mirror() == identity
    left = {name: v for name, v in identity.shape.items() if "/l-" in name}
    mirrored = identity.mirror().shape
    assert left
    assert all(mirrored[name.replace("/l-", "/r-")] == v for name, v in left.items())


def test_the_heads_move_is_the_fourth_power_of_a_joints(head: Head, person):
    step = rotation_of((10.0, 3.0, -4.0))
    rotation, _ = head.motions(person.joints_xyz, step)[-1]
    np.testing.assert_allclose(rotation, np.linalg.matrix_power(step, 4), atol=1e-12)
