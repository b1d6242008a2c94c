"""Every place that may have a file, in order, and what is right of it put where it belongs."""

import functools
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from unearth import Link

from pipeline.errors import WeightsError
from pipeline.partial import partial_beside
from pipeline.weights.archive import extract_member
from pipeline.weights.registry import LOCAL_FOLDER, PackageSource, Source, UrlSource, WeightFile
from pipeline.weights.verify import mismatch
from pipeline.weights.web import Web

_log = logging.getLogger(__name__)

# The largest package that weights.yaml names has 80 MB.
_MAX_PACKAGE_BYTES = 512 << 20
_CACHE = "user cache"


def cache_folder() -> Path:
    """Return the folder that clones share: in ``$CROSSBAND_CACHE``, else the user's own cache.

    It is no source of trust: what comes out of it is compared with its sha256 like all else.
    """
    configured = os.environ.get("CROSSBAND_CACHE")
    base = Path(configured) if configured else platformdirs.user_cache_path("crossband")
    return base / "weights"


def is_at_hand(entry: WeightFile) -> bool:
    """Return whether the cache or ``$CROSSBAND_WEIGHTS`` has the right file: no network is asked.

    Args:
        entry: of ``weights.yaml``; the file's sha256 is computed.
    """
    return any(_mismatch(path, entry) is None for _, path in _at_hand(entry))


def _at_hand(entry: WeightFile) -> Iterator[tuple[str, Path]]:
    """Yield label and path of the places on this machine that may have the file, in order."""
    cached = cache_folder() / entry.sha256
    if os.access(cached, os.R_OK):
        yield _CACHE, cached
    local = os.environ.get(LOCAL_FOLDER)
    if local:
        yield LOCAL_FOLDER, Path(local) / entry.file


class Sources(Web):
    """What one run shares: the connections, and the packages it has downloaded already.

    Args:
        scratch: folder for what is downloaded; the caller removes it.
    """

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        # One download a run, however many members a package gives.
        self._package = functools.cache(self._find_package)

    def place(self, entry: WeightFile, path: Path) -> str | None:
        """Put an entry's file at ``path`` and into the cache, from the first place that has it.

        Returns:
            That place in words; None when the right file lay at ``path`` already.

        Raises:
            WeightsError: no place has it; says why, one line per place.
            OSError: it cannot be written.
        """
        if _mismatch(path, entry) is None:
            _make_own(path, entry)
            return None
        tried = []
        for label, description, obtain in self._places(entry):
            try:
                origin = obtain()
                wrong = _mismatch(origin, entry)
            except WeightsError as error:
                wrong = str(error)
            if wrong:
                tried.append(f"    - {description}: {wrong}")
                continue
            _copy(origin, path, entry)
            if label != _CACHE:
                try:
                    _copy(origin, cache_folder() / entry.sha256, entry)
                except OSError as error:
                    _log.warning("%s is not cached: %s", entry.file, error)
            _log.info("%s: from %s", entry.file, label)
            return label
        head = f"{entry.file}, {entry.bytes:,} bytes, sha256 {entry.sha256}"
        raise WeightsError("\n".join([head, *tried]))

    def _places(self, entry: WeightFile) -> Iterator[tuple[str, str, Callable[[], Path]]]:
        """Yield label, description and action of every place that may have the file, in order."""
        for label, path in _at_hand(entry):
            yield label, label, functools.partial(Path, path)
        for source in entry.sources:
            action = functools.partial(self._obtain, source, entry)
            yield source.label, source.describe(), action

    def _obtain(self, source: Source, entry: WeightFile) -> Path:
        if isinstance(source, UrlSource):
            return self.download(_link(source.url), entry.bytes)
        package = self._package(source.model_copy(update={"member": None}))
        if source.member is None:
            return package
        target = Path(tempfile.mkdtemp(dir=self.scratch)) / entry.file
        extract_member(package, source.member, target, entry.bytes)
        return target

    def _find_package(self, source: PackageSource) -> Path:
        if source.kind == "npm":
            address = f"{_npm_registry()}/{source.name}/-/{source.file}"
            return self.download(_link(address), _MAX_PACKAGE_BYTES)
        places = [(link, False) for link in self.settings.find_links]
        places += [(index, True) for index in self.indexes]
        reasons = []
        for location, is_index in places:
            try:
                link = self.find(location, source.label, source.file, is_index=is_index)
                return self.download(link, _MAX_PACKAGE_BYTES)
            except WeightsError as error:
                reasons.append(str(error))
        raise WeightsError("; ".join(reasons) or "pip is configured to use no index")


def _link(url: str) -> Link:
    """Return an address for unearth, which takes what follows a bare @ for a revision."""
    parts = urlsplit(url)
    return Link(parts._replace(path=parts.path.replace("@", "%40")).geturl())


def _mismatch(path: Path, entry: WeightFile) -> str | None:
    """Say why a file, which need not exist, is not the entry's, or None when it is."""
    try:
        return mismatch(path, entry)
    except OSError as error:
        return f"{path}: {error.strerror or error}"


def _copy(origin: Path, path: Path, entry: WeightFile) -> None:
    """Copy a file to where it belongs, read-only: the right one and complete, or not at all.

    Raises:
        OSError: it can't be written, or is another one by now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial_beside(path) as partial:
        shutil.copyfile(origin, partial)
        if wrong := mismatch(partial, entry):
            raise OSError(f"{origin} changed while it was copied: {wrong}")
        partial.chmod(0o444)
        partial.replace(path)


def _make_own(path: Path, entry: WeightFile) -> None:
    """Give a file an inode of its own: former versions linked it to the cache's.

    It is the right one even where that can't be done, as in a folder that may only be read.
    """
    if path.stat().st_nlink > 1:
        with suppress(OSError):
            _copy(path, path, entry)


def _npm_registry() -> str:
    """Ask npm for the registry that it is configured for."""
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError("npm is not installed, and its configuration says which registry to ask")
    command = [npm, "config", "get", "registry"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WeightsError(f"`npm config get registry` failed: {done.stderr.strip()}")
    return done.stdout.strip().rstrip("/")
