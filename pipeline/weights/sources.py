"""Bytes from an official address or from the package index, not yet trusted."""

from pathlib import Path
from types import TracebackType
from typing import Self, cast

from unearth import Link, PackageFinder
from unearth.fetchers import Fetcher

from pipeline.errors import WeightsError
from pipeline.weights.archive import copy_bounded, extract_member
from pipeline.weights.http import Web, redacted
from pipeline.weights.registry import PyPISource, UrlSource, WeightFile

# The largest package that weights.yaml names has 80 MB.
_MAX_PACKAGE_BYTES = 512 << 20


class Downloads:
    """What one run shares: the connections, and the packages it has downloaded already.

    Used as a context manager. Nothing it writes was verified.

    Args:
        scratch: an empty folder for packages; the caller removes it.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._web = Web()
        self._packages: dict[str, Path | WeightsError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._web.close()

    def obtain(self, source: UrlSource | PyPISource, entry: WeightFile, target: Path) -> None:
        """Write what a source has for an entry to ``target``, at most ``entry.bytes`` long.

        Raises:
            WeightsError: the source does not have it, cannot be reached, or sends something longer.
        """
        if isinstance(source, UrlSource):
            self._web.check_reachable(source.url)
            self._web.download(source.url, target, entry.bytes)
            return
        package = self._package(source)
        if source.member:
            extract_member(package, source.member, target, entry.bytes)
        else:
            copy_bounded(package, target, entry.bytes)

    def _package(self, source: PyPISource) -> Path:
        """Return the file of a package, downloaded once a run however many members it gives."""
        if source.file not in self._packages:
            try:
                self._packages[source.file] = self._fetch_package(source)
            except WeightsError as error:
                self._packages[source.file] = error
        found = self._packages[source.file]
        if isinstance(found, WeightsError):
            raise found
        return found

    def _fetch_package(self, source: PyPISource) -> Path:
        settings = self._web.settings
        places = [(link, False) for link in settings.find_links]
        places += [(index, True) for index in self._web.indexes]
        reasons = []
        for location, is_index in places:
            try:
                link = self._find(source, location, is_index=is_index)
                if link.is_file:
                    return link.file_path
                target = self._scratch / source.file
                self._web.download(link.normalized, target, _MAX_PACKAGE_BYTES)
            except WeightsError as error:
                reasons.append(str(error))
            else:
                return target
        raise WeightsError("; ".join(reasons) or "pip is configured to use no index")

    def _find(self, source: PyPISource, location: str, *, is_index: bool) -> Link:
        """Look up exactly the named file, whatever Python or platform runs this.

        One place at a time: unearth gives up on all of them as soon as one does not answer.
        """
        finder = PackageFinder(
            cast(Fetcher, self._web.client),
            index_urls=[location] if is_index else [],
            find_links=[] if is_index else [location],
            trusted_hosts=self._web.settings.trusted_hosts,
            ignore_compatibility=True,
        )
        with self._web.reaching(location):
            packages = finder.find_matches(f"{source.name}=={source.version}", allow_yanked=True)
            named = [each.link for each in packages if each.link.filename == source.file]
        if not named:
            raise WeightsError(f"{redacted(location)} does not list {source.file}")
        return named[0]
