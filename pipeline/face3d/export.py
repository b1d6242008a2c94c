"""Faces as files that 3D programs open: OBJ with a texture, PLY with coloured vertices.

Both are written in those programs' frame: x right, y up, z towards the viewer.
"""

from pathlib import Path

import numpy as np

from pipeline.face3d.position_map import MAP_PX, grid_triangles, uv_texture
from pipeline.ops.codec import encode_png
from pipeline.store.whole import write_whole
from pipeline.types import Float32, UInt8

_STEP = 2
_OBJ = b"# crossband\n"
_PLY = b"ply\nformat binary_little_endian 1.0\ncomment crossband\n"
"""How the files begin: by that they are known."""


def others_files(path: Path) -> list[Path]:
    """Return the files that a face would be written over and that are of no face written before.

    Args:
        path: ``….obj`` or ``….ply``, as ``write_obj`` and ``write_ply`` take it.
    """
    if path.suffix == ".ply":
        return [path] if path.exists() and not _begins(path, _PLY) else []
    material, texture = _beside(path)
    known = {path: path, material: material, texture: material}
    return [file for file, by in known.items() if file.exists() and not _begins(by, _OBJ)]


def _begins(path: Path, mark: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


def _beside(path: Path) -> tuple[Path, Path]:
    """Return the material and the texture that go with an OBJ."""
    return path.with_suffix(".mtl"), path.with_name(f"{path.stem}_texture.png")


def write_obj(path: Path, position_map: Float32, image: UInt8) -> None:
    """Write an OBJ with its material and its texture beside it.

    These are ``<name>.mtl`` and ``<name>_texture.png``: ``<name>.png`` may be the photograph.

    Args:
        path: ``….obj``.
        position_map: float32 (256, 256, 3), pixels of the image.
        image: uint8 (h, w) or (h, w, 3).
    """
    texels, triangles = grid_triangles(_STEP)
    vertices = _outwards(position_map)[texels]
    uv = (np.stack([texels % MAP_PX, texels // MAP_PX], axis=1) + 0.5) / MAP_PX
    lines = [_OBJ.decode().rstrip(), f"mtllib {path.stem}.mtl", "usemtl face"]
    lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in vertices.tolist()]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in uv.tolist()]
    for a, b, c in (_facing(triangles) + 1).tolist():
        lines.append(f"f {a}/{a} {b}/{b} {c}/{c}")
    write_whole(path, "\n".join(lines) + "\n")
    material, texture = _beside(path)
    lines = ["newmtl face", "Ka 1 1 1", "Kd 1 1 1", "Ks 0 0 0", f"map_Kd {texture.name}"]
    write_whole(material, "\n".join([_OBJ.decode().rstrip(), *lines]) + "\n")
    write_whole(texture, encode_png(uv_texture(image, position_map)))


def write_ply(path: Path, position_map: Float32, image: UInt8) -> None:
    """Write a binary PLY with a colour per vertex; arguments as in ``write_obj``."""
    texels, triangles = grid_triangles(1)
    texture = uv_texture(image, position_map)
    if texture.ndim == 2:
        texture = np.repeat(texture[..., None], 3, axis=2)
    vertices = np.zeros(len(texels), dtype=[("xyz", "<f4", 3), ("rgb", "u1", 3)])
    vertices["xyz"] = _outwards(position_map)[texels]
    vertices["rgb"] = texture.reshape(-1, 3)[texels]
    faces = np.zeros(len(triangles), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, _facing(triangles)
    header = [
        *(_PLY.decode().rstrip(), f"element vertex {len(vertices)}"),
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        *(f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"),
    ]
    data = "\n".join(header).encode() + b"\n" + vertices.tobytes() + faces.tobytes()
    write_whole(path, data)


def _outwards(position_map: Float32) -> Float32:
    """Turn the image's frame (y down, z away) into that of 3D programs."""
    return np.asarray(position_map.reshape(-1, 3) * np.array([1, -1, -1], np.float32), np.float32)


def _facing(triangles: np.ndarray) -> np.ndarray:
    """Wind triangles counter-clockwise as seen from outside, as those programs expect."""
    return np.asarray(triangles[:, ::-1])
