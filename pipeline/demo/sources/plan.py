"""What a source of images plans: the rows that the stage maps, and what makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.store.mapping import BatchFunction
from pipeline.types import Row

FindWeight = Callable[[str], Path]
"""From a name of ``weights.yaml`` to its verified file."""


@dataclass(frozen=True)
class Plan:
    """What a source plans to make.

    Attributes:
        rows: what is mapped, a unit of work each.
        make: builds the batch function in each worker.
    """

    rows: list[Row]
    make: Callable[[], BatchFunction]
