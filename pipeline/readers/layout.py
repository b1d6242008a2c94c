"""What readers of official layouts share: fast listings of folders, tolerant lists, clear refusals.

Data sets come unpacked one folder deeper than documented, with lists written on Windows and file
extensions changed by whoever cropped them. So files are found by the end of their path, lists may
use backslashes and CRLF, and a listed image is matched by its stem.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.files import LINKED, all_below, is_hidden
from pipeline.readers.listing import (
    LINK,
    key_of,
    listed_row,
    load_file,
    refused_row,
    stamps_of_files,
)
from pipeline.readers.tables import open_rows, read_text
from pipeline.store import Listing
from pipeline.store.shots import IMAGE_KINDS
from pipeline.types import Row

log = logging.getLogger(__name__)

T = TypeVar("T")

EXTENSIONS = frozenset(f".{kind}" for kind in IMAGE_KINDS)
"""Files that are taken for images, whatever the case of their extension."""


def files_below(root: Path) -> list[str]:
    """List all files below a folder as ``files.all_below`` does, hidden ones left out."""
    return [path for path in all_below(root) if not is_hidden(path)]


def is_image(path: str) -> bool:
    """Tell whether a path has an image's extension."""
    return path[len(stem_of(path)) :].lower() in EXTENSIONS


def stem_of(path: str) -> str:
    """Return a path without its extension and with forward slashes."""
    path = path.replace("\\", "/")
    dot = path.rfind(".")
    return path[:dot] if dot > path.rfind("/") + 1 else path


def list_official(root: Path, dataset: str, expected: str) -> list[str]:
    """List the files of a data set's root.

    Args:
        root: the data set's root.
        dataset: name of the data set.
        expected: what the reader looks for, in words.

    Raises:
        ReaderError: the root is no folder.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing"
        raise ReaderError(
            f"data set {dataset!r}: expected {expected} below {root}, found {found}; "
            f"correct datasets.{dataset}.root"
        )
    return files_below(root)


def refuse_root(root: Path, dataset: str, expected: str, files: Sequence[str]) -> ReaderError:
    """Make the error of a root that holds something else: what was looked for, what is there."""
    tops = Counter(path.split("/")[0] + ("/" if "/" in path else "") for path in files)
    there = ", ".join(f"{name} ({n} files)" if n > 1 else name for name, n in tops.most_common(6))
    return ReaderError(
        f"data set {dataset!r}: expected {expected} below {root}, found "
        f"{there or 'an empty folder'}{', …' if len(tops) > 6 else ''}; "
        f"correct datasets.{dataset}.root"
    )


def make_listing(
    root: Path, dataset: str, params: DatasetParams, expected: str, rows: Iterable[Row]
) -> Listing:
    """Make the listing of files that lie below the root.

    Raises:
        ReaderError: there is no row.
    """
    listed = list(rows)
    if not listed:
        raise refuse_root(root, dataset, expected, files_below(root))
    known = {"band": str(params.band), "licence": params.licence, "simulated": params.simulated}
    links = [path for path in files_below(root) if path.endswith(LINKED)]
    passed_over = [refused_row(path, dataset, LINK, **known) for path in links]
    return Listing(
        listed,
        params.shards,
        partial(load_file, root),
        passed_over,
        partial(stamps_of_files, root),
    )


def list_by_path(
    root: Path,
    dataset: str,
    params: DatasetParams,
    expected: str,
    row_of: Callable[[str], Row | None],
) -> Listing:
    """List the images of a layout in which the path says everything.

    Args:
        root: the data set's folder.
        dataset: its name.
        params: its params.
        expected: the layout, for the error.
        row_of: from an image's path to its row, None for an image that is not part of it.

    Raises:
        ReaderError: the root holds no such image.
    """
    paths = filter(is_image, list_official(root, dataset, expected))
    rows = (row for path in paths if (row := row_of(path)) is not None)
    return make_listing(root, dataset, params, expected, rows)


def official_row(path: str, dataset: str, params: DatasetParams, **columns: object) -> Row:
    """Make a row with what params say of the whole data set; see ``listing.listed_row``."""
    whole = {"licence": params.licence, "simulated": params.simulated}
    return listed_row(path, dataset, **(whole | columns))


def find_list(files: Iterable[str], name: str) -> str | None:
    """Find the file of this name, the least deep one, whatever the case of its letters.

    Of several that are equally deep the first by name counts, and a warning names another.
    """
    wanted = name.lower()
    found = sorted(
        (path for path in files if f"/{path.lower()}".endswith(f"/{wanted}")), key=_by_depth
    )
    _report_rivals([(found[0], path) for path in found[1:] if _as_deep(path, found[0])])
    return found[0] if found else None


def require_list(root: Path, dataset: str, files: Sequence[str], name: str) -> Path:
    """Return the path of an official list.

    Raises:
        ReaderError: it is not there.
    """
    found = find_list(files, name)
    if found is None:
        raise refuse_root(root, dataset, f"the official list {name}", files)
    return root / found


def numbered_lists(files: Iterable[str], pattern: str) -> dict[tuple[str, ...], str]:
    """Find official lists by a pattern of their path's end; keys are the pattern's groups.

    Of several files with the same groups the least deep one counts; see ``find_list``.
    """
    expression = re.compile(rf"(?:.*/)?{pattern}", re.IGNORECASE)
    found: dict[tuple[str, ...], str] = {}
    rivals = []
    for path in sorted(files, key=_by_depth):
        if match := expression.fullmatch(path):
            taken = found.setdefault(tuple(group.lower() for group in match.groups()), path)
            if taken != path and _as_deep(path, taken):
                rivals.append((taken, path))
    _report_rivals(rivals)
    return found


def _by_depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _as_deep(path: str, other: str) -> bool:
    return path.count("/") == other.count("/")


def _report_rivals(rivals: Sequence[tuple[str, str]]) -> None:
    """Log lists that are not read because another of their name, equally deep, is."""
    if rivals:
        log.warning(
            "%s is read, and %s of the same name is not (%d lists in all): keep the official ones "
            "alone below the data set's root",
            *(*rivals[0], len(rivals)),
        )


def refuse_gaps(root: Path, lists: Collection[Any], needed: Mapping[Any, str], what: str) -> None:
    """Refuse official lists of which some are missing: a part would pass for the whole.

    Args:
        root: the data set's folder.
        lists: keys of those that are there.
        needed: name of each that has to be, by its key.
        what: what they are the lists of, for example a fold.

    Raises:
        ReaderError: names the first that is missing.
    """
    for key, name in needed.items():
        if key not in lists:
            raise ReaderError(
                f"{root}: expected {name} beside the other lists of {what}, found none"
            )


def read_lines(file: Path) -> list[tuple[int, str]]:
    """Read a list's lines with their numbers: no BOM, CR or blank lines, slashes forward.

    Letters are in Unicode's composed form, as those of keys are.

    Raises:
        ReaderError: the file is not text.
    """
    lines = ((n, key_of(line)) for n, line in enumerate(read_text(file).splitlines(), 1))
    return [(number, line.replace("\\", "/")) for number, line in lines if line]


def read_some_lines(file: Path, form: str) -> list[tuple[int, str]]:
    """Read a list's lines as ``read_lines`` does; a list without any is broken.

    Args:
        file: the list.
        form: of a line, in words.

    Raises:
        ReaderError: the file is not text, or has no line.
    """
    lines = read_lines(file)
    if not lines:
        raise ReaderError(f"{file}: expected lines with {form}, found none")
    return lines


def read_entries(file: Path, parse: Callable[[str], T | None], form: str) -> list[T]:
    """Read a list of entries, each of which may stand there only once.

    Args:
        file: the list.
        parse: returns a line's entry, None where the line is not of the form.
        form: the form in words.

    Raises:
        ReaderError: names file and line of what is malformed or stands twice; or the list is empty.
    """
    entries: dict[T, int] = {}
    for number, line in read_some_lines(file, form):
        entry = parse(line)
        if entry is None:
            raise ReaderError(f"{file}, line {number}: expected {form}, found {line!r}")
        if entry in entries:
            raise ReaderError(
                f"{file}, line {number}: {line!r} is already in line {entries[entry]}"
            )
        entries[entry] = number
    return list(entries)


def read_table(file: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Read a CSV with a header, backslashes in cells turned forward.

    Raises:
        ReaderError: a column is missing, a line has another number of cells, or there is no line
            but the header.
    """
    header, lines = open_rows(file)
    if missing := [name for name in columns if name not in header]:
        raise ReaderError(f"{file}: expected columns {missing}, found {header or None}")
    empty = True
    for _, cells in lines:
        empty = False
        yield {name: cell.replace("\\", "/") for name, cell in cells.items()}
    if empty:
        raise ReaderError(f"{file}: expected lines below the header, found the header alone")


def list_by_sample(
    root: Path,
    dataset: str,
    params: DatasetParams,
    expected: str,
    *,
    sample_of: Callable[[str], str | None],
    lists_of: Callable[[Path, list[str]], Mapping[Any, Iterable[str]]],
    row_of: Callable[[str, str], Row],
) -> Listing:
    """List the images on disk, and those that official lists name besides.

    Args:
        root: the data set's folder.
        dataset: its name.
        params: its params.
        expected: the layout, for the error.
        sample_of: from an image's path to its sample id, None where it is none of the data set's.
        lists_of: from root and files to the sample ids of each official list.
        row_of: from a path and a sample id to a row. An image that is not there has the path
            ``<sample id>.?``: ``ingest`` rejects it.

    Raises:
        ReaderError: the root holds no such image, or a list is malformed.
    """
    files = list_official(root, dataset, expected)
    rows = [row_of(path, key) for path in files if is_image(path) and (key := sample_of(path))]
    if rows:
        known = {row["sample_id"] for row in rows}
        absent = sorted(set().union(*lists_of(root, files).values()) - known)
        report_absent(dataset, absent)
        rows += [row_of(f"{key}.?", key) for key in absent]
    return make_listing(root, dataset, params, expected, rows)


def report_absent(dataset: str, absent: Sequence[str]) -> None:
    """Log images that official lists name and the disk lacks; ``ingest`` rejects each of them."""
    if absent:
        log.warning(
            "%s: %d images that the official lists name are not on disk, among them %s; "
            "`crossband check %s` lists them",
            *(dataset, len(absent), absent[0], dataset),
        )
