"""Batches drawn ahead by threads, in order: how many there are changes no batch."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

from pipeline.errors import StageError

T = TypeVar("T")
_THREADS = "CROSSBAND_LOADER_THREADS"


def loader_threads() -> int:
    """Return how many threads the environment asks for; two by default.

    Raises:
        StageError: the value makes no sense.
    """
    value = os.environ.get(_THREADS) or "2"
    if not value.isdecimal():
        raise StageError(f"{_THREADS}={value!r}: expected a whole number from 0")
    return int(value)


class Batches(Generic[T]):
    """An iterator over batches; leaving its context stops the threads.

    Attributes:
        waited_s: seconds that whoever takes the batches has waited for them.
    """

    def __init__(self, draw: Callable[[int], T], numbers: range, threads: int) -> None:
        self.waited_s = 0.0
        self._draw, self._numbers = draw, iter(numbers)
        self._pool = ThreadPoolExecutor(threads, "batches") if threads else None
        self._ahead: deque[Future[T]] = deque()
        if self._pool is not None:
            for _ in range(2 * threads):
                self._submit(self._pool)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        start = time.perf_counter()
        try:
            if self._pool is None:
                return self._draw(next(self._numbers))
            if not self._ahead:
                self.close()
                raise StopIteration
            batch = self._ahead.popleft().result()
            self._submit(self._pool)
            return batch
        finally:
            self.waited_s += time.perf_counter() - start

    def close(self) -> None:
        """Stop the threads, after the batches that they are at."""
        self._ahead.clear()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        for number in self._numbers:
            self._ahead.append(pool.submit(self._draw, number))
            return


def batches(draw: Callable[[int], T], numbers: range, threads: int) -> Batches[T]:
    """Draw batches ahead, at most two for each thread.

    Args:
        draw: makes the batch of a number; a pure function of it, as threads call it in any order.
        numbers: of the batches that are wanted.
        threads: that draw; 0 draws when a batch is asked for. Any number gives the same batches.

    Returns:
        The batches in order. What ``draw`` raises comes at the batch's turn.
    """
    return Batches(draw, numbers, threads)
