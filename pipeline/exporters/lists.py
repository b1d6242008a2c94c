"""Format ``lists``: images and the text lists that LightCNN's and DVG's training and tests read.

Layout: ``images/<split>/<subject>/<band>_<name>.<ext>`` and, with paths below ``images``,

- ``train.txt``: ``path label``, as LightCNN has it; labels from 0 in each split (``subjects.csv``);
- ``train_domains.txt``: ``path label domain``, as DVG has it: 0 for infra-red, 1 for visible light;
- ``gallery.txt``, ``probe.txt``: ``path label`` of the test split, visible light against the rest;
- ``validation_gallery.txt`` and ``validation_probe.txt`` likewise.

Rows without a split count as training. A list that nothing belongs to is empty.

References: https://github.com/AlfredXiangWu/LightCNN (``load_imglist.py``);
https://github.com/BradyFU/DVG (``data/recognition_dataset.py``).
"""

from collections.abc import Iterable
from pathlib import Path

from pipeline.exporters.format import (
    Format,
    Job,
    Request,
    file_per_row,
    labels_by_split,
    require,
    require_subjects,
)
from pipeline.exporters.names import NAMED_BY, extension_of, without_blanks
from pipeline.exporters.pieces import join_lines, labels_csv, leave_lines
from pipeline.exporters.selection import ALL, Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.types import Band, Row, Split

LISTS = (
    "train",
    "train_domains",
    "gallery",
    "probe",
    "validation_gallery",
    "validation_probe",
)


def prepare(request: Request, selection: Selection) -> dict[str, dict[str, int]]:
    """Return the subjects' labels in each split."""
    require_subjects(selection)
    return labels_by_split(selection, Split.TRAIN)


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images of one unit and leave the lines of its lists."""
    lines: dict[str, list[str]] = {name: [] for name in LISTS}
    labels = _labels(job, unit)
    for _, row in unit.rows([*NAMED_BY, job.request.image]):
        data = row[job.request.image]["bytes"]
        path = _path(job, row, unit.split, data)
        sink.put(f"images/{path}", data)
        for name, line in _lines(row, unit.split, f"{path} {labels[row['subject_id']]}"):
            lines[name].append(line)
    for name, found in lines.items():
        leave_lines(sink, unit, name, found)


def _labels(job: Job, unit: Unit) -> dict[str, int]:
    """Return the labels of the list that a unit's rows are in."""
    labels: dict[str, int] = job.plan[Split.TRAIN if unit.split == ALL else unit.split]
    return labels


def _path(job: Job, row: Row, split: str, data: bytes) -> str:
    """Return an image's path without the blanks at which the lists' readers cut a line."""
    return f"{without_blanks(job.names.stem(row, split))}.{extension_of(data)}"


def _lines(row: Row, split: str, line: str) -> list[tuple[str, str]]:
    visible = row["band"] == Band.VIS
    if split in (Split.TRAIN, ALL):
        return [("train", line), ("train_domains", f"{line} {int(visible)}")]
    name = "gallery" if visible else "probe"
    return [(name if split == Split.TEST else f"{split}_{name}", line)]


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Join the lists."""
    for name in LISTS:
        join_lines(job, sink, name, f"{name}.txt")
    labels_csv(sink, job.plan)


def verify(job: Job, folder: Path) -> None:
    """Follow the lists as LightCNN's reader does, and compare with the source."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name in LISTS:
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            place, number = line.split(" ")[:2]
            found.setdefault(place, []).append((name, int(number)))
    for unit in job.units:
        for _, row in unit.rows([*NAMED_BY, job.request.image]):
            data = row[job.request.image]["bytes"]
            label = _labels(job, unit)[row["subject_id"]]
            path = _path(job, row, unit.split, data)
            expected = [(name, label) for name, _ in _lines(row, unit.split, "")]
            require(found.pop(path, None) == expected, f"{path} is not listed as it should be")
            require((folder / "images" / path).read_bytes() == data, f"{path} is another image")
    require(not found, f"{len(found)} lines belong to no row")


FORMAT = Format(
    library="pipeline.exporters.lists",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    named="subject",
    files=file_per_row,
)
