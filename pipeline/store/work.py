"""Work that executors run, and what a worker tells of it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.errors import StageError
from pipeline.store.progress import Advance

Task = Any
Result = Any
Start = Callable[[], None]

_STALL_SECONDS = 3600


@dataclass(frozen=True)
class Work:
    """What is to be run; the function and ``start`` have to be picklable.

    Attributes:
        function: what is done with each task.
        tasks: one each for the function.
        start: run once in each worker, before its first task.
        advance: where the rows arrive that workers tell ``report_progress``.
    """

    function: Callable[[Task], Result]
    tasks: Sequence[Task]
    start: Start
    advance: Advance


class Executor(Protocol):
    """Runs work: on its own terms where, in what order, and by how many workers."""

    def run(self, work: Work) -> Iterator[Result]:
        """Yield results in any order; the first error ends the run."""


def stall_seconds_from_environment() -> float:
    """Return in how many seconds a worker has to finish a batch.

    Raises:
        StageError: the environment's value makes no sense.
    """
    text = os.environ.get("CROSSBAND_STALL_SECONDS") or str(_STALL_SECONDS)
    if not text.isdecimal() or int(text) < 1:
        raise StageError(f"CROSSBAND_STALL_SECONDS={text!r}: expected a whole number from 1")
    return float(text)


def report_progress(rows: int) -> None:
    """Tell whoever started this worker that so many rows are done."""
    _advance(rows)


def report_to(advance: Advance) -> None:
    """Choose who is told by ``report_progress`` in this process."""
    global _advance
    _advance = advance


def _nobody(_: int) -> None:
    """Take progress that nobody shows."""


_advance: Advance = _nobody
