"""What the stage ``sample`` shows: shares of its images, and what its scenes hold."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pipeline.report.chosen_rows import spread
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import Row


def image_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a source of images: ``share`` of rows by band, split and view."""
    tables = Tables.of(folder, "band, split, view")
    return {"share": {column: tables.shares(column) for column in ("band", "split", "view")}}


def scene_counts(rows: Iterable[Row]) -> dict[str, Any]:
    """Count what segments of an ``ijb_mdf`` listing annotate.

    Returns:
        ``scenes`` by camera: media, frames, subjects, boxes of faces and bodies, and the median and
        the most of people at once.
    """
    segments: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        segments[row["camera_id"]].append(row)
    return {"scenes": {camera: _counts(found) for camera, found in sorted(segments.items())}}


def pick_segments(rows: Iterable[Row], per_camera: int = 3) -> list[Row]:
    """Pick a few segments of an ``ijb_mdf`` listing of each camera, spread evenly over all."""
    cameras: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        cameras[row["camera_id"]].append(row)
    return [
        found[place]
        for _, found in sorted(cameras.items())
        for place in spread(len(found), per_camera)
    ]


def _counts(segments: Sequence[Row]) -> dict[str, Any]:
    at_once: list[int] = []
    subjects: set[str] = set()
    faces = bodies = 0
    for people in (row["people"] for row in segments):
        _, counts = np.unique(people.frames, return_counts=True)
        at_once += counts.tolist()
        subjects |= set(people.subjects)
        faces += int(np.isfinite(people.faces_xywh).all(axis=1).sum())
        bodies += int(np.isfinite(people.bodies_xywh).all(axis=1).sum())
    return {
        "media": len({row["media_id"] for row in segments}),
        "frames": len(at_once),
        "subjects": len(subjects),
        "faces": faces,
        "bodies": bodies,
        "people_at_once": {"median": float(np.median(at_once)), "most": max(at_once)},
    }
