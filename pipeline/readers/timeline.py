"""The timeline of a video: which frames it holds, told by its packets without decoding them.

A frame's index is its place in the order of presentation, from 0. A few gaps in an otherwise steady
rate are frames that were lost to damage: they keep their numbers, unless the header counts the
frames and all are there. So do those that a cut file lost of its last frames, whose packets would
have come behind its end. Where a container stores no time of display and the codec reorders frames,
stamps say nothing: the video is decoded from its start and counted.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from pipeline.ops.containers import UndecodableError
from pipeline.readers.video_stream import sound_frames, video_stream

_GAP = 1.5
"""Multiple of the usual step between frames from which on one is missing."""
_LISTS = ("concat", "dash", "hls")
"""Formats that hold no frames, but name other files."""
_MOST_GAPS = 0.1
"""Share of steps that may be gaps; where there are more, the rate is variable."""
_MPEG = ("mpeg1video", "mpeg2video")
"""Codecs whose packets tell without being decoded whether a frame is shown before its forerunner.

Reference: ISO/IEC 13818-2, 6.2.3: start code, 10 bits of temporal reference, 3 of coding type.
"""
_PICTURE, _BIDIRECTIONAL = b"\0\0\1\0", 3


@dataclass(frozen=True)
class Timeline:
    """What a video's packets tell without being decoded.

    Attributes:
        stamps: time stamp of each frame in the order of presentation; empty where the packets have
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


@dataclass
class _Packets:
    """What a video's header and packets tell, in the order of the file.

    Attributes:
        reordered: whether the codec may show frames in another order than it decodes them.
        promised: number that the header counts, 0 where it does not tell: of frames, or of ticks.
        in_ticks: whether it is of ticks, as in an AVI.
        hw: height and width of a frame as the header tells, zeros where it does not.
        kinds: whether packets tell their frame's kind, as MPEG-1 and MPEG-2 do.
        b_frames: whether one of them is a B-frame.
        count: number of packets with data, those that are to be discarded among them.
        stamps: time stamp of each frame, None where it has none.
        decoded: decoding time stamp of each frame, likewise.
        keys: both stamps of each key frame.
    """

    reordered: bool
    promised: int
    in_ticks: bool
    hw: tuple[int, int]
    kinds: bool = False
    b_frames: bool = False
    count: int = 0
    stamps: list[int | None] = field(default_factory=list)
    decoded: list[int | None] = field(default_factory=list)
    keys: list[tuple[int | None, int | None]] = field(default_factory=list)

    def add(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Take in the next packet of the file."""
        self.count += bool(packet.size)
        if not packet.size or packet.is_discard:
            return
        stamp = packet.dts if packet.pts is None and not self.reordered else packet.pts
        self.stamps.append(stamp)
        self.decoded.append(packet.dts)
        self.b_frames = self.b_frames or (self.kinds and _is_b_frame(bytes(packet)))
        if packet.is_keyframe:
            self.keys.append((stamp, packet.dts))

    def promise(self, frames: int) -> int:
        """Return the number of frames that the header promises of a file that holds so many."""
        if self.in_ticks and self.promised:
            return _promised_by(self.promised, self.decoded, frames)
        return self.promised


@lru_cache(maxsize=16)
def _timeline(path: Path, _modified_ns: int) -> Timeline:
    found = _packets_of(path)
    known = sorted(stamp for stamp in found.stamps if stamp is not None)
    if not _can_be_relied_on(path, found, known):
        frames = len(found.stamps)
        return Timeline((), (), (), frames, found.promise(frames), found.hw)
    complete = found.promised == found.count and not found.in_ticks
    indices = tuple(range(len(known))) if complete else _indices(known, _is_steady(found.decoded))
    keys = sorted(
        (indices[bisect_left(known, stamp)], dts)
        for stamp, dts in found.keys
        if stamp is not None and dts is not None
    )
    frames = indices[-1] + 1
    return Timeline(tuple(known), indices, tuple(keys), frames, found.promise(frames), found.hw)


def _packets_of(path: Path) -> _Packets:
    if path.stat().st_size == 0 and path.is_file():
        raise UndecodableError("empty_file", "the file has no bytes")
    if not path.is_file():  # a FIFO would never begin
        raise UndecodableError("not_a_video", "it is not a regular file")
    try:
        with av.open(path) as container:
            return _demuxed(container)
    except MemoryError:
        raise  # FFmpeg's is one of its errors, too
    except av.FFmpegError as error:
        raise UndecodableError("not_a_video", "not a known video format") from error


def _demuxed(container: av.container.InputContainer) -> _Packets:
    if container.format.name in _LISTS:
        raise UndecodableError("not_a_video", "it is a list of other files: expected a video")
    stream = video_stream(container)
    found = _Packets(
        reordered=bool(stream.codec_context.has_b_frames),
        promised=stream.frames,
        in_ticks=container.format.name == "avi",
        hw=(stream.height, stream.width),
        kinds=stream.codec_context.name in _MPEG,
    )
    try:
        for packet in container.demux(stream):
            found.add(packet)
    except MemoryError:
        raise
    except av.FFmpegError:
        pass  # what was read stands; the frames that lack are told by ``promised``
    return found


def _can_be_relied_on(path: Path, found: _Packets, known: list[int]) -> bool:
    """Tell whether time stamps number the frames.

    Args:
        path: the video.
        found: its packets.
        known: their stamps, rising.
    """
    if not known or len(set(known)) < len(found.stamps):
        return False
    if not found.reordered or found.stamps != known:
        return True
    # AVI, ASF and some MXF store no time of display: FFmpeg makes one up from the packets' order.
    return not (found.b_frames if found.kinds else _comes_disordered(path))


def _is_b_frame(data: bytes) -> bool:
    """Tell whether a packet of MPEG-1 or MPEG-2 holds a B-frame."""
    place = data.find(_PICTURE) + len(_PICTURE)
    header = data[place : place + 2] if place >= len(_PICTURE) else b""
    return len(header) == 2 and header[1] >> 3 & 7 == _BIDIRECTIONAL


def _comes_disordered(path: Path) -> bool:
    """Tell whether frames leave the decoder with stamps that fall.

    The decoder shows frames in their true order, so stamps that were made up from the packets'
    order fall within the first B-frames. Where no frame was reordered, all are decoded.
    """
    last: int | None = None
    try:
        with av.open(path) as container:
            for frame in sound_frames(container, video_stream(container), stamped=True):
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
