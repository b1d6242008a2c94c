"""A few small columns of all rows of a folder, one row after the other."""

from collections.abc import Iterator, Sequence

from pipeline.store.rows import rows_from_table
from pipeline.store.seal import opened
from pipeline.store.shards import ShardFolder
from pipeline.types import Row

_GROUPS_AT_ONCE = 32
"""A thousand rows: few enough to hold, and enough that calls to Arrow no longer count."""


def scan(folder: ShardFolder, columns: Sequence[str]) -> Iterator[Row]:
    """Yield what ``ShardFolder.rows`` does, two to three times as fast.

    Args:
        folder: a stage's output or its rejected rows.
        columns: small ones, no images: those of a thousand rows are held at once.

    Raises:
        DamageError: a file is damaged.
    """
    for index in range(folder.count):
        with opened(folder.shard(index).path, columns) as file:
            for first in range(0, file.num_row_groups, _GROUPS_AT_ONCE):
                groups = [*range(first, min(first + _GROUPS_AT_ONCE, file.num_row_groups))]
                yield from rows_from_table(file.read_row_groups(groups, columns=list(columns)))
