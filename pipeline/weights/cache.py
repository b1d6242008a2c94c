"""A user-wide, content-addressed store, so that a second clone downloads nothing.

It is no source of trust: what comes out of it is compared with its sha256 like everything else.
"""

import logging
import os
import shutil
import tempfile
from pathlib import Path

import platformdirs

from pipeline.weights.registry import WeightFile
from pipeline.weights.verify import mismatch

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return ``$CROSSBAND_CACHE``, else the user's cache folder of this platform."""
    configured = os.environ.get("CROSSBAND_CACHE")
    base = Path(configured) if configured else platformdirs.user_cache_path("crossband")
    return base / "weights"


def cached(entry: WeightFile) -> Path | None:
    """Return the cached file of an entry if it is there and still is that file."""
    path = cache_folder() / entry.sha256
    try:
        wrong = mismatch(path, entry)
    except OSError:
        return None
    if wrong:
        _log.warning("the cached %s is damaged (%s): not used", entry.file, wrong)
        return None
    return path


def keep(entry: WeightFile, verified: Path) -> None:
    """Add a verified file to the cache; a cache that cannot be written costs time, nothing else."""
    try:
        place(verified, cache_folder() / entry.sha256)
    except OSError as error:
        _log.warning("%s is not cached: %s", entry.file, error)


def place(origin: Path, destination: Path) -> None:
    """Put a file where it belongs, complete or not at all: hard link or copy, fsync, rename.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".placing-", dir=destination.parent) as scratch:
        waiting = Path(scratch) / destination.name
        try:
            waiting.hardlink_to(origin)
        except OSError:
            # Another file system, or one without hard links.
            shutil.copyfile(origin, waiting)
        # Read-only: the bytes may be shared with the cache and with other clones.
        waiting.chmod(0o444)
        with waiting.open("rb") as stream:
            os.fsync(stream.fileno())
        waiting.replace(destination)
