"""Reader ``speaking_faces``: SpeakingFaces, thermal and visible faces of people who speak or not.

142 subjects, two trials on different days, nine camera positions; in session 1 they are silent, in
session 2 they read commands. LWIR by a FLIR T540 (464 × 348, 7.5–14 µm), VIS by a web camera,
aligned to it. CC BY 4.0, from https://huggingface.co/datasets/issai/Speaking_Faces.

Layout: ``sub_<subject>/trial_<trial>/{thr_image,rgb_image_aligned,…}/<name>.png`` at any depth,
``sub_1_io`` and ``sub_1_ia`` of the archives as well; ``<name>`` is
``<subject>_<trial>_1_<position>_<frame>_<stream>`` or, with a command,
``<subject>_<trial>_2_<position>_<command>_<frame>_<stream>``. Stream 1 is LWIR, 3 is VIS aligned to
it, 2 is VIS as taken, which is read where there is no aligned image at all. The official split:
subjects 1–100 train, 101–120 are for validation, 121–142 for test.

Reference:
    M. Abdrakhmanova et al., SpeakingFaces: a large-scale multimodal dataset of voice commands with
    visual and thermal video streams, Sensors 21(10), 2021.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import is_image, list_official, make_listing, official_row, stem_of
from pipeline.store import Listing
from pipeline.types import Band, Row, Split

EXPECTED = "sub_<subject>/trial_<trial>/{thr_image,rgb_image_aligned}[_cmd]/<name>.png"
PUBLISHED = {"subjects": 142}

THERMAL, TAKEN, ALIGNED = 1, 2, 3
"""Streams."""

_NAME = re.compile(r"(\d+)_([12])_([12])_(\d)(?:_(\d+))?_(\d+)_([123])")
_IMAGE = re.compile(r"(?:.*/)?trial_[12]/(?:thr|rgb)_image[^/]*/([^/]+)", re.IGNORECASE)


class Name(NamedTuple):
    """What a file's name says; numbers as the authors count them, from 1."""

    subject: int
    trial: int
    session: int
    position: int
    command: int | None
    frame: int
    stream: int

    @property
    def shot(self) -> str:
        """The moment, whatever the camera."""
        command = "" if self.command is None else f"_{self.command}"
        return f"{self.trial}_{self.session}_{self.position}{command}_{self.frame}"


def name_of(stem: str) -> Name | None:
    """Read a file's name without its extension; None where it is no such name."""
    match = _NAME.fullmatch(stem.rpartition("/")[2])
    if match is None:
        return None
    subject, trial, session, position, command, frame, stream = match.groups()
    spoken = None if command is None else int(command)
    return Name(
        *(int(subject), int(trial), int(session), int(position)), spoken, int(frame), int(stream)
    )


def split_of(subject: int) -> Split:
    """Return the official split of a subject."""
    if subject > 120:
        return Split.TEST
    return Split.VALIDATION if subject > 100 else Split.TRAIN


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the thermal images and the visible ones that are aligned to them.

    Raises:
        ReaderError: the root holds no such images.
    """
    found = {}
    for path in filter(is_image, list_official(root, dataset, EXPECTED)):
        match = _IMAGE.fullmatch(stem_of(path))
        if match and (name := name_of(match[1])):
            found[path] = name
    aligned = any(name.stream == ALIGNED for name in found.values())
    passed_over = TAKEN if aligned else ALIGNED
    rows = (
        _row(path, name, dataset, params)
        for path, name in found.items()
        if name.stream != passed_over
    )
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is of the stream that is not read, else None."""
    match = _IMAGE.fullmatch(stem_of(path))
    return "visible images as taken" if match and name_of(match[1]) else None


def named_row(path: str, name: Name, dataset: str, params: DatasetParams, **columns: object) -> Row:
    """Make the row of an image by its name.

    A trial is a session: protocols then never compare two images of one day.
    """
    band = Band.LWIR if name.stream == THERMAL else Band.VIS
    known = {
        "sample_id": f"{name.subject:03d}/{name.shot}.{band}",
        "subject_id": str(name.subject),
        "session_id": f"trial_{name.trial}",
        "camera_id": f"position_{name.position}",
        "band": str(band),
        "split": str(split_of(name.subject)),
    }
    return official_row(path, dataset, params, **(known | columns))


def _row(path: str, name: Name, dataset: str, params: DatasetParams) -> Row:
    media = f"{name.subject:03d}/{name.shot.rpartition('_')[0]}"
    return named_row(path, name, dataset, params, media_id=media, frame_index=name.frame - 1)
