"""What all sections of ``params.yaml`` share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NEUTRAL = "neutral"
"""Marks a key that can't change what is made: it stays out of fingerprints.

``batch_rows: Annotated[int, Field(ge=1, le=256), NEUTRAL]``.
"""

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Point = tuple[float, float]


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
