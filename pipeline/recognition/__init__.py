"""Face embeddings, and what a crop tells about their worth."""

from pipeline.recognition.appearance import illumination, sharpness
from pipeline.recognition.sface import CROP_HW, DIMENSIONS, SFace

__all__ = ["CROP_HW", "DIMENSIONS", "SFace", "illumination", "sharpness"]
