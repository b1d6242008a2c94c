"""Frames of a video, decoded by a stream: one frame in memory, whatever the video's length.

A frame's index is its place in the order of presentation, from 0. It is looked up by the frame's
time stamp in the list of all packets' stamps, which is read without decoding; so a decoder that
starts at a key frame in the middle knows which frame it holds, at constant and at variable rate.
A few gaps in an otherwise steady rate are frames that were lost to damage: they keep their numbers,
unless the header counts the frames and all are there. So do those that a cut file lost of its last
frames, whose packets would have come behind its end. Where a container stores no time of display
and the codec reorders frames, stamps say nothing: the video is decoded from its start and counted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData

from pipeline.ops.containers import UndecodableError
from pipeline.ops.memory import check_memory
from pipeline.ops.pixels import shallow, tone_map, turned
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
_GAP = 1.5
"""Multiple of the usual step between frames from which on one is missing."""
_LISTS = ("concat", "dash", "hls")
"""Formats that hold no frames, but name other files."""
_MOST_GAPS = 0.1
"""Share of steps that may be gaps; where there are more, the rate is variable."""


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


@dataclass(frozen=True)
class Timeline:
    """What a video's packets tell without being decoded.

    Attributes:
        stamps: time stamp of each frame in the order of presentation; empty where the packets bear
            none that can be relied on: such a video is decoded from its start.
        indices: frame index of each stamp.
        keys: frame index and decoding time stamp of each key frame.
        frames: number of frames that the file holds, those lost in gaps counted.
        promised: number of frames that its header promises, 0 where it does not tell.
        hw: height and width of a frame as its header tells, zeros where it does not.
    """

    stamps: tuple[int, ...]
    indices: tuple[int, ...]
    keys: tuple[tuple[int, int], ...]
    frames: int
    promised: int
    hw: tuple[int, int]

    def key_before(self, index: int) -> int | None:
        """Return the decoding time stamp of the key frame to start at; None means the start."""
        place = bisect_right(self.keys, index, key=lambda key: key[0]) - 1
        return self.keys[place][1] if place > 0 else None


def timeline_of(path: Path) -> Timeline:
    """Read a video's time stamps; those of the last videos are remembered.

    Raises:
        UndecodableError: ``empty_file`` or ``not_a_video``.
        MemoryError: there is too little to read it.
    """
    return _timeline(path, path.stat().st_mtime_ns)


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


@lru_cache(maxsize=16)
def _timeline(path: Path, _modified_ns: int) -> Timeline:
    if path.stat().st_size == 0 and path.is_file():
        raise UndecodableError("empty_file", "the file has no bytes")
    if not path.is_file():  # a FIFO would never begin
        raise UndecodableError("not_a_video", "it is no regular file")
    stamps: list[int | None] = []
    keys: list[tuple[int | None, int | None]] = []
    decoded: list[int | None] = []
    packets = 0
    try:
        with av.open(path) as container:
            if container.format.name in _LISTS:
                raise UndecodableError("not_a_video", "it names other files: expected frames")
            stream = _video_stream(container)
            reordered = bool(stream.codec_context.has_b_frames)
            promised, hw = stream.frames, (stream.height, stream.width)
            ticks = promised if container.format.name == "avi" else 0
            try:
                for packet in container.demux(stream):
                    packets += bool(packet.size)
                    if not packet.size or packet.is_discard:
                        continue
                    stamp = packet.dts if packet.pts is None and not reordered else packet.pts
                    stamps.append(stamp)
                    decoded.append(packet.dts)
                    if packet.is_keyframe:
                        keys.append((stamp, packet.dts))
            except MemoryError:
                raise  # FFmpeg's is one of its errors, too
            except av.FFmpegError:
                pass  # what was read stands; the frames that lack are told by ``promised``
    except MemoryError:
        raise
    except av.FFmpegError as error:
        raise UndecodableError("not_a_video", "no video format that is known") from error
    known = sorted(stamp for stamp in stamps if stamp is not None)
    useless = not known or len(set(known)) < len(stamps)
    if useless or (reordered and stamps == known and _comes_disordered(path)):
        promised = _promised_by(ticks, decoded, len(stamps)) if ticks else promised
        return Timeline((), (), (), len(stamps), promised, hw)
    complete = promised == packets and not ticks
    indices = tuple(range(len(known))) if complete else _indices(known, _is_steady(decoded))
    starts = [
        (indices[bisect_left(known, stamp)], dts)
        for stamp, dts in keys
        if stamp is not None and dts is not None
    ]
    starts.sort()
    frames = indices[-1] + 1
    promised = _promised_by(ticks, decoded, frames) if ticks else promised
    return Timeline(tuple(known), indices, tuple(starts), frames, promised, hw)


def _comes_disordered(path: Path) -> bool:
    """Tell whether frames leave the decoder with stamps that fall.

    AVI, ASF and some MXF store no time of display; FFmpeg then makes one up from the packets'
    order. The decoder shows frames in their true order, so those stamps fall within the first
    B-frames. Where stamps and order are one, because no frame was reordered, all are decoded.
    """
    last: int | None = None
    try:
        with av.open(path) as container:
            for frame in _sound_frames(container, _video_stream(container), stamped=True):
                if frame.pts is not None and last is not None and frame.pts < last:
                    return True
                last = last if frame.pts is None else frame.pts
    except MemoryError:
        raise
    except av.FFmpegError:
        pass  # the file ends here
    return False


def _promised_by(ticks: int, decoded: list[int | None], frames: int) -> int:
    """Return how many frames an AVI's header promises: it counts ticks, those without a frame, too.

    Args:
        ticks: that the header counts; decoding times are counted in them.
        decoded: decoding time stamp of each packet.
        frames: that the file holds; up to the last of them nothing is missing that has no number.
    """
    times = [time for time in decoded if time is not None]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if step <= 0:
        return ticks
    return frames + max(0, round((ticks - max(times)) / step) - 1)


def _is_steady(decoded: list[int | None]) -> bool:
    """Tell whether packets lie one after the other in decoding time: none of them is missing."""
    times = [time for time in decoded if time is not None]
    steps = np.diff(times)
    if len(times) < len(decoded) or not len(steps) or np.median(steps) <= 0:
        return False
    ratios = steps / np.median(steps)
    return bool(((ratios > 2 - _GAP) & (ratios < _GAP)).all())


def _indices(stamps: list[int], cut: bool) -> tuple[int, ...]:
    """Number time stamps: one after the other, but across the gaps of a steady rate by time.

    Args:
        stamps: rising.
        cut: whether gaps can only be of packets behind the file's end.
    """
    steps = np.diff(stamps)
    if not len(steps):
        return (0,)
    ratios = steps / np.median(steps)
    gaps = ratios > _GAP
    steady = 0 < gaps.mean() <= (1.0 if cut else _MOST_GAPS) and (ratios > 2 - _GAP).all()
    strides = np.where(gaps, np.rint(ratios), 1) if steady else np.ones(len(steps))
    return (0, *np.cumsum(strides).astype(int).tolist())


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """Return the first video stream, set to one thread: workers are the parallelism.

    Raises:
        UndecodableError: ``not_a_video``.
    """
    if not container.streams.video:
        raise UndecodableError("not_a_video", "the file has no video stream")
    stream = container.streams.video[0]
    stream.thread_type = "NONE"
    return stream


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
        stream = _video_stream(container)
        if key is not None:
            container.seek(key, stream=stream)
        for place, frame in enumerate(_sound_frames(container, stream, bool(timeline.stamps))):
            stamp = frame.dts if frame.pts is None else frame.pts
            if not timeline.stamps or stamp is None:
                yield place, frame
            elif stamp <= timeline.stamps[-1]:  # behind them no packet lies: it has no number
                yield timeline.indices[bisect_left(timeline.stamps, stamp)], frame


def _sound_frames(
    container: av.container.InputContainer, stream: av.VideoStream, stamped: bool
) -> Iterator[av.VideoFrame]:
    """Yield frames; behind a packet that can't be decoded the next key frame is the first one.

    Without time stamps nobody could number what follows, so the error ends the video.
    """
    damaged = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            if not stamped:
                raise
            damaged = True
            continue
        for frame in frames:
            damaged = damaged and not frame.key_frame
            if not damaged:
                yield frame


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
