"""What all sections of ``params.yaml`` share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Point = tuple[float, float]


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
