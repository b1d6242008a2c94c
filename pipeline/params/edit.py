"""Changes values in the text of a YAML file: every line that need not change stays as it is."""

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_INDENT = 2
_NOTHING = object()


def edited(text: str, wanted: Mapping[str, Any]) -> str:
    """Return a YAML text that holds other values, with the comments of what is left.

    Args:
        text: of block mappings; their leaves, flow mappings and lists stand on one line each.
        wanted: the values; keys that are not among them go, with their lines.

    Returns:
        The text; where lines cannot say it, for example because an anchor went that others use,
        the values alone, without comments.
    """
    lines = text.splitlines()
    tree = YAML().load(text)
    if not isinstance(tree, Mapping):
        return _dumped(wanted)
    edits = list(_edits(lines, tree, wanted, len(lines)))
    for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        lines[start:end] = new
    made = "\n".join(lines) + "\n"
    try:
        holds = YAML(typ="safe", pure=True).load(made) == wanted
    except YAMLError:
        holds = False
    return made if holds else _dumped(wanted)


_Edit = tuple[int, int, list[str]]
"""First line, the line after the last, and what takes their place."""


def _edits(lines: list[str], tree: Any, wanted: Mapping[str, Any], end: int) -> Iterable[_Edit]:
    """Yield the edits of one block mapping that ends before line ``end``."""
    own = sorted((key for key in tree if key in tree.lc.data), key=lambda key: tree.lc.key(key))
    column = tree.lc.col
    ends = [*(tree.lc.key(key)[0] for key in own[1:]), end]
    last = _last(lines, end, column)
    for key, after in zip(own, ends, strict=True):
        start, stop = tree.lc.key(key)[0], _last(lines, after, column)
        if key not in wanted:
            yield start, stop, []
        elif tree[key] != wanted[key]:
            if _is_block(tree[key]) and _stays(tree[key], wanted[key]):
                yield from _edits(lines, tree[key], wanted[key], after)
            elif not _is_block(tree[key]) and not _grows(wanted[key]):
                yield start, start + 1, [_with_value(lines[start], wanted[key])]
            else:
                comments = _comments_after(lines, start, column)
                entry = _entry(lines[start], key, wanted[key], column)
                yield (
                    start,
                    max(stop, comments),
                    entry[:1] + lines[start + 1 : comments] + entry[1:],
                )
    added = [key for key in wanted if key not in own and tree.get(key, _NOTHING) != wanted[key]]
    if new := [line for key in added for line in _entry("", key, wanted[key], column)]:
        yield last, last, new


def _stays(block: Mapping[str, Any], wanted: Any) -> bool:
    """Tell whether a block mapping stays one: some of its keys are wanted."""
    return isinstance(wanted, Mapping) and any(key in wanted for key in block)


def _comments_after(lines: list[str], start: int, column: int) -> int:
    """Return the line after the comment that begins on a line and goes on below it."""
    end = start + 1
    if "#" in lines[start]:
        while end < len(lines) and re.match(f" {{{column + 1},}}#", lines[end]):
            end += 1
    return end


def _is_block(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and not value.fa.flow_style()  # type: ignore[attr-defined]


def _grows(value: Any) -> bool:
    """Tell whether a value is written as lines of its own."""
    return isinstance(value, Mapping) and any(isinstance(each, Mapping) for each in value.values())


def _last(lines: list[str], end: int, column: int) -> int:
    """Return the line after a block's last: blank lines and comments less indented are no part."""
    while end and (not lines[end - 1].strip() or _is_comment_before(lines[end - 1], column)):
        end -= 1
    return end


def _is_comment_before(line: str, column: int) -> bool:
    bare = line.lstrip()
    return bare.startswith("#") and len(line) - len(bare) <= column


def _with_value(line: str, value: Any) -> str:
    """Return a line with another value, its comment in place where there is room."""
    head, key, rest = re.match(r"(\s*)([^:#]+:)(.*)$", line).groups()  # type: ignore[union-attr]
    comment = re.search(r"\s#.*$", rest)
    made = f"{head}{key} {_flow(value)}"
    if comment is None:
        return made
    start = len(line) - len(comment[0]) + 1
    return f"{made:<{start}}".rstrip().ljust(max(start, len(made) + 1)) + comment[0].strip()


def _entry(line: str, key: str, value: Any, column: int) -> list[str]:
    """Return the lines of an entry in place of a line, or of none: its comment stays."""
    if not _grows(value):
        return [_with_value(line or f"{' ' * column}{key}:", value)]
    first = f"{' ' * column}{key}:"
    if comment := re.search(r"(?<=\s)#.*$", line):
        first = first.ljust(comment.start()) + comment[0]
    rest = [
        each for name, inner in value.items() for each in _entry("", name, inner, column + _INDENT)
    ]
    return [first, *rest]


def _flow(value: Any) -> str:
    """Write a value on one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width = True, 1 << 20
    out = io.StringIO()
    yaml.dump([value], out)
    return out.getvalue().strip()[1:-1]


def _dumped(values: Mapping[str, Any]) -> str:
    out = io.StringIO()
    YAML().dump(dict(values), out)
    return out.getvalue()
