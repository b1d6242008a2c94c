"""The lock of an output in an object store, where nothing can be locked: a lease that runs out.

A lease is an object beside the output, ``.<output>.lock.<number>``. Who starts creates the next
number, which the store grants to one alone, and says every few seconds that it goes on. Who is
killed says no more, and once its lease has run out another may take the next number; whoever finds
a number above its own has lost the output and ends.
"""

import glob
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

from pipeline.errors import StageError
from pipeline.store.files import ObjectPath, refusals

LEASE_SECONDS = 60.0
"""For how long a lease holds after its last word."""
WORD_SECONDS = 20.0
"""From one word to the next."""


@dataclass(frozen=True)
class Lease:
    """Who writes, as the lease's object says it.

    Attributes:
        host: name of the machine.
        process: number of the process.
        until: seconds since 1970 at which the lease runs out.
    """

    host: str
    process: int
    until: float

    def to_json(self) -> bytes:
        """Return the object's bytes."""
        return json.dumps(asdict(self)).encode()


@contextmanager
def leased(folder: ObjectPath) -> Iterator[Callable[[], None]]:
    """Hold the lease of an output.

    Yields:
        A function that raises ``StageError`` where the lease was lost.

    Raises:
        StageError: another process holds it.
    """
    former = _numbers(folder)
    for number in former:
        _refuse_while_held(folder, number)
    mine = max(former, default=0) + 1
    if not _place(folder, mine).create(_own().to_json()):
        raise StageError(f"{folder} was taken by another process just now; run this again")
    ended, lost = threading.Event(), threading.Event()
    beat = threading.Thread(target=_go_on, args=(folder, mine, ended, lost), daemon=True)
    try:
        for number in _numbers(folder):
            if number != mine:
                _refuse_while_held(folder, number)
                _place(folder, number).unlink(missing_ok=True)
        beat.start()
        yield lambda: _refuse_if_lost(folder, lost)
    finally:
        ended.set()
        if beat.ident is not None:
            beat.join()
        _place(folder, mine).unlink(missing_ok=True)


def _own() -> Lease:
    return Lease(socket.gethostname(), os.getpid(), time.time() + LEASE_SECONDS)


def _place(folder: ObjectPath, number: int) -> ObjectPath:
    return folder.with_name(f".{folder.name}.lock.{number}")


def _numbers(folder: ObjectPath) -> list[int]:
    found = folder.parent.glob(f".{glob.escape(folder.name)}.lock.*")
    ends = (path.name.rpartition(".")[2] for path in found)
    return sorted(int(end) for end in ends if end.isdecimal())


def _refuse_while_held(folder: ObjectPath, number: int) -> None:
    try:
        values = json.loads(_place(folder, number).read_bytes())
        held = Lease(str(values["host"]), int(values["process"]), float(values["until"]))
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StageError(
            f"{_place(folder, number)} is not a lease of crossband: move it away"
        ) from error
    left = held.until - time.time()
    if left > 0:
        raise StageError(
            f"{folder} is being written by process {held.process} on {held.host}; wait for it to "
            f"end, or end it. If it was killed, run this again in {left:.0f} s"
        )


def _go_on(folder: ObjectPath, mine: int, ended: threading.Event, lost: threading.Event) -> None:
    """Say that the holder goes on, until it ends or another has a higher number."""
    until = time.time() + LEASE_SECONDS
    while not ended.wait(WORD_SECONDS):
        said = False
        # The store may be away for a moment.
        with suppress(StageError, *refusals(folder.url)):
            if max(_numbers(folder), default=0) > mine:
                lost.set()
                return
            _place(folder, mine).write_bytes(_own().to_json())
            said = True
        if said:
            until = time.time() + LEASE_SECONDS
        elif time.time() > until:
            lost.set()
            return


def _refuse_if_lost(folder: ObjectPath, lost: threading.Event) -> None:
    if lost.is_set():
        raise StageError(
            f"{folder}: another process took the output over, or the store was unreachable for "
            f"{LEASE_SECONDS:.0f} s; finished shards are kept: run the stage again"
        )
