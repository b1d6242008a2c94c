"""Where a face's geometry comes from, by name.

A back end takes a row of the ``parts`` stage and returns the face's 468 points and its encoded
position map, both in pixels of the source image; it raises ValueError where the row does not hold
what it needs.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.face3d.map_codec import decode_position_map, encode_mesh_map, encode_position_map
from pipeline.face3d.position_map import mesh_of_position_map, position_map_of_mesh
from pipeline.types import Float32, Row

Reconstruct = Callable[[Row], tuple[Float32, bytes]]


def _mesh(weights: Mapping[str, Path]) -> Reconstruct:
    """The 468 points that ``detect`` found, spread over the texture."""
    return lambda row: (row["mesh_xyz"], encode_mesh_map(row["mesh_xyz"]))


def _ground_truth(weights: Mapping[str, Path]) -> Reconstruct:
    """What the data set knows of the face."""
    return lambda row: _described(ground_truth_map(row))


def _prnet(weights: Mapping[str, Path]) -> Reconstruct:
    from pipeline.face3d.prnet import PRNet  # brings torch: only who uses it waits for it

    network = PRNet(weights["prnet"], weights["prnet_uv_keypoints"])
    return lambda row: _described(network.of_row(row))


def _described(position_map: Float32) -> tuple[Float32, bytes]:
    return mesh_of_position_map(position_map), encode_position_map(position_map)


def ground_truth_map(row: Row) -> Float32:
    """Return a row's true position map, from its map or from its 468 points.

    Raises:
        ValueError: the row has neither.
    """
    if row.get("truth_position_map") is not None:
        return decode_position_map(row["truth_position_map"])
    if row.get("truth_mesh_xyz") is not None:
        return position_map_of_mesh(row["truth_mesh_xyz"])
    raise ValueError("the data set knows no true geometry of this face")


BACKENDS: dict[str, Callable[[Mapping[str, Path]], Reconstruct]] = {
    "mesh": _mesh,
    "prnet": _prnet,
    "truth": _ground_truth,
}
"""Back ends by name."""

BACKEND_WEIGHTS: dict[str, tuple[str, ...]] = {
    "mesh": (),
    "prnet": ("prnet", "prnet_uv_keypoints"),
    "truth": (),
}
"""What each opens, by names of ``weights.yaml``."""
