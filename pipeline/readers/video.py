"""Frames of a video, decoded by a stream: one frame in memory, whatever the video's length.

A frame's index is looked up by its time stamp in the video's timeline; so a decoder that starts at
a key frame in the middle knows which frame it holds, at constant and at variable rate.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData

from pipeline.ops.memory import check_memory
from pipeline.ops.pixels import shallow, tone_map, turned
from pipeline.readers.timeline import Timeline, timeline_of
from pipeline.readers.video_stream import sound_frames, video_stream
from pipeline.types import UInt8

EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("avi", "m2ts", "m4v", "mj2", "mkv", "mov", "mp4"),
        *("mpeg", "mpg", "mts", "mxf", "ts", "webm", "wmv"),
    )
)
"""Files that are taken for videos, whatever the case of their extension."""

_GREY_TOLERANCE = 8
"""Channels that differ by no more are one: codecs round chroma."""
_DECLARED_BITS = 14
"""Up to so many bits a format tells how many are in use; one of 16 may hold a sensor's 12."""


@dataclass(frozen=True)
class Lost:
    """A frame that was asked for and can't be had.

    Attributes:
        index: of the frame, from 0.
        reason: a word of the rejected table.
        detail: one sentence.
    """

    index: int
    reason: str
    detail: str


def video_frames(
    path: Path, wanted: Sequence[int], tone_percentiles: tuple[float, float]
) -> Iterator[tuple[int, UInt8] | Lost]:
    """Decode some frames of a video.

    Args:
        path: the video.
        wanted: frame indices, rising.
        tone_percentiles: which percentiles of a frame of more than 8 bits become 0 and 255.

    Yields:
        In the order of ``wanted``: the index and the image, uint8 grey (h, w) or RGB (h, w, 3),
        or what became of it: ``damaged_video`` (the decoder failed here, or the file ends before
        the frames that its header promises) or ``no_such_frame``.

    Raises:
        UndecodableError: ``empty_file`` or ``not_a_video``.
        MemoryError: there is too little to tell whether a frame is damaged.
    """
    timeline = timeline_of(path)
    waiting = list(wanted)
    fault = ""
    try:
        for index, frame in _decoded(path, timeline, waiting[0]):
            while waiting and waiting[0] < index:
                yield _lost(waiting.pop(0), timeline, "the decoder failed here")
            if waiting and waiting[0] == index:
                waiting.pop(0)
                if frame.is_corrupt:
                    yield Lost(index, "damaged_video", f"frame {index} is damaged")
                else:
                    yield index, image_of(frame, tone_percentiles)
            if not waiting:
                return
    except av.FFmpegError:
        fault = "the decoder stopped here"
    for index in waiting:
        yield _lost(index, timeline, fault)


def image_of(frame: av.VideoFrame, tone_percentiles: tuple[float, float]) -> UInt8:
    """Convert a decoded frame to 8 bits and turn it upright; grey where it has no colour.

    Infra-red cameras' videos come as three equal channels (or chroma of nothing but rounding): they
    become grey. Deep grey is mapped to 8 bits as ``codec.tone_map`` does for images.

    Args:
        frame: of any pixel format.
        tone_percentiles: see ``video_frames``.
    """
    return turned(_stored_image(frame, tone_percentiles), *_turn_of(frame))


def _stored_image(frame: av.VideoFrame, tone_percentiles: tuple[float, float]) -> UInt8:
    grey = len(frame.format.components) == 1 and not frame.format.has_palette
    bits = max(component.bits for component in frame.format.components)
    if grey and bits > 8:
        deep = frame.reformat(format="gray16le").to_ndarray()
        return tone_map(deep.astype(np.float32), tone_percentiles)
    if grey:
        return np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8)
    if bits > _DECLARED_BITS:
        return grey_if_colourless(shallow(frame.to_ndarray(format="rgb48le"), tone_percentiles))
    return grey_if_colourless(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


def _turn_of(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Return how the container says that a frame is to be turned, as ``codec.turned`` takes it.

    The display matrix leads from stored (x, y) to shown ones by rows (a, b), (c, d) in 16.16 fixed
    point: x' = a x + c y, y' = b x + d y. Turns by other than quarters are left alone.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, SideData):
        return False, False, False
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), "<i4").tolist()
    if not (b or c):
        return False, a < 0, d < 0
    return (True, c < 0, b < 0) if not (a or d) else (False, False, False)


def grey_if_colourless(image: UInt8) -> UInt8:
    """Return one channel where all three are equal but for rounding; else the image as it is."""
    if image.ndim == 2:
        return image
    red, green, blue = (image[..., channel] for channel in range(3))
    if max(cv2.norm(red, green, cv2.NORM_INF), cv2.norm(green, blue, cv2.NORM_INF)) > (
        _GREY_TOLERANCE
    ):
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _decoded(path: Path, timeline: Timeline, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield frames with their indices from the key frame before ``first`` on."""
    key = timeline.key_before(first)
    if key is not None:
        started = False
        for index, frame in _decoded_from(path, timeline, key):
            if not started and index > first:
                break  # the container's index led too far
            started = True
            yield index, frame
        if started:
            return
    yield from _decoded_from(path, timeline, None)


def _decoded_from(
    path: Path, timeline: Timeline, key: int | None
) -> Iterator[tuple[int, av.VideoFrame]]:
    with av.open(path) as container:
        stream = video_stream(container)
        if key is not None:
            container.seek(key, stream=stream)
        for place, frame in enumerate(sound_frames(container, stream, bool(timeline.stamps))):
            stamp = frame.dts if frame.pts is None else frame.pts
            if not timeline.stamps or stamp is None:
                yield place, frame
            elif stamp <= timeline.stamps[-1]:  # behind them no packet lies: it has no number
                yield timeline.indices[bisect_left(timeline.stamps, stamp)], frame


def _lost(index: int, timeline: Timeline, fault: str) -> Lost:
    there = max(timeline.frames, timeline.promised)
    if index >= there:
        return Lost(
            index, "no_such_frame", f"the video has {there} frames, so {there - 1} is its last"
        )
    check_memory(timeline.hw)
    if timeline.promised > timeline.frames:
        fault = fault or f"the file ends after {timeline.frames} of {timeline.promised} frames"
    return Lost(index, "damaged_video", fault or "the decoder gave no frame here")
