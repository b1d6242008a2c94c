"""Faces of lower quality, by named generators.

``cyclegan`` is a network trained by the stage ``train_degrader``; ``photometric`` imitates what an
atmosphere, a lens, a sensor and a codec do. Both work in one frame: the loose crop at about the
scale of an aligned face.
"""

from pipeline.synthesis.degrade.frame import frame_of
from pipeline.synthesis.degrade.photometric import (
    degrade_photometric,
    draw_degradation,
)
from pipeline.synthesis.degrade.rows import quality_row
from pipeline.synthesis.degrade.untrained import leave_note, read_note, remove_note

GENERATORS = ("cyclegan", "photometric")
"""Names that stand in the column ``generator``."""
__all__ = [
    "GENERATORS",
    "degrade_photometric",
    "draw_degradation",
    "frame_of",
    "quality_row",
    "leave_note",
    "read_note",
    "remove_note",
]
