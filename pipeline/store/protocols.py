"""Protocols as tables: who is enrolled, who probes, which pairs are compared, who trains.

A protocol is data: whoever evaluates or trains reads these tables and never asks which data set
they came from. It lies in a folder of its own::

    protocol.json     name, source, description, kind, exclude, tables, its own sha256
    enroll.parquet    fold, template_id, subject_id, sample_id, media_id, camera_id
    probe.parquet     likewise
    match.parquet     fold, enroll_template_id, probe_template_id, same
    train.parquet     fold, sample_id, subject_id

A template is all rows of one ``template_id`` in one fold. ``fold`` counts from 1; an empty one
means that the row belongs to every fold. ``match`` is left out where each probe meets each enrolled
template, as in identification. A subject that isn't known (a distractor) is empty.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import StageError
from pipeline.store.columns import field
from pipeline.store.listed_pairs import between, contradicted, unknown
from pipeline.store.protocol_faults import met_again, several_subjects, trained_and_tested
from pipeline.store.seal import check_whole, opened, write_sealed
from pipeline.store.whole import write_whole
from pipeline.types import Row

_FOLD = field("fold", pa.int32(), counted_from="1", empty="every fold")
TEMPLATE_TABLE = pa.schema(
    [
        _FOLD,
        field("template_id", pa.string(), null=False),
        field("subject_id", pa.string(), empty="none that is known"),
        field("sample_id", pa.string(), null=False),
        field("media_id", pa.string(), of="the image or video, for pooling"),
        field("camera_id", pa.string(), of="what 'exclude' compares"),
    ]
)
"""Columns of ``enroll`` and ``probe``."""

MATCH = pa.schema(
    [
        _FOLD,
        field("enroll_template_id", pa.string(), null=False),
        field("probe_template_id", pa.string(), null=False),
        field("same", pa.bool_(), null=False),
    ]
)
"""Columns of ``match``."""

TRAIN = pa.schema(
    [_FOLD, field("sample_id", pa.string(), null=False), field("subject_id", pa.string())]
)
"""Columns of ``train``."""


class Exclude(StrEnum):
    """Which enrolled templates a probe doesn't meet."""

    NONE = "none"
    """It meets all of them."""
    SAME_SUBJECT_AND_CAMERA = "same_subject_and_camera"
    """Not those of its own subject and camera (re-identification)."""
    SAME_CAMERA = "same_camera"
    """Not those of its camera, whoever they show."""
    OTHER_MATES = "other_mates"
    """It is searched once for each enrolled template of its subject, but its own, and then meets
    no other of them (MegaFace)."""


_APART = {
    Exclude.SAME_SUBJECT_AND_CAMERA: ("subject_id", "camera_id"),
    Exclude.SAME_CAMERA: ("camera_id",),
}
"""Columns in which templates agree that do not meet."""


class Threshold(StrEnum):
    """How a threshold is chosen for a false accept rate."""

    AT_MOST = "at_most"
    """The achieved rate is at most the target."""
    RANKED = "ranked"
    """The impostor score whose rank, from the best one on, is the target times their number,
    rounded; what equals it is accepted. So the authors of CP- and CQ-IJB-C count."""


class Kind(StrEnum):
    """What a protocol is published with, and so how it is measured."""

    RECOGNITION = "recognition"
    """Each probe meets each enrolled template: rank-1, TAR at FAR, EER."""
    PAIR_ACCURACY = "pair_accuracy"
    """Listed pairs in folds: accuracy of each at the threshold that the others choose."""
    VERIFICATION = "verification"
    """Listed pairs: TAR at FAR."""
    OPEN_SET = "open_set"
    """Search in a gallery that lacks some of the probes: TPIR at FPIR, ranks of the others."""
    DISTRACTORS = "distractors"
    """Each probe among the distractors (templates without subject) and one mate at a time: rank-1,
    TAR at FAR."""
    REIDENTIFICATION = "reidentification"
    """CMC over subjects, each counted once by its best entry; mAP, mINP."""
    REIDENTIFICATION_BY_IMAGE = "reidentification_by_image"
    """The same with a CMC over gallery images."""


class Provenance(StrEnum):
    """Where a protocol comes from."""

    OFFICIAL = "official"
    """Lists that come with the data set."""
    SEEDED = "seeded"
    """Drawn by this project, once, from a seed."""
    OWN = "own"
    """The user's own lists."""
    DERIVED = "derived"
    """Made from another protocol, or from columns, by a rule."""


@dataclass(frozen=True)
class Protocol:
    """One protocol's tables.

    Attributes:
        name: its name; a folder of this name holds it.
        source: where it comes from.
        description: what it is, in a sentence or two.
        enroll: table of ``TEMPLATE_TABLE``.
        probe: table of ``TEMPLATE_TABLE``.
        match: table of ``MATCH``; None where all meet all.
        train: table of ``TRAIN``.
        exclude: which enrolled templates a probe doesn't meet.
        kind: how it is measured.
        threshold: how listed pairs of kind ``VERIFICATION`` choose theirs.
    """

    name: str
    source: Provenance
    description: str
    enroll: pa.Table
    probe: pa.Table
    match: pa.Table | None
    train: pa.Table
    exclude: Exclude = Exclude.NONE
    kind: Kind = Kind.RECOGNITION
    threshold: Threshold = Threshold.AT_MOST

    def folds(self) -> list[int]:
        """Return the folds, ``[1]`` where the protocol has none."""
        found: set[int] = set()
        for table in self._tables():
            found.update(n for n in pc.unique(table["fold"]).to_pylist() if n is not None)
        return sorted(found) or [1]

    def fold(self, number: int) -> "Protocol":
        """Return one fold: its own rows and those that belong to every fold."""
        return self._filtered([number])

    def _filtered(self, folds: Collection[int]) -> "Protocol":
        wanted = pa.array([None, *folds], pa.int32())

        def rows_of(table: pa.Table) -> pa.Table:
            if table["fold"].null_count == len(table):
                return table  # millions of pairs are not copied
            return table.filter(pc.is_in(table["fold"], value_set=wanted))

        return replace(
            self,
            enroll=rows_of(self.enroll),
            probe=rows_of(self.probe),
            match=None if self.match is None else rows_of(self.match),
            train=rows_of(self.train),
        )

    def only(self, folds: Collection[int]) -> "Protocol":
        """Return some of the folds: their own rows and those that belong to every fold.

        Raises:
            StageError: one of them is none of the protocol's.
        """
        if unknown := sorted(set(folds) - set(self.folds())):
            raise StageError(
                f"protocol {self.name}: folds {unknown} do not exist: choose among {self.folds()} "
                "in `folds`, or leave it out to take all"
            )
        return self._filtered(folds)

    def trimmed(self, enroll: pa.Table, probe: pa.Table) -> "Protocol":
        """Return what is left with some of the rows of both sides: pairs of their templates."""
        match = None if self.match is None else between(self.match, enroll, probe)
        return replace(self, enroll=enroll, probe=probe, match=match)

    def counts(self) -> dict[str, int]:
        """Count what the protocol has, over all folds."""
        counts = {"folds": len(self.folds())}
        for name, table in (("enroll", self.enroll), ("probe", self.probe)):
            counts[f"{name}_samples"] = len(table)
            counts[f"{name}_templates"] = (
                table.group_by(["fold", "template_id"]).aggregate([]).num_rows
            )
            counts[f"{name}_subjects"] = _distinct(table["subject_id"])
        if self.match is not None:
            genuine = int(pc.sum(self.match["same"]).as_py() or 0)
            counts |= {"genuine": genuine, "impostor": len(self.match) - genuine}
        counts |= {
            "train_samples": len(self.train),
            "train_subjects": _distinct(self.train["subject_id"]),
        }
        return counts

    def faults(self) -> list[str]:
        """Say what is wrong: templates of two subjects or unknown ones, trained subjects tested.

        So are pairs whose templates' subjects say something else than the list, and images that
        are compared with themselves. What is official, or searched as MegaFace is, may do this: it
        is measured as it was published.
        """
        faults = several_subjects("enroll", self.enroll) + several_subjects("probe", self.probe)
        if self.match is not None:
            tables = self.match, self.enroll, self.probe
            faults += unknown(*tables) + contradicted(*tables)
        published = self.source == Provenance.OFFICIAL or self.exclude == Exclude.OTHER_MATES
        for number in self.folds():
            fold = self.fold(number)
            sides = fold.enroll, fold.probe
            faults += trained_and_tested(number, fold.train, sides)
            if not published:
                faults += met_again(number, *sides, fold.match, _APART.get(self.exclude, ()))
        return faults

    def _tables(self) -> list[pa.Table]:
        tables = [self.enroll, self.probe, self.train]
        return tables if self.match is None else [*tables, self.match]


def person_sample(sample_id: str, subject_id: str) -> str:
    """Name a person in an image of several, as a protocol does.

    Whoever embeds a face or a body that was found there gives the embedding this name, so that one
    who was not found counts as a failure to enrol.
    """
    return f"{sample_id}#{subject_id}"


def template_table(rows: Iterable[Row | tuple[object, ...]]) -> pa.Table:
    """Make a table of ``TEMPLATE_TABLE`` from rows: mappings, or tuples in its columns' order."""
    return _table(rows, TEMPLATE_TABLE)


def match_table(rows: Iterable[Row | tuple[object, ...]]) -> pa.Table:
    """Make a table of ``MATCH``; see ``template_table``."""
    return _table(rows, MATCH)


def train_table(rows: Iterable[Row | tuple[object, ...]] = ()) -> pa.Table:
    """Make a table of ``TRAIN``; see ``template_table``."""
    return _table(rows, TRAIN)


FILES = ("protocol.json", "enroll.parquet", "probe.parquet", "match.parquet", "train.parquet")


def write_protocol(folder: Path, protocol: Protocol) -> Path:
    """Write a protocol's tables into ``folder/<name>``, whole or not at all.

    Returns:
        The protocol's folder.
    """
    target = folder / protocol.name
    target.mkdir(parents=True, exist_ok=True)
    # Without it the folder is no protocol: tables of two versions never pass for one.
    (target / "protocol.json").unlink(missing_ok=True)
    tables = {"enroll": protocol.enroll, "probe": protocol.probe, "train": protocol.train}
    if protocol.match is not None:
        tables["match"] = protocol.match
    else:
        (target / "match.parquet").unlink(missing_ok=True)
    for name, table in tables.items():
        write_sealed(table, target / f"{name}.parquet", compression="zstd")
    about = {
        "name": protocol.name,
        "source": str(protocol.source),
        "description": protocol.description,
        "kind": str(protocol.kind),
        "exclude": str(protocol.exclude),
        "threshold": str(protocol.threshold),
        "tables": sorted(tables),
    }
    text = json.dumps(about | {"sha256": _digest(about)}, indent=2) + "\n"
    write_whole(target / "protocol.json", text)
    return target


def read_protocol(folder: Path) -> Protocol:
    """Read a protocol's folder.

    Raises:
        StageError: it is not one, or damaged.
    """
    try:
        about = json.loads((folder / "protocol.json").read_bytes())
        if about.pop("sha256") != _digest(about):
            raise ValueError("its sha256: it was changed, or is damaged")
        return Protocol(
            about["name"],
            Provenance(about["source"]),
            about["description"],
            enroll=_whole_table(folder / "enroll.parquet"),
            probe=_whole_table(folder / "probe.parquet"),
            match=_whole_table(folder / "match.parquet") if "match" in about["tables"] else None,
            train=_whole_table(folder / "train.parquet"),
            exclude=Exclude(about["exclude"]),
            kind=Kind(about["kind"]),
            threshold=Threshold(about.get("threshold", Threshold.AT_MOST)),
        )
    except FileNotFoundError as error:
        if (there := protocol_names(folder.parent)) and not folder.exists():
            raise StageError(
                f"{folder.parent}: expected one of {', '.join(there)}, found {folder.name!r}; "
                f"correct the protocol's name in params.yaml"
            ) from error
        raise StageError(
            f"{folder}: expected a protocol, found no {Path(error.filename).name}; "
            "run the stage that makes it (`dvc repro`), or see its log for why it made none"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise StageError(
            f"{folder}/protocol.json: expected name, source, description, kind, exclude and tables "
            f"as this version writes them, found a fault in {error}; run stage `protocols` again"
        ) from error


def _whole_table(path: Path) -> pa.Table:
    check_whole(path)
    with opened(path) as file:
        return file.read()


def _digest(about: Row) -> str:
    """Return the sha256 of what ``protocol.json`` says."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def protocol_names(folder: Path) -> list[str]:
    """List the protocols of a data set's folder ``protocols``."""
    return sorted(path.parent.name for path in folder.glob("*/protocol.json"))


def check_seen(protocol: Protocol, seen: Collection[str]) -> None:
    """Refuse a protocol that was made of another version of the data.

    Args:
        protocol: with all its folds.
        seen: ids of all samples of the stage that it was made of, those rejected too.

    Raises:
        StageError: it names a sample that is none of them.
    """
    known = pa.array(list(seen), pa.string())
    for name, table in (("enroll", protocol.enroll), ("probe", protocol.probe)):
        there = pc.is_in(table["sample_id"], value_set=known)
        unknown = table["sample_id"].filter(pc.invert(there))
        if len(unknown):
            raise StageError(
                f"protocol {protocol.name}: {len(unknown)} samples of {name} were seen by no "
                f"stage, among them {unknown[0]}: expected samples of its data set; run the "
                "stages `ingest` and `protocols` again"
            )


def _distinct(column: pa.ChunkedArray) -> int:
    return int(pc.count_distinct(column, mode="only_valid").as_py())


def _table(rows: Iterable[Row | tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    names: Sequence[str] = schema.names
    columns: dict[str, list[object]] = {name: [] for name in names}
    for row in rows:
        values = [row.get(name) for name in names] if isinstance(row, dict) else row
        for name, value in zip(names, values, strict=True):
            columns[name].append(value)
    return pa.table([pa.array(columns[f.name], f.type) for f in schema], schema=schema)
