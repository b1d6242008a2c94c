"""Which shards of a stage's output are stale: what they need, beside what their files hold."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

import pyarrow as pa

from pipeline.store.checked import CheckedFiles, Made
from pipeline.store.columns import REJECTED
from pipeline.store.fingerprint import StageKey
from pipeline.store.shards import NO_OUTCOMES, ShardFile, SourceShard


@dataclass(frozen=True)
class Shard:
    """One shard's worth of work, sent to a worker.

    Attributes:
        needed: fingerprint of each input row; None where no row or every row is computed.
    """

    source: SourceShard
    accepted: ShardFile
    rejected: ShardFile
    schema: pa.Schema
    key: StageKey
    batch_rows: int
    needed: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return str(self.accepted.path)


@dataclass(frozen=True)
class ShardState:
    """What a shard needs: how many input rows there are, and how many have to be computed.

    Attributes:
        made_of: see ``Made``; None where only reading the input tells.
        made: what is noted of it, where it is made of just that.
    """

    shard: Shard
    rows: int
    stale: int
    changed: bool
    made_of: str | None = None
    made: Made | None = None


def states_of(shards: Sequence[Shard], checked: CheckedFiles) -> list[ShardState]:
    """Return what shards need; whose files are as noted are not opened."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(partial(_state_of, checked), shards))


def _state_of(checked: CheckedFiles, shard: Shard) -> ShardState:
    """Compare the fingerprints the shard needs with those it has, unless its files tell enough."""
    made_of = _made_of(shard)
    made = checked.made(shard.accepted.path, shard.rejected.path)
    if made and made.made_of == made_of:
        return ShardState(shard, made.rows_in, 0, False, made_of, made)
    former = former_of(shard)
    # Where all rows are made by something else, nobody has to read what they are made of.
    if not former.done or (made and made.made_by != shard.key.digest.hex()):
        rows = shard.source.rows()
        changed = not former.whole or rows > 0 or bool(former.found)
        return ShardState(shard, rows, rows, changed, made_of)
    needed = tuple(shard.key.fingerprint(content) for content in shard.source.contents())
    stale = sum(fingerprint not in former.done for fingerprint in needed)
    changed = not former.whole or stale > 0 or former.found != set(needed)
    # Held for all shards at once: only where some rows stay and others don't.
    kept = needed if changed and stale < len(needed) else None
    return ShardState(replace(shard, needed=kept), len(needed), stale, changed, made_of)


def _made_of(shard: Shard) -> str | None:
    mark = shard.source.mark()
    if mark is None:
        return None
    return hashlib.sha256(shard.key.digest + _digest_of(shard.schema) + mark.encode()).hexdigest()


@cache
def _digest_of(schema: pa.Schema) -> bytes:
    return hashlib.sha256(schema.serialize()).digest()


def count_all(states: Sequence[ShardState]) -> list[Made]:
    """Count what shards hold now; those of which it is noted are not opened."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_count, states))


def _count(state: ShardState) -> Made:
    if state.made:
        return state.made
    shard = state.shard
    reasons = Counter(shard.rejected.table(["reason"])["reason"].to_pylist())
    out = shard.accepted.rows()
    return Made(shard.key.digest.hex(), state.made_of or "", state.rows, out, dict(reasons))


class FormerShard(NamedTuple):
    """What stands in a shard's two files.

    Attributes:
        whole: both are there, readable.
        found: fingerprints in either.
        done: of these, those of which everything is there: what one file shares with the other has
            to stand in both. The files are replaced one after the other, and one can get lost.
    """

    whole: bool
    found: frozenset[str]
    done: frozenset[str]


def former_of(shard: Shard) -> FormerShard:
    """Read whose outcomes a shard holds."""
    accepted, rejected = shard.accepted.outcomes(shard.schema), shard.rejected.outcomes(REJECTED)
    whole = accepted is not None and rejected is not None
    left, right = accepted or NO_OUTCOMES, rejected or NO_OUTCOMES
    found, shared = left.here | right.here, left.shared | right.shared
    return FormerShard(whole, found, found - (shared - (left.here & right.here)))
