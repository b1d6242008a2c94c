"""Signs of life: when each worker of a run last finished something, seen by who started them.

The signs lie in shared memory without a lock: each worker writes its own place, and one that is
killed at any moment can't leave a lock behind that the others wait for.
"""

import time
from multiprocessing import current_process
from multiprocessing.context import BaseContext
from typing import Any

_LONGEST_LOOK = 10.0
"""Seconds between two looks; after more this process itself was stopped, and its workers too."""


class Signs:
    """What the workers of one pool tell about themselves; goes to each of them once, as it starts.

    Times are of the monotonic clock, one for all processes, which nobody can set back.
    """

    def __init__(self, context: BaseContext, workers: int) -> None:
        self._rows: Any = context.RawArray("q", workers)
        self._since: Any = context.RawArray("d", workers)
        self._task: Any = context.RawArray("q", workers)
        self._looked = self._from = time.monotonic()

    def begin(self, task: int) -> None:
        """Tell, in a worker, that it works from now on; -1 stands for what it loads first."""
        self._task[self._place()] = task
        self._since[self._place()] = time.monotonic()

    def done(self, rows: int) -> None:
        """Tell, in a worker, that so many rows more are done."""
        self._rows[self._place()] += rows
        self._since[self._place()] = time.monotonic()

    def rest(self) -> None:
        """Tell, in a worker, that it waits for work."""
        self._since[self._place()] = 0.0

    def rows(self) -> int:
        """Return how many rows are done by all."""
        return sum(self._rows)

    def at_work(self) -> bool:
        """Tell whether a worker loads or works."""
        return any(self._since)

    def silent(self, seconds: float) -> int | None:
        """Return the task of a worker that works and gave no sign for so long, None if all do.

        Whoever started the workers asks every now and then.
        """
        now = time.monotonic()
        if now - self._looked > _LONGEST_LOOK:
            self._from = now
        self._looked = now
        for place, since in enumerate(self._since):
            if since and now - max(since, self._from) > seconds:
                return int(self._task[place])
        return None

    def _place(self) -> int:
        return int(current_process().name.rpartition("-")[2])  # its number in the pool
