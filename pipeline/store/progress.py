"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINE_SECONDS = 15.0

Advance = Callable[[int], None]
_Scaled = Callable[[float], None]


@contextmanager
def progress(what: str, total: int, *, unit: str = "", scale: float = 1.0) -> Iterator[Advance]:
    """Show how far the work is.

    Args:
        what: name of the work, for example ``parse@sample``.
        total: number of rows, or of whatever the work is counted in.
        unit: name shown with the numbers, none for rows.
        scale: how many of ``total`` make one unit: 1e6 for bytes shown as MB.

    Yields:
        A function to call with the number of rows that got done.
    """
    if sys.stderr.isatty():
        from pipeline.store.progress_bar import bar as show
    else:
        show = _lines
    with show(what, round(total / scale), f" {unit}" if unit else "") as advance:
        yield lambda done: advance(done / scale)


@contextmanager
def _lines(what: str, total: int, unit: str) -> Iterator[_Scaled]:
    start = last = time.monotonic()
    done = 0.0

    def advance(rows: float) -> None:
        nonlocal done, last
        done += rows
        now = time.monotonic()
        if now - last >= _LINE_SECONDS:
            last = now
            rate = done / (now - start)
            left = max(total - done, 0) / rate if rate else 0.0
            print(
                f"{what}: {done:.0f}/{total}{unit}, {rate:.1f}{unit}/s, {left:.0f} s left",
                file=sys.stderr,
            )

    yield advance
