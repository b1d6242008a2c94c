"""Which folders hold shards, and which of them lie near a name that holds none."""

from pathlib import Path

from pipeline.store.files import Place

_MOST_NAMED = 12
_UP = 3
"""How many folders are looked into: the one that was named, and those around it."""


def is_shard_folder(path: Place) -> bool:
    """Tell whether a folder holds shards."""
    return path.is_dir() and any(path.glob("shard-*-of-*.parquet"))


def nearby_outputs(path: Place) -> str:
    """Say which outputs lie in a folder or, if none does, around it; nothing in object stores.

    Returns:
        The end of a sentence, as ``; there are align, detect in data/photos``; or nothing.
    """
    if not isinstance(path, Path):
        return ""
    for folder in (path, *path.parents)[:_UP]:
        shards = (*folder.glob("*/shard-00000-of-*"), *folder.glob("*/*/shard-00000-of-*"))
        outputs = {shard.parent.relative_to(folder).as_posix() for shard in shards}
        names = sorted(name for name in outputs if Path(name).name != "rejected")
        if names:
            more = ", …" if len(names) > _MOST_NAMED else ""
            where = "here" if folder == Path() else f"in {folder}"
            return f"; there are {', '.join(names[:_MOST_NAMED])}{more} {where}"
    return ""
