"""A video's stream of frames, as every reading of it takes it."""

from collections.abc import Iterator

import av

from pipeline.ops.containers import UndecodableError


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """Return the first video stream, set to one thread: workers are the parallelism.

    Raises:
        UndecodableError: ``not_a_video``.
    """
    if not container.streams.video:
        raise UndecodableError("not_a_video", "the file has no video stream")
    stream = container.streams.video[0]
    stream.thread_type = "NONE"
    return stream


def sound_frames(
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
