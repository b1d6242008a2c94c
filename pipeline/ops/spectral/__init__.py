"""Simulated bands."""
from pipeline.ops.spectral.guided import guided_upsample
from pipeline.ops.spectral.scene import Scene
