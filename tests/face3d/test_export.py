"""OBJ and PLY: what a 3D program reads back."""

import numpy as np
import pytest
import trimesh

from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.export import write_obj, write_ply
from pipeline.face3d.position_map import position_map_of_mesh

FACE = position_map_of_mesh((canonical_vertices() * 8 + (100, 90, 0)).astype(np.float32))
IMAGE = np.full((200, 200, 3), (200, 120, 60), np.uint8)


@pytest.mark.parametrize(("extension", "write"), [("obj", write_obj), ("ply", write_ply)])
def test_the_face_looks_at_the_viewer_upright(tmp_path, extension, write):
    path = tmp_path / f"face.{extension}"
    write(path, FACE, IMAGE)
    read = trimesh.load(path, process=False)
    assert np.isfinite(read.vertices).all()
    nose = read.vertices[read.vertices[:, 2].argmax()]
    assert nose[0] == pytest.approx(100, abs=2)
    assert (read.face_normals[:, 2] * read.area_faces).sum() > 0.5 * read.area_faces.sum()
    low, high = read.vertices.min(axis=0), read.vertices.max(axis=0)
    np.testing.assert_allclose(high - low, np.ptp(canonical_vertices(), axis=0) * 8, rtol=0.05)


def test_an_obj_brings_its_texture_and_a_ply_its_colours(tmp_path):
    (tmp_path / "face.png").write_bytes(b"a photograph of one's own")
    write_obj(tmp_path / "face.obj", FACE, IMAGE)
    texture = trimesh.load(tmp_path / "face.obj", process=False).visual.material.image
    assert np.asarray(texture.convert("RGB"))[128, 128].tolist() == IMAGE[0, 0].tolist()
    assert (tmp_path / "face.png").read_bytes() == b"a photograph of one's own"
    write_ply(tmp_path / "face.ply", FACE, IMAGE[..., 0].copy())
    colours = trimesh.load(tmp_path / "face.ply", process=False).visual.vertex_colors
    assert (colours[:, :3] == 200).all()
