"""Section ``datasets``: where each data set lies and how its reader takes it in."""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from pipeline.params.base import Section, one_of
from pipeline.types import Band, Split

Column = Annotated[str, Field(min_length=1)]


FileStem = Annotated[str, Field(pattern=r"^[^/\\]+$")]


BANDS = {
    "VIS-500m": Band.VIS,
    "SWIR-30m": Band.SWIR,
    "MWIR-30m": Band.MWIR,
    "LWIR-30m": Band.LWIR,
}


FREE = ("folder", "shards", "ijb_mdf")
"""Readers of layouts that anybody may fill: nothing is published of what they hold."""


GALLERIES = {"gallery-1": Split.TRAIN, "gallery-2": Split.TEST}


class IjbMdfColumns(Section):
    """Names of the annotations' columns; IJB-C's by default."""

    subject: Column = "SUBJECT_ID"
    file: Column = "FILENAME"
    frame: Column = "FRAME_NUM"
    face_x: Column = "FACE_X"
    face_y: Column = "FACE_Y"
    face_width: Column = "FACE_WIDTH"
    face_height: Column = "FACE_HEIGHT"
    body_x: Column = "BODY_X"
    body_y: Column = "BODY_Y"
    body_width: Column = "BODY_WIDTH"
    body_height: Column = "BODY_HEIGHT"

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = list(self.model_dump().values())
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"column {doubled} is given for more than one thing")
        return self


class IjbMdfParams(Section):
    """Layout of an IJB-MDF folder, and which of its frames are taken."""

    bands: dict[FileStem, Band] = Field(default_factory=lambda: dict(BANDS), min_length=1)
    """Band by folder of media; the folder's name becomes ``camera_id``."""
    galleries: dict[FileStem, Split] = Field(default_factory=lambda: dict(GALLERIES))
    """Split by list of subjects, ``<name>.csv``."""
    annotations: Column = "annotations/*.csv"
    """Glob of the tables of boxes, below the root."""
    columns: IjbMdfColumns = IjbMdfColumns()
    frame_base: Literal[0, 1] = 0
    """Number of a media's first frame in the tables."""
    frame_stride: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Take every n-th frame."""
    max_frames_per_subject: Annotated[int, Field(ge=1)] | None = None
    """Frames of a subject in a band, spread over all it has; None takes all."""
    segment_frames: Annotated[int, Field(ge=1, le=1024)] = 32
    """Frames of a media that are decoded, kept and resumed as one."""
    frame_format: Literal["jpeg", "png"] = "jpeg"
    """How decoded frames are stored."""
    frame_jpeg_quality: Annotated[int, Field(ge=50, le=100)] = 95


class HeatParams(Section):
    """How a data set's MWIR and LWIR images store heat; they become grey, hot is bright."""

    palette: Annotated[str, one_of("pipeline.ops.palettes:PALETTES", "auto", "none")] = "auto"
    """False colours of 8-bit images; ``none`` keeps them."""
    unit: Literal["celsius", "kelvin", "decikelvin", "centikelvin"] | None = None
    """Of images of more than 8 bits."""
    span_c: tuple[FiniteFloat, FiniteFloat] | None = None
    """What becomes black and white, °C; None: ``ingest.tone_percentiles`` of each image."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.span_c is not None and self.span_c[0] >= self.span_c[1]:
            raise ValueError("span_c: the first has to be below the second")
        return self


class DatasetParams(Section):
    """One data set: where it lies and how it is read."""

    reader: Annotated[str, one_of("pipeline.readers:READERS")]
    root: Annotated[str, Field(min_length=1)]
    band: Band = Band.VIS
    """Band of images whose listing names none."""
    split: Split | None = None
    """Split of images whose listing names none."""
    licence: str | None = None
    """Licence of images whose listing names none."""
    simulated: bool = False
    """Whether a program made the images."""
    list: FileStem | None = None
    """Of reader ``folder`` alone: a CSV below the root that names the images."""
    pseudonyms: bool = False
    """Of reader ``folder`` alone: a keyed hash stands for each subject, session and file name."""
    shards: Annotated[int, Field(ge=1, le=65_536)]
    ijb_mdf: IjbMdfParams | None = None
    """Of reader ``ijb_mdf`` alone; None means its defaults."""
    heat: HeatParams | None = None
    """Of images in MWIR and LWIR; None takes them as any others."""
    aligned: str | None = None
    """Alignment template that all images are crops of: its landmarks are taken for theirs. One
    that places five, built in or of ``align.templates``."""

    @model_validator(mode="after")
    def _of_its_reader(self) -> Self:
        if self.heat and self.reader == "ijb_mdf":
            raise ValueError("heat: videos store no temperatures; leave it out")
        if self.ijb_mdf and self.reader != "ijb_mdf":
            raise ValueError(f"ijb_mdf: reader {self.reader!r} does not use this; leave it out")
        if self.list and self.reader != "folder":
            raise ValueError(f"list: reader {self.reader!r} does not use this; leave it out")
        if self.pseudonyms and self.reader != "folder":
            raise ValueError(f"pseudonyms: reader {self.reader!r} does not use this; leave it out")
        return self


class ChosenDataset(Section):
    """A data set that a family of stages takes; it has no params of its own there."""
