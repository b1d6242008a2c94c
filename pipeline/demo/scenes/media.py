"""Files of the layout that reader ``ijb_mdf`` takes: videos, folders of frames, tables, lists.

Each appears whole or not at all, and the table of a media after the media: what has its table is
finished.
"""

import csv
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

from pipeline.demo.scenes.compose import Seen
from pipeline.ops.codec import encode_jpeg, encode_png
from pipeline.store.whole import reach_disk
from pipeline.types import UInt8

COLUMNS = (
    *("SUBJECT_ID", "FILENAME", "FRAME_NUM"),
    *("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT"),
    *("BODY_X", "BODY_Y", "BODY_WIDTH", "BODY_HEIGHT"),
)
_JPEG_QUALITY = 95
_RATE_FACTOR = "16"


def write_video(path: Path, images: Iterable[UInt8], frames_per_second: float) -> None:
    """Write an H.264 video; equal images give equal bytes.

    Args:
        path: of an ``.mp4`` file.
        images: uint8 (h, w, 3) or (h, w), sides even.
        frames_per_second: constant.
    """
    rate = Fraction(frames_per_second).limit_denominator(1000)
    # "bitexact" keeps the encoder's version and the time of day out of the file.
    exact = {"fflags": "+bitexact"}
    with _whole(path) as partial, av.open(partial, "w", format="mp4", options=exact) as container:
        stream = None
        for image in images:
            if stream is None:
                # With "mbtree" libx264 reads memory that nobody wrote, and bytes differ by chance.
                options = {"crf": _RATE_FACTOR, "threads": "1", "preset": "veryfast"}
                options["x264-params"] = "mbtree=0"
                stream = container.add_stream("libx264", rate=rate, options=options)
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.thread_type = "NONE"
                stream.codec_context.gop_size = 12
            kind = "rgb24" if image.ndim == 3 else "gray"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, kind)))
        if stream is not None:
            container.mux(stream.encode())


def write_frames(path: Path, images: Iterable[UInt8]) -> None:
    """Write a folder of frames ``000000.png`` (grey) or ``000000.jpg`` (colour)."""
    with _whole(path) as partial:
        partial.mkdir()
        for number, image in enumerate(images):
            if image.ndim == 3:
                name, data = f"{number:06d}.jpg", encode_jpeg(image, _JPEG_QUALITY)
            else:
                name, data = f"{number:06d}.png", encode_png(image)
            (partial / name).write_bytes(data)


def write_table(path: Path, filename: str, people: Iterable[tuple[Seen, ...]]) -> None:
    """Write the boxes of a media: one line a person and frame; a box not seen stays empty."""
    with _whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for number, seen in enumerate(people):
            for person in seen:
                boxes = (*(person.face_xywh or [""] * 4), *(person.body_xywh or [""] * 4))
                table.writerow((person.subject_id, filename, number, *boxes))


def write_text(path: Path, text: str) -> None:
    """Write a small text file."""
    with _whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Lend a temporary name; what lies there takes the real one at the end, or goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    _remove(partial)
    try:
        yield partial
        for written in sorted(partial.iterdir()) if partial.is_dir() else [partial]:
            reach_disk(written)
        _remove(path)
        partial.replace(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
