"""Two runs of a stage compared: which samples came, went, changed, and in which columns."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import SchemaError
from pipeline.report.chosen_rows import read_rows
from pipeline.schemas.align import ALIGN
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.crop_bodies import CROP_BODIES
from pipeline.schemas.degrade import DEGRADE
from pipeline.schemas.detect import DETECT
from pipeline.schemas.detect_bodies import DETECT_BODIES
from pipeline.schemas.ingest import INGEST
from pipeline.schemas.label_bodies import LABEL_BODIES
from pipeline.schemas.masks import MASKS
from pipeline.schemas.parse import PARSE
from pipeline.schemas.parts import PARTS
from pipeline.schemas.poses import POSES
from pipeline.schemas.reconstruct import RECONSTRUCT
from pipeline.store import ShardFolder

COMPARED = 200
"""Changed rows whose columns are compared."""

_UNTOLD = frozenset({"content_sha256", "fingerprint"})
_SCHEMAS: dict[str, pa.Schema] = {
    "align": ALIGN,
    "attributes": ATTRIBUTES,
    "crop_bodies": CROP_BODIES,
    "degrade": DEGRADE,
    "detect": DETECT,
    "detect_bodies": DETECT_BODIES,
    "ingest": INGEST,
    "label_bodies": LABEL_BODIES,
    "masks": MASKS,
    "parse": PARSE,
    "parts": PARTS,
    "poses": POSES,
    "reconstruct": RECONSTRUCT,
}
"""By stage what its rows are."""


@dataclass(frozen=True)
class RowChanges:
    """What differs between two runs; ids are sorted.

    Attributes:
        same: number of rows with the same content.
        added: ids of rows that only the second run has, and that the first did not reject.
        gone: ids that only the first run has, as a row or as rejected.
        changed: ids of rows with another content.
        columns: how many of the first ``COMPARED`` changed rows differ in each column.
        rejected: reason by id of what the second run rejects, and the first one did not or for
            another reason.
        accepted: reason by id of rows that the first run alone rejected, and that are rows now.
    """

    same: int
    added: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    columns: dict[str, int]
    rejected: dict[str, str]
    accepted: dict[str, str]

    @property
    def none(self) -> bool:
        """Whether nothing differs."""
        return not any((self.added, self.gone, self.changed, self.rejected, self.accepted))


def changed_rows(before: ShardFolder, now: ShardFolder) -> RowChanges:
    """Compare two outputs of a stage row by row; they may have other numbers of shards.

    Raises:
        SchemaError: they are of two stages.
    """
    _check_alike(before, now)
    old, new = _column(before, "content_sha256"), _column(now, "content_sha256")
    lost, losing = _column(before.rejected, "reason"), _column(now.rejected, "reason")
    changed = tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name]))
    return RowChanges(
        len(old.keys() & new.keys()) - len(changed),
        tuple(sorted(new.keys() - old.keys() - lost.keys())),
        tuple(sorted((old.keys() | lost.keys()) - new.keys() - losing.keys())),
        changed,
        _columns(before, now, changed[:COMPARED]),
        {name: losing[name] for name in sorted(losing) if losing[name] != lost.get(name)},
        {name: lost[name] for name in sorted(lost.keys() & new.keys() - losing.keys())},
    )


def _check_alike(before: ShardFolder, now: ShardFolder) -> None:
    """Refuse outputs of two stages; what another version of one wrote is taken."""
    columns = [frozenset(each.shard(0).schema().names) for each in (before, now)]
    if columns[0] == columns[1]:
        return
    one, other = map(_stage_of, columns)
    if one != other:
        raise SchemaError(
            f"{before.path} holds rows as {one} writes them, {now.path} as {other}: expected two "
            "outputs of one stage"
        )


def _stage_of(columns: frozenset[str]) -> str:
    """Return the stage whose schema is nearest to these columns."""

    def far(stage: str) -> int:
        return len(columns.symmetric_difference(_SCHEMAS[stage].names))

    return min(_SCHEMAS, key=far)


def _column(folder: ShardFolder, name: str) -> dict[str, str]:
    table = folder.table(["sample_id", name])
    return dict(zip(table["sample_id"].to_pylist(), table[name].to_pylist(), strict=True))


def _columns(before: ShardFolder, now: ShardFolder, ids: tuple[str, ...]) -> dict[str, int]:
    """Count in which columns rows differ; a column that one run lacks differs."""
    counts: Counter[str] = Counter()
    for name in ids:  # one by one: a row may be large
        (old,), (new,) = (read_rows(folder, [name]) for folder in (before, now))
        columns = [*old, *(column for column in new if column not in old)]
        counts.update(c for c in columns if c not in _UNTOLD and not _alike(old, new, c))
    return dict(sorted(counts.items()))


def _alike(old: Mapping[str, Any], new: Mapping[str, Any], column: str) -> bool:
    if (column in old) != (column in new):
        return False
    return _equal(old[column], new[column])


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(np.asarray(one, float), np.asarray(other, float), equal_nan=True)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other or (one != one and other != other))
