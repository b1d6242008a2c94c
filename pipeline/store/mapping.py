"""The incremental map: from the shards of a source to the shards of a stage's output.

Rows whose fingerprint still holds stay; only the others are computed; a shard in which nothing
changed is not touched; a changed one is replaced at once. Whatever was finished before an
interruption is found again by its fingerprint.
"""

import errno
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby

import pyarrow as pa

from pipeline.errors import SchemaError, StageError
from pipeline.store.columns import REJECTED, measure_names
from pipeline.store.executors import Executor, Serial, report_progress
from pipeline.store.fingerprint import StageKey
from pipeline.store.locks import locked
from pipeline.store.progress import progress
from pipeline.store.rows import content_sha256
from pipeline.store.shards import ShardFile, ShardFolder, ShardWriter, Source, SourceShard
from pipeline.types import Rejected, Row

log = logging.getLogger(__name__)

Outcome = Sequence[Row | Rejected]
"""What became of one input row: at least one item, in the order of the ids."""
BatchFunction = Callable[[list[Row]], Sequence[Outcome]]
"""Maps a batch of rows to one outcome each, which must not depend on the rest of the batch."""


@dataclass(frozen=True)
class MapSummary:
    """What one run of a stage did."""

    rows_in: int
    rows_out: int
    rejected: dict[str, int]
    computed: int
    reused: int


@dataclass(frozen=True)
class _Shard:
    """One shard's worth of work, sent to a worker.

    Attributes:
        needed: fingerprint of each input row; None where nothing is kept, so that nobody asks.
    """

    source: SourceShard
    accepted: ShardFile
    rejected: ShardFile
    schema: pa.Schema
    key: StageKey
    batch_rows: int
    needed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class _ShardState:
    """What a shard needs: how many input rows there are, and how many have to be computed."""

    shard: _Shard
    rows: int
    stale: int
    changed: bool


def map_shards(
    source: Source,
    target: ShardFolder,
    *,
    schema: pa.Schema,
    key: StageKey,
    make: Callable[[], BatchFunction],
    batch_rows: int,
    executor: Executor,
    label: str,
    few_rows: int = 0,
) -> MapSummary:
    """Bring a stage's output up to date with its source.

    More arguments because each is a choice of the stage's own.

    Args:
        source: the rows to map.
        target: where the output goes, with as many shards as the source.
        schema: schema of the output rows.
        key: what the rows depend on besides their input row.
        make: called once in each worker; loads the networks and returns the batch function. Has to
            be picklable. A row's outcome must not depend on the batch it comes in.
        batch_rows: number of rows handed to the batch function at once.
        executor: who runs it.
        label: name shown with the progress.
        few_rows: so few rows to compute are computed in this process, whatever the executor: to
            start workers would take longer.

    Returns:
        The counts of this run; ``computed`` and ``reused`` are input rows.

    Raises:
        StageError: the output is locked by another run, the disk is full, or a worker died.
        SchemaError: the batch function broke its contract.
    """
    with locked(target.path):
        target.drop_foreign_shards()
        states = _states(source, target, schema, key, batch_rows)
        # Large shards first: no worker then ends long after the others.
        changed = sorted((p for p in states if p.changed), key=lambda state: -state.stale)
        rows, stale = sum(p.rows for p in states), sum(p.stale for p in states)
        log.info("%s: %d rows, %d to compute, %d reused", label, rows, stale, rows - stale)
        start = partial(_start, make) if stale else _start_nothing
        chosen = executor if stale > few_rows else Serial()
        try:
            with progress(label, stale) as advance:
                for _ in chosen.run(_run, [p.shard for p in changed], start, advance):
                    pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StageError(
                f"the disk that holds {target.path} is full; finished shards are kept: "
                "make room and run the stage again"
            ) from error
        reasons = Counter(target.rejected.table(["reason"])["reason"].to_pylist())
        out = sum(shard.rows() for shard in map(target.shard, range(target.count)))
    return MapSummary(rows, out, dict(sorted(reasons.items())), stale, rows - stale)


def _states(
    source: Source, target: ShardFolder, schema: pa.Schema, key: StageKey, batch_rows: int
) -> list[_ShardState]:
    shards = [
        _Shard(
            source.shard(index),
            target.shard(index),
            target.rejected.shard(index),
            schema,
            key,
            batch_rows,
        )
        for index in range(source.count)
    ]
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_state_of, shards))


def _state_of(shard: _Shard) -> _ShardState:
    """Compare the fingerprints the shard needs with those it has."""
    kept = _fingerprints(shard)
    whole = shard.accepted.readable(shard.schema) and shard.rejected.readable(REJECTED)
    if not kept:
        rows = shard.source.rows()
        return _ShardState(shard, rows, rows, not whole or rows > 0)
    needed = tuple(shard.key.fingerprint(content) for content in shard.source.contents())
    stale = sum(fingerprint not in kept for fingerprint in needed)
    changed = not whole or kept != set(needed)
    return _ShardState(replace(shard, needed=needed), len(needed), stale, changed)


def _fingerprints(shard: _Shard) -> set[str]:
    """Return the fingerprints that stand in a shard's output, rejected ones included."""
    found: set[str] = set()
    for file, schema in ((shard.accepted, shard.schema), (shard.rejected, REJECTED)):
        if file.readable(schema):
            found |= _known(file)
    return found


_function: BatchFunction


def _start(make: Callable[[], BatchFunction]) -> None:
    """Load, once in a worker, what all its batches need."""
    global _function
    _function = make()


def _start_nothing() -> None:
    """Load nothing: rows only leave."""


def _run(shard: _Shard) -> None:
    """Write one shard anew: reused and computed rows in order, then the file swap."""
    kept = _fingerprints(shard)
    accepted = _Former(shard.accepted, shard.schema)
    rejected = _Former(shard.rejected, REJECTED)
    measures = measure_names(shard.schema)
    with ExitStack() as stack:
        # Leaving in reverse: the rejected rows are in place before the accepted ones.
        out = stack.enter_context(ShardWriter(shard.accepted.path, shard.schema))
        left = stack.enter_context(ShardWriter(shard.rejected.path, REJECTED))
        for row, fingerprint, outcome in _outcomes(shard, kept):
            if outcome is None:
                out.write(accepted.of(fingerprint))
                left.write(rejected.of(fingerprint))
            else:
                out.write(_made(row, outcome, fingerprint, measures))
                left.write(_rejections(row, outcome, fingerprint))


def _outcomes(shard: _Shard, kept: set[str]) -> Iterator[tuple[Row, str, Outcome | None]]:
    """Yield each input row in order with its outcome, None where the former one holds."""
    waiting: list[tuple[Row, str]] = []
    stale = 0
    needed = shard.needed
    wanted = None if needed is None else [fingerprint not in kept for fingerprint in needed]
    # Of a fresh row nothing is read.
    for number, row in enumerate(chain.from_iterable(shard.source.batches(wanted=wanted))):
        known = None if needed is None else needed[number]
        fingerprint = known or shard.key.fingerprint(row["content_sha256"])
        waiting.append((row, fingerprint))
        stale += fingerprint not in kept
        if stale >= shard.batch_rows:
            yield from _compute(waiting, kept)
            waiting, stale = [], 0
    yield from _compute(waiting, kept)


def _compute(
    waiting: list[tuple[Row, str]], kept: set[str]
) -> Iterator[tuple[Row, str, Outcome | None]]:
    """Run the batch function on the stale rows and yield all in order."""
    stale = [row for row, fingerprint in waiting if fingerprint not in kept]
    outcomes = iter(_function(stale)) if stale else iter(())
    for row, fingerprint in waiting:
        yield row, fingerprint, None if fingerprint in kept else next(outcomes)
    report_progress(len(stale))


class _Former:
    """A shard's former rows, read forward once, as the input asks for them in the same order."""

    def __init__(self, file: ShardFile, schema: pa.Schema) -> None:
        whole = file.readable(schema)
        rows = chain.from_iterable(file.batches(schema.names)) if whole else iter(())
        self._groups = groupby(rows, key=lambda row: str(row["fingerprint"]))
        self._known = _known(file) if whole else frozenset()

    def of(self, fingerprint: str) -> list[Row]:
        """Return the former rows of this fingerprint, passing over those nobody asks for."""
        if fingerprint not in self._known:
            return []
        for found, rows in self._groups:
            if found == fingerprint:
                return list(rows)
        raise SchemaError(f"fingerprint {fingerprint} is out of order in a former shard")


def _known(file: ShardFile) -> frozenset[str]:
    return frozenset(file.table(["fingerprint"])["fingerprint"].to_pylist())


def _rejections(row: Row, outcome: Outcome, fingerprint: str) -> list[Row]:
    """Make the rows of the rejected table."""
    known = {name: row.get(name) for name in REJECTED.names}
    return [
        known
        | {
            "sample_id": f"{row['sample_id']}#{item.part}" if item.part else row["sample_id"],
            "reason": item.reason,
            "detail": item.detail,
            "fingerprint": fingerprint,
        }
        for item in outcome
        if isinstance(item, Rejected)
    ]


def _made(row: Row, outcome: Outcome, fingerprint: str, measures: Collection[str]) -> list[Row]:
    """Check that nothing got lost or misnamed, and add content digest and fingerprint.

    Raises:
        SchemaError: an input row gave nothing, or a row of another sample's name.
    """
    sample_id = row["sample_id"]
    if not outcome:
        raise SchemaError(f"sample {sample_id!r} gave neither a row nor a reason to reject it")
    made = [item for item in outcome if not isinstance(item, Rejected)]
    for item in made:
        if item["sample_id"] != sample_id and not item["sample_id"].startswith(f"{sample_id}#"):
            raise SchemaError(
                f"sample {sample_id!r} gave a row {item['sample_id']!r}: "
                "expected the same id, or the id with '#' and more"
            )
    return [
        item | {"content_sha256": content_sha256(item, measures), "fingerprint": fingerprint}
        for item in made
    ]
