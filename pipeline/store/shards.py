"""A folder of Parquet shards: where a sample lies, how rows are read and written."""

import hashlib
import json
import os
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import DamageError, SchemaError, StageError
from pipeline.scratch import ScratchFolder
from pipeline.store.checked import stamp_of
from pipeline.store.columns import measure_names
from pipeline.store.content import content_names, content_sha256
from pipeline.store.files import ObjectPath, Place, place_of
from pipeline.store.ids import check_sample_id
from pipeline.store.nearby import nearby_outputs
from pipeline.store.pending import Pending, StoredRow, image_names, stored_rows
from pipeline.store.rows import rows_from_table
from pipeline.store.seal import UNSEALED, damaged, opened, seal
from pipeline.store.whole import reach_disk
from pipeline.types import Row

ROW_GROUP_ROWS = 32
ROW_GROUP_BYTES = 16 << 20
"""A row group closes at whichever comes first, so that reading one is bounded in memory."""

_NAME = re.compile(r"shard-(\d{5})-of-(\d{5})\.parquet")
_OURS = re.compile(rf"{_NAME.pattern}|\.{_NAME.pattern}(\.[0-9a-f]{{8}})?\.partial")


def shard_of(sample_id: str, count: int) -> int:
    """Return the shard of a sample: a hash of the id up to its first ``#``.

    A derived row therefore lies in the shard of its sample, and stages map shard to shard.
    """
    root = sample_id.partition("#")[0]
    return int.from_bytes(hashlib.blake2b(root.encode(), digest_size=8).digest(), "big") % count


class Source(Protocol):
    """Something that a stage maps: rows in ``count`` shards."""

    @property
    def count(self) -> int:
        """Number of shards."""

    def shard(self, index: int) -> "SourceShard":
        """Return one shard; it can be sent to another process."""


class SourceShard(Protocol):
    """One shard of rows, read by pieces."""

    def batches(self, *, wanted: Sequence[bool] | None = None) -> Iterator[list[Row]]:
        """Yield rows sorted by ``sample_id``, a bounded number at a time.

        Each has its ``content_sha256``.

        Args:
            wanted: for each row whether it is read, all by default; an empty one stands in the
                place of the others.
        """

    def rows(self) -> int:
        """Return the number of rows, without reading them."""

    def contents(self) -> Iterator[str]:
        """Yield the ``content_sha256`` of each row in order, as cheaply as can be."""

    def mark(self) -> str | None:
        """Return what changes whenever a row may have; None where only reading tells."""


class Outcomes(NamedTuple):
    """Whose outcomes a file holds, by fingerprint.

    Attributes:
        here: fingerprints of all rows.
        shared: of these, those whose outcome has a part in the other file, too: accepted rows in
            one, rejected ones in the other.
    """

    here: frozenset[str]
    shared: frozenset[str]


NO_OUTCOMES = Outcomes(frozenset(), frozenset())
_SHARED = "crossband.shared"


@dataclass(frozen=True)
class ShardFile:
    """One Parquet file of rows sorted by ``sample_id``."""

    path: Place

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        ids: Collection[str] | None = None,
        wanted: Sequence[bool] | None = None,
    ) -> Iterator[list[Row]]:
        """Yield the rows of one row group after the other.

        Args:
            columns: what is read of a row; all but the measures by default.
            ids: rows that are wanted; all by default. Others are not made, and groups without any
                are not even read.
            wanted: see ``SourceShard``; groups without any are not read either.

        Raises:
            DamageError: the file is damaged, or a row that is read whole has another content than
                its ``content_sha256`` says.
        """
        with opened(self.path, None if columns is None else [*columns, "sample_id"]) as file:
            known = file.schema_arrow
            names = list(columns) if columns is not None else _unmeasured(known)
            places = None if ids is None else _groups_of(file.metadata, sorted(ids))
            start = 0
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                chosen = [True] * (end - start) if wanted is None else wanted[start:end]
                if ids is not None and (places is None or group in places):
                    found = file.read_row_group(group, columns=["sample_id"])["sample_id"]
                    chosen = [name in ids for name in found.to_pylist()]
                elif ids is not None:
                    chosen = []
                rows = _some_rows(file, group, names, chosen)
                self._check(rows, names, known)
                if ids is not None:
                    rows = [row for row in rows if row]
                if rows or ids is None:
                    yield rows
                start = end

    def _check(self, rows: Sequence[Row], names: Sequence[str], schema: pa.Schema) -> None:
        """Compare rows that were read whole with their digests."""
        if "content_sha256" not in names or not content_names(schema) <= set(names):
            return
        for row in rows:
            if row and content_sha256(row, schema) != row["content_sha256"]:
                raise damaged(
                    self.path, f"row {row['sample_id']!r} does not match its content_sha256"
                )

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Read a few small columns of all rows at once."""
        with opened(self.path, columns) as file:
            return file.read(columns=list(columns), use_threads=False)

    def schema(self) -> pa.Schema:
        """Return the schema of the file."""
        with opened(self.path, ()) as file:
            return file.schema_arrow

    def contents(self) -> Iterator[str]:
        """Yield the ``content_sha256`` of each row, as it was written."""
        yield from self.table(["content_sha256"])["content_sha256"].to_pylist()

    def mark(self) -> str | None:
        """Return what changes whenever the file is replaced; None where there is none."""
        try:
            return json.dumps(stamp_of(self.path))
        except FileNotFoundError:
            return None

    def outcomes(self, schema: pa.Schema) -> Outcomes | None:
        """Return whose outcomes the file holds.

        None where it is not there, damaged, or of another schema or schema version.
        """
        try:
            with opened(self.path, ["fingerprint"]) as file:
                found = file.schema_arrow
                if not found.equals(schema) or found.metadata != schema.metadata:
                    return None
                column = file.read(columns=["fingerprint"], use_threads=False)["fingerprint"]
                shared = json.loads(file.metadata.metadata[_SHARED.encode()])
        except (FileNotFoundError, DamageError):
            return None
        return Outcomes(frozenset(column.to_pylist()), frozenset(shared))

    def stored(self) -> Iterator[StoredRow]:
        """Yield the rows as they are stored, for a shard that takes them over.

        Raises:
            DamageError: any byte of the file is damaged.
        """
        with opened(self.path, whole=True) as file:
            for group in range(file.num_row_groups):
                yield from stored_rows(file.read_row_group(group, use_threads=False))

    def rows(self) -> int:
        """Return the number of rows."""
        with opened(self.path, ()) as file:
            return int(file.metadata.num_rows)


@dataclass(frozen=True)
class ShardFolder:
    """The output of a stage: ``shard-00000-of-00016.parquet`` … and ``rejected/`` likewise."""

    path: Place
    count: int

    @classmethod
    def open(cls, path: Place | str) -> Self:
        """Open an existing folder, or one in an object store by its URL.

        Raises:
            StageError: there is no complete set of shards.
        """
        path = place_of(path) if isinstance(path, str) else path
        names = [match for p in path.glob("shard-*.parquet") if (match := _NAME.fullmatch(p.name))]
        counts = {int(match[2]) for match in names}
        if len(counts) != 1 or len(names) != next(iter(counts)):
            raise StageError(
                f"{path}: expected a complete set of shards, found {len(names)} files; "
                f"run the stage that makes it (`dvc repro`){'' if names else nearby_outputs(path)}"
            )
        return cls(path, counts.pop())

    @property
    def rejected(self) -> "ShardFolder":
        """The folder of the samples that left here, sharded alike."""
        return ShardFolder(self.path / "rejected", self.count)

    def shard(self, index: int) -> ShardFile:
        """Return one shard."""
        return ShardFile(self.path / f"shard-{index:05d}-of-{self.count:05d}.parquet")

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Read a few small columns of all rows at once, shard after shard."""
        return pa.concat_tables(self.shard(index).table(columns) for index in range(self.count))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[list[Row]]:
        """Yield all rows, a row group at a time, shard after shard; see ``ShardFile``."""
        for index in range(self.count):
            yield from self.shard(index).batches(columns)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield all rows one by one, shard after shard; see ``ShardFile``."""
        for batch in self.batches(columns):
            yield from batch

    def drop_foreign_shards(self) -> None:
        """Remove shards of another count and half-written ones; any other file stays."""
        mine = {self.shard(index).path.name for index in range(self.count)}
        for folder in (self.path, self.path / "rejected"):
            for file in folder.glob("*shard-*"):
                if file.name not in mine and _OURS.fullmatch(file.name):
                    file.unlink()


def _unmeasured(schema: pa.Schema) -> list[str]:
    measures = measure_names(schema)
    return [name for name in schema.names if name not in measures]


def _some_rows(file: Any, group: int, names: list[str], wanted: Sequence[bool]) -> list[Row]:
    """Read some rows of a row group; an empty one stands for each of the others."""
    if not any(wanted):
        return [{} for _ in wanted]
    table = file.read_row_group(group, columns=names)
    rows = iter(rows_from_table(table if all(wanted) else table.filter(pa.array(wanted))))
    return [next(rows) if read else {} for read in wanted]


def _groups_of(metadata: Any, ids: Sequence[str]) -> frozenset[int] | None:
    """Return the row groups whose span of ids holds one of these, None where no span is known."""
    found = set()
    for group in range(metadata.num_row_groups):
        # The id is the first column of every schema.
        span = metadata.row_group(group).column(0).statistics
        if span is None or not span.has_min_max:
            return None
        place = bisect_left(ids, span.min)
        if place < len(ids) and ids[place] <= span.max:
            found.add(group)
    return frozenset(found)


@dataclass
class ShardWriter:
    """Writes one shard: rows arrive in order, the file appears whole or not at all.

    Use as a context manager; an exception inside leaves the former file as it was. A row whose
    ``content_sha256`` is None gets that of what is stored.

    Attributes:
        shared: see ``Outcomes``; whoever writes both files adds to it.
    """

    path: Place
    schema: pa.Schema
    shared: list[str] = field(default_factory=list)
    _pending: Pending = field(default_factory=Pending)
    _last_id: str = ""
    _cleared: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        # A name of its own: a worker that was given up may still write, beside its successor.
        if isinstance(self.path, ObjectPath):
            self._partial = Path(self._cleared.enter_context(ScratchFolder()), self.path.name)
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = f".{self.path.name}.{os.urandom(4).hex()}.partial"
            self._partial = self.path.with_name(partial)
            self._cleared.callback(self._partial.unlink, missing_ok=True)
        self._writer = pq.ParquetWriter(
            self._partial,
            self.schema,
            compression=compression_of(self.schema),
            use_dictionary=False,
            write_page_checksum=True,
        )
        return self

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows.

        Raises:
            SchemaError: an id is illegal, occurs twice or is out of order.
        """
        for row in rows:
            check_sample_id(row["sample_id"])
            self._check_order(row["sample_id"])
            self._pending.add(row)
            self._flush_if_full()

    def keep(self, rows: Iterable[StoredRow]) -> None:
        """Append rows as a shard of the same schema holds them; see ``write``."""
        for row in rows:
            self._check_order(row.sample_id)
            self._pending.keep(row)
            self._flush_if_full()

    def _check_order(self, sample_id: str) -> None:
        if sample_id <= self._last_id:
            raise SchemaError(
                f"sample {sample_id!r} after {self._last_id!r} in {self.path.name}: "
                "ids must be unique and sorted"
            )
        self._last_id = sample_id

    def _flush_if_full(self) -> None:
        waiting = self._pending
        if waiting.rows >= ROW_GROUP_ROWS or waiting.image_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(self._pending.table(self.schema))
        self._pending = Pending()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self._pending.rows:
                self._flush()
            self._writer.add_key_value_metadata({_SHARED: json.dumps(self.shared), **UNSEALED})
            self._writer.close()
            if kind is None:
                seal(self._partial)
                self._put_in_place()
        finally:
            self._cleared.close()

    def _put_in_place(self) -> None:
        if isinstance(self.path, ObjectPath):
            self.path.send(self._partial)
            return
        if self._last_id:  # an empty file is known to be whole by its seal
            reach_disk(self._partial)
        self._partial.replace(self.path)


@cache
def compression_of(schema: pa.Schema) -> dict[str, str]:
    """Return the compression of each leaf column: images are stored as they are."""
    stored = {f"{name}.bytes" for name in image_names(schema)}
    return {path: "NONE" if path in stored else "ZSTD" for path in _leaves(schema)}


def _leaves(schema: pa.Schema) -> list[str]:
    """Return the Parquet paths of all leaf columns."""
    buffer = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), buffer)
    columns = pq.ParquetFile(pa.BufferReader(buffer.getvalue())).schema
    return [str(columns.column(index).path) for index in range(len(columns))]
