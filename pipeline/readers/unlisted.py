"""Images below the root of an official data set that its reader does not list."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pathlib import Path

from pipeline.params.datasets import FREE, DatasetParams
from pipeline.readers import READERS
from pipeline.readers.layout import files_below, is_image, stem_of
from pipeline.types import Row

PACKED = ("recordio", "bin_packs")
"""Readers whose images lie in one file together: none can be left over."""


def unlisted(
    reader: str, listed: Collection[str], on_disk: Collection[str]
) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Part the images that are not listed: those that a reader knows, and strangers.

    Args:
        reader: name of an official data set.
        listed: paths of its rows.
        on_disk: paths of all images below the root.

    Returns:
        How many images of each sort are known and not used; the paths of all others, sorted.
    """
    # From the path of an image that is not listed, and the listed ones' stems, to what it is.
    known = getattr(import_module(READERS[reader]), "known_unused", lambda path, used: None)
    stems = frozenset(map(stem_of, listed))
    unused: Counter[str] = Counter()
    strangers = []
    for path in sorted(set(on_disk) - set(listed)):
        if what := known(path, stems):
            unused[what] += 1
        else:
            strangers.append(path)
    return unused, tuple(strangers)


def strangers_of(params: DatasetParams, rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the images below a data set's root that are none of its own, as it was published."""
    if params.reader in (*FREE, *PACKED):
        return ()
    on_disk = {path for path in files_below(Path(params.root)) if is_image(path)}
    return unlisted(params.reader, {row["path"] for row in rows}, on_disk)[1]
