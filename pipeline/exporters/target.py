"""Where an export goes: any fsspec URL, written so that it is there whole or not at all.

On a local disk everything is written to a sibling folder that is renamed at the end. In an object
store, where nothing can be renamed, the manifest is written last: without one, an export is
unfinished. A former one keeps its own until the first of its files is written over. Either way what
an interrupted run finished is kept, unit by unit, by receipts in ``_parts/`` that the end removes.

Nobody else's files are touched. What may be replaced is what a manifest of crossband's lists, or a
claim, the first file of every export, proves to be an unfinished one's; what else lies in an export
stays where it is, and what was edited there stays as ``<name>.edited``.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.exporters.edits import finished_at, keep_edited_objects
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.ownership import (
    Claim,
    adopt_strangers,
    claimed,
    drop_second_names,
    entries_below,
    remove_empty,
    remove_listed,
    written_files,
)
from pipeline.exporters.storage import CLAIM, MANIFEST, FileEntry, Sink, Store, explained
from pipeline.store.files import place_of
from pipeline.store.locks import locked


class Target:
    """The place of one export, from the first check to the last rename.

    Args:
        url: fsspec URL of the export's folder; on a disk, links are followed first.
        overwrite: replace an export that stands there.

    Raises:
        ExportError: the URL is a loop of links.
    """

    def __init__(self, url: str, *, overwrite: bool) -> None:
        self.url = url
        self.final = _resolved(Store(url))
        self._overwrite = overwrite
        self._entries: Sequence[FileEntry] = ()
        self._finished = 0.0

    @property
    def staging(self) -> Store:
        """Where the files are written."""
        if self.final.local is None:
            return Store(self.final.url, self._foreign, self._replaced)
        return Store(str(_beside(self.final.local, "partial")))

    @cached_property
    def _foreign(self) -> frozenset[str]:
        """The files in an object store's prefix that are nobody's but the user's."""
        there = set(self.final.files())
        return frozenset(there - self._own(there))

    def _own(self, there: set[str]) -> set[str]:
        """Return the files of a prefix that this export or the one before it wrote."""
        claim = claimed(self.final)
        former = _paths(self._former()) | set(claim.former if claim else ())
        return former | {MANIFEST, CLAIM} | written_files(self.final, there)

    @cached_property
    def _replaced(self) -> frozenset[str]:
        """The files that the exports before this one left in an object store."""
        claim = claimed(self.final)
        # Both are there after a kill before the manifest went, or behind the next one: then alike.
        return frozenset(_paths(self._former()) | set(claim.former if claim else ()))

    def _former(self) -> Sequence[FileEntry]:
        """Return the files of the export that stands there."""
        text = self.final.read(MANIFEST)
        return Manifest.from_json(text, self.url).files if text is not None else ()

    def check(self) -> None:
        """Refuse a place that holds something else than an export, or where somebody works.

        Raises:
            ExportError: an export stands there and may not be replaced, or something else does; or
                it is the current folder, or one above it.
        """
        here = Path.cwd()
        if self.final.local in (here, *here.parents):
            raise ExportError(
                f"{self.url!r} is the current folder or one above it, and an export replaces its "
                "folder: name another, or run from another one"
            )
        with explained(self.url):
            there = self.final.files()
            text = self.final.read(MANIFEST) if MANIFEST in there else None
            unfinished = self.final.local is None and text is None and claimed(self.final)
        if not there or unfinished:
            return
        if text is None:
            raise ExportError(
                f"{self.url} holds {len(there)} files but no {MANIFEST}, so it is not an export: "
                "name another place, or empty this one yourself"
            )
        Manifest.from_json(text, self.url)
        if not self._overwrite:
            raise ExportError(f"{self.url} holds an export; --overwrite replaces it")

    @contextmanager
    def open(self) -> Iterator[Store]:
        """Hold the place while the export is written.

        Raises:
            ExportError: see ``check``; or something that is none of crossband's is in the way.
            StageError: another process writes there.
        """
        if self.final.local is None:
            self.check()
            with explained(self.url), self._held():
                self._claim_prefix()
                yield self.staging
        else:
            with explained(self.url), locked(self.final.local, keep=False):
                _recover(self.final.local)
                self.check()
                _claim_folder(self.staging, self.url)
                yield self.staging

    def _held(self) -> AbstractContextManager[object]:
        """Hold the prefix's lease, which lies beside it: a whole bucket has no beside."""
        place = place_of(self.final.url)
        return locked(place) if "/" in str(place).partition("://")[2] else nullcontext()

    def _claim_prefix(self) -> None:
        """Note whose the prefix's files are, and keep those that were edited."""
        self._claim(self._replaced)
        self._entries, self._finished = self._former(), finished_at(self.final)
        keep_edited_objects(self.final, self._entries, self._finished)

    def _claim(self, former: Collection[str]) -> None:
        """Say that these files in an object store are crossband's, listed elsewhere or not."""
        Sink(self.final).put_now(CLAIM, Claim(self.url, tuple(sorted(former))).to_json())

    def commit(self, manifest: bytes, entries: Sequence[FileEntry]) -> None:
        """Make the export be there: what is outdated goes, the manifest comes, with its name.

        Raises:
            ExportError: a file of the user's has the name of one of the export's.
        """
        wanted = {entry.path for entry in entries}
        if self.final.local is None:
            self._commit_objects(manifest, wanted)
            return
        staging = self.staging.local
        assert staging is not None
        for path in sorted(entries_below(staging) - wanted - {CLAIM}):
            (staging / path).unlink()
        Sink(self.staging).put_now(MANIFEST, manifest)
        (staging / CLAIM).unlink()  # what says whose this is goes when the manifest says it
        remove_empty(staging)
        self._rename(wanted)

    def _commit_objects(self, manifest: bytes, wanted: set[str]) -> None:
        """Remove what is outdated, then write the manifest: what comes after it is the user's.

        The claim changes with what is there, so a kill at any moment leaves no file that is
        crossband's by name alone, and none that is nobody's.
        """
        there = set(self.final.files())
        own = (self._own(there) & there) | wanted
        outdated = own - wanted - {MANIFEST, CLAIM}
        self._claim(own)
        edited = [entry for entry in self._entries if entry.path in outdated]
        keep_edited_objects(self.final, edited, self._finished)
        self.final.remove(sorted(there & {MANIFEST}))
        self.final.remove(sorted(outdated))
        self._claim(wanted)
        Sink(self.staging).put_now(MANIFEST, manifest)
        self.final.remove([CLAIM])

    def _rename(self, wanted: set[str]) -> None:
        final, staging = self.final.local, self.staging.local
        assert final is not None
        assert staging is not None
        if not final.exists():
            staging.replace(final)
            return
        former, entries = _beside(final, "former"), self._former()
        adopt_strangers(final, staging, entries, wanted)
        final.replace(former)
        staging.replace(final)
        remove_listed(former, _paths(entries), final)


def _resolved(store: Store) -> Store:
    if store.local is None:
        return store
    try:
        return Store(str(store.local.resolve()))
    except (OSError, RuntimeError) as error:
        raise ExportError(f"{store.url} is a loop of links") from error


def _paths(entries: Sequence[FileEntry]) -> set[str]:
    return {entry.path for entry in entries}


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name}.crossband-{kind}")


def _claim_folder(staging: Store, url: str) -> None:
    """Take the folder beside the export; an unfinished run's is gone on with.

    Raises:
        ExportError: the folder is there and somebody else's.
    """
    folder = staging.local
    assert folder is not None
    _refuse_link(folder)
    known = claimed(staging) is not None
    # Where the disk was full, or a kill came, a claim that says nothing lies there alone, or none.
    if not known and not entries_below(folder) <= {CLAIM}:
        text = staging.read(MANIFEST)
        if text is None:
            raise ExportError(f"{folder} is in the way and is not an export: move it away")
        Manifest.from_json(text, str(folder))
    drop_second_names(folder)
    if not known:
        Sink(staging).put_now(CLAIM, Claim(url, ()).to_json())


def _recover(final: Path) -> None:
    """Put to rights what a run left that was killed between its two renames, or behind them.

    Raises:
        ExportError: what has the former export's name is none.
    """
    former = _beside(final, "former")
    _refuse_link(former)
    if not former.exists():
        return
    if not entries_below(former):  # all of it was removed but the folder
        remove_empty(former)
        former.rmdir()
        return
    try:
        text = (former / MANIFEST).read_bytes()
    except OSError as error:
        raise ExportError(f"{former} is in the way and is not an export: move it away") from error
    own = _paths(Manifest.from_json(text, str(former)).files)
    if final.exists():
        remove_listed(former, own, final)
    else:
        former.replace(final)


def _refuse_link(folder: Path) -> None:
    """Refuse a link in the place of a folder that is emptied: it may lead to another export."""
    if folder.is_symlink():
        raise ExportError(f"{folder} is in the way and is a link: move it away")
