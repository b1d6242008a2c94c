"""Segments: some dozens of frames of one media, which ``ingest`` takes in as one row a frame.

A media is a video or a folder of images whose names end in the frame's number. A listing of
segments, not of media, keeps memory flat, spreads a long video over all workers and lets an
interrupted run go on inside it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.errors import ReaderError
from pipeline.ops.codec import check_size, decode_foreign, encode_jpeg, encode_png
from pipeline.ops.containers import UndecodableError
from pipeline.readers.files import is_hidden, read_file, shown
from pipeline.readers.layout import EXTENSIONS as IMAGE_EXTENSIONS
from pipeline.readers.listing import further_pages
from pipeline.readers.people import People, people_of
from pipeline.readers.timeline import timeline_of
from pipeline.readers.video import Lost, grey_if_colourless, video_frames
from pipeline.store import image_columns
from pipeline.store.ids import frame_name
from pipeline.types import Rejected, Row, UInt8

_NUMBER = re.compile(r"(\d+)$")


@dataclass(frozen=True)
class Segment:
    """Some frames of a media.

    Attributes:
        path: the video or the folder of frames; not part of the digest: data may move.
        sha256: of the video, or of the segment's own frames; empty until loaded.
        frames: frame indices from 0, rising.
        frame_base: number that the data set gives to a media's first frame.
        jpeg_quality: of stored frames; None stores them as PNG.
    """

    path: Path = field(repr=False)
    sha256: str
    frames: tuple[int, ...]
    frame_base: int
    jpeg_quality: int | None


@dataclass(frozen=True)
class _Frame:
    index: int
    image: UInt8
    data: bytes | None = None
    """The file's own bytes, where they can be kept."""
    pages: int = 1
    """Images in the frame's file."""


def load_segment(root: Path, row: Row) -> Row:
    """Add the digest of a segment's frames, or why they can't be had as ``unreadable``."""
    known = {name: value for name, value in row.items() if name != "path"}
    if "refused" in known:
        return known
    segment = replace(row["segment"], path=root / row["path"])
    try:
        return known | {"segment": replace(segment, sha256=_digest(segment.path, segment))}
    except OSError as error:
        return known | {"unreadable": f"{shown(row['path'])}: {error.strerror}"}


def take_in_segment(
    row: Row, *, max_pixels: int, tone_percentiles: tuple[float, float]
) -> list[Row | Rejected]:
    """Make one row a frame: every frame that was asked for is a row or a rejection.

    Args:
        row: of a listing, loaded: ``segment``, ``people`` and the columns that all frames share.
        max_pixels: largest width × height that is decoded.
        tone_percentiles: which percentiles (0–100) of a deep image become 0 and 255.
    """
    segment: Segment = row["segment"]
    people: People = row["people"]
    known = {name: value for name, value in row.items() if name not in TAKEN_IN}
    outcome: list[Row | Rejected] = []
    try:
        for frame in _frames(segment, max_pixels, tone_percentiles):
            part = frame_name(frame.index)
            if isinstance(frame, Lost):
                outcome.append(Rejected(frame.reason, frame.detail, part))
                continue
            found, dropped = people_of(people, frame.index, frame.image.shape[:2])
            outcome += dropped
            if found:
                outcome.append(known | _columns(row["sample_id"], part, frame, segment) | found)
            outcome += further_pages(frame.pages, f"{part}.pages")
    except UndecodableError as error:
        detail = f"{error}; {len(segment.frames)} frames are lost"
        return [Rejected(error.reason, detail)]
    return outcome


TAKEN_IN = frozenset({"segment", "people", "content_sha256"})
"""What a segment's row brings besides the columns that its frames are stored with."""


def numbered_files(folder: Path) -> Mapping[int, Path]:
    """Return the images of a folder of frames by the number at the end of their names.

    Hidden ones stay out: macOS leaves ``._0001.png`` beside ``0001.png`` where it unpacks.

    Those of the last folders are remembered: each has many segments, and as many looks at it.

    Raises:
        ReaderError: two images have the same number.
    """
    return _numbered_files(folder, folder.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _numbered_files(folder: Path, _modified_ns: int) -> Mapping[int, Path]:
    files: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _NUMBER.search(path.stem)
        if path.suffix.lower() not in IMAGE_EXTENSIONS or match is None or is_hidden(path.name):
            continue
        number = int(match[1])
        if number in files:
            raise ReaderError(
                f"{folder}: {files[number].name} and {path.name} are both frame {number}; "
                "remove one of them"
            )
        files[number] = path
    return files


def _columns(sample_id: str, part: str, frame: _Frame, segment: Segment) -> Row:
    data = frame.data or (
        encode_png(frame.image)
        if segment.jpeg_quality is None
        else encode_jpeg(frame.image, segment.jpeg_quality)
    )
    extension = "jpg" if data.startswith(b"\xff\xd8") else "png"
    return {
        "sample_id": f"{sample_id}#{part}",
        "frame_index": frame.index,
        **image_columns(data, frame.image.shape[:2], f"{part}.{extension}"),
    }


def _frames(
    segment: Segment, max_pixels: int, tone_percentiles: tuple[float, float]
) -> Iterator[_Frame | Lost]:
    if segment.path.is_dir():
        yield from _frames_of_folder(segment, max_pixels, tone_percentiles)
        return
    check_size(timeline_of(segment.path).hw, max_pixels)
    for decoded in video_frames(segment.path, segment.frames, tone_percentiles):
        yield decoded if isinstance(decoded, Lost) else _Frame(*decoded)


def _frames_of_folder(
    segment: Segment, max_pixels: int, tone_percentiles: tuple[float, float]
) -> Iterator[_Frame | Lost]:
    files = numbered_files(segment.path)
    for index in segment.frames:
        number = index + segment.frame_base
        if number not in files:
            yield Lost(index, "no_such_frame", _missing(number, files))
            continue
        try:
            data = read_file(files[number])
            decoded = decode_foreign(data, max_pixels=max_pixels, tone_percentiles=tone_percentiles)
        except UndecodableError as error:
            yield Lost(index, error.reason, f"{shown(files[number].name)}: {error}")
            continue
        except OSError as error:
            detail = f"{shown(files[number].name)}: {error.strerror}"
            yield Lost(index, "unreadable", detail)
            continue
        image = grey_if_colourless(decoded.image)
        kept = decoded.data if image.ndim == decoded.image.ndim else None
        yield _Frame(index, image, kept, decoded.pages)


def _missing(number: int, files: Mapping[int, Path]) -> str:
    if not files:
        return "the folder holds no image whose name ends in a number"
    return f"no image has number {number}; they run from {min(files)} to {max(files)}"


def _digest(path: Path, segment: Segment) -> str:
    if not path.is_dir():
        return _file_sha256(path, path.stat().st_mtime_ns)
    files = numbered_files(path)
    digest = hashlib.sha256()
    for index in segment.frames:
        if (file := files.get(index + segment.frame_base)) is not None:
            digest.update(f"{index}:{_frame_sha256(file)}\0".encode())
    return digest.hexdigest()


def _frame_sha256(file: Path) -> str:
    """Return the digest of a frame's file, or why it has none."""
    try:
        return hashlib.sha256(read_file(file)).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
    except UndecodableError as error:
        return error.reason


@lru_cache(maxsize=256)
def _file_sha256(path: Path, _modified_ns: int) -> str:
    if not path.is_file():
        raise OSError(0, "it is not a regular file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def frame_segments(frames: Sequence[int], length: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Split rising frame indices into segments of a media's time line.

    Where a segment begins does not depend on which frames are wanted: one annotation more changes
    one segment.

    Args:
        frames: rising.
        length: frames of a segment, the unwanted ones counted.

    Yields:
        The first frame index of each segment that holds any, and its wanted frames.
    """
    indices = np.asarray(frames)
    for number in np.unique(indices // length).tolist():
        inside = indices[indices // length == number]
        yield number * length, tuple(inside.tolist())
