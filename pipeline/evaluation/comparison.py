"""Probes against a gallery, a block of scores at a time: the full matrix is never there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from pipeline.evaluation.subjects import NOBODY, codes_of
from pipeline.types import Float32, Int64

BLOCK_SCORES = 2**22
"""Scores in memory at once: 16 MiB."""
LEAST_PRODUCTS = 2**20
"""Products that a block is of at least. BLAS takes other kernels for small matrices, in which a
score's last bit depends on its row and column: equal embeddings would not tie."""
CHUNK_ROWS = 2**14
"""Embeddings that are brought to unit length at once, in float64."""


@dataclass(frozen=True)
class Comparison:
    """Every probe against every gallery entry, by cosine.

    The gallery is held sorted by subject, so that a probe's genuine comparisons are one run of
    columns. A gallery entry of the probe's own subject and camera is left out, which is the rule of
    re-identification; with a camera for each image, the same leaves out an image's comparison
    with itself.

    Attributes:
        probes: float32 (n, d), unit length.
        gallery: float32 (m, d), unit length, sorted by subject.
        own_start: int64 (n,), first column of the probe's own subject.
        own_stop: int64 (n,), the column after its last; equal to the first where it has none.
        probe_camera: int64 (n,), below -1 or one that no entry has where nothing is left out.
        gallery_camera: int64 (m,), in the gallery's sorted order.
        gallery_subject: int64 (m,), number of each entry's subject, rising.
    """

    probes: Float32
    gallery: Float32
    own_start: Int64
    own_stop: Int64
    probe_camera: Int64
    gallery_camera: Int64
    gallery_subject: Int64

    def every(self, step: int) -> "Comparison":
        """Return every so manieth probe against the whole gallery."""
        return replace(
            self,
            probes=self.probes[::step],
            own_start=self.own_start[::step],
            own_stop=self.own_stop[::step],
            probe_camera=self.probe_camera[::step],
        )

    @property
    def block_rows(self) -> int:
        """Number of probes in a block."""
        return min(max(1, BLOCK_SCORES // max(1, len(self.gallery))), max(1, len(self.probes)))

    @property
    def block_count(self) -> int:
        """Number of blocks."""
        return -(-len(self.probes) // self.block_rows)

    def blocks(self, first: int = 0, step: int = 1) -> Iterator[tuple[slice, Float32]]:
        """Yield runs of probes with their scores, float32 (rows, m), in sorted gallery order.

        The array is used again for the next block. Two passes give the same bits, and two pairs of
        equal embeddings the same score, wherever they stand.

        Args:
            first: number of the first block.
            step: every so manieth block from there on; several threads share the blocks by it.
        """
        rows = self.block_rows
        least = -(-LEAST_PRODUCTS // max(1, self.gallery.size))
        buffer = np.empty((max(rows, least), len(self.gallery)), np.float32)
        padded = np.zeros((least, self.gallery.shape[1]), np.float32)
        for start in range(first * rows, len(self.probes), step * rows):
            run = slice(start, min(start + rows, len(self.probes)))
            probes = self.probes[run]
            if len(probes) < least:
                padded[: len(probes)] = probes
                probes = padded
            np.matmul(probes, self.gallery.T, out=buffer[: len(probes)])
            scores = buffer[: run.stop - start]
            scores += np.float32(0.0)  # minus zero becomes zero: they are one score
            yield run, scores

    def scores(self) -> Float32:
        """Return all scores at once, float32 (n, m), in sorted gallery order: the blocks' bits."""
        scores = np.empty((len(self.probes), len(self.gallery)), np.float32)
        with threadpool_limits(1, "blas"):  # else rounding depends on the number of cores
            for run, block in self.blocks():
                scores[run] = block
        return scores


def compare(
    probes: ArrayLike,
    gallery: ArrayLike,
    probe_subjects: ArrayLike,
    gallery_subjects: ArrayLike,
    *,
    probe_cameras: ArrayLike | None = None,
    gallery_cameras: ArrayLike | None = None,
) -> Comparison:
    """Prepare a comparison.

    Args:
        probes: (n, d) embeddings of any length.
        gallery: (m, d).
        probe_subjects: (n,), names or numbers.
        gallery_subjects: (m,).
        probe_cameras: (n,), or None: nothing is left out.
        gallery_cameras: (m,), given if and only if the probes' are.

    A subject that is None, NaN or empty is nobody: no entry is its mate.

    Raises:
        ValueError: shapes do not fit, there is no gallery, an embedding has no direction, or
            subjects are text on one side and numbers on the other.
    """
    probes, gallery = _table(probes, "probes"), _table(gallery, "gallery")
    theirs = _column(probe_subjects, len(probes), "probe_subjects")
    known = _column(gallery_subjects, len(gallery), "gallery_subjects")
    if not len(known):
        raise ValueError("the gallery is empty")
    asked, own = codes_of(theirs, known)
    order = np.argsort(own, kind="stable")
    own = own[order]
    unit_probes, unit_gallery = unit_length(probes), unit_length(gallery, order)
    if unit_probes.shape[1] != unit_gallery.shape[1]:
        raise ValueError(
            f"probes have {unit_probes.shape[1]} dimensions, the gallery {unit_gallery.shape[1]}"
        )
    if (probe_cameras is None) != (gallery_cameras is None):
        raise ValueError("cameras have to be given on both sides or on neither")
    if probe_cameras is None or gallery_cameras is None:
        probe_codes = np.full(len(asked), -1, np.int64)
        gallery_codes = np.zeros(len(own), np.int64)
    else:
        seen = _column(probe_cameras, len(asked), "probe_cameras")
        kept = _column(gallery_cameras, len(own), "gallery_cameras")[order]
        probe_codes, gallery_codes = codes_of(seen, kept, name="cameras")
        probe_codes = np.where(probe_codes == NOBODY, NOBODY - 1, probe_codes)
    some = asked != NOBODY
    return Comparison(
        unit_probes,
        unit_gallery,
        np.where(some, np.searchsorted(own, asked, "left"), 0).astype(np.int64),
        np.where(some, np.searchsorted(own, asked, "right"), 0).astype(np.int64),
        probe_codes,
        gallery_codes,
        # each nobody is another one
        np.cumsum(np.r_[False, (own[1:] != own[:-1]) | (own[1:] == NOBODY)]).astype(np.int64),
    )


def against_others(probes: Float32, others: Float32) -> Comparison:
    """Prepare a comparison in which nobody has a mate; nothing is copied.

    Args:
        probes: (n, d), unit length.
        others: (m, d), unit length, at least one.
    """
    none = np.zeros(len(probes), np.int64)
    every = np.arange(len(others), dtype=np.int64)
    return Comparison(probes, others, none, none, none - 1, np.zeros_like(every), every)


def unit_length(embeddings: ArrayLike, order: Int64 | None = None) -> Float32:
    """Scale embeddings (n, d) to unit length, float32, some thousand at a time.

    Args:
        embeddings: (n, d); a memory-mapped file is read piece by piece.
        order: rows to take, in this order; by default all as they are.

    Raises:
        ValueError: one is zero or not finite. A face that was not found has no embedding: it is a
            failure to enrol, to be left out here and counted by ``enrolment``.
    """
    values = np.asarray(embeddings)
    if values.ndim != 2:
        raise ValueError(f"expected embeddings (n, d), got shape {values.shape}")
    rows = np.arange(len(values)) if order is None else order
    unit = np.empty((len(rows), values.shape[1]), np.float32)
    bad: list[int] = []
    for start in range(0, len(rows), CHUNK_ROWS):
        taken = rows[start : start + CHUNK_ROWS]
        chunk = values[taken].astype(np.float64)
        lengths = np.linalg.norm(chunk, axis=1, keepdims=True)
        fine = np.isfinite(lengths) & (lengths > 0)
        bad += taken[~fine[:, 0]].tolist()
        unit[start : start + len(taken)] = chunk / np.where(fine, lengths, 1.0)
    if bad:
        raise ValueError(
            f"{len(bad)} embeddings are zero or not finite, the first in row {min(bad)}: "
            "leave failures to enrol out and count them"
        )
    return unit


def _table(embeddings: ArrayLike, name: str) -> NDArray[np.generic]:
    table = np.asarray(embeddings)
    if table.ndim != 2:
        raise ValueError(f"expected {name} of shape (n, d), got {table.shape}")
    return table


def _column(values: ArrayLike, length: int, name: str) -> NDArray[np.generic]:
    column = np.asarray(values)
    if column.shape != (length,):
        raise ValueError(f"{name}: expected {length} values, got shape {column.shape}")
    return column
