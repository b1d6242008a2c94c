"""Executor ``ray``: a stage's shards on plain Ray Core actors, on one machine or a whole cluster.

Each actor loads what its stage needs once and works on one shard after the other. Ray restarts and
repeats nothing here (``max_restarts`` and ``max_task_retries`` are 0): an actor that dies or stands
still is replaced by this driver, which gives its shard to the next one that is ready, so that a
lost node makes the run slower and no more. What the driver knows is only what lies in the output:
one that is killed is simply run again.

Environment: ``RAY_ADDRESS`` (the cluster; without it one is started on this machine),
``CROSSBAND_WORKERS`` (actors; by default as many as the cluster has room for),
``CROSSBAND_RAY_CPUS`` (1) and ``CROSSBAND_RAY_GPUS`` (0) of each actor, parts allowed,
``CROSSBAND_STALL_SECONDS`` (3600) without a finished row after which an actor is given up.
All nodes need the same installation, and the project's folder at the same path.

Reference:
    https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html
"""

import logging
import math
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import StageError, one_line
from pipeline.process import limit_threads
from pipeline.store.work import Result, Start, Task, Work, report_to, stall_seconds_from_environment

log = logging.getLogger(__name__)

TRIES = 4
"""How many actors may die on a shard, or one after the other at their start."""

_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 60.0
_OBJECT_STORE_BYTES = 128 << 20
"""Of a cluster on this machine: shards go by files, so next to nothing lies there."""


@dataclass(frozen=True)
class RayActors:
    """Runs in actors; see the module.

    Attributes:
        workers: actors; None for as many as the cluster has room for.
        cpus: processors that Ray reserves for each.
        gpus: GPUs that Ray reserves for each; with 0 an actor sees none.
        stall_seconds: an actor that finishes no row for so long is given up.
    """

    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    stall_seconds: float = field(default_factory=stall_seconds_from_environment)

    def run(self, work: Work) -> Iterator[Result]:
        """See ``Executor``.

        Raises:
            StageError: ``TRIES`` actors died or stood still on a shard, or at their start.
        """
        if not work.tasks:
            return
        with _connected(self) as room:
            count = min(self.workers or room, len(work.tasks))
            run = _Run(self, work)
            try:
                yield from run.results(count)
            finally:
                run.end()


@contextmanager
def _connected(wanted: RayActors) -> Iterator[int]:
    """Connect to the cluster, or start one here; yields for how many actors there is room."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray reports to its makers otherwise
    import ray

    mine = not ray.is_initialized()
    if mine:
        quiet = {"logging_level": logging.WARNING}
        if "RAY_ADDRESS" in os.environ:
            ray.init(address=os.environ["RAY_ADDRESS"], **quiet)
        else:
            cores = (wanted.workers or len(os.sched_getaffinity(0))) * max(wanted.cpus, 1)
            ray.init(
                address="local",
                num_cpus=math.ceil(cores),
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                **quiet,
            )
    try:
        there = ray.cluster_resources()
        rooms = [there.get("CPU", 0) / wanted.cpus] if wanted.cpus else []
        rooms += [there.get("GPU", 0) / wanted.gpus] if wanted.gpus else []
        yield max(int(min(rooms, default=1)), 1)
    finally:
        if mine:
            ray.shutdown()


class _Worker:
    """What runs in an actor, beside it the count of rows, which the driver asks for."""

    def __init__(self, folder: str) -> None:
        os.chdir(folder)
        limit_threads()
        self._rows = 0
        report_to(self._count)

    def _count(self, rows: int) -> None:
        self._rows += rows

    def begin(self, start: Start) -> tuple[None, int]:
        """Load what all shards need."""
        start()
        return None, self._rows

    def work(self, function: Callable[[Task], Result], task: Task) -> tuple[Result, int]:
        """Do a shard; returns the rows done since the actor's begin, too."""
        return function(task), self._rows

    def rows(self) -> int:
        """Return the rows done since the actor's begin; answers while ``work`` works."""
        return self._rows


@dataclass
class _Actor:
    """An actor as the driver knows it.

    Attributes:
        handle: Ray's.
        busy: what it was asked to do last, None when it is ready for a shard.
        task: index of its shard, None where it begins or is ready.
        asked: the question for its rows that is on its way.
        rows: what it told last.
        before: its rows before this shard.
        alive: when it was last known to get on; None before its first word, as it may have to wait
            for room in the cluster.
        starts: how many actors before it, one after the other, died at their start.
    """

    handle: Any
    busy: Any
    starts: int
    task: int | None = None
    asked: Any = None
    rows: int = 0
    before: int = 0
    alive: float | None = None


@dataclass
class _Run:
    """One run: which shards wait, which actor has which."""

    wanted: RayActors
    work: Work
    _actors: list[_Actor] = field(default_factory=list)
    _lost: Counter[int] = field(default_factory=Counter)

    def results(self, count: int) -> Iterator[Result]:
        """Yield the shards' results as they come, from so many actors."""
        import ray

        self._waiting = deque(range(len(self.work.tasks)))
        self._patience = time.monotonic() + _PATIENCE_SECONDS
        self._actors = [self._new() for _ in range(count)]
        while self._waiting or any(actor.task is not None for actor in self._actors):
            for actor in self._actors:
                self._feed(actor)
            busy = {actor.busy: actor for actor in self._actors if actor.busy is not None}
            for ref in ray.wait(list(busy), num_returns=1, timeout=_POLL_SECONDS)[0]:
                yield from self._take(busy[ref])
            for actor in list(self._actors):
                self._watch(actor)
            self._tell_if_nobody_begins()

    def end(self) -> None:
        """End the actors; what they were at is whole or not there."""
        import ray

        for actor in self._actors:
            ray.kill(actor.handle)

    def _new(self, starts: int = 0) -> _Actor:
        import ray

        options = {
            "num_cpus": self.wanted.cpus,
            "num_gpus": self.wanted.gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 2,  # the work, and the question how far it is
        }
        handle = ray.remote(**options)(_Worker).remote(str(Path.cwd()))
        return _Actor(handle, handle.begin.remote(self.work.start), starts)

    def _feed(self, actor: _Actor) -> None:
        """Give a ready actor the next shard."""
        if actor.busy is None and self._waiting:
            actor.task = self._waiting.popleft()
            actor.before, actor.alive = actor.rows, time.monotonic()
            actor.busy = actor.handle.work.remote(self.work.function, self.work.tasks[actor.task])

    def _take(self, actor: _Actor) -> Iterator[Result]:
        """Yield a shard's result, nothing where the actor began or died."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            result, rows = ray.get(actor.busy)
        except RayTaskError as error:  # of the work itself
            raise error.cause from error
        except RayError as error:
            self._replace(actor, one_line(error))
            return
        self._note(actor, rows)
        finished, actor.busy, actor.task, actor.starts = actor.task, None, None, 0
        if finished is not None:
            yield result

    def _watch(self, actor: _Actor) -> None:
        """Ask a busy actor how far it is, and give up one that stands still."""
        import ray
        from ray.exceptions import RayError

        if actor.busy is None or actor not in self._actors:
            return
        if actor.asked is None:
            actor.asked = actor.handle.rows.remote()
        elif ray.wait([actor.asked], timeout=0)[0]:
            answer, actor.asked = actor.asked, None
            try:
                self._note(actor, ray.get(answer))
            except RayError:
                return  # it is dead: what it was asked to do says so
        if actor.alive and time.monotonic() - actor.alive > self.wanted.stall_seconds:
            ray.kill(actor.handle)
            self._replace(actor, f"no row was done in {self.wanted.stall_seconds:g} s")

    def _note(self, actor: _Actor, rows: int) -> None:
        if actor.alive is None or rows > actor.rows:
            actor.alive = time.monotonic()
        self.work.advance(rows - actor.rows)
        actor.rows = rows

    def _replace(self, actor: _Actor, why: str) -> None:
        """Put another actor in the place of one that is gone, and its shard first in the queue.

        Raises:
            StageError: too many were lost on this shard, or at their start.
        """
        task, starts = actor.task, actor.starts
        if task is None:
            starts += 1
        else:
            self._lost[task] += 1
            self._waiting.appendleft(task)
            self.work.advance(actor.before - actor.rows)
        lost = starts if task is None else self._lost[task]
        what = "at its start" if task is None else f"on {self.work.tasks[task]!s:.200}"
        if lost >= TRIES:
            raise StageError(
                f"{lost} actors were lost one after the other {what}, the last: {why}. Finished "
                "shards are kept: run the stage again, with more memory for each actor "
                "(CROSSBAND_RAY_CPUS) or more time (CROSSBAND_STALL_SECONDS); "
                "CROSSBAND_EXECUTOR=serial shows an error of the code itself"
            )
        log.warning("an actor was lost %s (%s); another takes its place", what, why)
        self._actors[self._actors.index(actor)] = self._new(starts)

    def _tell_if_nobody_begins(self) -> None:
        """Say once what is wanted where the cluster has no room for a single actor."""
        if time.monotonic() > self._patience:
            self._patience = float("inf")
            if all(actor.alive is None for actor in self._actors):
                log.warning(
                    "no actor has started: each waits for %g processors and %g GPUs on one node",
                    self.wanted.cpus,
                    self.wanted.gpus,
                )
