"""Annotated people of a segment's frames: which boxes stand, and why the others do not."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pipeline.readers.listing import sample_id_of
from pipeline.store.ids import frame_name
from pipeline.types import Float64, Rejected, Row


@dataclass(frozen=True)
class People:
    """Annotations of some frames, one entry a line of the tables; sorted by frame, then subject.

    Attributes:
        frames: frame index of each.
        subjects: subject id of each.
        splits: split of each one's gallery, None where no gallery lists the subject.
        faces_xywh: (n, 4) left, top, width, height as annotated; NaN where not annotated.
        bodies_xywh: likewise.
    """

    frames: tuple[int, ...]
    subjects: tuple[str, ...]
    splits: tuple[str | None, ...]
    faces_xywh: Float64
    bodies_xywh: Float64

    def __repr__(self) -> str:
        """Show every value: a row's digest is taken of it."""
        boxes = (self.faces_xywh.tolist(), self.bodies_xywh.tolist())
        return f"People({self.frames}, {self.subjects}, {self.splits}, {boxes})"


def people_of(people: People, frame: int, hw: tuple[int, ...]) -> tuple[Row, list[Rejected]]:
    """Check the boxes of one frame.

    A box whose sides are not positive, that is not finite, or that lies wholly outside the frame is
    dropped as ``bad_box``; unequal boxes of one subject are dropped as ``conflicting_boxes``. One
    that reaches over the frame's edge stays as it is.

    Args:
        people: of the segment.
        frame: frame index.
        hw: height and width of the frame.

    Returns:
        ``truth_people`` and ``split`` of the frame, empty where no box stands; and the rejections.
        ``split`` is that of the galleries where all subjects agree, None where they don't.
    """
    lines = [line for line, index in enumerate(people.frames) if index == frame]
    found, dropped = [], []
    for subject, group in groupby(lines, key=lambda line: people.subjects[line]):
        part = f"{frame_name(frame)}.{sample_id_of(subject).replace('/', '%2F')}"
        first, *others = list(group)
        boxes = _boxes(people, first)
        if any(not np.array_equal(boxes, _boxes(people, line), equal_nan=True) for line in others):
            detail = f"{len(others) + 1} lines give this subject different boxes in one frame"
            dropped.append(Rejected("conflicting_boxes", detail, part))
            continue
        kept: list[list[float] | None] = []
        for name, box in zip(("face", "body"), boxes, strict=True):
            fault = "" if np.isnan(box).all() else _fault(box, hw)
            if fault:
                dropped.append(Rejected("bad_box", f"{name} box {fault}", f"{part}.{name}"))
            kept.append(None if fault or np.isnan(box).all() else _xyxy(box))
        if any(box is not None for box in kept):
            person = {"subject_id": subject, "split": people.splits[first]}
            found.append(person | {"face_xyxy": kept[0], "body_xyxy": kept[1]})
        elif np.isnan(boxes).all():
            dropped.append(Rejected("bad_box", "the line has neither a face nor a body box", part))
    dropped.sort(key=lambda rejected: rejected.part)
    if not found:
        lost = Rejected("no_people", "no box of this frame can be used", frame_name(frame))
        return {}, [lost, *dropped]
    splits = {people.splits[line] for line in lines}
    return {"truth_people": found, "split": splits.pop() if len(splits) == 1 else None}, dropped


def _boxes(people: People, line: int) -> Float64:
    return np.stack([people.faces_xywh[line], people.bodies_xywh[line]])


def _xyxy(box: Float64) -> list[float]:
    """Turn left, top, width, height of pixels into a box; pixel centres lie at integers."""
    x, y, width, height = box.tolist()
    return [x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5]


def _fault(box: Float64, hw: tuple[int, ...]) -> str:
    x, y, width, height = box.tolist()
    if not np.isfinite(box).all():
        return f"{box.tolist()} (x, y, width, height) holds a number that is not finite"
    if width <= 0 or height <= 0:
        return f"has width {width:g} and height {height:g}"
    if x >= hw[1] or y >= hw[0] or x + width <= 0 or y + height <= 0:
        return f"{box.tolist()} (x, y, width, height) lies outside the frame of {hw[1]} × {hw[0]}"
    return ""
