"""What all sections of ``params.yaml`` share."""

from importlib import import_module
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from pipeline.types import Band

NEUTRAL = "neutral"
"""Marks a key that can't change what is made: it stays out of fingerprints.

``batch_rows: Annotated[int, Field(ge=1, le=256), NEUTRAL]``.
"""

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Device = Literal["cpu", "cuda", "auto"]
"""``auto`` is a GPU where torch sees one."""
Precision = Literal["auto", "float32", "bfloat16"]
"""``auto`` is bfloat16 where the device computes it natively."""
Interpolation = Literal["nearest", "linear", "area", "cubic", "lanczos"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
NAME_PATTERN = r"^[a-z0-9][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
SHA256_PATTERN = r"^[0-9a-f]{64}$"
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN)]
ONNX_PATTERN = r"(?i)\.onnx$"
Point = tuple[FiniteFloat, FiniteFloat]


def _all_different(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(
            f"a seed is listed twice in {list(seeds)}: name each once: one that counts twice "
            "does not show how far results scatter"
        )
    return seeds


Seeds = Annotated[tuple[Seed, ...], AfterValidator(_all_different)]
"""Seeds of several trainings that are compared."""


Item = TypeVar("Item")


def _each_once(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if twice := [item for place, item in enumerate(items) if item in items[:place]]:
        raise ValueError(f"{twice[0]} is named twice: expected each once")
    return items


Several = Annotated[tuple[Item, ...], AfterValidator(_each_once)]
"""Any number, each once: what is named twice would count twice, or train anew for nothing."""
SomeOf = Annotated[Several[Item], Field(min_length=1)]
"""One or more, each once."""
Bands = SomeOf[Band]
Folds = Several[Annotated[int, Field(ge=1)]]
"""Numbers of a protocol's folds, counted from 1."""


def names_in(registry: str) -> list[str]:
    """Return the names of a registry.

    Args:
        registry: module and name of a dict, as ``"pipeline.readers:READERS"``. It is imported when
            a value is checked, as its entries are when one is used: no layer above is imported
            here.
    """
    module, _, attribute = registry.partition(":")
    return [*getattr(import_module(module), attribute)]


def one_of(registry: str, *others: str) -> AfterValidator:
    """Accept the names of a registry: what can be chosen stands there, and nowhere again.

    Args:
        registry: see ``names_in``.
        others: names beside the registry's.
    """

    def check(name: str) -> str:
        known = [*names_in(registry), *others]
        if name not in known:
            raise ValueError(f"expected one of {', '.join(map(repr, known))}")
        return name

    return AfterValidator(check)


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)


class CheckpointParams(Section):
    """A network that was trained elsewhere."""

    path: Annotated[str, Field(min_length=1), NEUTRAL]
    sha256: Sha256
