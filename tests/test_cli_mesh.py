"""``crossband mesh``: the files hold the face where it lies in its context."""

import numpy as np
import pyarrow as pa
import pytest
import trimesh

from pipeline.cli.mesh import mesh
from pipeline.errors import StageError
from pipeline.face3d.canonical import canonical_vertices
from pipeline.face3d.map_codec import decode_position_map, encode_mesh_map
from pipeline.face3d.position_map import grid_triangles
from pipeline.ops.codec import encode_png
from pipeline.schemas.reconstruct import RECONSTRUCT
from pipeline.store.shards import ShardFolder, ShardWriter, shard_of

READ = ("sample_id", "position_map", "context_warp_2x3", "context")
WARP = np.array([[0.3, -0.4, 100.0], [0.4, 0.3, 20.0]], np.float32)
"""Half the size, turned by 53 degrees."""
SHARDS = 2


def face_map(size):
    """Encode a face of its own size in its source."""
    return encode_mesh_map((canonical_vertices() * size + (150, 140, 0)).astype(np.float32))


@pytest.fixture
def folder(tmp_path):
    """Three faces in two shards; the red of a context is x, its green is y."""
    y, x = np.mgrid[:200, :200].astype(np.uint8)
    context = {"bytes": encode_png(np.dstack([x, y, np.full_like(x, 7)])), "path": "c.png"}
    sizes = {"a.png": 12.0, "b.png": 9.0, "c.png": 6.0}
    assert {shard_of(name, SHARDS) for name in sizes} == {0, 1}
    rows = [
        dict(zip(READ, (name, face_map(size), WARP, context), strict=True))
        for name, size in sizes.items()
    ]
    write(tmp_path / "reconstruct", READ, rows)
    write(tmp_path / "align", ("sample_id", "context"), rows)
    return tmp_path


def write(path, columns, rows):
    schema = pa.schema([RECONSTRUCT.field(name) for name in columns], RECONSTRUCT.metadata)
    made = ShardFolder(path, SHARDS)
    for index in range(SHARDS):
        with ShardWriter(made.shard(index).path, schema) as shard:
            mine = [row for row in rows if shard_of(row["sample_id"], SHARDS) == index]
            shard.write([{name: row[name] for name in columns} for row in mine])


def expected(size, step):
    """Where each vertex lies in the context, worked out a number at a time."""
    x, y, z = decode_position_map(face_map(size)).reshape(-1, 3)[grid_triangles(step)[0]].T
    return np.stack([0.3 * x - 0.4 * y + 100.0, 0.4 * x + 0.3 * y + 20.0, 0.5 * z], axis=1)


@pytest.mark.parametrize(("sample_id", "size"), [("a.png", 12.0), ("b.png", 9.0), ("c.png", 6.0)])
def test_an_obj_lies_where_the_face_lies_in_its_context(folder, capsys, sample_id, size):
    out = folder / "made" / "face.obj"
    mesh(str(folder / "reconstruct"), sample_id, out)
    assert capsys.readouterr().out == f"{out}\n"
    lines = [line.split()[1:] for line in out.read_text().splitlines() if line.startswith("v ")]
    found = np.array(lines, float) * (1, -1, -1)  # y is up there, and z to the viewer
    np.testing.assert_allclose(found, expected(size, 2), atol=1e-3)


def test_a_ply_has_its_colours_from_where_it_lies_in_its_context(folder):
    mesh(str(folder / "reconstruct"), "b.png", folder / "face.ply")
    read = trimesh.load(folder / "face.ply", process=False)
    where = expected(9.0, 1)
    np.testing.assert_allclose(read.vertices * (1, -1, -1), where, atol=1e-3)
    colours = read.visual.vertex_colors[:, :3].astype(float)
    np.testing.assert_allclose(colours[:, :2], where[:, :2], atol=1.0)
    assert (colours[:, 2] == 7).all()


def test_a_face_replaces_a_face_and_no_other_file(folder):
    for name in ("face.obj", "face.mtl", "face_texture.png", "face.ply"):
        (folder / name).write_bytes(b"my own")
        out = folder / ("face.ply" if name == "face.ply" else "face.obj")
        with pytest.raises(StageError, match=f"{name} exists and was not written by this command"):
            mesh(str(folder / "reconstruct"), "a.png", out)
        assert (folder / name).read_bytes() == b"my own"
        (folder / name).unlink()
    for out in (folder / "face.obj", folder / "face.ply"):
        mesh(str(folder / "reconstruct"), "a.png", out)
        first = out.read_bytes()
        mesh(str(folder / "reconstruct"), "b.png", out)
        assert out.read_bytes() != first


@pytest.mark.parametrize(
    ("stage", "sample_id"),
    [("reconstruct", "d.png"), ("reconstruct", "a"), ("align", "a.png")],
)
def test_a_folder_without_that_face_in_3d_is_told(folder, stage, sample_id):
    out = folder / "made" / "face.obj"
    says = f"{stage} holds no reconstructed face '{sample_id}': .*`crossband explain {sample_id}`"
    with pytest.raises(StageError, match=says):
        mesh(str(folder / stage), sample_id, out)
    assert not out.parent.exists()
