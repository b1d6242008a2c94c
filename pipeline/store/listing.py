"""Rows that a reader lists: placed in shards, each loaded only when it is worked on."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Self

from pipeline.store.content import listed_sha256
from pipeline.store.shards import shard_of
from pipeline.types import Row


class LazyRows(ABC):
    """Rows of a listing too large to hold: each is made when it is asked for."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __iter__(self) -> Iterator[Row]: ...

    @abstractmethod
    def sample_ids(self) -> Iterator[str]:
        """Yield the ids alone, in order."""

    @abstractmethod
    def take(self, indices: Sequence[int]) -> Self:
        """Return some of the rows; what is returned can be sent to another process."""


@dataclass(frozen=True)
class Listing:
    """Rows that a reader lists, with the bytes of each fetched only when it is worked on.

    Attributes:
        rows: one per sample, without content.
        count: number of shards to place them in.
        load: returns the row with its content added; must be picklable. A row that has its
            ``content_sha256`` already keeps it, and need not be loaded to be compared.
        passed_over: rows of what lies there and is no sample; they are mapped as the others are.
        stamps: returns of some of the rows what changes whenever what ``load`` adds to one does,
            without reading it; must be picklable. None where only reading tells.
    """

    rows: Sequence[Row] | LazyRows
    count: int
    load: Callable[[Row], Row]
    passed_over: Sequence[Row] = ()
    stamps: Callable[[Iterable[Row]], str] | None = None

    @cached_property
    def _all(self) -> Sequence[Row] | LazyRows:
        return [*self.rows, *self.passed_over] if self.passed_over else self.rows

    @cached_property
    def _placed(self) -> list[list[int]]:
        """The indices of each shard's rows, in the order of their ids."""
        rows = self._all
        ids = (
            [*rows.sample_ids()]
            if isinstance(rows, LazyRows)
            else [str(r["sample_id"]) for r in rows]
        )
        shards: list[list[int]] = [[] for _ in range(self.count)]
        for index in sorted(range(len(ids)), key=ids.__getitem__):
            shards[shard_of(ids[index], self.count)].append(index)
        return shards

    def shard(self, index: int) -> "ListingShard":
        """Return one shard of the listing."""
        rows, chosen = self._all, self._placed[index]
        taken = rows.take(chosen) if isinstance(rows, LazyRows) else [rows[i] for i in chosen]
        return ListingShard(taken, self.load, self.stamps)


@dataclass(frozen=True)
class ListingShard:
    """The rows of a listing that fall into one shard."""

    listed: Sequence[Row] | LazyRows
    load: Callable[[Row], Row]
    stamps: Callable[[Iterable[Row]], str] | None = None

    def batches(self, *, wanted: Sequence[bool] | None = None) -> Iterator[list[Row]]:
        """Yield one row at a time: its content may be a large file."""
        for row, read in zip(self.listed, wanted or repeat(True)):  # noqa: B905 - repeat has no end
            yield [self._loaded(row) if read else {}]

    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.listed)

    def contents(self) -> Iterator[str]:
        """Yield each row's ``content_sha256``; where the listing has none the row is loaded."""
        for row in self.listed:
            yield row.get("content_sha256") or self._loaded(row)["content_sha256"]

    def mark(self) -> str | None:
        """Return what changes whenever a row or the bytes behind it do."""
        if self.stamps is None:
            return None
        digest = hashlib.sha256(self.stamps(self.listed).encode())
        for row in self.listed:
            digest.update(listed_sha256(row).encode())
        return digest.hexdigest()

    def _loaded(self, row: Row) -> Row:
        loaded = self.load(row)
        return {"content_sha256": listed_sha256(loaded)} | loaded
