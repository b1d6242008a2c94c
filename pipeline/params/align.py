"""Params of the stage ``align``."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Fraction, Interpolation, Name, Point, Section, names_in
from pipeline.types import Band


class TemplateParams(Section):
    """A user's own five-landmark template."""

    height_px: Annotated[int, Field(ge=16, le=4096)]
    width_px: Annotated[int, Field(ge=16, le=4096)]
    landmarks_xy: tuple[Point, Point, Point, Point, Point]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """Refuse another order than ours: no similarity would take a face there."""
        (left, eye), (right, other_eye), _, (corner, mouth), (other_corner, other) = (
            self.landmarks_xy
        )
        if not (left < right and corner < other_corner and max(eye, other_eye) < min(mouth, other)):
            raise ValueError(
                f"landmarks_xy {[list(point) for point in self.landmarks_xy]}: expected the eye on "
                "the image's left, the other eye, the nose's tip, the corner of the mouth on the "
                "image's left, the other one, each as [x, y] with y down"
            )
        return self


BuiltInTemplate = Literal["arcface112", "arcface144", "lightcnn144", "dmfr137x169"]


class AlignParams(Section):
    """Choice of the face and its one warp into the template."""

    template: Annotated[BuiltInTemplate | Name, NEUTRAL]
    """The one that is chosen counts as it is defined, not by its name alone."""
    templates: Annotated[dict[Name, TemplateParams], NEUTRAL]
    face: Literal["largest", "most_central", "highest_score", "only", "annotated", "all"]
    interpolation: Interpolation
    border: Literal["constant", "replicate", "reflect"]
    min_interocular_px: Annotated[float, Field(ge=0.0, le=1000.0)]
    min_mesh_presence: Fraction
    band_min_mesh_presence: dict[Band, Fraction]
    """By band, where the mesh's points align: below it they lie elsewhere more often than not."""
    max_outside_fraction: Fraction
    context_jpeg_quality: Annotated[int, Field(ge=50, le=100)]

    @model_validator(mode="after")
    def _template_known(self) -> Self:
        known = [*get_args(BuiltInTemplate), *self.templates]
        if self.template not in known:
            raise ValueError(f"template {self.template!r} is none of {known}")
        if taken := self.templates.keys() & {
            *names_in("pipeline.ops.templates:ALIGNMENT_TEMPLATES")
        }:
            raise ValueError(f"templates {sorted(taken)} are built in; choose other names")
        return self
