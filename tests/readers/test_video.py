"""Decoding by a stream: indices, colour, depth, damage."""

from dataclasses import replace

import numpy as np
import pytest
from replicas import make_image, number_of, write_video
from short_memory import printed

from pipeline.ops.codec import UndecodableError
from pipeline.readers import timeline, video
from pipeline.readers.timeline import timeline_of
from pipeline.readers.video import Lost, grey_if_colourless, video_frames

TONE = (0.0, 100.0)
SHORT = """
import sys
from pathlib import Path

from short_memory import memory_left

from pipeline.readers.video import video_frames

small, large = map(Path, sys.argv[1:])
list(video_frames(small, [0], (0.0, 100.0)))  # what is loaded once is loaded
with memory_left(20 << 20):
    try:
        list(video_frames(large, [0], (0.0, 100.0)))
    except MemoryError:
        print("short")
"""
"""Decode two videos, the second with little memory left."""
ODD = [0, 40, 60, 200, 230, 260, 700, 740, 750, 900, 910, 930, 1200, 1240, 1300, 1310]


def shown(path, wanted):
    return [
        None if isinstance(item, Lost) else (item[0], number_of(item[1]))
        for item in video_frames(path, wanted, TONE)
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.mp4", {"bf": "2"}),
        ("x.mkv", {"bf": "3"}),
        ("x.ts", {"bf": "2"}),
        ("x.avi", {"codec": "mpeg4", "bf": "2"}),
        ("x.avi", {"bf": "1", "ticks": 25}),
        ("x.avi", {"bf": "3", "ticks": 25}),
        ("x.wmv", {"bf": "3", "ticks": 25}),
        ("x.wmv", {"codec": "mpeg2video", "bf": "2", "ticks": 25}),
        ("x.mxf", {"bf": "3", "ticks": 25}),
        ("x.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
        ("x.avi", {"codec": "ffv1"}),
        ("x.mov", {"codec": "mjpeg", "pixels": "yuvj420p"}),
    ],
)
@pytest.mark.parametrize("wanted", [range(40), [0], [13], [39], [9, 10, 11, 31], [29, 30]])
def test_each_frame_is_the_one_asked_for(tmp_path, name, options, wanted):
    path = write_video(tmp_path / name, 40, **options)
    assert shown(path, wanted) == [(number, number) for number in wanted]


@pytest.mark.parametrize("wanted", [[5], [12, 15]])
def test_a_variable_rate_shifts_no_frame(tmp_path, wanted):
    path = write_video(tmp_path / "x.mkv", len(ODD), stamps=ODD, bf="2")
    assert shown(path, wanted) == [(number, number) for number in wanted]


def test_ticks_that_an_undamaged_file_skips_shift_no_frame(tmp_path):
    stamps = [40 * (number + (number > 20) + (number > 30)) for number in range(40)]
    path = write_video(tmp_path / "x.mp4", 40, stamps=stamps, bf="2")
    assert timeline_of(path).frames == 40
    assert shown(path, range(40)) == [(number, number) for number in range(40)]
    path = write_video(tmp_path / "x.mkv", 40, stamps=stamps, bf="2")  # nothing counts its frames
    assert timeline_of(path).frames == 42


def test_a_file_that_might_reorder_but_does_not_keeps_its_key_frames(tmp_path):
    path = write_video(tmp_path / "x.mkv", 40, codec="mpeg2video", bf="0", ticks=25)
    assert timeline_of(path).key_before(39) is not None
    assert shown(path, range(40)) == [(number, number) for number in range(40)]


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video"])
@pytest.mark.parametrize(("name", "b_frames"), [("x.mkv", "0"), ("x.wmv", "2")])
def test_packets_of_mpeg_tell_without_decoding_whether_their_order_is_that_of_display(
    tmp_path, monkeypatch, codec, name, b_frames
):
    path = write_video(tmp_path / name, 40, codec=codec, bf=b_frames, ticks=25)
    monkeypatch.setattr(timeline, "sound_frames", None)
    # WMV stores no time of display: with B-frames its stamps say nothing
    assert len(timeline_of(path).stamps) == (40 if b_frames == "0" else 0)


def test_a_frame_behind_the_last_packets_time_has_no_number(tmp_path, monkeypatch):
    path = write_video(tmp_path / "x.mp4", 12)
    whole = timeline_of(path)
    cut = replace(whole, stamps=whole.stamps[:-1], indices=whole.indices[:-1])
    monkeypatch.setattr(video, "timeline_of", lambda _: cut)
    first, lost = video_frames(path, [10, 11], TONE)
    assert first[0] == 10
    assert (lost.index, lost.reason) == (11, "damaged_video")


def test_decoding_starts_at_the_key_frame_before(tmp_path):
    timeline = timeline_of(write_video(tmp_path / "x.mp4", 40, bf="2", sc_threshold="0"))
    assert [index for index, _ in timeline.keys] == [0, 10, 20, 30]
    starts = [timeline.key_before(index) for index in (0, 9, 10, 39)]
    assert starts == [None, None, timeline.keys[1][1], timeline.keys[3][1]]


def test_equal_channels_are_one_and_colour_stays(tmp_path):
    grey = write_video(tmp_path / "grey.mp4", 2)
    colour = write_video(tmp_path / "colour.mp4", 2, colour=True)
    assert next(video_frames(grey, [1], TONE))[1].shape == (48, 64)
    assert next(video_frames(colour, [1], TONE))[1].shape == (48, 64, 3)


def test_rounding_of_chroma_is_no_colour():
    image = make_image(5)
    image[3, 3] += np.array([0, 5, 2], np.uint8)
    assert grey_if_colourless(image).ndim == 2
    image[3, 3, 0] += 40
    assert grey_if_colourless(image).ndim == 3


def test_sixteen_bits_are_mapped_to_eight(tmp_path):
    ramp = np.tile(np.linspace(20_000, 21_000, 64).astype(np.uint16), (48, 1))
    path = write_video(tmp_path / "deep.mkv", [ramp, ramp], codec="ffv1", pixels="gray16le")
    image = next(video_frames(path, [1], TONE))[1]
    assert (image.dtype, image.shape) == (np.uint8, (48, 64))
    assert (image[0, 0], image[0, -1]) == (0, 255)
    assert np.abs(np.diff(image[0].astype(int)) - 4).max() <= 1


def test_a_frame_beyond_the_end_is_told(tmp_path):
    path = write_video(tmp_path / "x.mp4", 12)
    (_, first), (_, second) = enumerate(video_frames(path, [11, 12], TONE))
    assert first[0] == 11
    assert (second.index, second.reason) == (12, "no_such_frame")


@pytest.mark.parametrize("options", [{"codec": "mjpeg", "pixels": "yuvj420p"}, {"bf": "2"}])
@pytest.mark.parametrize(("ticks", "promised"), [(800, 20), (1200, 30)])
def test_an_avi_counts_ticks_where_others_count_frames(tmp_path, options, ticks, promised):
    path = write_video(tmp_path / "x.avi", 20, **{"codec": "mpeg4"} | options)  # a frame in 40
    data = bytearray(path.read_bytes())
    length = data.find(b"strh") + 8 + 32
    assert data[length : length + 4] == (800).to_bytes(4, "little")
    data[length : length + 4] = ticks.to_bytes(4, "little")
    path.write_bytes(data)
    assert (timeline_of(path).frames, timeline_of(path).promised) == (20, promised)
    lost = [item for item in video_frames(path, [19, 20, 30], TONE) if isinstance(item, Lost)]
    reasons = ["no_such_frame"] * 2 if promised == 20 else ["damaged_video", "no_such_frame"]
    assert [each.reason for each in lost] == reasons
    assert lost[-1].detail == f"the video has {promised} frames, so {promised - 1} is its last"


def test_damage_in_the_middle_costs_the_frames_around_it_only(tmp_path):
    path = write_video(tmp_path / "x.mkv", 40, codec="ffv1")
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(400)
    path.write_bytes(whole)
    items = list(video_frames(path, range(40), TONE))
    lost = [item for item in items if isinstance(item, Lost)]
    assert len(items) == 40
    assert 0 < len(lost) <= 10  # up to the next key frame
    assert {item.reason for item in lost} == {"damaged_video"}
    kept = [item for item in items if not isinstance(item, Lost)]
    assert [number_of(image) for _, image in kept] == [index for index, _ in kept]
    assert kept[-1][0] == 39


def test_a_file_of_sound_alone_is_no_video(tmp_path):
    import av

    with av.open(tmp_path / "x.mkv", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 80), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(UndecodableError, match="no video stream"):
        timeline_of(tmp_path / "x.mkv")


@pytest.mark.parametrize("share", [0.35, 0.5, 0.65, 0.8, 0.95])
def test_a_stream_that_was_cut_keeps_the_numbers_of_its_last_frames(tmp_path, share):
    data = write_video(tmp_path / "x.ts", 40, bf="3").read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[: int(len(data) * share)])
    found = [pair for pair in shown(path, range(40)) if pair]
    assert 5 < len(found) < 40
    assert [number for _, number in found] == [index for index, _ in found]


def test_a_frame_of_a_video_of_no_promise_that_cannot_be_decoded_is_damaged(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"\xff\xd8\xff" + bytes(500))
    (lost,) = video_frames(tmp_path / "x.mp4", [0], TONE)
    assert (lost.reason, lost.detail) == ("damaged_video", "the decoder gave no frame here")


def test_a_video_without_memory_is_no_damaged_one(tmp_path):
    images = [np.full((side, side), 90, np.uint8) for side in (64, 4096)]
    videos = [
        write_video(tmp_path / f"{len(image)}.mkv", [image], codec="mpeg4") for image in images
    ]
    assert printed(SHORT, *videos) == "short\n"


def test_a_list_of_other_files_is_no_video(tmp_path):
    write_video(tmp_path / "other.mp4", 4)
    (tmp_path / "x.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(UndecodableError, match="list of other files") as refused:
        timeline_of(tmp_path / "x.mp4")
    assert refused.value.reason == "not_a_video"
