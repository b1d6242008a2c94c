"""The incremental map: from the shards of a source to the shards of a stage's output.

Rows whose fingerprint still holds stay; only the others are computed; a shard in which nothing
changed is not touched; a changed one is replaced at once. Whatever was finished before an
interruption is found again by its fingerprint.
"""

import gc
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from threading import Lock

import pyarrow as pa

from pipeline.errors import DamageError, OlderError, SchemaError
from pipeline.store.checked import CheckedFiles, Made
from pipeline.store.columns import REJECTED
from pipeline.store.executors import Serial, Threads
from pipeline.store.files import Place
from pipeline.store.fingerprint import StageKey
from pipeline.store.locks import locked, writing
from pipeline.store.pending import StoredRow
from pipeline.store.progress import progress
from pipeline.store.shards import ShardFile, ShardFolder, ShardWriter, Source
from pipeline.store.stale import Shard, ShardState, count_all, former_of, states_of
from pipeline.store.work import Executor, Work, report_progress
from pipeline.types import UNREADABLE, Rejected, Row

log = logging.getLogger(__name__)

Outcome = Sequence[Row | Rejected]
"""What became of one input row: at least one item."""
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
            start workers would take longer. Their shards are read and written by threads.

    Returns:
        The counts of this run; ``computed`` and ``reused`` are input rows.

    Raises:
        StageError: the output is locked by another run or can't be written, or a worker died.
        SchemaError: the batch function broke its contract.
    """
    with locked(target.path) as check_lock, writing(target.path):
        target.drop_foreign_shards()
        checked = CheckedFiles(target.path)
        _drop_damaged(target, checked)
        states = states_of(_shards(source, target, schema, key, batch_rows), checked)
        # Large shards first: no worker then ends long after the others.
        changed = sorted((state for state in states if state.changed), key=lambda one: -one.stale)
        rows, stale = sum(state.rows for state in states), sum(state.stale for state in states)
        log.info("%s: %d rows, %d to compute, %d reused", label, rows, stale, rows - stale)
        start = partial(_start, make, bool(stale))
        few = stale <= few_rows and not isinstance(executor, Serial)
        chosen = Threads() if few else executor
        with progress(label, stale) as advance:
            computed = 0
            work = Work(_run, [state.shard for state in changed], start, advance)
            for done in chosen.run(work):
                check_lock()
                computed += done
        target.drop_foreign_shards()  # what workers that died left half-written
        made = _noted(target, checked, states)
    reasons = sum((Counter(one.rejected) for one in made), Counter())
    out = sum(one.rows_out for one in made)
    return MapSummary(rows, out, dict(sorted(reasons.items())), computed, rows - computed)


def _shards(
    source: Source, target: ShardFolder, schema: pa.Schema, key: StageKey, batch_rows: int
) -> list[Shard]:
    lost = target.rejected
    return [
        Shard(source.shard(i), target.shard(i), lost.shard(i), schema, key, batch_rows)
        for i in range(source.count)
    ]


def _noted(target: ShardFolder, checked: CheckedFiles, states: Sequence[ShardState]) -> list[Made]:
    """Count what the shards hold now, and note it of those whose input can be known unread.

    What a disk or a server failed to read may be read the next time, and no stamp tells.
    """
    made = count_all(states)
    known = {
        state.shard.accepted.path: one
        for state, one in zip(states, made, strict=True)
        if state.made_of and UNREADABLE not in one.rejected
    }
    checked.note(_files(target), known)
    return made


def _drop_damaged(target: ShardFolder, checked: CheckedFiles) -> None:
    """Remove what is no longer as it was written: it can be made again from the input."""
    with ThreadPoolExecutor() as threads:
        faults = [fault for fault in threads.map(checked.fault, _files(target)) if fault]
    for fault in faults:
        fault.path.unlink()
    older = [fault.path for fault in faults if isinstance(fault, OlderError)]
    damaged = [fault.path for fault in faults if not isinstance(fault, OlderError)]
    for paths, words in ((older, "were written by an earlier version"), (damaged, "are damaged")):
        if paths:
            log.warning(
                "%d files %s, among them %s: their rows are computed again",
                len(paths),
                words,
                paths[0],
            )


def _files(folder: ShardFolder) -> list[Place]:
    """Return the files of an output, whether they are there or not."""
    parts = (folder, folder.rejected)
    return [part.shard(index).path for part in parts for index in range(folder.count)]


_make: Callable[[], BatchFunction]
_function: BatchFunction | None
_turn = Lock()
"""Whose batch it is, where threads share the function: its networks know one at a time."""


def _start(make: Callable[[], BatchFunction], load: bool) -> None:
    """Load, once in a worker, what all its batches need; not yet where rows only leave."""
    global _make, _function
    _make, _function = make, None
    if load:
        _loaded()


def _loaded() -> BatchFunction:
    global _function
    if _function is None:
        gc.disable()  # what is imported stays; to search it for garbage took a sixth of the time
        try:
            _function = _make()
        finally:
            gc.enable()
    return _function


def _run(shard: Shard) -> int:
    """Write one shard anew; returns how many rows were computed."""
    try:
        return _write(shard, former_of(shard).done)
    except DamageError as error:
        if error.path not in (shard.accepted.path, shard.rejected.path):
            raise
        log.warning("%s is damaged: its rows are computed again", error.path)
        return _write(replace(shard, needed=None), frozenset())


def _write(shard: Shard, kept: frozenset[str]) -> int:
    """Write reused and computed rows in order, then swap the files."""
    computed = 0
    accepted = _Former(shard.accepted, shard.schema, kept)
    rejected = _Former(shard.rejected, REJECTED, kept)
    with ExitStack() as stack:
        # Leaving in reverse: the rejected rows are in place before the accepted ones.
        out = stack.enter_context(ShardWriter(shard.accepted.path, shard.schema))
        left = stack.enter_context(ShardWriter(shard.rejected.path, REJECTED))
        for row, fingerprint, outcome in _outcomes(shard, kept):
            if outcome is None:
                here, gone = accepted.of(fingerprint), rejected.of(fingerprint)
                out.keep(here)
                left.keep(gone)
                split = bool(here and gone)
            else:
                made = _made(row, outcome, fingerprint)
                lost = _rejections(row, outcome, fingerprint)
                out.write(made)
                left.write(lost)
                split = bool(made and lost)
                computed += 1
            if split:
                out.shared.append(fingerprint)
                left.shared.append(fingerprint)
    return computed


def _outcomes(shard: Shard, kept: Collection[str]) -> Iterator[tuple[Row, str, Outcome | None]]:
    """Yield each input row in order with its outcome, None where the former one holds."""
    waiting: list[tuple[Row, str]] = []
    stale = 0
    # Of a fresh row nothing is read.
    needed = shard.needed
    held = None if needed is None else [each if each in kept else None for each in needed]
    wanted = None if held is None else [each is None for each in held]
    for number, row in enumerate(chain.from_iterable(shard.source.batches(wanted=wanted))):
        # What is read may be newer than what was compared: its own content is what counts.
        unread = held[number] if held else None
        fingerprint = unread or shard.key.fingerprint(row["content_sha256"])
        waiting.append((row, fingerprint))
        stale += fingerprint not in kept
        if stale >= shard.batch_rows:
            yield from _compute(waiting, kept)
            waiting, stale = [], 0
    yield from _compute(waiting, kept)


def _compute(
    waiting: list[tuple[Row, str]], kept: Collection[str]
) -> Iterator[tuple[Row, str, Outcome | None]]:
    """Run the batch function on the stale rows and yield all in order."""
    stale = [row for row, fingerprint in waiting if fingerprint not in kept]
    with _turn:
        outcomes = iter(_loaded()(stale)) if stale else iter(())
        report_progress(len(stale))
    for row, fingerprint in waiting:
        yield row, fingerprint, None if fingerprint in kept else next(outcomes)


class _Former:
    """A shard's former rows, read forward once, as the input asks for them in the same order."""

    def __init__(self, file: ShardFile, schema: pa.Schema, kept: Collection[str]) -> None:
        outcomes = file.outcomes(schema) if kept else None
        rows = iter(()) if outcomes is None else file.stored()
        self._groups = groupby(rows, key=lambda row: row.fingerprint)
        self._known = outcomes.here if outcomes else frozenset()

    def of(self, fingerprint: str) -> list[StoredRow]:
        """Return the former rows of this fingerprint, passing over those nobody asks for."""
        if fingerprint not in self._known:
            return []
        for found, rows in self._groups:
            if found == fingerprint:
                return list(rows)
        raise SchemaError(f"fingerprint {fingerprint} is out of order in a former shard")


def _rejections(row: Row, outcome: Outcome, fingerprint: str) -> list[Row]:
    """Make the rows of the rejected table."""
    known = {name: row.get(name) for name in REJECTED.names}
    lost = [
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
    return sorted(lost, key=_id_of)


def _made(row: Row, outcome: Outcome, fingerprint: str) -> list[Row]:
    """Check that nothing got lost or misnamed, and add the fingerprint.

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
    # The writer fills in the digest: it is one of what is stored.
    return [
        item | {"content_sha256": None, "fingerprint": fingerprint}
        for item in sorted(made, key=_id_of)
    ]


def _id_of(row: Row) -> str:
    return str(row["sample_id"])
