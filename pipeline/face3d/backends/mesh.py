"""Back end ``mesh``: the 468 points that ``detect`` found, spread over the texture."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.face3d.backends import Reconstruct
from pipeline.face3d.map_codec import encode_mesh_map

WEIGHTS = ()
"""It opens nothing."""


def make(weights: Mapping[str, Path], device: str) -> Reconstruct:
    """Build the back end, which has no network."""
    return lambda row: (row["mesh_xyz"], encode_mesh_map(row["mesh_xyz"]))
