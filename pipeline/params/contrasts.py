"""Contrasts of ablations: claims about two rows that get a verdict."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from pipeline.params.base import Name, Section


class ContrastParams(Section):
    """A claim that one row is better than another."""

    claim: Annotated[str, Field(min_length=1)]
    better: Name
    worse: Name
    probes: Annotated[str, Field(min_length=1)]
    """What both are tested on."""


def check_contrasts(
    contrasts: Mapping[str, ContrastParams], probes: Mapping[str, Iterable[str]]
) -> None:
    """Refuse claims about what is not tested.

    Args:
        contrasts: by name.
        probes: what each row is tested on.

    Raises:
        ValueError: a row is missing, or not tested on these probes.
    """
    for name, contrast in contrasts.items():
        for row in (contrast.better, contrast.worse):
            if row not in probes:
                raise ValueError(f"contrasts.{name}: {row!r} is none of the rows {list(probes)}")
            if contrast.probes not in probes[row]:
                raise ValueError(
                    f"contrasts.{name}.probes: {row} is tested on {list(probes[row])}, not on "
                    f"{contrast.probes!r}"
                )
