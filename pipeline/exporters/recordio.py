"""Format ``recordio``: InsightFace's ``train.rec``, ``train.idx`` and ``property``.

``train.rec`` is MXNet's RecordIO: each record is the magic number 0xced7230a, a word of 3 bits
(which part of a record that holds the magic itself) and 29 bits (length), and the data, padded to 4
bytes. A record's data is an ``IRHeader`` (uint32 flag, float32 label, uint64 id, uint64 id2; where
the flag is above 0, so many float32 labels follow) and the image as it is. Key 0 is InsightFace's
own: its two labels are the first key of the identities and the key behind them; an identity's two
labels are the first key of its images and the key behind them. ``train.idx`` has a line ``key
offset`` each, ``property`` is ``identities,height,width``, ``rows.csv`` has the rows by key.

References: dmlc-core ``recordio.h``; MXNet ``python/mxnet/recordio.py``; insightface
``recognition/arcface_torch/dataset.py``.
"""

import csv
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.exporters.format import Format, Job, Request, require, require_subjects
from pipeline.exporters.pieces import csv_lines, subjects_csv
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import FileEntry, HashedFile, Sink
from pipeline.ops.codec import decode

MAGIC = 0xCED7230A
MOST_KEYS = 1 << 24
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_HEADER = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


@dataclass(frozen=True)
class Layout:
    """Where each row goes.

    Attributes:
        subjects: by label.
        labels: label of each row, by ordinal.
        keys: key of each row, by ordinal: sorted by label, then by id, from 1.
        ends: key behind each subject's images, by label.
        property: number of identities, height, width.
    """

    subjects: list[str]
    labels: NDArray[np.int64]
    keys: NDArray[np.int64]
    ends: NDArray[np.int64]
    property: tuple[int, int, int]


def prepare(request: Request, selection: Selection) -> Layout:
    """Give the rows labels and keys.

    Raises:
        ExportError: a row has no subject, the images differ in height and width, or there are
            too many.
    """
    subjects = require_subjects(selection)
    label_of = {subject: label for label, subject in enumerate(subjects)}
    found = list(selection.listed("subject_id, sample_id"))
    if len(found) + len(subjects) >= MOST_KEYS:
        raise ExportError(
            f"{len(found)} rows and {len(subjects)} subjects: InsightFace counts keys in float32, "
            f"which is exact below {MOST_KEYS}; choose fewer with --where or --split"
        )
    labels = np.array([label_of[subject] for subject, _ in found], np.int64)
    order = sorted(range(len(found)), key=lambda i: (labels[i], found[i][1]))
    keys = np.empty(len(found), np.int64)
    keys[order] = np.arange(1, len(found) + 1)
    ends = np.cumsum(np.bincount(labels, minlength=len(subjects))) + 1
    height, width = _one_shape(request, selection)
    return Layout(subjects, labels, keys, ends, (len(subjects), height, width))


def _one_shape(request: Request, selection: Selection) -> tuple[int, int]:
    if request.image != "image":
        (unit,) = selection.units(split=False)
        _, first = next(unit.rows([request.image]))  # ``write`` compares the others with it
        height, width = decode(first[request.image]["bytes"]).shape[:2]
        return height, width
    shapes = selection.ask("height_px, width_px", group="height_px, width_px")
    if len(shapes) > 1:
        raise ExportError(
            f"recordio needs one height and width for all images, found {sorted(shapes)[:5]}: "
            "export an aligned stage, or choose with --where"
        )
    return shapes[0][0], shapes[0][1]


def _check_shape(job: Job, sample_id: str, data: bytes) -> None:
    """Refuse an image of another height and width than the first, where no column tells them."""
    if job.request.image == "image":
        return
    height, width = job.plan.property[1:]
    found = decode(data).shape[:2]
    if found != (height, width):
        raise ExportError(
            f"recordio needs one height and width for all images, found {(height, width)} and "
            f"{found} of {sample_id} in {job.request.image!r}: choose with --where"
        )


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the records in the order of the rows; the index has them by key."""
    plan: Layout = job.plan
    count, people = len(plan.keys), len(plan.subjects)
    offsets = np.zeros(1 + count + people, np.int64)
    starts = [1, *plan.ends.tolist()]
    rows = []
    with sink.file("train.rec") as out:
        write_record(out, pack(np.array([count + 1, count + 1 + people], np.float32), 0))
        for ordinal, row in unit.rows(["sample_id", "subject_id", job.request.image]):
            key, label = int(plan.keys[ordinal]), int(plan.labels[ordinal])
            offsets[key] = out.tell()
            data = row[job.request.image]["bytes"]
            _check_shape(job, row["sample_id"], data)
            write_record(out, pack(label, key) + data)
            rows.append((key, label, row["subject_id"], row["sample_id"]))
        for label in range(people):
            key = count + 1 + label
            offsets[key] = out.tell()
            write_record(out, pack(np.array(starts[label : label + 2], np.float32), key))
    index = "".join(f"{key}\t{offset}\n" for key, offset in enumerate(offsets.tolist()))
    sink.put("train.idx", index.encode())
    sink.put("property", ",".join(str(number) for number in plan.property).encode())
    header = ("key", "label", "subject_id", "sample_id")
    sink.put("rows.csv", csv_lines([header, *sorted(rows)]).encode())


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write which label stands for whom."""
    subjects_csv(sink, job.plan.subjects)


def pack(label: float | NDArray[np.float32], key: int) -> bytes:
    """Return the header of a record: one label, or several."""
    if isinstance(label, np.ndarray):
        return _HEADER.pack(label.size, 0.0, key, 0) + label.astype("<f4").tobytes()
    return _HEADER.pack(0, label, key, 0)


def write_record(out: HashedFile, data: bytes) -> None:
    """Append one record, in parts where the data holds the magic number at a multiple of 4.

    Raises:
        ExportError: the record is longer than 29 bits can say.
    """
    cuts = _magic_places(data)
    parts = [
        data[a:b] for a, b in zip([0, *(c + 4 for c in cuts)], [*cuts, len(data)], strict=True)
    ]
    for number, part in enumerate(parts):
        if len(part) >> _LENGTH_BITS:
            raise ExportError(
                f"an image of {len(part)} bytes: RecordIO holds less than 512 MiB; leave it out "
                "with --where, or take another format"
            )
        kind = _MIDDLE
        if len(parts) == 1:
            kind = _WHOLE
        elif number in (0, len(parts) - 1):
            kind = _LAST if number else _FIRST
        out.write(struct.pack("<II", MAGIC, kind << _LENGTH_BITS | len(part)))
        out.write(part + bytes(-len(part) % 4))


def _magic_places(data: bytes) -> list[int]:
    places, place = [], data.find(_MAGIC_BYTES)
    while place >= 0:
        if place % 4 == 0:
            places.append(place)
        place = data.find(_MAGIC_BYTES, place + (4 if place % 4 == 0 else 1))
    return places


@dataclass(frozen=True)
class Record:
    """A record with its header: one label or several, and the image's bytes."""

    flag: int
    labels: NDArray[np.float32]
    key: int
    data: bytes


class RecordReader:
    """Reads ``train.rec`` by key, as MXNet's ``MXIndexedRecordIO`` does.

    Use as a context manager. ``keys`` are those of the images.

    Raises:
        ExportError: a record is not where the index says.
    """

    def __init__(self, folder: Path) -> None:
        lines = (folder / "train.idx").read_text(encoding="utf-8").splitlines()
        self._offsets = {int(key): int(offset) for key, offset in map(str.split, lines)}
        self._file: BinaryIO = (folder / "train.rec").open("rb")
        try:
            head = self.read(0)
        except ExportError:
            self._file.close()
            raise
        self.keys = range(1, int(head.labels[0])) if head.flag else sorted(self._offsets)

    def __enter__(self) -> "RecordReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, key: int) -> Record:
        """Read one record."""
        self._file.seek(self._offsets[key])
        data = _MAGIC_BYTES.join(self._parts())
        flag, label, number, _ = _HEADER.unpack_from(data)
        end = _HEADER.size + 4 * flag
        labels = (
            np.frombuffer(data[_HEADER.size : end], "<f4") if flag else np.array([label], "<f4")
        )
        return Record(flag, labels.astype(np.float32), number, data[end:])

    def _parts(self) -> Iterator[bytes]:
        while True:
            magic, word = struct.unpack("<II", self._file.read(8))
            if magic != MAGIC:
                raise ExportError("train.rec: no record where train.idx says")
            length = word & (1 << _LENGTH_BITS) - 1
            yield self._file.read(length + -length % 4)[:length]
            if word >> _LENGTH_BITS in (_WHOLE, _LAST):
                return


def verify(job: Job, folder: Path) -> None:
    """Read every record by its key and compare label and image with the source."""
    with (folder / "rows.csv").open(encoding="utf-8", newline="") as lines:
        keys = {row["sample_id"]: int(row["key"]) for row in csv.DictReader(lines)}
    verify_records(job, folder, keys, "rows.csv")


def verify_records(job: Job, folder: Path, keys: Mapping[str, int], listed: str) -> None:
    """Read every record by its key and compare label and image with the source.

    Args:
        job: of an export whose layout has labels by ordinal.
        folder: of ``train.rec`` and ``train.idx``.
        keys: by sample id.
        listed: the file that the keys are of, for the message.

    Raises:
        ExportError: something differs.
    """
    image, plan = job.request.image, job.plan
    with RecordReader(folder) as reader:
        require(sorted(keys.values()) == list(reader.keys), f"train.idx and {listed} differ")
        for ordinal, row in job.units[0].rows(["sample_id", image]):
            record = reader.read(keys[row["sample_id"]])
            require(record.labels == [plan.labels[ordinal]], f"label of {row['sample_id']}")
            require(record.data == row[image]["bytes"], f"image of {row['sample_id']}")


FORMAT = Format(
    library="pipeline.exporters.recordio",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    split_units=False,
    files=lambda job: 6,
)
