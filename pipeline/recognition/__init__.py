"""Face embeddings, and what a crop tells about their worth."""

from pipeline.recognition.appearance import focus_measure, illumination

__all__ = ["focus_measure", "illumination"]
