"""Shards on this machine's disk, for what maps them into memory or has DuckDB read them."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from pipeline.scratch import ScratchFolder
from pipeline.store.files import ObjectPath
from pipeline.store.shards import ShardFolder

_AT_ONCE = 8


def fetched(folder: ShardFolder) -> ShardFolder:
    """Return accepted rows' shards on a disk: of an object store's a copy, which is made once.

    The copy lies in ``TMPDIR`` until this process ends. Shards that changed meanwhile are fetched
    anew.

    Raises:
        FileNotFoundError: a shard is missing.
    """
    if isinstance(folder.path, Path):
        return folder
    return ShardFolder(Path(_copied(folder, _stamps(folder)).name), folder.count)


def _stamps(folder: ShardFolder) -> tuple[str, ...]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return tuple(threads.map(_stamp, _places(folder)))


def _stamp(place: ObjectPath) -> str:
    return " ".join(place.stamp())


@cache
def _copied(folder: ShardFolder, stamps: tuple[str, ...]) -> ScratchFolder:
    """Copy a folder's shards; the copy goes with the cache, at the process's end."""
    copy = ScratchFolder()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda place: place.fetch(Path(copy.name, place.name)), _places(folder)))
    return copy


def _places(folder: ShardFolder) -> list[ObjectPath]:
    places = (folder.shard(index).path for index in range(folder.count))
    return [place for place in places if isinstance(place, ObjectPath)]
