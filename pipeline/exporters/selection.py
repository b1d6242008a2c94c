"""Which rows of a stage's output an export takes: a filter in SQL, by DuckDB on the shards.

The filter sees all columns of the shards and four more, where the stage has what they come from:

    yaw_deg, pitch_deg, roll_deg    of ``pose_deg``, of the best of ``faces``, or the ground truth
    interocular_px                  distance of the eye points, from ``landmarks_xy`` likewise

It may open these shards and nothing else: no other file, no network.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.exporters.repeatable import unrepeatable
from pipeline.store import ShardFolder
from pipeline.store.fetched import fetched
from pipeline.store.files import literal, path_of
from pipeline.store.ids import check_sample_id
from pipeline.store.rows import rows_from_table
from pipeline.store.seal import check_footer, opened
from pipeline.store.work import report_progress
from pipeline.types import Row

ALL = "all"
"""Split of rows that have none."""

GIVE_SPLITS = (
    "give each image a `split` in a list (docs/own-images.md), or take the fold of a protocol "
    "(docs/exports.md)"
)
"""What to do where rows have no split and an export needs one."""

MEMORY_LIMIT = "1GB"
"""What the filter may take; sorting beyond it fails instead of writing to the disk."""

_ROWS = 4096
_PLACES = ("filename", "file_row_number")
"""Columns by which DuckDB says where a row lies: no part of the data."""
_POSE = ("yaw_deg", "pitch_deg", "roll_deg")


@dataclass(frozen=True)
class Part:
    """Chosen rows of one shard.

    Attributes:
        path: the shard's file.
        rows: their positions in it, rising.
        ordinals: their positions among all chosen rows.
    """

    path: Path
    rows: NDArray[np.int64]
    ordinals: NDArray[np.int64]


@dataclass(frozen=True)
class Unit:
    """A piece of an export that is written at once, and kept when an interrupted one goes on.

    Attributes:
        name: of its files and of its receipt.
        split: split of its rows; ``all`` where they have none or several.
        parts: its rows.
        ids_sha256: digest of the ids, contents and fingerprints of its rows.
        reports: reading tells the progress.
    """

    name: str
    split: str
    parts: tuple[Part, ...]
    ids_sha256: str
    reports: bool = True

    @property
    def count(self) -> int:
        """Number of rows."""
        return sum(len(part.rows) for part in self.parts)

    def tables(self, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
        """Yield the rows' ordinals and a table of these columns, one row group at a time.

        Raises:
            ExportError: the shards are no longer those that were chosen from.
        """
        digest = sha256()
        for part in self.parts:
            for piece, table, weight in _pieces(part, [*columns, *_DIGESTED]):
                for identity in zip(*(table[name].to_pylist() for name in _DIGESTED), strict=True):
                    digest.update(_identity(*identity))
                yield part.ordinals[piece], table.select(list(columns))
                if self.reports:
                    report_progress(weight)
        if digest.hexdigest() != self.ids_sha256:
            raise ExportError("the source changed during the export; run it again")

    def bytes(self, columns: Sequence[str]) -> int:
        """Return about how many bytes these columns take in the shards."""
        return sum(_weight(part, columns) for part in self.parts)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
        """Yield the ordinal and the chosen columns of one row after the other."""
        for ordinals, table in self.tables(columns):
            yield from zip(ordinals.tolist(), rows_from_table(table), strict=True)


_DIGESTED = ("sample_id", "content_sha256", "fingerprint")
"""What a row's digest is of: measures are no content, but change with what the row was made by."""


def _pieces(part: Part, columns: list[str]) -> Iterator[tuple[slice, pa.Table, int]]:
    with opened(part.path) as file:
        start = 0
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            first, last = np.searchsorted(part.rows, (start, end))
            if first < last:
                table = file.read_row_group(group, columns=list(dict.fromkeys(columns)))
                if last - first < table.num_rows:
                    table = table.take(part.rows[first:last] - start)
                share = int(last - first) / (end - start)
                weight = _group_bytes(file.metadata.row_group(group), set(columns))
                yield slice(first, last), table, round(weight * share)
            start = end


def _weight(part: Part, columns: Sequence[str]) -> int:
    start = total = 0
    with opened(part.path) as file:
        metadata = file.metadata
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        first, last = np.searchsorted(part.rows, (start, start + rows))
        total += round(
            _group_bytes(metadata.row_group(group), set(columns)) * (last - first) / rows
        )
        start += rows
    return total


def _group_bytes(group: Any, columns: set[str]) -> int:
    found = (group.column(index) for index in range(group.num_columns))
    return sum(c.total_compressed_size for c in found if c.path_in_schema.split(".")[0] in columns)


class Selection:
    """The chosen rows of a stage's output, and questions about them.

    Args:
        folder: the stage's output.
        where: SQL condition; all rows without one.
        splits: splits to take; all without any.

    Attributes:
        schema: of the shards.
        count: number of chosen rows.

    Raises:
        ExportError: there are no rows, the condition is no SQL or opens what it may not.
    """

    def __init__(self, folder: ShardFolder, where: str | None, splits: Sequence[str]) -> None:
        self.folder = folder
        here = fetched(folder)
        self._paths = [path_of(here.shard(index).path) for index in range(here.count)]
        for path in self._paths:
            check_footer(path)
        self.schema = pq.read_schema(self._paths[0])
        self._where = where
        self._chosen = self._choose(where, splits)
        self.count = int(self.ask("count(*)")[0][0])
        if not self.count:
            raise self._nothing(where, splits)

    def ask(self, columns: str, *, group: str = "") -> list[tuple[Any, ...]]:
        """Return aggregates of the chosen rows, in SQL, over all or by ``group``."""
        try:
            return list(self._chosen.aggregate(columns, group).fetchall())
        except duckdb.Error as error:
            raise self._refused(error) from error

    def listed(self, columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield columns of the chosen rows, in SQL, in the order of their ordinals."""
        places = ", ".join(_PLACES)
        for row in self._stream(self._chosen.project(f"{columns}, {places}").order(places)):
            yield row[:-2]

    def subjects(self) -> list[str]:
        """Return the subjects of the chosen rows, sorted: a subject's position is its label."""
        found = self.ask("subject_id", group="subject_id")
        return sorted(subject for (subject,) in found if subject is not None)

    def units(self, *, split: bool) -> list[Unit]:
        """Return what is written at once: each split of each shard, or everything.

        Raises:
            ExportError: a sample id stands twice.
            SchemaError: a sample id is illegal.
        """
        wanted = f"filename, file_row_number, {self._split()} as split, {', '.join(_DIGESTED)}"
        ordered = self._chosen.project(wanted).order("filename, file_row_number")
        shard_of = {str(path): number for number, path in enumerate(self._paths)}
        pieces: dict[tuple[str, int], _Piece] = {}
        known: set[bytes] = set()
        whole = sha256()
        for ordinal, (file, row, name, *identity) in enumerate(self._stream(ordered)):
            sample_id: str = identity[0]
            check_sample_id(sample_id)
            known.add(sha256(sample_id.encode()).digest()[:16])
            key = (name or ALL) if split else ALL, shard_of[file]
            piece = pieces.setdefault(key, _Piece())
            piece.rows.append(row)
            piece.ordinals.append(ordinal)
            for digest in (piece.digest, whole):
                digest.update(_identity(*identity))
        if len(known) != self.count:
            twice = self.count - len(known)
            raise ExportError(f"{self.folder.path}: {twice} sample ids occur twice")
        if split:
            return self._named(pieces)
        parts = tuple(
            piece.part(self._paths[shard])
            for (_, shard), piece in sorted(pieces.items(), key=lambda item: item[0])
        )
        return [Unit(ALL, ALL, parts, whole.hexdigest())]

    def _stream(self, relation: Any) -> Iterator[tuple[Any, ...]]:
        try:
            for batch in relation.to_arrow_reader(_ROWS):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        except duckdb.Error as error:
            raise self._refused(error) from error

    def _named(self, pieces: "dict[tuple[str, int], _Piece]") -> list[Unit]:
        units = []
        for split in sorted({split for split, _ in pieces}):
            shards = sorted(shard for name, shard in pieces if name == split)
            for number, shard in enumerate(shards):
                piece = pieces[split, shard]
                name = f"{split}-{number:05d}-of-{len(shards):05d}"
                part = piece.part(self._paths[shard])
                units.append(Unit(name, split, (part,), piece.digest.hexdigest()))
        return units

    def _split(self) -> str:
        return "split" if "split" in self.schema.names else "NULL"

    def _choose(self, where: str | None, splits: Sequence[str]) -> Any:
        try:
            self._connection = _closed_in(self._paths, self.schema)
            rows = self._connection.view("rows")
            self._columns = rows.columns
            if splits:
                names = ", ".join(_quoted(name) for name in splits)
                rows = rows.filter(f"{self._split()} in ({names})")
            if where is None:
                return rows
            if found := unrepeatable(where, self._columns):
                raise ExportError(
                    f"--where {where!r}: {', '.join(found)} gives another answer each time, and "
                    "an export asks several times: for a random tenth take hash(sample_id) % 10 = 0"
                )
            return rows.filter(where)
        except duckdb.Error as error:
            raise self._refused(error) from error

    def _nothing(self, where: str | None, splits: Sequence[str]) -> ExportError:
        """Say what there is to choose from where no row was chosen."""
        taken = f" of split {' or '.join(splits)}" if splits else ""
        asked = f" matches {where!r}" if where else " is there"
        found = f"{self.folder.path}: expected rows to export, but no row{taken}{asked}: "
        rows = self._connection.view("rows")
        total = int(rows.aggregate("count(*)").fetchall()[0][0])
        if not total:
            return ExportError(f"{found}see why: `crossband rejected {self.folder.path}`")
        if splits and not self._any_split(rows):
            return ExportError(f"{found}none of its {total} rows has a split: {GIVE_SPLITS}")
        told = []
        for name in ("split", "band"):
            if name in self._columns:
                counts = rows.aggregate(f"{name}, count(*)", name).order(name).fetchall()
                told += [f"{value or f'no {name}'} {count}" for value, count in counts]
        return ExportError(f"{found}choose others; its {total} rows have {', '.join(told)}")

    def _any_split(self, rows: Any) -> bool:
        return bool(rows.aggregate(f"count({self._split()})").fetchall()[0][0])

    def _refused(self, error: duckdb.Error) -> ExportError:
        reason = str(error).split("\n\n")[0].replace("\n", " ")
        known = [name for name in self._columns if name not in _PLACES]
        hint = "; columns are " + ", ".join(known) if "not found" in reason else ""
        what = str(self.folder.path) if self._where is None else f"--where {self._where!r}"
        return ExportError(f"{what}: {reason}{hint}")


class _Piece:
    """Rows of one shard while they are being collected."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.ordinals: list[int] = []
        self.digest = sha256()

    def part(self, path: Path) -> Part:
        return Part(path, np.array(self.rows, np.int64), np.array(self.ordinals, np.int64))


def _identity(*values: str) -> bytes:
    return "".join(f"{value}\n" for value in values).encode()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _listed(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(_quoted, texts)) + "]"


def _closed_in(paths: Sequence[Path], schema: pa.Schema) -> duckdb.DuckDBPyConnection:
    """Open a database with one view, ``rows``, that can open these files and nothing else."""
    files = _listed(map(literal, paths))
    connection = duckdb.connect(
        config={"threads": 1, "memory_limit": MEMORY_LIMIT, "python_enable_replacements": False}
    )
    connection.execute(f"SET allowed_paths = {_listed([*map(str, paths), *map(literal, paths)])}")
    derived = "".join(f", {value} AS {name}" for name, value in _derived(schema).items())
    connection.execute(
        f"CREATE VIEW rows AS SELECT *{derived} "  # noqa: S608 - quoted names of our own files
        f"FROM read_parquet({files}, filename = true, file_row_number = true)"
    )
    # DuckDB 2.0.0 takes every row for null where it pushes IS NULL into plain Parquet pages.
    connection.execute("SET disabled_optimizers = 'filter_pushdown'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _derived(schema: pa.Schema) -> dict[str, str]:
    """Return the handy columns that a schema allows, in SQL; its own of that name stay."""
    made: dict[str, str] = {}
    if pose := _first(schema, "pose_deg", "truth_pose_deg"):
        made |= {name: f"{pose}[{index}]" for index, name in enumerate(_POSE, start=1)}
    if points := _first(schema, "landmarks_xy", "truth_landmarks_xy"):
        left, right = f"{points}[1]", f"{points}[2]"
        squares = (f"({left}[{axis}] - {right}[{axis}]) ** 2" for axis in (1, 2))
        made["interocular_px"] = f"sqrt({' + '.join(squares)})"
    return {name: value for name, value in made.items() if name not in schema.names}


def _first(schema: pa.Schema, name: str, ground_truth: str) -> str | None:
    if name in schema.names:
        return name
    if "faces" in schema.names:
        return f"faces[1].{name}"
    return ground_truth if ground_truth in schema.names else None
