"""Params of the stage ``ingest``."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.params.base import Section


class IngestParams(Section):
    """What is taken in from a data set's folder."""

    max_megapixels: Annotated[float, Field(gt=0.0, le=1000.0)]
    tone_percentiles: tuple[
        Annotated[float, Field(ge=0.0, le=100.0)], Annotated[float, Field(ge=0.0, le=100.0)]
    ]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.tone_percentiles[0] >= self.tone_percentiles[1]:
            raise ValueError("tone_percentiles: the first has to be below the second")
        return self
