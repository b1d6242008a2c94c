"""Images decoded on demand from shards, and kept as long as a number of bytes allows."""

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SchemaError, StageError
from pipeline.ops.codec import as_grey, as_rgb, decode
from pipeline.store.pages import locate_payloads
from pipeline.types import Int32, Int64, UInt8

HW = tuple[int, int]
_BLOCK_BYTES = 64 << 20
"""Beyond what the C library serves from its heap, so a block is given back as a whole."""


@dataclass(frozen=True)
class ImageColumn:
    """Where one column's images lie.

    Attributes:
        ranks: int32 (n,), each row's place among the images of its row group, −1 where it has none.
        chunks: int64 (g, 2), offset and bytes of the column in each row group's file.
    """

    ranks: Int32
    chunks: Int64


class _Kept:
    """Decoded images side by side in large blocks.

    Allocated one by one, while steps allocate and free, they would leave holes between them.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._images: dict[tuple[str, int], UInt8] = {}
        self._block, self._used = np.empty(0, np.uint8), 0
        self.get, self.nbytes = self._images.get, 0

    def add(self, key: tuple[str, int], image: UInt8) -> None:
        """Keep a copy of an image."""
        if self._used + image.nbytes > len(self._block):
            self._block, self._used = np.empty(max(_BLOCK_BYTES, image.nbytes), np.uint8), 0
        place = self._block[self._used : self._used + image.nbytes].reshape(image.shape)
        place[...] = image
        self._used += image.nbytes
        self.nbytes += image.nbytes
        self._images[key] = place


class ImageStore:
    """Images of n rows; any number of threads may read.

    No file stays open: a payload is read by its place, which is found for a whole row group when
    the first of it is asked for. A mapping of each shard would hold a file handle, and its pages
    would count as this process's memory.

    What was decoded is kept until ``budget_bytes`` are full; nothing is thrown out for another, as
    a training draws at random and any image is as likely to be the next.
    """

    def __init__(
        self,
        files: Sequence[Path],
        groups: Int32,
        columns: Mapping[str, ImageColumn],
        budget_bytes: int,
    ) -> None:
        """Set up; nothing is read.

        Args:
            files: the file of each row group.
            groups: int32 (n,), the row group of each row.
            columns: where images lie, by name.
            budget_bytes: what decoded images may take.
        """
        self.budget_bytes, self._reserved = budget_bytes, 0
        self._files, self._groups, self._columns = tuple(files), groups, dict(columns)
        self._located: dict[tuple[str, int], Int64] = {}
        self._sizes: dict[str, HW] = {}
        self._kept = _Kept()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: it decodes for itself."""
        return self.__dict__ | {"_lock": None, "_kept": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"_lock": threading.Lock(), "_kept": _Kept()})

    @property
    def kept_bytes(self) -> int:
        """What the decoded images take that are kept."""
        return self._kept.nbytes

    def present(self, column: str, rows: Int64) -> NDArray[np.bool_]:
        """Tell which rows have an image in a column."""
        return np.asarray(self._column(column).ranks[rows] >= 0)

    def hw(self, column: str) -> HW:
        """Return height and width of a column's images, by its first.

        Raises:
            StageError: no row has one.
        """
        if column not in self._sizes:
            having = np.flatnonzero(self._column(column).ranks >= 0)
            if not len(having):
                raise StageError(
                    f"no sample has an image in column {column!r}: expected at least one; ask "
                    "`present` first, or choose other samples"
                )
            height, width = self._decoded(column, int(having[0])).shape[:2]
            self._sizes[column] = height, width
        return self._sizes[column]

    def read(self, column: str, rows: Int64, *, grey: bool) -> UInt8:
        """Return a column's images, black where a row has none.

        Args:
            column: its name.
            rows: int64 (k,).
            grey: one channel instead of three.

        Returns:
            uint8 (k, h, w), or (k, h, w, 3), RGB.

        Raises:
            StageError: no row has one, they differ in size, or the budget is too small for them.
        """
        shape = (len(rows), *self.hw(column), *(() if grey else (3,)))
        self._check_budget(column, shape)
        out = np.zeros(shape, np.uint8)
        for place, row in zip(out, rows.tolist(), strict=True):
            image = self._image(column, row)
            if image is None:
                continue
            if image.shape[:2] != shape[1:3]:
                raise StageError(
                    f"column {column!r} holds images of {shape[1]}×{shape[2]} and of "
                    f"{image.shape[0]}×{image.shape[1]} pixels: expected one size in a set; run "
                    "the stage that makes them again"
                )
            place[...] = as_grey(image) if grey else as_rgb(image)
        return out

    def reserve(self, size: int, what: str) -> None:
        """Leave a part of the budget to something else, in place of what was left before.

        Raises:
            StageError: the budget is smaller.
        """
        if size > self.budget_bytes:
            raise StageError(
                f"{what} takes {_mb(size)} MB, but image_budget_mb is {self.budget_bytes >> 20}: "
                f"expected {_mb(size)} or more; raise it, or keep less"
            )
        with self._lock:
            self._reserved = size
            if size + self.kept_bytes > self.budget_bytes:
                self._kept = _Kept()

    def _check_budget(self, column: str, shape: Sequence[int]) -> None:
        needed = int(np.prod(shape, dtype=np.int64))
        if needed > self.budget_bytes:
            raise StageError(
                f"{shape[0]} images {column!r} at once take {_mb(needed)} MB, but "
                f"image_budget_mb is {self.budget_bytes >> 20}: expected {_mb(needed)} or more; "
                "raise it or make the batch smaller"
            )

    def _image(self, column: str, row: int) -> UInt8 | None:
        """Return one image as it is stored, grey or RGB."""
        kept = self._kept.get((column, row))
        if kept is not None:
            return kept
        if self._column(column).ranks[row] < 0:
            return None
        image = self._decoded(column, row)
        with self._lock:
            fits = self._reserved + self.kept_bytes + image.nbytes <= self.budget_bytes
            if fits and self._kept.get((column, row)) is None:
                self._kept.add((column, row), image)
        return image

    def _decoded(self, column: str, row: int) -> UInt8:
        group = int(self._groups[row])
        located = self._located.get((column, group))
        if located is None:
            start, size = self._column(column).chunks[group].tolist()
            chunk = _read_at(self._files[group], start, size)
            try:
                located = self._located[column, group] = locate_payloads(chunk, start)
            except SchemaError as error:
                raise StageError(f"{self._files[group]}: {error}") from error
        rank = int(self._column(column).ranks[row])
        if rank >= len(located):
            raise StageError(
                f"{self._files[group]}: a row group has only {len(located)} images {column!r}: "
                "expected more; run the stage that makes it again (`dvc repro`)"
            )
        offset, length = located[rank].tolist()
        return decode(_read_at(self._files[group], offset, length))

    def _column(self, name: str) -> ImageColumn:
        if name not in self._columns:
            raise KeyError(f"images {name!r} were not opened, only {sorted(self._columns)}")
        return self._columns[name]


def _read_at(file: Path, offset: int, size: int) -> bytes:
    handle = os.open(file, os.O_RDONLY)
    try:
        return os.pread(handle, size, offset)
    finally:
        os.close(handle)


def _mb(size: int) -> int:
    return -(-size >> 20)
