"""Refuses a YAML file that would take long to read: too long, too deep, or with anchors that grow.

An anchor that stands for a list of anchors that stand for lists makes gigabytes of a few lines, and
one that holds itself has no end. The file's events tell before any value is made.
"""

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    NodeEvent,
    ScalarEvent,
)

from pipeline.errors import ParamsError

MOST_BYTES, MOST_VALUES, DEEPEST = 1 << 20, 100_000, 30

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What ruamel.yaml raises on some files beside its own errors."""


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        ParamsError: it can't be read, is larger than any params are, or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ParamsError(f"{path}: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise too_much(path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ParamsError(
            f"{path}: line {line} is not UTF-8 text ({error.reason}): save the file as UTF-8"
        ) from error


def is_too_much(text: str) -> bool:
    """Tell whether anchors make values endless, or so many that only a mistake can mean them."""
    if "&" not in text and not _brackets_are_deep(text):
        return False  # nothing grows, and to read events takes as long as to read values
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and values before it
    seen = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, NodeEvent):
            seen += 1
        if isinstance(event, AliasEvent):
            # An anchor that is still open holds itself; one that is nowhere is told on reading.
            holds_itself = any(anchor == event.anchor for anchor, _ in open_nodes)
            seen += MOST_VALUES if holds_itself else sizes.get(event.anchor, 0)
        elif isinstance(event, CollectionStartEvent):
            open_nodes.append((event.anchor, seen))
        elif isinstance(event, CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = seen - before
        elif isinstance(event, ScalarEvent) and event.anchor is not None:
            sizes[event.anchor] = 1
        if seen > MOST_VALUES or len(open_nodes) > DEEPEST:
            return True
    return False


def _brackets_are_deep(text: str) -> bool:
    depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif character in "]}":
            depth -= 1
    return False


def too_much(path: Path) -> ParamsError:
    """Make the error of a file that holds more than any params do."""
    return ParamsError(
        f"{path}: expected at most {MOST_BYTES >> 20} MB, {MOST_VALUES} values and {DEEPEST} "
        "levels, anchors written out; found more: an anchor that holds itself, or many that hold "
        "one another, have no end"
    )
