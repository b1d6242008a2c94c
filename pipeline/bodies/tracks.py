"""Track ids: which detections of a video are the same person from frame to frame.

A track needs its whole video in order, while a stage maps shards of frames. So tracks are not made
where frames are detected but from the finished detections, all shards read once without their
images; the ids then travel to the next stage as part of its input (``TrackedSource``), so that a
frame is labelled anew exactly when its own ids change.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.store import ShardFolder
from pipeline.store.scan import scan
from pipeline.store.shards import ShardFile
from pipeline.types import Float32, Row

TrackIds = tuple[int | None, ...]
"""The track of each of an image's bodies, None where it belongs to none."""

TRACKERS = {"bytetrack": "byte_tracker.BYTETracker", "botsort": "bot_sort.BOTSORT"}
"""ultralytics' trackers by name, both by motion alone: boxes and scores are all they see."""

_LIGHT = ["sample_id", "media_id", "frame_index", "bodies"]


@dataclass(frozen=True)
class FrameBodies:
    """The detections of one frame of a video.

    Attributes:
        boxes_xyxy: (n, 4), pixels.
        scores: (n,).
    """

    boxes_xyxy: Float32
    scores: Float32


_NOBODY = FrameBodies(np.empty((0, 4), np.float32), np.empty(0, np.float32))


def track_video(
    frames: Sequence[FrameBodies], indices: Sequence[int], tracker: str
) -> list[TrackIds]:
    """Follow people through a video.

    A tracker counts time in its own updates. So it is told of each frame that lacks, at the usual
    step between those that are there; behind a gap in which it would forget everybody, a new one
    begins.

    Args:
        frames: in the order of time.
        indices: frame index of each, rising.
        tracker: a name of ``TRACKERS``; its settings are ultralytics' own, without compensation
            of camera motion and without appearance, which would need the images.

    Returns:
        For each frame the track of each detection, from 1 in the order in which tracks appear.

    Raises:
        ValueError: the tracker is not offered.

    Reference:
        Y. Zhang et al., ByteTrack, ECCV 2022; N. Aharon et al., BoT-SORT, 2022.
    """
    boxes_of = ultralytics_module("ultralytics.engine.results").Boxes
    running = _make_tracker(tracker)
    ids: list[TrackIds] = []
    last = before = 0
    for frame, missing in zip(frames, _missing(indices), strict=True):
        if missing > running.max_frames_lost:
            running, before = _make_tracker(tracker), last
        else:
            for _ in range(missing):
                _update(running, boxes_of, _NOBODY)
        found: list[int | None] = [None] * len(frame.scores)
        for line in _update(running, boxes_of, frame):
            found[int(line[-1])] = before + int(line[4])
        last = max([last, *(id_ for id_ in found if id_ is not None)])
        ids.append(tuple(found))
    return ids


def _missing(indices: Sequence[int]) -> list[int]:
    """Return how many frames lack before each, at the median step between them."""
    steps = np.diff(indices)
    if not steps.any():
        return [0] * len(indices)
    lacking = np.rint(steps / np.median(steps[steps > 0])).astype(int) - 1
    return [0, *np.maximum(lacking, 0).tolist()]


def _update(tracker: Any, boxes_of: Any, frame: FrameBodies) -> Any:
    count = len(frame.scores)
    table = np.column_stack([frame.boxes_xyxy.reshape(-1, 4), frame.scores, np.zeros(count)])
    # ultralytics wants the image's shape to scale boxes by, which nothing here asks for.
    return tracker.update(boxes_of(table.astype(np.float32), (1, 1)))


def track_folder(folder: ShardFolder, tracker: str) -> dict[str, TrackIds]:
    """Track every video of a ``detect_bodies`` output; images of no video have no tracks.

    Returns:
        By ``sample_id`` the track of each of the frame's bodies.
    """
    videos: defaultdict[str, list[tuple[int, str, FrameBodies]]] = defaultdict(list)
    for row in scan(folder, _LIGHT):
        if row["media_id"] is not None and row["frame_index"] is not None:
            bodies = row["bodies"]
            boxes = np.asarray([body["box_xyxy"] for body in bodies], np.float32).reshape(-1, 4)
            scores = np.asarray([body["score"] for body in bodies], np.float32)
            frame = (row["frame_index"], row["sample_id"], FrameBodies(boxes, scores))
            videos[row["media_id"]].append(frame)
    tracks: dict[str, TrackIds] = {}
    for media_id in sorted(videos):
        frames = sorted(videos.pop(media_id), key=lambda frame: frame[:2])
        ids = track_video(
            [frame for _, _, frame in frames], [index for index, _, _ in frames], tracker
        )
        tracks.update(zip((sample_id for _, sample_id, _ in frames), ids, strict=True))
    return tracks


@dataclass(frozen=True)
class TrackedSource:
    """The shards of ``detect_bodies`` with each body's ``track_id`` put in.

    Attributes:
        folder: the output of ``detect_bodies``.
        tracks: what ``track_folder`` returned; {} for no tracks.
    """

    folder: ShardFolder
    tracks: dict[str, TrackIds]

    @property
    def count(self) -> int:
        """Number of shards."""
        return self.folder.count

    def shard(self, index: int) -> "TrackedShard":
        """Return one shard with the tracks of its own rows."""
        file = self.folder.shard(index)
        ids = file.table(["sample_id"])["sample_id"].to_pylist() if self.tracks else ()
        return TrackedShard(file, {id_: self.tracks[id_] for id_ in ids if id_ in self.tracks})


@dataclass(frozen=True)
class TrackedShard:
    """One shard of a ``TrackedSource``."""

    file: ShardFile
    tracks: dict[str, TrackIds]

    def batches(self, *, wanted: Sequence[bool] | None = None) -> Iterator[list[Row]]:
        """Yield the rows of one row group after the other, tracks put in."""
        for batch in self.file.batches(wanted=wanted):
            yield [self._tracked(row) if row else row for row in batch]

    def rows(self) -> int:
        """Return the number of rows."""
        return self.file.rows()

    def contents(self) -> Iterator[str]:
        """Yield a digest of each row's content and its tracks."""
        table = self.file.table(["sample_id", "content_sha256"])
        names, contents = (column.to_pylist() for column in table.columns)
        yield from map(self._content, names, contents)

    def mark(self) -> str | None:
        """Return what changes whenever the file or a track does."""
        mark = self.file.mark()
        return mark and json.dumps([mark, self.tracks])

    def _tracked(self, row: Row) -> Row:
        ids = self.tracks.get(row["sample_id"], (None,) * len(row["bodies"]))
        bodies = [body | {"track_id": id_} for body, id_ in zip(row["bodies"], ids, strict=True)]
        content = self._content(row["sample_id"], row["content_sha256"])
        return row | {"bodies": bodies, "content_sha256": content}

    def _content(self, sample_id: str, content: str) -> str:
        ids = self.tracks.get(sample_id)
        return hashlib.sha256(f"{content} {ids}".encode()).hexdigest() if ids else content


def _make_tracker(name: str) -> Any:
    if name not in TRACKERS:
        raise ValueError(f"tracker {name!r} is none of {list(TRACKERS)}")
    module, _, kind = TRACKERS[name].partition(".")
    utils = ultralytics_module("ultralytics.utils")
    settings = utils.YAML.load(utils.ROOT / f"cfg/trackers/{name}.yaml")
    motion_only = {"gmc_method": "none", "with_reid": False}
    tracker_class = getattr(ultralytics_module(f"ultralytics.trackers.{module}"), kind)
    return tracker_class(SimpleNamespace(**settings | motion_only))
