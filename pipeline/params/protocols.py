"""Section ``protocols``: which data sets have protocols, and how they are made."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Section, Seed
from pipeline.params.datasets import FileStem

Range = tuple[float, float]


class SubsetParams(Section):
    """A protocol made of another by a column: CP-IJB-C by yaw, CQ-IJB-C by quality."""

    of: Annotated[str, Field(min_length=1)]
    """Protocol to start from."""
    column: Annotated[str, Field(min_length=1)]
    """Column of the rows of ``ProtocolParams.rows``."""
    absolute: bool
    """Whether the value's sign is ignored, as of a yaw."""
    gallery_range: Range
    """Lowest and highest value that stays enrolled."""
    probe_range: Range
    """Lowest and highest value that stays a probe."""
    rule: Literal["media_first", "authors_2021"] = "media_first"
    """How listed pairs are measured: as ours, or as the authors of CP- and CQ-IJB-C did."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for name in ("gallery_range", "probe_range"):
            low, high = getattr(self, name)
            if not low < high:  # nor is NaN
                raise ValueError(f"{name}: the first has to be below the second")
        return self


class ProtocolParams(Section):
    """How one data set's protocols are made."""

    build: Literal["official", "cross_band", "band_templates"]
    """Official lists of the reader, or from the columns of rows."""
    rows: Name
    """Stage whose rows give the columns."""
    seed: Seed
    """Of ``cross_band``: deals a subject's shots out to gallery and probes."""
    pairs: dict[Name, FileStem] = Field(default_factory=dict)
    """Further protocols, by name: CSVs of pairs below the data set's root."""
    galleries: dict[Name, FileStem] = Field(default_factory=dict)
    """Further ones: CSVs of a gallery and its probes."""
    subset: dict[Name, SubsetParams]
    """Further protocols, by name."""

    @property
    def own_lists(self) -> frozenset[str]:
        """The user's own lists that make some of the protocols, by their names below the root."""
        return frozenset((*self.pairs.values(), *self.galleries.values()))
