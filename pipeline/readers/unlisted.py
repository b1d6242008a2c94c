"""Images below a data set's root that are none of it: of no official list, or not of the user's."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from unicodedata import normalize

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
    """Return the images below a data set's root that are none of its own, as it was published.

    Of reader ``folder`` they are those that are in no row of its list.
    """
    root = Path(params.root)
    if params.reader == "folder":
        if root.is_dir() and not params.list:
            return ()  # all images are taken
        on_disk = filter(is_image, files_below(_beside_list(root)))
        # a list may spell a name in another of Unicode's forms than the disk
        listed = {normalize("NFC", row["path"]) for row in rows}
        return unlisted(params.reader, listed, {normalize("NFC", path) for path in on_disk})[1]
    if params.reader in (*FREE, *PACKED):
        return ()
    on_disk = filter(is_image, files_below(root))
    return unlisted(params.reader, {row["path"] for row in rows}, {*on_disk})[1]


def _beside_list(root: Path) -> Path:
    return root if root.is_dir() else root.parent


def words_of(dataset: str, params: DatasetParams, strangers: Collection[str]) -> str:
    """Say which images ``strangers_of`` found, and what to do; none by name under pseudonyms."""
    root = Path(params.root)
    among = "" if params.pseudonyms else f"; among them {min(strangers)}"
    if params.reader == "folder":
        below, file = _beside_list(root), params.list or root.name
        return (
            f"{len(strangers)} images below {below} are not listed in {file}, and are left out"
            f"{among}. Add them to it, or write it again"
        )
    return (
        f"{len(strangers)} images below {root} do not belong to the published data set, and are "
        f"left out{among}. `crossband check {dataset}` names all of them"
    )
