"""Some rows of a folder as a source of its own: a stage that works on a part of its input."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress

from pipeline.store.shards import ShardFile, ShardFolder, shard_of
from pipeline.types import Row


@dataclass(frozen=True)
class ChosenRows:
    """The rows of a folder that have one of these ids; see ``store.shards.Source``."""

    folder: ShardFolder
    ids: frozenset[str]

    @property
    def count(self) -> int:
        """Number of shards."""
        return self.folder.count

    @cached_property
    def _placed(self) -> list[list[str]]:
        """The ids of each shard, in order."""
        shards: list[list[str]] = [[] for _ in range(self.count)]
        for name in sorted(self.ids):
            shards[shard_of(name, self.count)].append(name)
        return shards

    def shard(self, index: int) -> "ChosenShard":
        """Return one shard."""
        return ChosenShard(self.folder.shard(index), tuple(self._placed[index]))


@dataclass(frozen=True)
class ChosenShard:
    """The rows of one shard that have one of these ids, given in order."""

    file: ShardFile
    ids: tuple[str, ...]

    def batches(self, *, wanted: Sequence[bool] | None = None) -> Iterator[list[Row]]:
        """Yield the chosen rows of one row group after the other."""
        if wanted is None:
            yield from self.file.batches(ids=frozenset(self.ids))
            return
        ids = frozenset(compress(self.ids, wanted))
        found = chain.from_iterable(self.file.batches(ids=ids)) if ids else iter(())
        for read in wanted:
            yield [next(found) if read else {}]

    def rows(self) -> int:
        """Return the number of chosen rows."""
        return len(self.ids)

    def contents(self) -> Iterator[str]:
        """Yield the ``content_sha256`` of each chosen row."""
        table, ids = self.file.table(["sample_id", "content_sha256"]), frozenset(self.ids)
        names, contents = (column.to_pylist() for column in table.columns)
        yield from (content for name, content in zip(names, contents, strict=True) if name in ids)

    def mark(self) -> str | None:
        """Return what changes whenever the file or the choice does."""
        mark = self.file.mark()
        return mark and json.dumps([mark, self.ids])


def select(
    folder: ShardFolder,
    *,
    bands: Collection[str],
    splits: Collection[str],
    per_subject: int,
    seed: int,
) -> ChosenRows:
    """Choose rows by band and split, and so many of each subject in each band.

    Which ones is drawn by a hash of the seed and the id: an image that is added takes the place of
    one other at most.

    Args:
        folder: a stage's output.
        bands: bands to take.
        splits: splits to take; rows without a split are taken as ``train``.
        per_subject: most rows of a subject in a band; rows without a subject count as one subject.
        seed: another seed chooses others.
    """
    ranked: defaultdict[tuple[str, str], list[tuple[bytes, str]]] = defaultdict(list)
    table = folder.table(["sample_id", "subject_id", "band", "split"])
    for name, subject, band, split in zip(*(c.to_pylist() for c in table.columns), strict=True):
        if band in bands and (split or "train") in splits:
            digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
            ranked[subject or "", band].append((digest, name))
    chosen = (name for rows in ranked.values() for _, name in sorted(rows)[:per_subject])
    return ChosenRows(folder, frozenset(chosen))
