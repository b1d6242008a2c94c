"""MediaPipe's canonical face: 468 vertices, 898 triangles (see ``canonical_face.md``)."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).with_name("canonical_face.npz")


@cache
def canonical_vertices() -> NDArray[np.float64]:
    """Return the vertices in the frame of an image, float64 (468, 3), centimetres, read-only.

    x points to the image's right (the subject's left), y down, z away from the camera; the face
    looks into the camera. It is the file's frame (y up, z out of the face) turned by 180° about x.
    """
    with np.load(_FILE) as file:
        vertices: NDArray[np.float64] = file["v"][:, :3].astype(np.float64) * (1.0, -1.0, -1.0)
    vertices.setflags(write=False)
    return vertices


@cache
def canonical_texture() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the canonical face's uv, (468, 2) in [0, 1] with v down, and triangles, (898, 3)."""
    with np.load(_FILE) as file:
        uv, triangles = file["v"][:, 3:5].astype(np.float64), file["f"].astype(np.int64)
    uv.setflags(write=False)
    triangles.setflags(write=False)
    return uv, triangles
