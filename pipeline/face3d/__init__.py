"""Three-dimensional faces: the 468-point mesh and the head pose it gives."""

from pipeline.face3d.mesh import FaceMesh, five_points
from pipeline.face3d.pose import pose_deg
from pipeline.face3d.uv import face_uv

__all__ = ["FaceMesh", "face_uv", "five_points", "pose_deg"]
