"""Where an export goes: any fsspec URL, written so that it is there whole or not at all.

On a local disk everything is written to a sibling folder ``.<name>.partial`` that is renamed at the
end. In an object store, where nothing can be renamed, the manifest is written last: without one, an
export is unfinished. Either way what an interrupted run finished is kept, unit by unit, by receipts
in ``_parts/`` that the end removes.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.exporters.storage import MANIFEST, PIECES, FileEntry, Sink, Store, explained
from pipeline.store.locks import locked


class Target:
    """The place of one export, from the first check to the last rename.

    Args:
        url: fsspec URL of the export's folder.
        overwrite: replace an export that stands there.
    """

    def __init__(self, url: str, *, overwrite: bool) -> None:
        self.url = url
        self.final = Store(url)
        self._overwrite = overwrite

    @property
    def staging(self) -> Store:
        """Where the files are written."""
        return Store(str(_beside(self.final.local, "partial"))) if self.final.local else self.final

    def check(self) -> None:
        """Refuse a place that holds something.

        Raises:
            ExportError: an export stands there and may not be replaced, or something else does.
        """
        with explained(self.url):
            there = self.final.files()
        if not there or (MANIFEST not in there and self._unfinished(there)):
            return
        if MANIFEST not in there:
            raise ExportError(
                f"{self.url} holds {len(there)} files but no {MANIFEST}, so it is no export: "
                "name another place, or empty this one yourself"
            )
        if not self._overwrite:
            raise ExportError(f"{self.url} holds an export; --overwrite replaces it")

    def _unfinished(self, there: Sequence[str]) -> bool:
        return self.final.local is None and any(path.startswith(f"{PIECES}/") for path in there)

    @contextmanager
    def open(self) -> Iterator[Store]:
        """Hold the place while the export is written.

        Raises:
            ExportError: see ``check``.
            StageError: another process writes there.
        """
        self.check()
        if self.final.local is None:
            with explained(self.url):
                self.final.remove([MANIFEST] if self.final.read(MANIFEST) is not None else [])
                yield self.final
        else:
            with explained(self.url), locked(self.final.local):
                yield self.staging

    def commit(self, manifest: bytes, entries: Sequence[FileEntry]) -> None:
        """Make the export be there: strangers go, the manifest comes, the folder gets its name."""
        store = self.staging
        wanted = {entry.path for entry in entries}
        strangers = [path for path in store.files() if path not in wanted]
        if self.final.local is None:
            Sink(store).put_now(MANIFEST, manifest)
            store.remove([path for path in strangers if path != MANIFEST])
            return
        for path in strangers:
            Path(store.at(path)).unlink()
        shutil.rmtree(Path(store.at(PIECES)), ignore_errors=True)
        Sink(store).put_now(MANIFEST, manifest)
        self._rename()

    def _rename(self) -> None:
        final, former = self.final.local, _beside(self.final.local, "former")
        assert final is not None
        shutil.rmtree(former, ignore_errors=True)
        if final.exists():
            final.replace(former)
        _beside(final, "partial").replace(final)
        shutil.rmtree(former, ignore_errors=True)


def _beside(folder: Path | None, kind: str) -> Path:
    if folder is None:
        raise ExportError("an object store has no folder beside")
    return folder.with_name(f".{folder.name}.{kind}")
