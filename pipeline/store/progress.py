"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_LINE_SECONDS = 15.0

Advance = Callable[[int], None]


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0.0:.1f}/s")


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Show how far the work is.

    Args:
        what: name of the work, for example ``parse@sample``.
        total: number of rows.

    Yields:
        A function to call with the number of rows that got done.
    """
    console = Console(stderr=True)
    show = _bar if console.is_terminal else _lines
    with show(what, total, console) as advance:
        yield advance


@contextmanager
def _bar(what: str, total: int, console: Console) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda rows: bar.update(task, advance=rows)


@contextmanager
def _lines(what: str, total: int, _: Console) -> Iterator[Advance]:
    start = last = time.monotonic()
    done = 0

    def advance(rows: int) -> None:
        nonlocal done, last
        done += rows
        now = time.monotonic()
        if now - last >= _LINE_SECONDS:
            last = now
            rate = done / (now - start)
            left = (total - done) / rate if rate else 0.0
            print(f"{what}: {done}/{total}, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr)

    yield advance
