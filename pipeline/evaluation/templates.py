"""A protocol's templates: embeddings by sample in, one vector a template out, failures kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.evaluation.comparison import unit_length
from pipeline.evaluation.pooling import pool_templates
from pipeline.evaluation.subjects import NOBODY
from pipeline.store.protocol_faults import refuse_empty
from pipeline.store.protocols import Protocol
from pipeline.types import Float32, Int64

POOLED_AT_ONCE = 2**14
"""Samples that are pooled at once, or those of one template."""


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings of many samples; those of a million fit where a dictionary of them would not.

    Attributes:
        sample_ids: text (n,), each once.
        vectors: (n, d), floating point; may be a memory-mapped file.
    """

    sample_ids: pa.Array
    vectors: NDArray[np.floating]


Embeddings = Mapping[str, Float32]
"""Embedding (d,) by the sample id that a protocol names; a face that was not found is missing."""

Embedded = Embeddings | EmbeddingTable
"""Few or many."""


@dataclass(frozen=True)
class Side:
    """Templates of one side: all that were tried, and the vectors of those that were enrolled.

    Known subjects come first, then those of nobody, each by template id.

    Attributes:
        ids: text (t,).
        subjects: int64 (t,), numbered alike on both sides; ``NOBODY`` where it is not known.
        cameras: int64 (t,), likewise.
        enrolled: bool (t,), whether it has an embedding.
        vectors: float32 (e, d), unit length, of the enrolled ones in their order.
    """

    ids: pa.Array
    subjects: Int64
    cameras: Int64
    enrolled: NDArray[np.bool_]
    vectors: Float32

    @property
    def rows(self) -> Int64:
        """Row of ``vectors`` of each template, -1 where there is none."""
        return np.where(self.enrolled, np.cumsum(self.enrolled) - 1, -1)

    def find(self, template_ids: pa.ChunkedArray | pa.Array, protocol: str, side: str) -> Int64:
        """Return the place of each template.

        Raises:
            StageError: one is none of this side's.
        """
        places = pc.index_in(template_ids, value_set=self.ids)
        if places.null_count:
            unknown = template_ids.filter(pc.is_null(places))[0]
            raise StageError(
                f"protocol {protocol}: {places.null_count} pairs of its match list name a template "
                f"that {side} lacks, among them {unknown}: expected templates of its own tables"
            )
        return np.asarray(places).astype(np.int64)


def sides_of(
    protocol: Protocol,
    gallery: Embedded,
    probes: Embedded,
    *,
    numbered_as: Protocol | None = None,
) -> tuple[Side, Side]:
    """Pool what is enrolled and what probes in one fold.

    Args:
        protocol: one fold.
        gallery: embeddings of enrolled samples.
        probes: embeddings of probe samples.
        numbered_as: the protocol whose subjects are numbered, so that folds can be joined; the fold
            itself by default.

    Raises:
        StageError: a side is empty, nothing of it has an embedding, or one is not finite.
    """
    tables = protocol.enroll, protocol.probe
    refuse_empty(protocol.name, *tables)
    whole = tables if numbered_as is None else (numbered_as.enroll, numbered_as.probe)
    subjects, cameras = (_codes(tables, name, whole) for name in ("subject_id", "camera_id"))
    enrolled = _side(protocol.enroll, gallery, subjects[0], cameras[0], "enrolled")
    return enrolled, _side(protocol.probe, probes, subjects[1], cameras[1], "probe")


def _codes(
    tables: tuple[pa.Table, pa.Table], name: str, whole: tuple[pa.Table, pa.Table]
) -> tuple[Int64, Int64]:
    """Number a column of both tables alike, in the order of the values of the whole.

    What is not known, or empty, is ``NOBODY``.
    """
    chunks = [chunk for table in whole for chunk in table[name].chunks]
    known = pc.unique(pa.chunked_array(chunks, pa.string()))
    known = known.filter(pc.greater(pc.utf8_length(known), 0))  # null is no value, and goes too
    known = known.take(pc.array_sort_indices(known))
    one, other = (
        np.asarray(pc.fill_null(pc.index_in(table[name], value_set=known), NOBODY)).astype(np.int64)
        for table in tables
    )
    return one, other


def _numbered(values: pa.Array) -> Int64:
    encoded = values.dictionary_encode()
    order = np.asarray(pc.array_sort_indices(encoded.dictionary), np.int64)
    place = np.empty(len(order) + 1, np.int64)
    place[order] = np.arange(len(order))
    place[-1] = NOBODY
    return place[np.asarray(pc.fill_null(encoded.indices, -1), np.int64)]


def _side(
    table: pa.Table, embeddings: Embedded, subjects: Int64, cameras: Int64, name: str
) -> Side:
    """Pool one side; ``subjects`` and ``cameras`` are those of the table's rows."""
    ids = table["template_id"].combine_chunks()
    template = _numbered(ids)
    _, first = np.unique(template, return_index=True)
    order = np.argsort(subjects[first] == NOBODY, kind="stable")  # nobody last
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    template, first = place[template], first[order]
    rows, gather = _found(table["sample_id"], embeddings)
    has = np.flatnonzero(rows >= 0)
    if not len(has):
        raise StageError(
            f"none of {len(table)} {name} images has an embedding: expected some; `crossband "
            "rejected` on the outputs of the stages before says why they are missing"
        )
    has = has[np.argsort(template[has], kind="stable")]
    media = _numbered(pc.coalesce(table["media_id"], table["sample_id"]).combine_chunks())
    enrolled = np.zeros(len(first), bool)
    enrolled[template[has]] = True
    try:
        vectors = _pooled(gather, rows[has], template[has], media[has])
    except ValueError as error:
        faulty = _first_faulty(gather, rows[has])
        told = "" if faulty is None else str(table["sample_id"][int(has[faulty])])
        raise StageError(
            f"{name} embeddings are zero or not finite{f', first that of {told}' if told else ''}: "
            "expected finite, non-zero ones, alone and as a template's mean; check the "
            f"network that made them ({error})"
        ) from error
    return Side(ids.take(pa.array(first)), subjects[first], cameras[first], enrolled, vectors)


def _found(
    samples: pa.ChunkedArray, embeddings: Embedded
) -> tuple[Int64, Callable[[Int64], NDArray[np.floating]]]:
    """Return the number of each sample's embedding, -1 where it has none, and what fetches them."""
    if isinstance(embeddings, EmbeddingTable):
        known, vectors = embeddings.sample_ids, embeddings.vectors
        places = pc.index_in(samples, value_set=known)
        return np.asarray(pc.fill_null(places, -1)).astype(np.int64), lambda rows: vectors[rows]
    number = {sample: row for row, sample in enumerate(embeddings)}
    values = list(embeddings.values())
    found = np.array([number.get(sample, -1) for sample in samples.to_pylist()], np.int64)
    return found, lambda rows: np.stack([values[row] for row in rows])


def _first_faulty(gather: Callable[[Int64], NDArray[np.floating]], rows: Int64) -> int | None:
    """Return the place of the first embedding that is zero or not finite."""
    for start in range(0, len(rows), POOLED_AT_ONCE):
        lengths = np.linalg.norm(gather(rows[start : start + POOLED_AT_ONCE]), axis=1)
        faulty = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
        if len(faulty):
            return start + int(faulty[0])
    return None


def _pooled(
    gather: Callable[[Int64], NDArray[np.floating]], rows: Int64, template: Int64, media: Int64
) -> Float32:
    """Pool embeddings whose templates rise, some thousand samples at a time."""
    starts = np.flatnonzero(np.r_[True, template[1:] != template[:-1]])
    ends = np.r_[starts[1:], len(rows)]
    width = gather(rows[:1]).shape[1]
    pooled = np.empty((len(starts), width), np.float32)
    done = 0
    while done < len(starts):
        last = int(np.searchsorted(ends, starts[done] + POOLED_AT_ONCE, "right"))
        last = max(last, done + 1)
        run = slice(int(starts[done]), int(ends[last - 1]))
        unit = unit_length(gather(rows[run]))
        if len(unit) > last - done:  # else each is a template as it is
            unit, _ = pool_templates(unit, template[run], media[run])
        pooled[done:last] = unit
        done = last
    return pooled
