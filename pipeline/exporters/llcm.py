"""Format ``llcm``: the folders and lists of LLCM, visible against one infra-red band.

Layout: ``vis/PPPP/…`` and ``nir/PPPP/…`` for training, named in ``idx/train_vis.txt`` and
``idx/train_nir.txt`` with the label (from 0, by subject); ``test_vis/camC/PPPP/…`` and
``test_nir/camC/PPPP/…`` for test, whose subjects are one line of ``idx/test_id.txt``, with commas.
Subjects are numbered from 1 (``subjects.csv``), and so are cameras, those with infra-red test
images first; none of these is 3, where DEEN's loader looks for no infra-red. The infra-red band
goes by the name ``nir`` whatever it is; ``manifest.json`` says which. Grey images become three
equal channels, as PNG: DEEN's loader takes no others.

Reference: Y. Zhang, H. Wang, Diverse embedding expansion network and low-light cross-modality
benchmark for visible-infrared person re-identification, CVPR 2023.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.exporters.cameras import llcm_cameras
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
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.ops.codec import as_rgb, decode, encode_png
from pipeline.types import Band, Row, Split

MOST_SUBJECTS = 9999
"""DEEN's loader reads a test subject's number from four digits."""
_COLUMNS = ("sample_id", "subject_id", "camera_id", "band")


@dataclass(frozen=True)
class Layout:
    """Numbers of the subjects (from 1), labels of those that train, the test subjects, cameras."""

    numbers: dict[str, int]
    labels: dict[str, int]
    test: list[int]
    cameras: dict[tuple[str, str], int]


def prepare(request: Request, selection: Selection) -> Layout:
    """Number subjects and cameras.

    Raises:
        ExportError: there are two infra-red bands, or a row has no subject or a split of another
            name, or there are too many subjects or cameras.
    """
    subjects = require_subjects(selection)
    if len(subjects) > MOST_SUBJECTS:
        raise ExportError(
            f"{len(subjects)} subjects, but LLCM's names have four digits for them: choose some "
            "with --where"
        )
    bands = sorted({band for (band,) in selection.ask("band", group="band")} - {Band.VIS})
    if len(bands) > 1:
        raise ExportError(
            f"LLCM holds VIS and one infra-red band, found {', '.join(bands)}: choose with "
            f"--where \"band in ('VIS', '{bands[0]}')\""
        )
    refuse_splits(selection, "LLCM", (Split.TRAIN, Split.TEST))
    pairs = selection.ask("subject_id, split", group="subject_id, split")
    train = sorted(subject for subject, split in pairs if split == Split.TRAIN)
    number = {subject: index for index, subject in enumerate(subjects, start=1)}
    test = sorted(number[subject] for subject, split in pairs if split == Split.TEST)
    labels = {subject: label for label, subject in enumerate(train)}
    return Layout(number, labels, test, llcm_cameras(selection))


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images of one unit and leave the lines of its lists."""
    lines: dict[str, list[str]] = {"vis": [], "nir": []}
    rows = []
    for ordinal, row in unit.rows([*_COLUMNS, job.request.image]):
        data = _in_colour(row[job.request.image]["bytes"])
        path = _path(ordinal, row, unit.split, job.plan, extension_of(data))
        sink.put(path, data)
        rows.append(csv_lines([(path, row["sample_id"])]).rstrip("\n"))
        if unit.split == Split.TRAIN:
            lines[path[:3]].append(f"{path} {job.plan.labels[row['subject_id']]}")
    for name, found in lines.items():
        leave_lines(sink, unit, name, found)
    leave_lines(sink, unit, "csv", rows)


def _in_colour(data: bytes) -> bytes:
    """Return an image of three channels: DEEN's own loader stops at one of a single channel."""
    image = decode(data)
    return data if image.ndim == 3 else encode_png(as_rgb(image))


def _path(ordinal: int, row: Row, split: str, plan: Layout, extension: str) -> str:
    number = plan.numbers[row["subject_id"]]
    camera = plan.cameras[row["camera_id"] or "", row["band"]]
    band = "vis" if row["band"] == Band.VIS else "nir"
    name = f"{number:04d}/{number:04d}_c{camera:02d}_f{ordinal:06d}_{band}.{extension}"
    return f"{band}/{name}" if split == Split.TRAIN else f"test_{band}/cam{camera}/{name}"


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Join the lists."""
    for band in ("vis", "nir"):
        join_lines(job, sink, band, f"idx/train_{band}.txt")
    sink.put("idx/test_id.txt", (",".join(map(str, job.plan.test)) + "\n").encode())
    subjects_csv(sink, ["", *job.plan.numbers])
    join_lines(job, sink, "csv", "rows.csv", header="path,sample_id\n")


def verify(job: Job, folder: Path) -> None:
    """Follow the lists and the folders of the test subjects as LLCM's own code does."""
    plan: Layout = job.plan
    found = dict(_found(folder))
    for unit in job.units:
        train = unit.split == Split.TRAIN
        for ordinal, row in unit.rows([*_COLUMNS, job.request.image]):
            data, subject = _in_colour(row[job.request.image]["bytes"]), row["subject_id"]
            path = _path(ordinal, row, unit.split, plan, extension_of(data))
            label = plan.labels[subject] if train else plan.numbers[subject]
            require(found.pop(path, None) == label, f"{path} is not listed as {label}")
            require((folder / path).read_bytes() == data, f"{path} is another image")
    require(not found, f"{len(found)} files belong to no row")


def _found(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield path and label of each training image, path and number of each test image."""
    ids = (folder / "idx/test_id.txt").read_text(encoding="utf-8").strip()
    for band in ("vis", "nir"):
        for line in (folder / f"idx/train_{band}.txt").read_text(encoding="utf-8").splitlines():
            listed, _, label = line.rpartition(" ")
            yield listed, int(label)
        for number in map(int, ids.split(",") if ids else ()):
            for path in folder.glob(f"test_{band}/cam*/{number:04d}/*"):
                yield path.relative_to(folder).as_posix(), number


FORMAT = Format(
    library="pipeline.exporters.llcm",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    files=file_per_row,
)
