"""Back end ``truth``: what the data set knows of the face."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.face3d.backends import Reconstruct
from pipeline.face3d.map_codec import decode_position_map, encode_position_map
from pipeline.face3d.position_map import mesh_of_position_map, position_map_of_mesh
from pipeline.types import Float32, Row

WEIGHTS = ()
"""It opens nothing."""


def make(weights: Mapping[str, Path], device: str) -> Reconstruct:
    """Build the back end, which has no network."""

    def reconstruct(row: Row) -> tuple[Float32, bytes]:
        position_map = truth_map(row)
        return mesh_of_position_map(position_map), encode_position_map(position_map)

    return reconstruct


def truth_map(row: Row) -> Float32:
    """Return a row's true position map, from its map or from its 468 points.

    Raises:
        ValueError: the row has neither.
    """
    if row.get("truth_position_map") is not None:
        return decode_position_map(row["truth_position_map"])
    if row.get("truth_mesh_xyz") is not None:
        return position_map_of_mesh(row["truth_mesh_xyz"])
    raise ValueError("the data set has no ground-truth geometry of this face")
