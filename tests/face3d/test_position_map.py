"""Position maps: from a mesh and back, what they know of pose and visibility, their bytes."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.face3d.bezier import surface_weights
from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.face3d.map_codec import TOLERANCE_PX, decode_position_map, encode_position_map
from pipeline.face3d.pose import pose_deg
from pipeline.face3d.position_map import (
    grid_triangles,
    map_normals,
    map_visibility,
    mesh_of_position_map,
    position_map_of_mesh,
    transform_map,
    uv_texture,
    valid_texels,
)


def posed(yaw_deg=0.0, pixels_per_cm=10.0, shift=(120.0, 110.0, 0.0)):
    """The canonical face turned by a yaw, in pixels."""
    yaw = np.radians(yaw_deg)
    # As in pose_deg: the nose, at negative z, moves to larger x.
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    return (canonical_vertices() @ turn.T * pixels_per_cm + shift).astype(np.float32)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_mesh_comes_back_from_its_map_whatever_its_shape(seed):
    noise = np.random.default_rng(seed).normal(size=(468, 3)) * 3
    mesh = (posed() + noise).astype(np.float32)
    np.testing.assert_allclose(mesh_of_position_map(position_map_of_mesh(mesh)), mesh, atol=1e-3)


def test_the_surface_passes_through_the_points():
    uv, _ = canonical_texture()
    np.testing.assert_allclose(surface_weights(uv) @ posed(), posed(), atol=1e-3)


def test_the_surface_is_smooth_where_flat_triangles_meet_at_an_edge():
    uv, triangles = canonical_texture()
    vertices = canonical_vertices()
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, count = np.unique(sides, axis=0, return_counts=True)
    edges = edges[count == 2]
    along = uv[edges[:, 1]] - uv[edges[:, 0]]
    middle, across = uv[edges].mean(axis=1), 0.01 * along[:, ::-1] * (1, -1)
    walk = [surface_weights(middle + step * across) @ vertices for step in (-2, -1, 1, 2)]
    before, after = walk[1] - walk[0], walk[3] - walk[2]
    cos = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1)
    smooth = np.degrees(np.arccos(np.clip(cos / np.linalg.norm(after, axis=1), -1, 1)))
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    order = np.lexsort(sides.T[::-1])
    owners = (order // 3)[np.repeat(count == 2, count)].reshape(-1, 2)
    cos = (normals[owners[:, 0]] * normals[owners[:, 1]]).sum(axis=1)
    flat = np.degrees(np.arccos(np.clip(cos, -1, 1)))
    assert np.median(smooth) < 0.6 * np.median(flat)


def test_texels_beyond_the_face_are_nan_and_no_others():
    made = position_map_of_mesh(canonical_vertices().astype(np.float32))
    assert (np.isfinite(made).all(axis=2) == valid_texels()).all()
    assert 0.6 < valid_texels().mean() < 0.7


@pytest.mark.parametrize("yaw_deg", [-60, 0, 35])
def test_pose_is_that_of_the_mesh(yaw_deg):
    mesh = mesh_of_position_map(position_map_of_mesh(posed(yaw_deg)))
    pose = pose_deg(mesh[None])[0]
    np.testing.assert_allclose(pose, [yaw_deg, 0, 0], atol=0.01)


def test_a_frontal_face_is_seen_whole_and_a_turned_one_on_one_side():
    middle = valid_texels() & (np.indices((256, 256))[1] > 60) & (np.indices((256, 256))[1] < 196)
    front = map_visibility(position_map_of_mesh(posed()))
    assert front[middle].mean() > 0.9
    assert (front[~valid_texels()] == 0).all()
    turned = map_visibility(position_map_of_mesh(posed(70)))  # to their left: their right is seen
    left, right = turned[:, 128:][valid_texels()[:, 128:]], turned[:, :128][valid_texels()[:, :128]]
    assert right.mean() > 0.7
    assert left.mean() < 0.2


def test_normals_point_out_of_the_face():
    normals = map_normals(position_map_of_mesh(posed()))
    np.testing.assert_allclose(np.linalg.norm(normals[valid_texels()], axis=1), 1, atol=1e-4)
    assert normals[60, 128, 2] < -0.8  # the forehead faces the camera
    assert normals[120, 15, 0] < -0.6 < 0.6 < normals[120, 240, 0]  # the cheeks face sideways


def test_a_map_moves_with_its_image():
    half = np.array([[0.0, -0.5, 40], [0.5, 0.0, 3]])
    moved = transform_map(position_map_of_mesh(posed(20)), half)
    mesh = posed(20).astype(np.float64)
    expected = np.column_stack([mesh[:, :2] @ half[:, :2].T + half[:, 2], mesh[:, 2] / 2])
    np.testing.assert_allclose(mesh_of_position_map(moved), expected, atol=1e-3)


def test_an_image_of_coordinates_unwraps_to_the_map_itself():
    rows, columns = np.indices((240, 240)).astype(np.uint8)
    made = position_map_of_mesh(posed())
    texture = uv_texture(np.stack([columns, rows, rows], axis=-1), made)
    inside = valid_texels()
    np.testing.assert_allclose(texture[inside][:, :2], made[inside][:, :2], atol=0.53)
    assert (texture[~inside] == 0).all()
    assert uv_texture(rows, made).shape == (256, 256)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_the_grid_covers_the_face_without_flipped_triangles(step):
    texels, triangles = grid_triangles(step)
    xy = np.stack([texels % 256, texels // 256], axis=1)[triangles]
    a, b = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    assert (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] == step * step).all()
    # As whole cells can't follow the outline, up to a cell's width is lost there.
    assert len(triangles) / 2 * step**2 > (0.98 - 0.02 * step) * valid_texels().sum()


def test_a_mesh_map_takes_a_few_kilobytes_and_comes_back_within_the_tolerance():
    mesh = posed(25) + np.random.default_rng(0).normal(size=(468, 3)).astype(np.float32)
    made = position_map_of_mesh(mesh)
    data = encode_position_map(made)
    assert len(data) < 4096
    np.testing.assert_allclose(decode_position_map(data), made, atol=0.05)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_any_map_comes_back_within_the_tolerance(seed):
    random = np.random.default_rng(seed)
    made = position_map_of_mesh(posed()) + random.normal(size=(256, 256, 3)).astype(np.float32) * 9
    made[random.random((256, 256)) < 0.1] = np.nan
    back = decode_position_map(encode_position_map(made))
    assert (np.isnan(back) == np.isnan(made)).all()
    assert np.nanmax(np.abs(back - made)) <= TOLERANCE_PX * 1.001


def test_bad_meshes_maps_and_bytes_are_refused():
    with pytest.raises(ValueError, match="468 finite points"):
        position_map_of_mesh(np.full((468, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="not finite"):
        mesh_of_position_map(np.full((256, 256, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="no finite texel"):
        encode_position_map(np.full((256, 256, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="not a position map"):
        decode_position_map(b"PNG" * 20)
    data = encode_position_map(position_map_of_mesh(posed()))
    with pytest.raises(ValueError, match="damaged"):
        decode_position_map(data[:-40])
    head, stream = data[:28], data[28:]  # four bytes, four float32, two uint32
    longer = head + zlib.compress(zlib.decompress(stream) + b"more")
    with pytest.raises(ValueError, match="its parts do not fit its header"):
        decode_position_map(longer)
    with pytest.raises(ValueError, match="step 3"):
        grid_triangles(3)
