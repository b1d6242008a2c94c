"""The manifest of an export: what it is, where from, its licences, and each file's sha256."""

import base64
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from pipeline.errors import ExportError
from pipeline.exporters.names import check_inside
from pipeline.exporters.storage import FileEntry

VERSION = 1
_MOST = 65_536
"""Shards that a data set has at most."""


@dataclass(frozen=True)
class Manifest:
    """All that ``manifest.json`` says, as plain JSON values.

    Attributes:
        crossband_export: version of the manifest.
        format: name of the format.
        source: folder of shards, their number, and a digest of the rows' ids and contents.
        where: the filter.
        splits: the chosen splits, none if all.
        image: the column that is the main image.
        rows: number of rows.
        shares: number of rows by split, band, region and generator.
        licences: number of rows by licence.
        simulated: number and share of rows whose image a program made.
        columns: name, type, nullability and metadata of each column.
        arrow_schema: the same, in Arrow's own serialisation, base64.
        params: ``params.yaml`` at the time, whole.
        revision: git revision of the project, with ``-dirty`` where tracked files were edited.
        crossband: version of the program.
        verified_with: library and version that read the export back.
        files: every file but the manifest.
        key: digest of all that the files depend on; None in the manifests of former programs.
        used: how many rows a loader of the format takes, by what for; likewise.
    """

    format: str
    source: Mapping[str, Any]
    where: str | None
    splits: Sequence[str]
    image: str
    rows: int
    shares: Mapping[str, Mapping[str, int]]
    licences: Mapping[str, int]
    simulated: Mapping[str, float]
    columns: Sequence[Mapping[str, Any]]
    arrow_schema: str
    params: Mapping[str, Any] | None
    revision: str | None
    crossband: str
    verified_with: str | None
    files: Sequence[FileEntry]
    key: str | None = None
    used: Mapping[str, int] = field(default_factory=dict)
    crossband_export: int = VERSION

    def to_json(self) -> bytes:
        """Return the file's text."""
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes, url: str) -> Self:
        """Read the file's text.

        Raises:
            ExportError: it is no manifest, or one of another version.
        """
        try:
            values = json.loads(text)
            if values["crossband_export"] != VERSION:
                raise ExportError(
                    f"{url}: the manifest has version {values['crossband_export']}, "
                    f"expected {VERSION}"
                )
            files = [_entry(**entry) for entry in values.pop("files")]
            if not (isinstance(values["format"], str) and 1 <= values["source"]["shards"] <= _MOST):
                raise TypeError("a format's name, and how many shards its source had")
            return cls(**values, files=files)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ExportError(f"{url}: manifest.json is not the manifest of an export") from error

    @property
    def schema(self) -> pa.Schema:
        """The schema of the exported rows.

        Raises:
            ExportError: the manifest holds none.
        """
        try:
            return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.arrow_schema)))
        except (ValueError, TypeError, OSError, pa.ArrowException) as error:
            raise ExportError(f"manifest.json: arrow_schema is not a schema: {error}") from error


def _entry(path: str, bytes: int, sha256: str) -> FileEntry:
    """Make an entry of what a manifest says, which others may have written.

    Raises:
        ExportError: the path leads out of the export.
        TypeError: a value is of another type.
    """
    if not (isinstance(path, str) and isinstance(bytes, int) and isinstance(sha256, str)):
        raise TypeError("an entry of files has a path, a length and a digest")
    return FileEntry(check_inside(path), bytes, sha256)


def described_schema(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return a schema as plain JSON values for people."""
    return [
        {
            "name": field.name,
            "type": str(field.type),
            "nullable": field.nullable,
            "metadata": {k.decode(): v.decode() for k, v in (field.metadata or {}).items()},
        }
        for field in schema
    ]


def serialised_schema(schema: pa.Schema) -> str:
    """Return a schema in Arrow's own serialisation, base64."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def revision() -> str | None:
    """Return the git revision of the current folder, None outside of a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        dirty = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}-dirty" if dirty else head


def revision_date() -> str | None:
    """Return the day (YYYY-MM-DD) of the current folder's git revision, None outside of one."""
    try:
        return _git("log", "-1", "--format=%cs") or None
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, check=True)
    return done.stdout.decode(errors="replace").strip()  # it names files, in whatever encoding


def program_version() -> str:
    """Return the version of crossband."""
    return version("crossband")


def library_version(library: str) -> str:
    """Return a library with its version; of a module, that of what it is a part of."""
    if library in sys.stdlib_module_names:
        return f"{library} of Python {platform.python_version()}"
    if library.startswith("pipeline."):
        return f"crossband {program_version()}"
    distributions = packages_distributions().get(library, [library])
    return f"{library} {version(distributions[0])}"


def params_here() -> dict[str, Any] | None:
    """Return ``params.yaml`` of the current folder, None where there is none."""
    from pipeline.params.load import read_yaml

    path = Path("params.yaml")
    return read_yaml(path) if path.exists() else None
