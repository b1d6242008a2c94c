"""Format ``coco``: images and COCO's instances with boxes and keypoints, one JSON per split.

Layout: ``images/<split>/<sample id>.<ext>``, ``annotations/instances_<split>.json``. A category for
each of ``boxes.SOURCES`` that the stage has. Boxes are left, top, width, height from the image's
corner; keypoints have pixel centres at integers. Beside COCO's own keys, an image says sample, band
and whether it is simulated, an annotation score and track; both the subject where it is known.

Reference: https://cocodataset.org/#format-data; read with pycocotools.
"""

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from pipeline.exporters.boxes import Box, SourceImage, boxes_of, sources_of
from pipeline.exporters.format import Format, Job, Request, file_per_row, require
from pipeline.exporters.names import extension_of, safe_component
from pipeline.exporters.pieces import gathered, leave_lines, splits_of
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import FileEntry, HashedFile, Sink

_KNOWN = [
    *("sample_id", "subject_id", "width_px", "height_px", "band", "simulated", "licence", "image"),
]


def prepare(request: Request, selection: Selection) -> tuple[SourceImage, ...]:
    """Find the stage's boxes."""
    return sources_of(request, selection)


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write the images of one unit, and leave its images and annotations."""
    sources: tuple[SourceImage, ...] = job.plan
    licences = {name: number for number, name in enumerate(job.facts.licences, start=1)}
    classes = {source: number for number, source in enumerate(sources, start=1)}
    images, annotations = [], []
    for ordinal, row in unit.rows([*_KNOWN, *{source.column for source in sources}]):
        data = row["image"]["bytes"]
        stem = job.names.stem(row, unit.split)
        top, _, path = f"{stem}.{extension_of(data, row['image']['path'])}".partition("/")
        sink.put(f"images/{top}/{path}", data)
        image: dict[str, Any] = {
            "id": ordinal + 1,
            "file_name": path,
            "width": row["width_px"],
            "height": row["height_px"],
            "license": licences[row["licence"] or "unknown"],
        }
        image |= {name: row[name] for name in ("sample_id", "band", "simulated")}
        if row["subject_id"] is not None:
            image["subject_id"] = row["subject_id"]
        images.append(orjson.dumps(image).decode())
        annotations += [
            _annotation(box, ordinal + 1, classes[box.source]) for box in boxes_of(row, sources)
        ]
    leave_lines(sink, unit, "images", images)
    leave_lines(sink, unit, "annotations", annotations)


def _annotation(box: Box, image_id: int, category_id: int) -> str:
    made: dict[str, Any] = {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": box.xywh,
        "area": box.xywh[2] * box.xywh[3],
        "iscrowd": 0,
    }
    if box.points is not None:
        made["keypoints"] = box.points.reshape(-1).tolist()
        made["num_keypoints"] = int((box.points[:, 2] > 0).sum())
    return orjson.dumps(made | box.notes).decode()


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Join what the units left into one JSON per split, piece by piece."""
    head = {
        "info": {
            "description": f"{job.request.source}, exported by crossband",
            "simulated": job.facts.simulated,
        },
        "licenses": [
            {"id": number, "name": name, "url": ""}
            for number, name in enumerate(job.facts.licences, start=1)
        ],
        "categories": [
            {"id": number, "name": source.category, "supercategory": "person"}
            | ({"keypoints": source.names, "skeleton": []} if source.names else {})
            for number, source in enumerate(job.plan, start=1)
        ],
    }
    for split in splits_of(job):
        with sink.file(f"annotations/instances_{safe_component(split)}.json") as out:
            out.write(orjson.dumps(head)[:-1] + b',\n"images":[')
            _join(out, gathered(job, sink, "images", split))
            out.write(b'],\n"annotations":[')
            lines = gathered(job, sink, "annotations", split)
            _join(out, (f'{{"id":{n},{line[1:]}' for n, line in enumerate(lines, start=1)))
            out.write(b"]}\n")


def _join(out: HashedFile, items: Iterable[str]) -> None:
    for number, item in enumerate(items):
        out.write((b",\n" if number else b"\n") + item.rstrip().encode())


def verify(job: Job, folder: Path) -> None:
    """Load each split with pycocotools and compare images, boxes and images with the source."""
    from pycocotools.coco import COCO

    sources: tuple[SourceImage, ...] = job.plan
    for split in splits_of(job):
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(folder / "annotations" / f"instances_{safe_component(split)}.json"))
        count = sum(unit.count for unit in job.units_of(split))
        require(len(coco.imgs) == count, f"{len(coco.imgs)} images of {count}")
        for unit in job.units_of(split):
            for ordinal, row in unit.rows([*_KNOWN, *{source.column for source in sources}]):
                image = coco.imgs[ordinal + 1]
                place = folder / "images" / safe_component(split) / image["file_name"]
                require(place.read_bytes() == row["image"]["bytes"], f"{place} is another image")
                found = [item["bbox"] for item in coco.imgToAnns[ordinal + 1]]
                boxes = [list(box.xywh) for box in boxes_of(row, sources)]
                require(found == boxes, f"the boxes of {row['sample_id']}")


FORMAT = Format(
    library="pycocotools",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    named="sample",
    files=file_per_row,
)
