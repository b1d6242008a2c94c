"""Some rows of a folder as a source of its own: a stage that works on a part of its input."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.store.shards import ShardFile, ShardFolder
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

    def shard(self, index: int) -> "ChosenShard":
        """Return one shard."""
        return ChosenShard(self.folder.shard(index), self.ids)


@dataclass(frozen=True)
class ChosenShard:
    """The rows of one shard that have one of these ids."""

    file: ShardFile
    ids: frozenset[str]

    def batches(self) -> Iterator[list[Row]]:
        """Yield the chosen rows of one row group after the other."""
        yield from self.file.batches(ids=self.ids)

    def contents(self) -> Iterator[str]:
        """Yield the ``content_sha256`` of each chosen row."""
        for batch in self.file.batches(["content_sha256"], ids=self.ids):
            yield from (row["content_sha256"] for row in batch)


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
    for row in folder.rows(["sample_id", "subject_id", "band", "split"]):
        if row["band"] in bands and (row["split"] or "train") in splits:
            digest = hashlib.blake2b(f"{seed}/{row['sample_id']}".encode(), digest_size=8).digest()
            ranked[row["subject_id"] or "", row["band"]].append((digest, row["sample_id"]))
    chosen = (name for rows in ranked.values() for _, name in sorted(rows)[:per_subject])
    return ChosenRows(folder, frozenset(chosen))
