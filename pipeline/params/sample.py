"""Params of the stage ``sample``: one section for each source of the embedded sample."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Bands, Fraction, Name, Section, Seed


class OpenPeopleParams(Section):
    """The sample's photographs and their simulated bands."""

    dataset: Name = "sample"
    """The data set that this source belongs to."""
    bands: Bands
    subjects: Annotated[int, Field(ge=1, le=9), NEUTRAL]
    """How many there are changes none of them."""
    max_side_px: Annotated[int, Field(ge=128, le=2752)]
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    seed: Seed


class ProceduralParams(Section):
    """Rendered people whose ground truth is known exactly."""

    dataset: Name = "sample"
    """The data set that this source belongs to."""
    bands: Bands
    subjects: Annotated[int, Field(ge=1, le=9999), NEUTRAL]
    """How many there are changes none of them."""
    validation_subjects: Annotated[int, Field(ge=0, le=9999), NEUTRAL]
    test_subjects: Annotated[int, Field(ge=0, le=9999), NEUTRAL]
    images: Annotated[int, Field(ge=1, le=100)]
    side_px: Annotated[int, Field(ge=160, le=1024)]
    max_yaw_deg: Annotated[float, Field(ge=0.0, le=90.0)]
    glasses_share: Fraction
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    seed: Seed

    @model_validator(mode="after")
    def _possible(self) -> Self:
        held_out = self.validation_subjects + self.test_subjects
        if held_out > self.subjects:
            raise ValueError(
                f"validation_subjects and test_subjects ask for {held_out} people, "
                f"but subjects is {self.subjects}"
            )
        return self


class ScenesParams(Section):
    """The sample's scenes: videos of several people in the layout of reader ``ijb_mdf``."""

    dataset: Name = "scenes"
    """The data set that this source belongs to."""
    subjects: Annotated[int, Field(ge=4, le=1000)]
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
            raise ValueError(
                f"subjects: expected an even number, for two galleries, got {self.subjects}"
            )
        if self.openpeople_subjects > each:
            raise ValueError(
                f"openpeople_subjects: expected {each} or fewer, half of the {self.subjects} "
                f"subjects, found {self.openpeople_subjects}"
            )
        if self.people_per_video > each:
            raise ValueError(
                f"people_per_video: expected {each} or fewer, as a gallery has {each} subjects, "
                f"found {self.people_per_video}"
            )
        if self.videos_per_gallery * self.people_per_video < each:
            raise ValueError(
                f"videos_per_gallery × people_per_video has to reach the {each} subjects of a "
                "gallery, so that everybody is seen in each band"
            )
        return self


class SampleParams(Section):
    """The sources of the embedded sample data set, one stage each; ``{}`` makes none."""

    openpeople: OpenPeopleParams | None = None
    scenes: ScenesParams | None = None
    procedural: ProceduralParams | None = None
    pretraining: ProceduralParams | None = None
    """More people, of a data set of their own, for what methods start from."""

    @model_validator(mode="after")
    def _other_people(self) -> Self:
        both = self.procedural, self.pretraining
        if both[0] and both[1] and both[0].seed == both[1].seed:
            raise ValueError(
                f"procedural and pretraining both have seed {both[0].seed}, and would make the "
                "same people: give them different seeds"
            )
        if both[1] and both[0] and both[0].dataset == both[1].dataset:
            raise ValueError("pretraining.dataset: expected a name other than procedural's")
        return self
