"""Face embeddings, and what a crop tells about their worth."""

from pipeline.recognition.appearance import focus_measure, illumination
from pipeline.recognition.sface import CROP_HW, DIMENSIONS, SFace

__all__ = ["CROP_HW", "DIMENSIONS", "SFace", "focus_measure", "illumination"]
