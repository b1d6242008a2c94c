"""Verify a real copy of a data set: counts, files, images, lists; say precisely what differs."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ReaderError
from pipeline.ops.codec import decode_foreign
from pipeline.ops.colour import COLOURED, channels_apart
from pipeline.ops.containers import UndecodableError
from pipeline.params.datasets import DatasetParams
from pipeline.protocols import OFFICIAL
from pipeline.protocols.figures import PROTOCOL_FIGURES
from pipeline.readers import READERS, list_dataset
from pipeline.readers.layout import files_below, is_image
from pipeline.readers.listing import check_listing
from pipeline.readers.unlisted import PACKED, unlisted
from pipeline.readers.unmatched import gathered
from pipeline.store import Listing
from pipeline.store.progress import Advance
from pipeline.store.protocols import Protocol
from pipeline.types import Band, Row

MAX_PIXELS = 100_000_000

LISTS_APART = ("tufts",)
"""Readers whose lists are others' than the authors', and need not lie there."""


@dataclass(frozen=True)
class Count:
    """A number of the copy beside the published one.

    Attributes:
        what: what was counted.
        found: in this copy.
        published: by the authors; None where nobody did.
    """

    what: str
    found: int
    published: int | None

    @property
    def differs(self) -> bool:
        """Whether the copy has another number than was published."""
        return self.published is not None and self.found != self.published


@dataclass(frozen=True)
class Finding:
    """Something wrong with the copy.

    Attributes:
        what: one sentence.
        items: what it is about, all of it.
    """

    what: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a check found: the copy is in order where no count differs and nothing was found."""

    counts: tuple[Count, ...]
    findings: tuple[Finding, ...]

    @property
    def in_order(self) -> bool:
        """Whether the copy is what was published."""
        return not self.findings and not any(count.differs for count in self.counts)


def check_dataset(
    reader: str,
    root: Path,
    *,
    name: str = "",
    decode: bool = False,
    start: Callable[[int], Advance] = lambda _: lambda _: None,
) -> Verdict:
    """Verify a copy.

    Args:
        reader: of the data set, one of ``readers.CHECKED``.
        root: where the copy lies.
        name: what the data set is called in messages; the reader's name by default.
        decode: decode every image, not only look for its file.
        start: called with the number of images to decode; returns what is called for each.

    Raises:
        ReaderError: the root is not a copy of this data set at all, or its reader has no published
            counts.
    """
    params = DatasetParams.model_validate({"reader": reader, "root": str(root), "shards": 1})
    module = import_module(READERS[reader])
    if not hasattr(module, "PUBLISHED"):
        raise ReaderError(
            f"{module.__name__} has no PUBLISHED: expected the counts that a copy is compared "
            "with, as docs/add-a-reader.md shows"
        )
    with gathered() as unmatched:
        listing = list_dataset(name or reader, params)
        rows = list(listing.rows)
        protocols, faults = _protocols(reader, root, rows)
    findings = [Finding(each.what, each.items) for each in unmatched]
    present: Sequence[Row] = rows
    unused: Mapping[str, int] = {}
    if reader not in PACKED:
        files = files_below(root)
        present, unused, found = _compare_files(reader, rows, files)
        findings += found
    try:
        check_listing(name or reader, rows)
    except ReaderError as error:
        findings.append(Finding(str(error)))
    counts = list(_counts(present, module.PUBLISHED))
    counts += [Count(f"known, not used: {what}", n, None) for what, n in sorted(unused.items())]
    findings += faults
    for protocol in protocols:
        counts += _protocol_counts(
            protocol, PROTOCOL_FIGURES.get(reader, {}).get(protocol.name, {})
        )
    if decode:
        findings += _decode_all(listing, present, start(len(present)))
    return Verdict(tuple(counts), tuple(findings))


def _compare_files(
    reader: str, rows: Sequence[Row], files: Iterable[str]
) -> tuple[list[Row], Mapping[str, int], list[Finding]]:
    """Compare what is listed with what is on disk.

    Args:
        reader: name of the data set.
        rows: of the reader.
        files: all files below the root.

    Returns:
        The rows whose image is there; how many images of each sort are known and not used; what is
        wrong.
    """
    on_disk = {path for path in files if is_image(path)}
    listed = {row["path"] for row in rows}
    unused, extra = unlisted(reader, listed, on_disk)
    findings = []
    if missing := sorted(listed - on_disk):
        names = tuple(path.removesuffix(".?") for path in missing)
        findings.append(Finding("images that the official lists name are not on disk", names))
    if extra:
        findings.append(Finding("images on disk do not belong to the data set", extra))
    return [row for row in rows if row["path"] in on_disk], unused, findings


def _counts(rows: Sequence[Row], published: Mapping[str, int]) -> Iterator[Count]:
    """Count images, subjects, media, and images by band and by split and band."""
    found: Counter[str] = Counter()
    found["images"] = len(rows)
    for name in ("subject_id", "media_id"):
        distinct = {row[name] for row in rows if row.get(name)}
        found[{"subject_id": "subjects", "media_id": "media"}[name]] = len(distinct)
    for row in rows:
        found[row["band"]] += 1
        if row.get("split"):
            found[f"{row['split']} {row['band']}"] += 1
        if not row.get("subject_id"):
            found["without_subject"] += 1
    for name, number in published.items():
        yield Count(name, sum(found[part] for part in name.split(" + ")), number)
    for name, number in sorted(found.items()):
        if name not in published and number:
            yield Count(name, number, None)


def _protocols(
    reader: str, root: Path, rows: Sequence[Row]
) -> tuple[list[Protocol], list[Finding]]:
    """Make the official protocols; what is wrong with them are findings."""
    made: list[Protocol] = []
    findings = []
    try:
        made.extend(OFFICIAL[reader](root, rows) if reader in OFFICIAL else ())
    except ReaderError as error:
        findings.append(Finding(str(error)))
    if not findings and (missing := _missing(reader, made)):
        findings.append(Finding("protocols lack their official lists", missing))
    for protocol in made:
        findings += [Finding(f"protocol {protocol.name}: {fault}") for fault in protocol.faults()]
    return made, findings


def _missing(reader: str, made: Sequence[Protocol]) -> tuple[str, ...]:
    """Return the published protocols that this copy makes none of, for want of their lists."""
    if reader not in OFFICIAL or reader in (*PACKED, *LISTS_APART):
        return ()
    known = tuple(PROTOCOL_FIGURES.get(reader, ())) or (() if made else (reader,))
    return tuple(name for name in known if name not in {protocol.name for protocol in made})


def _protocol_counts(
    protocol: Protocol, published: Mapping[str, tuple[int | None, ...]]
) -> Iterator[Count]:
    """Count a protocol's rows: in each fold where figures of each are published, else in all.

    Figures are those of folds from 1 on; a copy may lack some folds.
    """
    expected = max((len(numbers) for numbers in published.values()), default=1)
    if expected > 1:
        yield Count(f"{protocol.name} folds", len(protocol.folds()), expected)
    for what, numbers in published.items():
        if len(numbers) == 1:
            yield Count(f"{protocol.name} {what}", _count(protocol, what), numbers[0])
            continue
        for fold in protocol.folds():
            number = numbers[fold - 1] if fold <= len(numbers) else None
            name = f"{protocol.name} fold {fold} {what}"
            yield Count(name, _count(protocol.fold(fold), what), number)


def _count(protocol: Protocol, what: str) -> int:
    table, _, kind = what.partition(" ")
    if table in ("genuine", "impostor"):
        match = (
            protocol.match
            if protocol.match is not None
            else pa.table({"same": pa.array([], pa.bool_())})
        )
        same = int(pc.sum(match["same"]).as_py() or 0)
        return same if table == "genuine" else len(match) - same
    rows = {"enroll": protocol.enroll, "probe": protocol.probe, "train": protocol.train}[table]
    if kind == "templates":
        return int(rows.group_by(["fold", "template_id"]).aggregate([]).num_rows)
    return len(rows)


def _decode_all(listing: Listing, rows: Sequence[Row], advance: Advance) -> Iterator[Finding]:
    """Decode every image; report the unreadable ones, and infra-red ones that have colour."""
    unreadable, coloured = [], []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        for row, outcome in zip(
            rows, threads.map(lambda row: _look(listing, row), rows), strict=True
        ):
            advance(1)
            if isinstance(outcome, str):
                unreadable.append(f"{row['sample_id']}: {outcome}")
            elif outcome and row["band"] != Band.VIS:
                coloured.append(str(row["sample_id"]))
    if unreadable:
        yield Finding("images are unreadable", tuple(unreadable))
    if coloured:
        yield Finding(
            "images that should be infra-red have colour, so bands may be mixed up",
            tuple(coloured),
        )


def _look(listing: Listing, row: Row) -> str | bool:
    """Decode one image; returns why it can't be, or whether it has colour."""
    loaded = listing.load(row)
    if "unreadable" in loaded:
        return str(loaded["unreadable"])
    if "refused" in loaded:
        return ": ".join(loaded["refused"])
    try:
        image = decode_foreign(
            loaded["content"], max_pixels=MAX_PIXELS, tone_percentiles=(0.5, 99.5)
        ).image
    except UndecodableError as error:
        return f"{error.reason}: {error}"
    return channels_apart(image) > COLOURED
