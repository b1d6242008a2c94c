"""Format ``market1501``: the folders and file names of Market-1501, which re-ID tools read.

Layout: ``bounding_box_train``, ``query``, ``bounding_box_test`` with ``PPPP_cCs1_FFFFFF_00.jpg``:
subject (from 1; ``subjects.csv`` says who), camera (its number, or the band's where no row names a
camera; ``cameras.csv``), and the row's position. Of the test split, the first image of each
subject under each camera is a query where the gallery has one of the subject under another camera:
without, no reader counts it. The rest is gallery. The readers take ``.jpg`` only, so a
image that is no JPEG is encoded anew, quality 95, colour in full.

Reference: L. Zheng et al., Scalable person re-identification: a benchmark, ICCV 2015; torchreid
``market1501.py``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.exporters.cameras import market_cameras
from pipeline.exporters.format import (
    Format,
    Job,
    Request,
    file_per_row,
    refuse_splits,
    require,
    require_subjects,
)
from pipeline.exporters.names import extension_of
from pipeline.exporters.pieces import csv_lines, join_lines, leave_lines, subjects_csv
from pipeline.exporters.selection import ALL, Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.ops.codec import decode, encode_jpeg
from pipeline.types import Row, Split

JPEG_QUALITY = 95
MOST_SUBJECTS = 1501
"""torchreid and fast-reid check that a number is one of Market-1501's."""
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
_NAME = re.compile(r"(-?\d+)_c(\d)")


@dataclass(frozen=True)
class Layout:
    """Subjects by number (from 1), numbers of cameras, ordinals of the queries."""

    subjects: list[str]
    cameras: dict[tuple[str, str], int]
    queries: frozenset[int]


def prepare(request: Request, selection: Selection) -> Layout:
    """Number subjects and cameras, and choose the queries.

    Raises:
        ExportError: a row has no subject or a split of another name, or there are too many
            cameras.
    """
    subjects, cameras = require_subjects(selection), market_cameras(selection)
    if len(subjects) > MOST_SUBJECTS:
        raise ExportError(
            f"{len(subjects)} subjects, and Market-1501's readers refuse numbers above "
            f"{MOST_SUBJECTS}: choose some with --where"
        )
    refuse_splits(selection, "Market-1501", (Split.TRAIN, Split.TEST, None))
    first: dict[tuple[str, int], int] = {}
    counts: Counter[tuple[str, int]] = Counter()
    listed = selection.listed("subject_id, coalesce(camera_id, ''), band, split")
    for ordinal, (subject, camera, band, split) in enumerate(listed):
        if split == Split.TEST:
            first.setdefault((subject, cameras[camera, band]), ordinal)
            counts[subject, cameras[camera, band]] += 1
    queries = _usable(first, counts)
    if first and not queries:
        raise ExportError(
            "no subject of the test split has images under two cameras, so no query has anything "
            "to find: choose more cameras or bands, or --split train alone"
        )
    return Layout(subjects, cameras, queries)


def _usable(
    first: Mapping[tuple[str, int], int], counts: Mapping[tuple[str, int], int]
) -> frozenset[int]:
    """Return the queries that have an image of their subject under another camera in the gallery.

    Cameras with several images of a subject have one left for the gallery. Where there is none, the
    image of the first camera is the query, and those of the others are gallery.
    """
    cameras: dict[str, list[int]] = {}
    for subject, camera in sorted(first):
        cameras.setdefault(subject, []).append(camera)
    queries: set[int] = set()
    for subject, known in cameras.items():
        many = {camera for camera in known if counts[subject, camera] > 1}
        if many:
            usable = [camera for camera in known if many - {camera}]
        else:
            usable = known[:1] if len(known) > 1 else []
        queries.update(first[subject, camera] for camera in usable)
    return frozenset(queries)


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images of one unit."""
    plan: Layout = job.plan
    numbers = {subject: number for number, subject in enumerate(plan.subjects, start=1)}
    lines = []
    columns = ["sample_id", "subject_id", "camera_id", "band", job.request.image]
    for ordinal, row in unit.rows(columns):
        path = _path(ordinal, row, unit.split, numbers, plan)
        data = row[job.request.image]["bytes"]
        sink.put(
            path, data if extension_of(data) == "jpg" else encode_jpeg(decode(data), JPEG_QUALITY)
        )
        lines.append(csv_lines([(path, row["sample_id"])]).rstrip("\n"))
    leave_lines(sink, unit, "csv", lines)


def _path(ordinal: int, row: Row, split: str, numbers: dict[str, int], plan: Layout) -> str:
    folder = FOLDERS[0] if split in (Split.TRAIN, ALL) else FOLDERS[2]
    camera = plan.cameras[row["camera_id"] or "", row["band"]]
    name = f"{numbers[row['subject_id']]:04d}_c{camera}s1_{ordinal:06d}_00.jpg"
    return f"{FOLDERS[1] if ordinal in plan.queries else folder}/{name}"


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write who the numbers are."""
    subjects_csv(sink, ["", *job.plan.subjects])
    cameras = [
        ("number", "camera_id", "band"),
        *((n, *key) for key, n in sorted(job.plan.cameras.items())),
    ]
    sink.put("cameras.csv", csv_lines(cameras).encode())
    join_lines(job, sink, "csv", "rows.csv", header="path,sample_id\n")


def verify(job: Job, folder: Path) -> None:
    """Read the names as torchreid does: subjects and cameras, each image in its folder once."""
    plan: Layout = job.plan
    found = {path.relative_to(folder).as_posix() for f in FOLDERS for path in folder.glob(f"{f}/*")}
    numbers = {subject: number for number, subject in enumerate(plan.subjects, start=1)}
    for unit in job.units:
        for ordinal, row in unit.rows(["subject_id", "camera_id", "band", job.request.image]):
            path = _path(ordinal, row, unit.split, numbers, plan)
            require(path in found, f"{path} is missing")
            found.remove(path)
            match = _NAME.search(path)
            require(match and int(match[1]) == numbers[row["subject_id"]], f"subject of {path}")
            shape = decode((folder / path).read_bytes()).shape
            require(shape == decode(row[job.request.image]["bytes"]).shape, f"image of {path}")
    require(not found, f"{len(found)} files belong to no row")


def used(job: Job) -> dict[str, int]:
    """Count training images, queries that can be answered, and gallery images."""
    tested = job.facts.shares["split"].get(Split.TEST, 0)
    queries = len(job.plan.queries)
    return {"train": job.facts.rows - tested, "query": queries, "gallery": tested - queries}


FORMAT = Format(
    library="cv2",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    used=used,
    files=file_per_row,
)
