"""The embedded sample data set: where its people come from, and their simulated bands."""

from pipeline.samples.openpeople import (
    PICTURES_PER_SUBJECT,
    SPLITS,
    Frame,
    SourcePicture,
    frames_of,
    list_pictures,
    read_picture,
)
from pipeline.samples.simulate import BandSimulator

__all__ = [
    "PICTURES_PER_SUBJECT",
    "SPLITS",
    "BandSimulator",
    "Frame",
    "SourcePicture",
    "frames_of",
    "list_pictures",
    "read_picture",
]
