"""Three-dimensional faces: the 468-point mesh, its dense position map, and the pose they give."""

from pipeline.face3d.map_codec import (
    decode_position_map,
    encode_mesh_map,
    encode_position_map,
)
from pipeline.face3d.mesh import FaceMesh, disagreement_percent, five_points
from pipeline.face3d.pose import pose_deg
from pipeline.face3d.position_map import (
    MAP_PX,
    canonical_map,
    five_points_of_map,
    grid_triangles,
    map_normals,
    map_pose_deg,
    map_visibility,
    mesh_of_position_map,
    position_map_of_mesh,
    transform_map,
    uv_texture,
    valid_texels,
    visible_fraction,
)
from pipeline.face3d.uv import face_uv

__all__ = [
    "FaceMesh",
    "MAP_PX",
    "canonical_map",
    "decode_position_map",
    "disagreement_percent",
    "encode_mesh_map",
    "encode_position_map",
    "face_uv",
    "five_points",
    "five_points_of_map",
    "grid_triangles",
    "map_normals",
    "map_pose_deg",
    "map_visibility",
    "mesh_of_position_map",
    "pose_deg",
    "position_map_of_mesh",
    "transform_map",
    "uv_texture",
    "valid_texels",
    "visible_fraction",
]
