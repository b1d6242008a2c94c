"""Params of readers that take videos: layout, columns, and which frames are taken."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section, Seed
from pipeline.types import Band, Split

Column = Annotated[str, Field(min_length=1)]
FileStem = Annotated[str, Field(pattern=r"^[^/\\]+$")]

BANDS = {
    "VIS-500m": Band.VIS,
    "SWIR-30m": Band.SWIR,
    "MWIR-30m": Band.MWIR,
    "LWIR-30m": Band.LWIR,
}
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
            raise ValueError(f"column {doubled} stands for more than one thing")
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


class ScenesParams(Section):
    """The sample's scenes: videos of several people in the layout of reader ``ijb_mdf``."""

    dataset: Name = "scenes"
    """The data set that this source belongs to."""
    subjects: Annotated[int, Field(ge=4, le=200)]
    openpeople_subjects: Annotated[int, Field(ge=0, le=9)]
    """How many of them are people of OpenPeople; the others are procedural."""
    videos_per_gallery: Annotated[int, Field(ge=1, le=500)]
    """Media of each gallery in each band."""
    people_per_video: Annotated[int, Field(ge=1, le=8)]
    frames_per_video: Annotated[int, Field(ge=2, le=10_000)]
    frames_per_second: Annotated[float, Field(ge=1.0, le=60.0)]
    seed: Seed

    @model_validator(mode="after")
    def _castable(self) -> Self:
        each = self.subjects // 2
        if self.subjects % 2:
            raise ValueError(f"subjects: {self.subjects} do not split into two galleries alike")
        if self.openpeople_subjects > each:
            raise ValueError(f"openpeople_subjects: at most half of the {self.subjects} subjects")
        if self.people_per_video > each:
            raise ValueError(f"people_per_video: a gallery has {each} subjects")
        if self.videos_per_gallery * self.people_per_video < each:
            raise ValueError(
                f"videos_per_gallery × people_per_video has to reach the {each} subjects of a "
                "gallery, so that everybody is seen in each band"
            )
        return self
