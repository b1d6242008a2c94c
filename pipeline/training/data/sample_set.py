"""Samples of any stages, as a table with images that are decoded on demand."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.store.fetched import fetched
from pipeline.store.files import path_of
from pipeline.store.shards import ShardFolder
from pipeline.training.data.images import HW, ImageColumn, ImageStore
from pipeline.training.data.shard_rows import (
    NONE_OPTIONAL,
    Choice,
    ShardRows,
    lacking,
    read_shard,
)
from pipeline.types import Band, Int64, Split, UInt8

_READERS = 4
"""Threads that read tables: Arrow does that outside of Python's lock."""


@dataclass(frozen=True)
class Part:
    """Rows of one stage's output that are wanted.

    Attributes:
        folder: the output.
        choice: says which rows.
        made_of: the faces that its rows were made of, masked for example; None where they are the
            data set's own.
    """

    folder: ShardFolder
    choice: Choice
    made_of: ShardFolder | None = None


def of_split(split: Split, *bands: Band) -> Choice:
    """Choose by split and band."""
    return lambda row: row["split"] == split and row["band"] in bands


def of_samples(ids: Collection[str], *bands: Band) -> Choice:
    """Choose what was made of these samples, in these bands."""
    wanted = frozenset(ids)
    return lambda row: (
        row["band"] in bands and (row["sample_id"] in wanted or row["parent_id"] in wanted)
    )


@dataclass(frozen=True)
class SampleSet:
    """Samples of known subjects, sorted by id over all stages that they come from.

    A view: what ``take`` returns shares the images that were decoded.

    Attributes:
        extras: names of further scalar or list columns.
        images: names of image columns; the first one is what is read by default.
    """

    extras: tuple[str, ...]
    images: tuple[str, ...]
    _table: pa.Table
    _rows: Int64
    _store: ImageStore

    @classmethod
    def open(
        cls,
        parts: Sequence[Part],
        *,
        extras: Sequence[str] = (),
        images: Sequence[str] = ("image",),
        optional: Mapping[str, pa.DataType] = NONE_OPTIONAL,
        budget_bytes: int,
        asked_by: str = "a training",
        unknown_subjects: bool = False,
    ) -> Self:
        """Read the table of the rows that are wanted.

        Args:
            parts: which rows of which stages.
            extras: further scalar or list columns that are wanted.
            images: image columns that are wanted; one may be null in a row.
            optional: further columns by type that a stage may lack: null in its rows.
            budget_bytes: what decoded images may take, in each process.
            asked_by: who wants the columns, for messages.
            unknown_subjects: whether rows of unknown subjects are taken, too.

        Raises:
            StageError: nothing is left, a stage lacks a column, a sample comes twice, or the
                images ``image`` differ in size.
        """
        for part in parts:
            schema = part.folder.shard(0).schema()
            if missing := lacking(schema, extras, images):
                raise StageError(
                    f"{part.folder.path} has no column {', '.join(map(repr, missing))}, which "
                    f"{asked_by} asks for: expected the output of a stage that makes it"
                )
        # Once each: an object store is asked about every shard then.
        there = [(fetched(part.folder), part.choice) for part in parts]
        jobs = [
            (path_of(of.shard(i).path), choice) for of, choice in there for i in range(of.count)
        ]
        with ThreadPoolExecutor(_READERS) as pool:
            read = pool.map(
                lambda job: read_shard(job[0], job[1], extras, images, unknown_subjects, optional),
                jobs,
            )
            shards = [shard for shard in read if len(shard.table)]
        paths = ", ".join(str(part.folder.path) for part in parts) or "no stage's output"
        if not shards:
            raise StageError(
                f"{paths} holds no sample of a known subject that is wanted here: expected some; "
                "check the bands, the splits and the protocol, or run the earlier stages first"
            )
        table, store = _joined(shards, images, budget_bytes)
        del shards
        # Arrow keeps what reading took: 0.1 GB for 50,000 rows, beyond the byte budget.
        pa.default_memory_pool().release_unused()
        _check_unique(table, paths)
        if "image" in images:
            _check_sizes(table, paths)
        table = table.append_column("rendered", _rendered(table, parts))
        rows = np.arange(len(table), dtype=np.int64)
        return cls((*extras, *optional), tuple(images), table, rows, store)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def sample_ids(self) -> NDArray[np.str_]:
        """(n,), sorted as they come from ``open``."""
        return _texts(self._table["sample_id"])

    @property
    def subject_ids(self) -> NDArray[np.str_]:
        """(n,); the text ``None`` where a subject is unknown."""
        return _texts(self._table["subject_id"])

    @property
    def bands(self) -> NDArray[np.str_]:
        """(n,), names of ``Band``."""
        return _texts(self._table["band"])

    @property
    def hw(self) -> HW:
        """Height and width of the first of ``images``."""
        return self.image_hw(self.images[0])

    @property
    def simulated(self) -> bool:
        """Whether a program made any of the images."""
        return bool(pc.any(self._table["simulated"]).as_py())

    @cached_property
    def digest(self) -> str:
        """sha256 of the rows' content, and of which columns are read."""
        digest = hashlib.sha256(repr((self.extras, self.images)).encode())
        digest.update("".join(self._table["content_sha256"].to_pylist()).encode())
        return digest.hexdigest()

    def column(self, name: str) -> NDArray[Any] | list[Any]:
        """Return an identity column or an extra of all samples.

        Args:
            name: ``sample_id``, ``parent_id``, ``subject_id``, ``band``, ``camera_id``,
                ``session_id``, ``split``, ``generator``, ``simulated``, ``rendered`` (whether a
                program made the face, whatever was made of it), or one of ``extras``.

        Returns:
            Text, numbers and lists of numbers of a fixed shape as an array (n, …); a list where
            anything is null or has another type.

        Raises:
            KeyError: the column was not opened.
        """
        if name not in self._table.column_names:
            raise KeyError(f"column {name!r} was not opened, only {self._table.column_names}")
        return _values(self._table[name])

    def image_hw(self, name: str) -> HW:
        """Return height and width of an image column.

        Raises:
            StageError: no sample has one: ``present`` tells.
            KeyError: the column was not opened.
        """
        if name == "image":
            if name not in self.images:
                raise KeyError(f"column 'image' was not opened, only {self.images}")
            return self._table["height_px"][0].as_py(), self._table["width_px"][0].as_py()
        return self._store.hw(name)

    def present(self, name: str) -> NDArray[np.bool_]:
        """Tell which samples have an image in a column, bool (n,)."""
        return self._store.present(name, self._rows)

    def read(self, indices: Int64, column: str | None = None, *, grey: bool = False) -> UInt8:
        """Decode images, black where a sample has none; any number of threads may.

        Args:
            indices: int64 (k,), of samples of this set.
            column: one of ``images``, by default the first.
            grey: one channel, whatever is stored; label maps are grey.

        Returns:
            uint8 (k, h, w, 3), RGB, or (k, h, w) if grey.

        Raises:
            StageError: the images differ in size, or the budget is too small for so many.
            KeyError: the column was not opened.
        """
        return self._store.read(column or self.images[0], self._rows[indices], grey=grey)

    def reserve(self, size: int, what: str) -> None:
        """Leave a part of the byte budget to something else, in place of what was left before.

        Args:
            size: bytes.
            what: what it is, for messages.

        Raises:
            StageError: the budget is smaller.
        """
        self._store.reserve(size, what)

    def take(self, indices: Int64) -> Self:
        """Return some of the samples, in this order."""
        return replace(self, _table=self._table.take(pa.array(indices)), _rows=self._rows[indices])

    def sources(self, among: NDArray[np.bool_]) -> Int64:
        """Return the place of the sample that each was made of, -1 where it is none of some.

        Args:
            among: bool (n,), the samples that count as sources.

        Returns:
            int64 (n,), indices of samples of this set.
        """
        places = np.flatnonzero(among)
        known = self._table["sample_id"].filter(pa.array(among)).combine_chunks()
        found = pc.fill_null(pc.index_in(self._table["parent_id"], value_set=known), -1)
        at = np.asarray(found, np.int64)
        return np.where(at < 0, -1, places[at]) if len(places) else at

    def made_of(self, samples: Collection[str]) -> tuple[str, ...]:
        """Return the sample that each is, or was made of."""
        own, parents = self._table["sample_id"].to_pylist(), self._table["parent_id"].to_pylist()
        pairs = zip(own, parents, strict=True)
        return tuple(each if each in samples else parent for each, parent in pairs)


def _joined(
    shards: Sequence[ShardRows], images: Sequence[str], budget_bytes: int
) -> tuple[pa.Table, ImageStore]:
    """Put shards together, sorted by sample id."""
    table = pa.concat_tables([shard.table for shard in shards])
    order = pc.sort_indices(table["sample_id"]).to_numpy()
    held = [len(shard.chunks[images[0]]) if images else 0 for shard in shards]
    first = np.concatenate([[0], np.cumsum(held)])
    groups = np.concatenate([s.groups + at for s, at in zip(shards, first[:-1], strict=True)])
    columns = {
        name: ImageColumn(
            np.concatenate([shard.ranks[name] for shard in shards])[order],
            np.concatenate([shard.chunks[name] for shard in shards]),
        )
        for name in images
    }
    files = [shard.file for shard, count in zip(shards, held, strict=True) for _ in range(count)]
    store = ImageStore(files, groups[order].astype(np.int32), columns, budget_bytes)
    return table.take(pa.array(order)), store


def _rendered(table: pa.Table, parts: Sequence[Part]) -> pa.Array:
    """Tell which faces a program made: a camera's face under a drawn mask is none of them."""
    known: dict[str, bool] = {}
    for part in parts:
        if part.made_of is not None:
            faces = fetched(part.made_of).table(["sample_id", "simulated"])
            known.update(
                zip(*(faces[name].to_pylist() for name in faces.column_names), strict=True)
            )
    both = zip(table["parent_id"].to_pylist(), table["simulated"].to_pylist(), strict=True)
    return pa.array([known.get(parent, simulated) for parent, simulated in both], pa.bool_())


def _check_unique(table: pa.Table, paths: str) -> None:
    """Refuse a sample that two parts hold."""
    ids = table["sample_id"].combine_chunks()
    same = pc.equal(ids[1:], ids[:-1])
    if pc.any(same).as_py():
        twice = ids.filter(pa.concat_arrays([pa.array([False]), same]))[0]
        raise StageError(
            f"{paths}: sample {twice} is there twice: expected stages, or choices of their rows, "
            "that share no sample"
        )


def _check_sizes(table: pa.Table, paths: str) -> None:
    """Refuse images of several sizes."""
    sizes = table.select(["height_px", "width_px"]).group_by(["height_px", "width_px"])
    found = sorted((row["height_px"], row["width_px"]) for row in sizes.aggregate([]).to_pylist())
    if len(found) > 1:
        listed = ", ".join(f"{height}×{width}" for height, width in found)
        raise StageError(
            f"{paths} holds crops of several sizes, {listed}: expected one size; set the same "
            "alignment for all, and run the stage again"
        )


def _texts(column: pa.ChunkedArray) -> NDArray[np.str_]:
    return np.array(column.to_pylist(), np.str_)


def _values(column: pa.ChunkedArray) -> NDArray[Any] | list[Any]:
    if column.null_count:
        return cast(list[Any], column.to_pylist())
    kind = column.type
    if pa.types.is_string(kind):
        return _texts(column)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.asarray(column.to_numpy())
    if pa.types.is_fixed_size_list(kind):
        inner = _values(pa.chunked_array([column.combine_chunks().flatten()]))
        return (
            inner.reshape(len(column), kind.list_size, *inner.shape[1:])
            if isinstance(inner, np.ndarray)
            else cast(list[Any], column.to_pylist())
        )
    return cast(list[Any], column.to_pylist())
