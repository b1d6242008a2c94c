"""The protocols of a data set, as its params say, written as tables."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from pipeline.errors import ReaderError, StageError
from pipeline.params.datasets import DatasetParams
from pipeline.params.protocols import ProtocolParams, SubsetParams
from pipeline.protocols import OFFICIAL
from pipeline.protocols.authors_2021 import RULE, by_authors
from pipeline.protocols.columns import (
    COLUMNS,
    as_written,
    band_templates,
    between_values,
    cross_band,
)
from pipeline.protocols.own_galleries import own_gallery
from pipeline.protocols.own_pairs import own_pairs
from pipeline.protocols.poses import cross_pose
from pipeline.readers import read_dataset
from pipeline.store import ShardFolder
from pipeline.store.protocols import FILES, Protocol, Provenance, check_seen, write_protocol
from pipeline.store.scan import scan
from pipeline.store.whole import whole_name
from pipeline.types import Row

_ID = ["sample_id"]

_PROBES_OF = {
    "cross_band": "in another shot (session_id, media_id or file) of any band",
    "band_templates": "in another band",
}
"""Where somebody has to be seen, besides the gallery, to be in a protocol that rows make."""

log = logging.getLogger(__name__)


def build_protocols(
    name: str, dataset: DatasetParams, params: ProtocolParams, rows: ShardFolder
) -> Iterator[Protocol]:
    """Yield a data set's protocols.

    Args:
        name: the data set's name.
        dataset: its params.
        params: how its protocols are made.
        rows: output of the stage ``params.rows``.

    Raises:
        ReaderError: lists are missing or malformed, or the reader has no official ones.
        StageError: a derived protocol names one that isn't there, or a column that the rows lack;
            a protocol is called as another; a list names a sample that ``ingest`` has not seen.
    """
    made = {protocol.name: protocol for protocol in _base(name, dataset, params, rows)}
    for key, own in _own(name, dataset, params):
        _refuse_taken(f"protocols.{name}.{key}.{own.name}", own.name, made)
        made[own.name] = own
    if not made:
        if params.build == "official":
            raise ReaderError(f"data set {name!r}: expected official lists below {dataset.root}")
        log.warning("%s: no protocol: %s", name, _why_none(name, params, rows))
    # of the rows' own protocols, some name people in a row
    listed = [p for p in made.values() if params.build == "official" or p.source == Provenance.OWN]
    if listed and params.rows == "ingest":
        seen = {row["sample_id"] for part in (rows, rows.rejected) for row in scan(part, _ID)}
        for protocol in listed:
            check_seen(protocol, seen)
    yield from made.values()
    for derived, subset in params.subset.items():
        if subset.of not in made:
            raise StageError(
                f"protocols.{name}.subset.{derived}.of: expected one of {sorted(made)}, "
                f"found {subset.of!r}"
            )
        _refuse_taken(f"protocols.{name}.subset.{derived}", derived, made)
        yield _between(made[subset.of], derived, subset, rows)


def _why_none(name: str, params: ProtocolParams, rows: ShardFolder) -> str:
    """Say what the rows lack that a protocol could be made of them."""
    for row in scan(rows, ["split", "truth_people"]):
        if row["split"] or any(person["split"] for person in row["truth_people"] or ()):
            return f"no subjects of split 'test' in VIS and {_PROBES_OF[params.build]}"
    return (
        f"no row of data set {name!r} has a split: give one by a list or folders "
        f"(docs/own-images.md) or by datasets.{name}.split"
    )


def write_protocols(folder: Path, protocols: Iterator[Protocol]) -> dict[str, dict[str, int]]:
    """Write protocols; those of the folder that are none of them any more go.

    Returns:
        Counts by protocol.

    Raises:
        ReaderError: a protocol contradicts itself, as by a subject that trains and is tested.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for protocol in protocols:
        if faults := protocol.faults():
            raise ReaderError(f"protocol {protocol.name}: {'; '.join(faults)}")
        write_protocol(folder, protocol)
        counts[protocol.name] = protocol.counts()
    for path in sorted(folder.iterdir()):  # one that was cut while it was written, too
        if path.is_dir() and path.name not in counts:
            _remove(path)
    return counts


def _remove(folder: Path) -> None:
    """Remove a protocol, and nothing that anybody else put there."""
    for file in folder.iterdir():
        if whole_name(file.name) in FILES:
            file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _base(
    name: str, dataset: DatasetParams, params: ProtocolParams, rows: ShardFolder
) -> Iterator[Protocol]:
    if params.build == "official":
        if dataset.reader not in OFFICIAL:
            raise ReaderError(
                f"data set {name!r}: reader {dataset.reader!r} has no official protocol; expected "
                f"one of {sorted(OFFICIAL)}, or another protocols.{name}.build"
            )
        listed: Sequence[Row] = list(read_dataset(name, dataset).rows)
        return OFFICIAL[dataset.reader](Path(dataset.root), listed)
    columns = list(scan(rows, COLUMNS))
    if params.build == "cross_band":
        return chain(cross_band(columns, params.seed), cross_pose(columns, params.seed))
    return band_templates(columns)


def _own(
    name: str, dataset: DatasetParams, params: ProtocolParams
) -> Iterator[tuple[str, Protocol]]:
    """Yield the protocols of the user's own lists, each with the key that names it."""
    if not params.own_lists:
        return
    root = Path(dataset.root)
    folder = root if root.is_dir() else root.parent
    listed = list(read_dataset(name, dataset).rows)
    for own, file in params.pairs.items():
        yield "pairs", own_pairs(own, folder / file, listed)
    for own, file in params.galleries.items():
        yield "galleries", own_gallery(own, folder / file, listed)


def _refuse_taken(key: str, name: str, made: Mapping[str, Protocol]) -> None:
    if name in made:
        raise StageError(
            f"{key}: it would replace the protocol of this name: expected a name other than "
            f"{sorted(made)}"
        )


def _between(protocol: Protocol, name: str, subset: SubsetParams, rows: ShardFolder) -> Protocol:
    values: dict[str, float] = {}
    try:
        kind = rows.shard(0).schema().field(subset.column).type
        for row in scan(rows, ["sample_id", subset.column]):
            value = row[subset.column]
            number = math.nan if value is None else as_written(value, kind)
            values[row["sample_id"]] = abs(number) if subset.absolute else number
    except (KeyError, TypeError, ValueError) as error:
        raise StageError(
            f"protocols subset.{name}.column: expected a column of numbers of {rows.path}, "
            f"found {subset.column!r}"
        ) from error
    made = between_values(
        protocol, name, subset.column, values, subset.gallery_range, subset.probe_range
    )
    before, after = protocol.counts(), made.counts()
    lost = {key: before[key] - after[key] for key in before if key in after}
    log.warning(
        "%s of %s: %d enrolled and %d probing templates lost all their images, which removes %d "
        "genuine and %d impostor pairs",
        *(name, subset.of, lost["enroll_templates"], lost["probe_templates"]),
        *(lost.get("genuine", 0), lost.get("impostor", 0)),
    )
    if subset.rule != RULE:
        return made
    try:
        return by_authors(made)
    except ValueError as error:
        raise StageError(f"protocols subset.{name}.rule {RULE!r}: {error}") from error
