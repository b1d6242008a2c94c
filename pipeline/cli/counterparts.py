"""``crossband counterparts``: faces in heat take the landmarks of their visible counterparts."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote_to_bytes

import numpy as np
import typer

from pipeline.cli.show import output_of
from pipeline.errors import ParamsError, StageError
from pipeline.params.datasets import DatasetParams
from pipeline.params.load import load_params
from pipeline.readers.folder import CSV_COLUMNS
from pipeline.types import HEAT_BANDS, Band, Float32, Row, UInt8

if TYPE_CHECKING:
    from pipeline.store import ShardFolder

LIST = "counterparts.csv"
HEADER = ["path", *CSV_COLUMNS, "box", "landmarks"]
_AT_ONCE = 256
"""Pairs whose images are held at a time."""
_MOST_STRETCHED = 0.02
"""By how much the shapes of two images of one view may differ, height over width."""


@dataclass(frozen=True)
class Known:
    """A face as the list names it.

    Attributes:
        box_xyxy: float32 (4,), pixels.
        landmarks_xy: float32 (5, 2), pixels.
    """

    box_xyxy: Float32
    landmarks_xy: Float32


def counterparts(
    dataset: Annotated[str, typer.Argument(help="a data set of params.yaml, of reader folder")],
    out: Annotated[
        str, typer.Option("--out", "-o", help="name of the list to write, beside the images")
    ] = LIST,
) -> None:
    """Give thermal faces (MWIR, LWIR) the landmarks of visible images of the same moment.

    For two cameras side by side. Run `dvc repro detect@<data set>` first. Images are paired by
    their names, which may differ only in the band: anna/VIS/1.jpg and anna/LWIR/1.png.
    """
    from pipeline.store.files import data_folder
    from pipeline.store.whole import write_whole

    params = _params_of(dataset)
    if Path(out).name != out:
        raise StageError(
            f"{out}: expected a name without a folder: the list is written beside the images"
        )
    target = _beside_images(params) / out
    _refuse_others(target)
    folder = data_folder() / dataset
    ingest, detect = (output_of(folder / stage) for stage in ("ingest", "detect"))
    pairs = _paired(ingest)
    if not pairs:
        raise StageError(
            f"{dataset}: no thermal image has a visible counterpart: expected names that differ "
            "only in the band, such as anna/VIS/1.jpg and anna/LWIR/1.png"
        )
    faces = _faces(detect)
    moved = {
        name: found for name, found in _moved(dataset, ingest, pairs, faces) if found is not None
    }
    write_whole(target, _lines(ingest, faces | moved))
    if (params.list or Path(params.root).name) == out:
        print(
            f"datasets.{dataset} reads {out} itself: its images and landmarks were used again, and "
            "images added since are not in it. To start again, set list and detect.backend back "
            f"to their old values and run `dvc repro detect@{dataset}` before this command"
        )
    print(
        f"{target}: {len(moved)} of {len(pairs)} thermal images with a visible counterpart took "
        f"its landmarks, {len((pairs.keys() - moved.keys()) & faces.keys())} keep their own. "
        f"Next: in params.yaml set datasets.{dataset}.list: {out} and detect.backend: truth, run "
        f"`dvc repro align@{dataset}`, and look: `crossband show data/{dataset}/align -o faces.png`"
    )


def _params_of(dataset: str) -> DatasetParams:
    file = Path("params.yaml")
    datasets = load_params(file).datasets if file.exists() else {}
    if dataset not in datasets:
        raise ParamsError(
            f"{dataset!r} is not a data set of {file}: name one of {sorted(datasets)}. "
            f"Looked in {Path.cwd()}"
        )
    params = datasets[dataset]
    if str(params.reader) != "folder" or params.pseudonyms:
        raise ParamsError(
            f"datasets.{dataset}: expected reader folder without pseudonyms, as its ids are paths "
            f"that a list can name; found reader {params.reader}, pseudonyms {params.pseudonyms}"
        )
    return params


def _beside_images(params: DatasetParams) -> Path:
    """Return the folder to which the paths of a list are relative; the root may be a list."""
    root = Path(params.root)
    return root if root.is_dir() else root.parent


def _refuse_others(target: Path) -> None:
    """Refuse to replace a file that this command did not write."""
    if target.exists():
        with target.open(encoding="utf-8", errors="replace") as file:
            first = file.readline().rstrip("\n").split(",")
        if first != HEADER:
            raise StageError(
                f"{target} exists and was not written by this command: name another file by -o"
            )


def _paired(ingest: "ShardFolder") -> dict[str, str]:
    """Return for each image in heat the visible one of its shot."""
    from pipeline.report.chosen_rows import IMAGE, shot_sql
    from pipeline.report.query import Tables

    columns = f"sample_id, band, coalesce(subject_id, '') AS subject, {shot_sql(IMAGE)} AS shot"
    return dict(
        Tables.of(ingest, f"{columns}, frame_index").ask(
            """SELECT heat.sample_id, min(visible.sample_id)
            FROM rows AS heat JOIN rows AS visible USING (subject, shot)
            WHERE list_contains($bands, heat.band) AND visible.band = $visible
                AND heat.frame_index IS NULL AND visible.frame_index IS NULL
            GROUP BY heat.sample_id ORDER BY heat.sample_id""",
            bands=[str(band) for band in HEAT_BANDS],
            visible=str(Band.VIS),
        )
    )


def _faces(detect: "ShardFolder") -> dict[str, Known]:
    """Return the largest face of each image."""
    from pipeline.ops.boxes import areas

    found: dict[str, Known] = {}
    for index in range(detect.count):
        for batch in detect.shard(index).batches(["sample_id", "faces"]):
            for row in batch:
                faces = row["faces"]
                largest = int(np.argmax(areas(np.stack([face["box_xyxy"] for face in faces]))))
                face = faces[largest]
                found[row["sample_id"]] = Known(face["box_xyxy"], face["landmarks_xy"])
    return found


def _moved(
    dataset: str, ingest: "ShardFolder", pairs: Mapping[str, str], faces: Mapping[str, Known]
) -> Iterator[tuple[str, Known | None]]:
    """Yield each image in heat with the face of its visible counterpart, None where unsure."""
    from pipeline.report.chosen_rows import read_rows
    from pipeline.store.progress import progress

    asked = [(heat, seen) for heat, seen in pairs.items() if seen in faces]
    threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    with threads, progress(f"counterparts {dataset}", len(asked)) as advance:
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            names = dict.fromkeys(name for pair in some for name in pair)
            read = read_rows(ingest, names, ["sample_id", "image"])
            rows = {row["sample_id"]: row for row in read}
            found = threads.map(
                _in_heat,
                [rows[heat] for heat, _ in some],
                [rows[visible] for _, visible in some],
                [faces[visible] for _, visible in some],
            )
            yield from zip((heat for heat, _ in some), found, strict=True)
            advance(len(some))


def _in_heat(heat: Row, visible: Row, face: Known) -> Known | None:
    """Find a visible image's face in heat; images of one view may have sizes of their own."""
    import cv2

    from pipeline.detection.counterparts import shift_between
    from pipeline.detection.image import restored

    first, second = _grey(visible), _grey(heat)
    size = np.array(first.shape[::-1], np.float32)
    scale = np.array(second.shape[::-1], np.float32) / size
    if abs(scale[0] / scale[1] - 1) > _MOST_STRETCHED:
        return None
    try:
        shown = np.asarray(cv2.resize(second, first.shape[::-1]), np.uint8)
        shift = shift_between(first, shown, face.landmarks_xy)
    except ValueError:  # landmarks without extent, or beyond the image
        return None
    if not shift.is_sure:
        return None
    corners = restored(face.box_xyxy.reshape(2, 2) + shift.xy, scale)
    return Known(corners.ravel(), restored(face.landmarks_xy + shift.xy, scale))


def _grey(row: Row) -> UInt8:
    import cv2

    from pipeline.ops.codec import decode_rgb

    rgb = decode_rgb(row["image"]["bytes"])
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _lines(ingest: "ShardFolder", faces: Mapping[str, Known]) -> str:
    """Write all images of a data set as the list that the reader ``folder`` takes."""
    names = ["sample_id", "frame_index", *CSV_COLUMNS.values()]
    rows = [
        row
        for index in range(ingest.count)
        for row in ingest.shard(index).table(names).to_pylist()
        if row["frame_index"] is None
    ]
    rows += _unread(ingest)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADER)
    for row in sorted(rows, key=lambda row: str(row["sample_id"])):
        face = faces.get(row["sample_id"])
        table.writerow(
            [
                os.fsdecode(unquote_to_bytes(row["sample_id"])),
                *(row.get(column) or "" for column in CSV_COLUMNS.values()),
                *(("", "") if face is None else map(_numbers, (face.box_xyxy, face.landmarks_xy))),
            ]
        )
    return text.getvalue()


def _unread(ingest: "ShardFolder") -> list[Row]:
    """Return the images that were rejected: in a list without them they would be lost unseen."""
    from pipeline.readers.files import is_hidden
    from pipeline.readers.layout import is_image

    rows = ingest.rejected.rows()
    return [row for row in rows if is_image(row["sample_id"]) and not is_hidden(row["sample_id"])]


def _numbers(values: Float32) -> str:
    return " ".join(f"{value:.2f}" for value in values.ravel().tolist())
