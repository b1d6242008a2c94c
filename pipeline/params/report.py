"""Params of the stage ``report``."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Section


class ReportParams(Section):
    """How much the pages of the report show; what they count, they count of all rows."""

    images: Annotated[int, Field(ge=0, le=2000)]
    """Samples on the page of a stage."""
    rejected: Annotated[int, Field(ge=0, le=2000)]
    """Rejected samples beside these."""
