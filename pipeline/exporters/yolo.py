"""Format ``yolo``: Ultralytics' folders of images and label files, with ``data.yaml``.

Layout: ``images/<split>/<sample id>.<ext>``, ``labels/<split>/<sample id>.txt``, ``data.yaml``. A
label line is ``class x y w h``, as fractions of the image, and ``x y v`` for each keypoint where
the export has one kind of boxes only and that has keypoints; ``--columns faces`` chooses.

Ultralytics needs a ``train`` and a ``val``: rows without a split are ``train``, ``validation`` is
``val``, and where there is none, ``test`` or else ``train`` stands in for it.

Reference: https://docs.ultralytics.com/datasets/.
"""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.exporters.boxes import Box, SourceImage, boxes_of, sources_of
from pipeline.exporters.format import Format, Job, Request, file_per_row, require
from pipeline.exporters.names import extension_of, safe_component
from pipeline.exporters.pieces import splits_of
from pipeline.exporters.selection import ALL, Selection, Unit
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.scratch import ScratchFolder
from pipeline.types import Row

_NAMES = {ALL: "train", "validation": "val"}
_KNOWN = ["sample_id", "width_px", "height_px", "image"]
_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"


def prepare(request: Request, selection: Selection) -> tuple[SourceImage, ...]:
    """Find the stage's boxes."""
    return sources_of(request, selection)


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images and label files of one unit."""
    for _, row in unit.rows([*_KNOWN, *{source.column for source in job.plan}]):
        data = row["image"]["bytes"]
        stem = job.names.stem(row, _NAMES.get(unit.split, unit.split))
        sink.put(f"images/{stem}.{extension_of(data, row['image']['path'])}", data)
        sink.put(f"labels/{stem}.txt", "".join(_lines(row, job.plan)).encode())


def _folder(split: str) -> str:
    return safe_component(_NAMES.get(split, split))


def _points(sources: tuple[SourceImage, ...]) -> tuple[str, ...]:
    """Return the keypoints' names where all boxes have the same: one shape is all YOLO knows."""
    return sources[0].names if len(sources) == 1 else ()


def _lines(row: Row, sources: tuple[SourceImage, ...]) -> list[str]:
    """Return the lines of an image's label file, one for each box."""
    return [f"{_line(box, sources, row)}\n" for box in boxes_of(row, sources)]


def _line(box: Box, sources: tuple[SourceImage, ...], row: Row) -> str:
    scale = np.array([row["width_px"], row["height_px"]], np.float64)
    x, y, width, height = box.xywh
    numbers = [*((x, y) + np.array([width, height]) / 2) / scale, *(width, height) / scale]
    if _points(sources):
        points = np.asarray(box.points, np.float64)
        points[:, :2] = np.where(points[:, 2:] > 0, (points[:, :2] + 0.5) / scale, 0.0)
        numbers += points.reshape(-1).tolist()
    return f"{sources.index(box.source)} " + " ".join(f"{number:.6g}" for number in numbers)


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write ``data.yaml``."""
    splits = {_NAMES.get(split, split): f"images/{_folder(split)}" for split in splits_of(job)}
    some = splits.get("train") or next(iter(splits.values()))
    values: dict[str, Any] = {
        "train": some,
        "val": splits.get("val") or splits.get("test") or some,
        **({"test": splits["test"]} if "test" in splits else {}),
        "names": {number: source.category for number, source in enumerate(job.plan)},
    }
    if names := _points(job.plan):
        values["kpt_shape"] = [len(names), 3]
        values["flip_idx"] = [names.index(_mirrored(name)) for name in names]
    text = io.StringIO()
    YAML().dump(values, text)
    sink.put("data.yaml", text.getvalue().encode())


def _mirrored(name: str) -> str:
    side, _, part = name.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{part}" if part else name


def verify(job: Job, folder: Path) -> None:
    """Let Ultralytics check each image with its labels, and compare them with the source."""
    verify_image_label = ultralytics_module("ultralytics.data.utils").verify_image_label
    names = _points(job.plan)
    for unit in job.units:
        for _, row in unit.rows([*_KNOWN, *{source.column for source in job.plan}]):
            data = row["image"]["bytes"]
            stem = job.names.stem(row, _NAMES.get(unit.split, unit.split))
            image = folder / f"images/{stem}.{extension_of(data, row['image']['path'])}"
            label = folder / f"labels/{stem}.txt"
            require(image.read_bytes() == data, f"{image} is another image")
            asked = (str(label), "", bool(names), len(job.plan), len(names), 3, False)
            found = _checked(verify_image_label, image, data, asked)
            require(found[0], f"ultralytics refuses {stem}: {found[-1]}")
            lines = _lines(row, job.plan)
            same = label.read_text(encoding="utf-8") == "".join(lines)
            # Ultralytics takes equal lines for one.
            require(same and len(found[1]) == len({*lines}), f"the boxes of {row['sample_id']}")


def _checked(check: Callable[[Any], Any], image: Path, data: bytes, asked: tuple[Any, ...]) -> Any:
    """Let Ultralytics check an image; a copy where it would write it anew.

    It does so where a JPEG has anything behind its end, as cameras leave it there: the export would
    no longer be what its manifest says.
    """
    if not data.startswith(_JPEG) or data.endswith(_END_OF_JPEG):
        return check((str(image), *asked))
    with ScratchFolder() as folder:
        copy = Path(folder, f"image{image.suffix}")
        copy.write_bytes(data)
        return check((str(copy), *asked))


FORMAT = Format(
    library="ultralytics",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    named="sample",
    files=lambda job: file_per_row(job) + job.facts.rows,
)
