"""Tracks: ids along a video, and what the next stage sees of them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.bodies.tracks import TRACKERS, FrameBodies, TrackedSource, track_folder, track_video
from pipeline.schemas.detect_bodies import DETECT_BODIES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.shards import ShardWriter, shard_of

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 40, 120


def walkers(frames):
    """Two people who walk in opposite directions; the detector lists the left one first."""
    made = []
    for step in range(frames):
        boxes = sorted([[x, 10, x + WIDTH, 10 + HEIGHT] for x in (4.0 * step, 500 - 4.0 * step)])
        made.append(FrameBodies(np.float32(boxes), np.float32([0.9, 0.8])))
    return made


@pytest.mark.parametrize("tracker", sorted(TRACKERS))
def test_each_walker_keeps_one_id(tracker):
    ids = track_video(walkers(20), range(20), tracker)
    assert ids == [(1, 2)] * 20


def test_an_id_survives_a_frame_in_which_nobody_is_found():
    frames = walkers(12)
    frames[6] = FrameBodies(np.empty((0, 4), np.float32), np.empty(0, np.float32))
    ids = track_video(frames, range(12), "bytetrack")
    assert ids[6] == ()
    assert ids[5] == ids[7] == (1, 2)


def test_each_video_counts_its_own_tracks_and_unsure_ones_have_none():
    weak = [FrameBodies(f.boxes_xyxy, np.float32([0.9, 0.05])) for f in walkers(4)]
    assert track_video(weak, range(4), "bytetrack") == [(1, None)] * 4
    assert track_video(walkers(3), range(3), "bytetrack") == [(1, 2)] * 3
    assert track_video([], [], "bytetrack") == []
    with pytest.raises(ValueError, match="none of"):
        track_video([], [], "sort")


@pytest.mark.parametrize("tracker", sorted(TRACKERS))
def test_nobody_is_remembered_across_more_frames_than_a_track_may_be_lost(tracker):
    indices = [*range(5), *range(500, 505)]
    assert track_video(walkers(1) * 10, indices, tracker) == [(1, 2)] * 5 + [(3, 4)] * 5
    every_hundredth = range(0, 1000, 100)  # the usual step is no gap
    assert track_video(walkers(1) * 10, every_hundredth, tracker) == [(1, 2)] * 10
    twice = [0, 0, 0, 1]  # rows of one frame
    assert track_video(walkers(1) * 4, twice, tracker) == [(1, 2)] * 4


@pytest.mark.parametrize("step", [1, 5])
def test_walkers_go_on_while_frames_lack(step):
    """In ten frames they walk 40 pixels, their width: boxes alone would not meet."""
    there = [*range(10), *range(20, 25)]
    frames = [walkers(25)[number] for number in there]
    ids = track_video(frames, [number * step for number in there], "bytetrack")
    assert ids == [(1, 2)] * 15


@pytest.fixture
def detected(tmp_path):
    """Two videos of eight frames in segments of four, over three shards, and a photograph."""
    rows = []
    for media in ("a", "b"):
        for number, frame in enumerate(walkers(8)):
            sample_id = f"{media}/{number // 4 * 4}#{number:03d}"
            rows.append(row_of(sample_id, frame, media_id=media, frame_index=number))
    rows.append(row_of("photo", walkers(1)[0]))
    return folder_of(rows, tmp_path)


def folder_of(rows, tmp_path):
    folder = ShardFolder(tmp_path / "detect_bodies", 3)
    for index in range(3):
        with ShardWriter(folder.shard(index).path, DETECT_BODIES) as writer:
            mine = [row for row in rows if shard_of(row["sample_id"], 3) == index]
            writer.write(sorted(mine, key=lambda row: row["sample_id"]))
    return folder


def row_of(sample_id, frame, **columns):
    bodies = [
        {"box_xyxy": box, "score": score, "keypoints_xy": None, "keypoint_scores": None}
        for box, score in zip(frame.boxes_xyxy, frame.scores, strict=True)
    ]
    return {
        "sample_id": sample_id,
        "dataset": "d",
        "band": "VIS",
        "region": "scene",
        "simulated": False,
        "content_sha256": None,
        "fingerprint": "f",
        "bodies": bodies,
        **image_columns(b"x", (1, 1), "x"),
        **columns,
    }


_STORED = ["sample_id", "content_sha256"]


def tracked(source):
    return {
        row["sample_id"]: ([body["track_id"] for body in row["bodies"]], row["content_sha256"])
        for index in range(source.count)
        for batch in source.shard(index).batches()
        for row in batch
    }


def test_tracks_run_through_the_segments_of_a_video_wherever_they_lie(detected):
    rows = tracked(TrackedSource(detected, track_folder(detected, "bytetrack")))
    assert len(rows) == 17
    stored = {row["sample_id"]: row["content_sha256"] for row in detected.rows(_STORED)}
    assert rows.pop("photo") == ([None, None], stored["photo"])
    assert all(ids == [1, 2] for ids, _ in rows.values())


def test_a_folders_tracks_end_where_its_frames_have_a_long_gap(tmp_path):
    (frame,) = walkers(1)
    rows = [
        row_of(f"a/{number}#{number:03d}", frame, media_id="a", frame_index=number)
        for number in (0, 1, 2, 500, 501, 502)
    ]
    tracks = track_folder(folder_of(rows, tmp_path), "bytetrack")
    assert [tracks[row["sample_id"]] for row in rows] == [(1, 2)] * 3 + [(3, 4)] * 3


def test_a_frames_content_changes_with_its_tracks(detected):
    plain = tracked(TrackedSource(detected, {}))
    stored = {row["sample_id"]: row["content_sha256"] for row in detected.rows(_STORED)}
    assert {name: content for name, (_, content) in plain.items()} == stored
    tracks = track_folder(detected, "bytetrack")
    source = TrackedSource(detected, tracks)
    contents = [c for index in range(3) for c in source.shard(index).contents()]
    assert sorted(contents) == sorted(content for _, content in tracked(source).values())
    other = TrackedSource(detected, tracks | {"a/0#000": (2, 1)})
    changed = [id_ for id_, row in tracked(other).items() if row != tracked(source)[id_]]
    assert changed == ["a/0#000"]


def test_who_labels_without_tracks_does_not_wait_for_torch():
    code = "import sys, stages.label_bodies; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout == "False\n"
