"""Lines of official lists that match nothing: told to who runs a stage, gathered by a check."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unmatched:
    """What a list names and this copy lacks.

    Attributes:
        what: one sentence, behind the number of items.
        items: those that match nothing.
    """

    what: str
    items: tuple[str, ...]


_GATHERED: ContextVar[list[Unmatched] | None] = ContextVar("gathered", default=None)


@contextmanager
def gathered() -> Iterator[list[Unmatched]]:
    """Gather what is reported inside the block, instead of logging it."""
    found: list[Unmatched] = []
    token = _GATHERED.set(found)
    try:
        yield found
    finally:
        _GATHERED.reset(token)


def report_unmatched(
    file: Path,
    items: Sequence[str],
    *,
    what: str = "lines",
    match: str = "name images that are not on disk",
) -> None:
    """Report what of a list matches nothing of this copy.

    Args:
        file: the list.
        items: those that match nothing, of ``what``.
        what: what they are.
        match: what they do not match, as the end of the sentence.
    """
    if not items:
        return
    gathering = _GATHERED.get()
    if gathering is not None:
        gathering.append(Unmatched(f"{what} of {file.name} {match}", tuple(items)))
        return
    log.warning(
        "%s: %d %s %s, among them %r: expected names of this release",
        *(file, len(items), what, match, items[0]),
    )
