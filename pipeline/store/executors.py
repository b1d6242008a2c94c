"""Executors: who runs a stage's shards. They can't change the result, so they are no params.

Environment: ``CROSSBAND_EXECUTOR`` (``processes``, ``serial`` or ``ray``), ``CROSSBAND_WORKERS``
(default: the cores this process may use, or what a Ray cluster has room for),
``CROSSBAND_STALL_SECONDS`` (in which a worker has to finish a batch).
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context, util
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from pipeline.errors import CrossbandError, StageError
from pipeline.process import die_with_parent, end_orderly, limit_threads
from pipeline.store.signs import Signs
from pipeline.store.work import (
    Executor,
    Result,
    Start,
    Task,
    Work,
    report_to,
    stall_seconds_from_environment,
)

_POLL_SECONDS = 0.25
_LOADING = -1
_LATE_SECONDS = 5.0


@dataclass(frozen=True)
class Serial:
    """Runs in this process, one task after the other: for debugging and for tests."""

    workers: int = 1

    def run(self, work: Work) -> Iterator[Result]:
        """See ``Executor``."""
        if work.tasks:
            _begin(work)
            yield from map(work.function, work.tasks)


@dataclass(frozen=True)
class Threads:
    """Runs in threads of this process: where little is computed, and much read and written.

    What the function computes it has to do in turns.
    """

    workers: int = 2

    def run(self, work: Work) -> Iterator[Result]:
        """See ``Executor``."""
        if not work.tasks:
            return
        _begin(work)
        pool = ThreadPoolExecutor(self.workers)
        try:
            yield from pool.map(work.function, work.tasks)
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(work: Work) -> None:
    """Make this process the worker."""
    report_to(work.advance)
    work.start()


class _Workers:
    """A context that knows the workers of one pool from all other children of this process."""

    def __init__(self, context: BaseContext) -> None:
        self._context = context
        self._made: list[BaseProcess] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def Process(self, **options: Any) -> BaseProcess:  # noqa: N802
        """Make a worker, as the pool asks for one; its name ends in its number in the pool."""
        make: Any = self._context
        worker: BaseProcess = make.Process(name=f"worker-{len(self._made)}", **options)
        self._made.append(worker)
        return worker

    @property
    def started(self) -> list[BaseProcess]:
        """The workers that were started."""
        return [worker for worker in self._made if worker.pid is not None]


def _end_late(workers: Sequence[BaseProcess]) -> None:
    """End workers after all work, as one still loads: it may hang, and the pool would wait."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(_LATE_SECONDS)
        worker.kill()


@dataclass(frozen=True)
class Processes:
    """Runs in spawned processes of one thread each.

    Attributes:
        workers: how many at most.
        stall_seconds: a worker that finishes no batch for so long hangs, and ends the run.
    """

    workers: int
    stall_seconds: float = field(default_factory=stall_seconds_from_environment)

    def run(self, work: Work) -> Iterator[Result]:
        """See ``Executor``.

        What ``start`` can't have in a worker is raised here as itself.

        Raises:
            StageError: a worker died, most often for want of memory, or hangs.
        """
        if not work.tasks:
            return
        context: Any = _Workers(get_context("spawn"))
        workers = min(self.workers, len(work.tasks))
        signs = Signs(context, workers)
        seen = 0
        pool = ProcessPoolExecutor(
            max_workers=workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(os.getpid(), work.start, signs),
        )
        try:
            waiting = {
                pool.submit(_work, work.function, task, n) for n, task in enumerate(work.tasks)
            }
            while waiting:
                done, waiting = wait(waiting, _POLL_SECONDS, FIRST_COMPLETED)
                rows = signs.rows()
                work.advance(rows - seen)
                seen = rows
                yield from (future.result() for future in done)
                self._check(signs, work.tasks, context.started)
            if signs.at_work():
                _end_late(context.started)
        except BrokenProcessPool as error:
            raise StageError(
                "a worker process died (killed, or out of memory). Finished shards are kept: "
                "run the stage again, with fewer workers (CROSSBAND_WORKERS=1) if memory is "
                "short; CROSSBAND_EXECUTOR=serial shows an error of the code itself"
            ) from error
        except BaseException:
            for worker in context.started:  # else an error waits for shards half an hour long
                worker.terminate()
            raise
        finally:
            # Waits: a worker that still starts needs what this function shares with it.
            pool.shutdown(cancel_futures=True)

    def _check(self, signs: Signs, tasks: Sequence[Task], workers: Sequence[BaseProcess]) -> None:
        """End all workers where one of them hangs: it may hear no milder signal.

        Raises:
            StageError: one does.
        """
        if (silent := signs.silent(self.stall_seconds)) is None:
            return
        for worker in workers:
            worker.kill()
        where = "as it loaded its networks" if silent == _LOADING else f"at {tasks[silent]!s:.200}"
        raise StageError(
            f"a worker process hung {where}: expected a batch in {self.stall_seconds:.0f} s, found "
            "no sign of life. Finished shards are kept: run the stage again, with a higher "
            "CROSSBAND_STALL_SECONDS if batches take that long here"
        )


def _serial(_: int | None) -> Executor:
    return Serial()


def _processes(workers: int | None) -> Executor:
    return Processes(workers or len(os.sched_getaffinity(0)))


def _ray(workers: int | None) -> Executor:
    from pipeline.store.ray_actors import RayActors

    return RayActors(
        workers,
        cpus=_number("CROSSBAND_RAY_CPUS", 1.0),
        gpus=_number("CROSSBAND_RAY_GPUS", 0.0),
    )


EXECUTORS: dict[str, Callable[[int | None], Executor]] = {
    "serial": _serial,
    "processes": _processes,
    "ray": _ray,
}


def executor_from_environment() -> Executor:
    """Return the executor that the environment asks for.

    Raises:
        StageError: a value makes no sense.
    """
    name = os.environ.get("CROSSBAND_EXECUTOR", "processes")
    workers = os.environ.get("CROSSBAND_WORKERS") or None
    if name not in EXECUTORS:
        raise StageError(f"CROSSBAND_EXECUTOR={name!r}: expected one of {sorted(EXECUTORS)}")
    if workers is not None and (not workers.isdecimal() or int(workers) < 1):
        raise StageError(f"CROSSBAND_WORKERS={workers!r}: expected a whole number from 1")
    return EXECUTORS[name](None if workers is None else int(workers))


def _number(name: str, usual: float) -> float:
    text = os.environ.get(name) or str(usual)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise StageError(f"{name}={text!r}: expected a number from 0")
    return value


_signs: Signs
_failed: Exception | None = None
"""What this worker's start raised: its first task tells, as a pool says of a start no cause."""


def _start_worker(parent: int, start: Start, signs: Signs) -> None:
    global _signs
    _signs = signs
    report_to(signs.done)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends its workers
    signal.signal(signal.SIGTERM, end_orderly)
    _ended(partial(_load, parent, start))


def _load(parent: int, start: Start) -> None:
    global _failed
    limit_threads()
    die_with_parent(parent)
    # After all other finalizers: to take torch apart takes half a second, and the pool waits.
    util.Finalize(None, _leave, exitpriority=-1000)
    _signs.begin(_LOADING)
    try:
        start()
    except (CrossbandError, ModuleNotFoundError, MemoryError, OSError) as error:
        _failed = error
    _signs.rest()


def _work(function: Callable[[Task], Result], task: Task, number: int) -> Result:
    """Run one task, and tell so."""
    if _failed is not None:
        raise _failed
    _signs.begin(number)
    result = _ended(partial(function, task))
    _signs.rest()
    return result


def _ended(function: Callable[[], Result]) -> Result:
    """Run something; where a signal ends it, end this process, which the pool would keep."""
    try:
        return function()
    except SystemExit:
        os._exit(128 + signal.SIGTERM)


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
