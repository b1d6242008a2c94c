"""Faces turned to other poses: a head that is unwrapped once and drawn as often as one likes."""

from pipeline.synthesis.poses.render import PosableHead, posable_head
from pipeline.synthesis.poses.rows import FacePoser, pose_name

GENERATOR = "head_mesh"
"""Name that stands in the column ``generator``."""

__all__ = ["GENERATOR", "FacePoser", "PosableHead", "posable_head", "pose_name"]
