"""Params of the stage ``crops``."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Section


class CropsParams(Section):
    """The faces of a data set once more, by another template than ``align`` has."""

    dataset: Annotated[str, Field(min_length=1)]
    template: Annotated[str, Field(min_length=1)]
    """One that ``align`` could choose: built in, or of ``align.templates``."""
