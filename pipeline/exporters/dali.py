"""Format ``dali``: MXNet's RecordIO as ``im2rec`` writes it and NVIDIA's DALI reads it.

DALI's ``fn.readers.mxnet`` takes each record for an image with one label, so there is none of the
records without an image that InsightFace's own files begin and end with (format ``recordio``).
Images lie in a random order, drawn from ``--seed``, because DALI reads them as they lie and mixes
few at a time. ``train.rec`` holds a record each, keys from 0; ``train.idx`` a line ``key offset``,
``train.lst`` a line ``key label sample``; labels are places in ``subjects.csv``. It is written in
one pass: images wait in a temporary file.

References: MXNet ``tools/im2rec.py``; DALI ``dali/operators/reader/parser/recordio_parser.h``.
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.exporters.format import Format, Job, Request, require_subjects
from pipeline.exporters.pieces import subjects_csv
from pipeline.exporters.recordio import MOST_KEYS, pack, verify_records, write_record
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink


@dataclass(frozen=True)
class Layout:
    """Where each row goes.

    Attributes:
        subjects: by label.
        labels: label of each row, by ordinal.
        order: ordinals, by key.
    """

    subjects: list[str]
    labels: NDArray[np.int64]
    order: NDArray[np.int64]


def prepare(request: Request, selection: Selection) -> Layout:
    """Give the rows labels and draw their order.

    Raises:
        ExportError: a row has no subject, or labels are more than a float32 can count.
    """
    subjects = require_subjects(selection)
    if len(subjects) >= MOST_KEYS:
        raise ExportError(
            f"{len(subjects)} subjects: labels are float32, which is exact below {MOST_KEYS}; "
            "choose fewer with --where or --split"
        )
    label_of = {subject: label for label, subject in enumerate(subjects)}
    found = list(selection.listed("subject_id, sample_id"))
    labels = np.array([label_of[subject] for subject, _ in found], np.int64)
    by_name = np.array(sorted(range(len(found)), key=lambda ordinal: found[ordinal][1]), np.int64)
    drawn = np.random.default_rng(request.seed).permutation(len(found))
    return Layout(subjects, labels, by_name[drawn])


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Gather the images, then write them in the order that was drawn."""
    plan: Layout = job.plan
    image = job.request.image
    places: dict[int, tuple[int, int, str]] = {}
    index, listed = [], []
    with tempfile.TemporaryFile(dir=sink.store.beside) as spool:
        for ordinal, row in unit.rows(["sample_id", image]):
            data = row[image]["bytes"]
            places[ordinal] = spool.tell(), len(data), row["sample_id"]
            spool.write(data)
        with sink.file("train.rec") as out:
            for key, ordinal in enumerate(plan.order.tolist()):
                start, length, sample_id = places[ordinal]
                label = int(plan.labels[ordinal])
                spool.seek(start)
                index.append(f"{key}\t{out.tell()}\n")
                listed.append(f"{key}\t{label}\t{sample_id}\n")
                write_record(out, pack(label, key) + spool.read(length))
    sink.put("train.idx", "".join(index).encode())
    sink.put("train.lst", "".join(listed).encode())


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write which label stands for whom."""
    subjects_csv(sink, job.plan.subjects)


def verify(job: Job, folder: Path) -> None:
    """Read every record by its key and compare label and image with the source."""
    keys = {}
    for line in (folder / "train.lst").read_text(encoding="utf-8").splitlines():
        key, _, sample_id = line.split("\t")
        keys[sample_id] = int(key)
    verify_records(job, folder, keys, "train.lst")


FORMAT = Format(
    library="pipeline.exporters.recordio",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    split_units=False,
    files=lambda job: 5,
)
