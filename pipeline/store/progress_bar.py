"""The bar that shows progress on a terminal; elsewhere nobody waits for ``rich`` to be imported."""

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

from pipeline.store.pace import pace


class _Rate(ProgressColumn):
    """What gets done per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(pace(task.speed, 1.0, self._unit) if task.speed else "")


@contextmanager
def bar(what: str, total: int, before: float, unit: str) -> Iterator[Callable[[float], None]]:
    """Show a bar; yields a function to call with the number of units that got done.

    Args:
        what: name of the work.
        total: how many units it has.
        before: how many of them a former run did: the bar starts there.
        unit: as it follows a number.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(what, total=total, completed=round(before))
        yield lambda rows: shown.update(task, advance=rows)
