"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.store.pace import pace

_LINE_SECONDS = 15.0

Advance = Callable[[int], None]
_Scaled = Callable[[float], None]


@contextmanager
def progress(
    what: str, total: int, *, done: int = 0, unit: str = "", scale: float = 1.0
) -> Iterator[Advance]:
    """Show how far the work is.

    Args:
        what: name of the work, for example ``parse@sample``.
        total: number of rows, or of whatever the work is counted in.
        done: how many of them a former run did. They tell nothing of this one's pace.
        unit: name shown with the numbers, none for rows.
        scale: how many of ``total`` make one unit: 1e6 for bytes shown as MB.

    Yields:
        A function to call with the number of rows that got done.
    """
    if sys.stderr.isatty():
        from pipeline.store.progress_bar import bar as show
    else:
        show = _lines
    with show(what, round(total / scale), done / scale, f" {unit}" if unit else "") as advance:
        yield lambda rows: advance(rows / scale)


@contextmanager
def _lines(what: str, total: int, before: float, unit: str) -> Iterator[_Scaled]:
    last, first = time.monotonic(), math.nan
    done, timed = before, 0.0

    def advance(rows: float) -> None:
        nonlocal done, timed, last, first
        now = time.monotonic()
        due = now - last >= _LINE_SECONDS
        done += rows
        if not math.isnan(first):
            timed += rows
        elif rows:  # up to here the work started: that tells nothing of its pace
            first = last = now
        if due:
            last = now
            seconds = now - first
            left = f", {max(total - done, 0) * seconds / timed:.0f} s left" if timed else ""
            speed = f", {pace(timed, seconds, unit)}" if timed else ""
            print(f"{what}: {done:.0f}/{total}{unit}{speed}{left}", file=sys.stderr)

    yield advance
