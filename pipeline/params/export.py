"""Exports that are stages: ``exports`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Section, Seed, Several, one_of
from pipeline.types import Split


class ExportParams(Section):
    """One export: which rows of which stage go where, in which format."""

    source: Annotated[str, Field(min_length=1)]
    """Folder of a stage's output."""
    format: Annotated[str, one_of("pipeline.exporters:EXPORTERS")]
    to: Annotated[str, Field(min_length=1)]
    """Folder to make, as a path or any URL that fsspec knows; an export that stands there goes."""
    where: str | None = None
    """SQL condition that rows have to fulfil."""
    splits: Several[Split] = ()
    """Splits to take; all without any."""
    columns: Several[str] = ()
    """Columns to take; all without any."""
    image: str = "image"
    """Column that is the format's image."""
    pairs: Annotated[int, Field(ge=2, le=1_000_000)] = 6000
    """Number of pairs of ``lfw_bin``."""
    seed: Seed = 0
    """Seed of these pairs, and of the order of ``dali``."""
    mix: Several[Literal["band", "split"]] = ()
    """Of ``lfw_bin``: what its rows may differ in."""
