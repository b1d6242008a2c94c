"""Scenes: exact layout, boxes that agree with what is drawn, bytes that follow from the seed."""

import shutil
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.demo.scenes.camera import CAMERAS, FAR, NEAR
from pipeline.demo.scenes.compose import render
from pipeline.demo.scenes.figure import Patch
from pipeline.demo.scenes.script import Take, Walk, galleries_of, plan
from pipeline.demo.sources import scenes
from pipeline.demo.sources.scenes import WEIGHTS, make_scenes
from pipeline.params.datasets import DatasetParams
from pipeline.params.sample import ScenesParams
from pipeline.readers import read_dataset
from pipeline.readers.segments import take_in_segment
from pipeline.store.executors import Processes, Serial
from pipeline.types import Band

SMALL = ScenesParams(
    subjects=4,
    openpeople_subjects=0,
    videos_per_gallery=1,
    people_per_video=2,
    frames_per_video=2,
    frames_per_second=2.0,
    seed=3,
)
FULL = ScenesParams(
    subjects=24,
    openpeople_subjects=9,
    videos_per_gallery=3,
    people_per_video=5,
    frames_per_video=20,
    frames_per_second=8.0,
    seed=7,
)


def changed(params=SMALL, **values):
    return ScenesParams(**(params.model_dump() | values))


def files(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".made" not in path.parts and path.suffix != ".lock"
    }


@pytest.fixture(scope="module")
def weights(weight_file):
    return {name: weight_file(name) for name in WEIGHTS}


def make(root, weights, params=SMALL, executor=None):
    return make_scenes(root, params, weights, ("code", "cut"), executor or Serial(), "scenes")


@pytest.fixture(scope="module")
def made(tmp_path_factory, weights):
    root = tmp_path_factory.mktemp("scenes")
    assert make(root, weights) == (8, 8)
    return root


def test_the_layout_is_the_readers(made):
    media = {f"{folder}/g{number}_01.mp4" for folder in CAMERAS for number in (1, 2)}
    tables = {f"annotations/{folder}_g{n}_01.csv" for folder in CAMERAS for n in (1, 2)}
    assert set(files(made)) == media | tables | {"gallery-1.csv", "gallery-2.csv"}
    params = DatasetParams(reader="ijb_mdf", root=str(made), shards=1, simulated=True)
    rows = [
        item
        for (row,) in read_dataset("scenes", params).shard(0).batches()
        for item in take_in_segment(row, max_pixels=1 << 24, tone_percentiles=(0.0, 100.0))
    ]
    assert Counter((r["camera_id"], r["split"]) for r in rows) == {
        (folder, split): 2 for folder in CAMERAS for split in ("train", "test")
    }
    for row in rows:
        band, camera = CAMERAS[row["camera_id"]]
        assert (row["width_px"], row["height_px"]) == (camera.width_px, camera.height_px)
        assert row["band"] == band
        assert {p["subject_id"] for p in row["truth_people"]} <= (
            {"B001", "B002"} if row["split"] == "train" else {"B003", "B004"}
        )
        for person in row["truth_people"]:
            if (face := person["face_xyxy"]) is not None:
                body = person["body_xyxy"]
                assert body[0] <= face[0] < face[2] <= body[2]
                assert body[1] <= face[1] < face[3] <= (body[1] + body[3]) / 2


@pytest.mark.usefixtures("forked_workers")
def test_two_workers_write_the_same_bytes(made, weights, tmp_path):
    make(tmp_path / "two", weights, executor=Processes(2))
    assert files(tmp_path / "two") == files(made)


def test_an_interrupted_run_makes_what_lacks(made, weights, tmp_path):
    root = tmp_path / "again"
    shutil.copytree(made, root)
    before = files(root)
    (root / "MWIR-30m/g1_01.mp4").unlink()
    (root / ".made/LWIR-30m_g2_01.txt").unlink()
    (root / "LWIR-30m/.g2_01.mp4.partial").write_bytes(b"half")
    (root / "annotations/VIS-500m_g2_01.csv").unlink()
    assert make(root, weights) == (8, 3)
    assert files(root) == before
    assert make(root, weights) == (8, 0)


def test_a_kill_within_a_piece_leaves_no_mark_of_former_params(
    made, weights, tmp_path, monkeypatch
):
    root = tmp_path / "killed"
    shutil.copytree(made, root)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scenes, "write_table", killed)  # the video is there by now
        with pytest.raises(KeyboardInterrupt):
            make(root, weights, changed(seed=4))
    assert files(root) != files(made)
    assert make(root, weights) == (8, 1)  # back to the former params
    assert files(root) == files(made)


def test_who_is_no_longer_cut_out_is_cut_out_again(weights, tmp_path, monkeypatch):
    cut, filmed = [], []

    def cut_out(studio, sheet):
        cut.append(sheet.subject_id)
        scenes._finish(studio.job, "cut", f"cut/{sheet.subject_id}")

    monkeypatch.setattr(scenes._Studio, "cut", cut_out)
    monkeypatch.setattr(scenes._Studio, "film", lambda _, take: filmed.append(take.key))
    (tmp_path / ".made").mkdir()
    (tmp_path / ".made/cut_P002.txt").write_text("cut")
    make(tmp_path, weights, changed(openpeople_subjects=1))
    assert cut == ["P002"]
    assert len(filmed) == 8
    (tmp_path / ".cutouts").mkdir()
    (tmp_path / ".cutouts/P002.npz").touch()
    make(tmp_path, weights, changed(openpeople_subjects=1))
    assert cut == ["P002"]


def test_a_worker_keeps_some_people_and_not_all_of_a_thousand(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(scenes._Studio, "_made", lambda _, name: made.append(name) or Block())
    studio = scenes._Studio(scenes._Job(tmp_path, SMALL, {}, "", ""))
    for number in range(1000):
        studio._person(f"B{number}")
        studio._person("B0")  # filmed all the time: stays
    assert made == [f"B{number}" for number in range(1000)]
    assert len(studio._people) == scenes._MOST_PEOPLE


def test_more_videos_leave_the_others_alone():
    few, more = plan(SMALL), plan(changed(videos_per_gallery=3))
    assert set(few) < set(more)
    assert len(more) == 3 * len(few)


def test_what_is_not_planned_goes(made, weights, tmp_path):
    root = tmp_path / "fewer"
    shutil.copytree(made, root)
    before = files(root)
    shutil.copy(root / "VIS-500m/g1_01.mp4", root / "VIS-500m/g1_07.mp4")
    (root / "SWIR-30m/g1_09").mkdir()
    (root / "annotations/VIS-500m_g1_07.csv").write_text("SUBJECT_ID\n")
    assert make(root, weights) == (8, 0)
    assert files(root) == before


def test_another_seed_gives_other_scenes():
    mine, other = plan(SMALL), plan(changed(seed=4))
    assert [take.key for take in mine] == [take.key for take in other]
    assert all(a.walks != b.walks for a, b in zip(mine, other, strict=True))
    take = Take("LWIR-30m", "x", False, ())
    first, again, later = (next(render(take, {}, seed, 2, 8.0)).image for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != later).mean() > 0.5


class Block:
    """Somebody who is a rectangle of 1 m × 2 m with a face in the upper tenth."""

    height_m = 2.0

    def draw(self, stance, band, pixels_per_m, shift_xy, light):
        height, width = round(2 * pixels_per_m), round(pixels_per_m)
        face = np.zeros((height, width), bool)
        face[: height // 10] = True
        shape = (height, width, 3) if band is Band.VIS else (height, width)
        values, alpha = np.full(shape, 0.5, np.float32), np.ones((height, width), np.float32)
        return Patch(values, alpha, face, (width // 2, height - 1))


def filmed(folder, *ways):
    walks = tuple(Walk(f"S{number}", *way, 0.0, 0.0, 0.0, 0.0) for number, way in enumerate(ways))
    people = {walk.subject_id: Block() for walk in walks}
    return list(render(Take(folder, "x", False, walks), people, 5, 2, 8.0))


def test_a_box_is_what_is_drawn():
    (frame, _) = filmed("LWIR-30m", (0.0, 30.0))
    (seen,) = frame.people
    height, width = round(2 * NEAR.scale_at(30.0)), round(NEAR.scale_at(30.0))
    x, y = (int(np.floor(v)) for v in NEAR.ground_xy(0.0, 30.0))
    left, top = x - width // 2, y - height + 1
    assert seen.body_xywh == (left, top, width, height)
    assert seen.face_xywh == (left, top, width, height // 10)
    rows, columns = np.nonzero(frame.owner == 0)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (
        left,
        top,
        left + width - 1,
        top + height - 1,
    )


def test_through_warm_air_the_boxes_move_with_the_pixels():
    for frame in filmed("VIS-500m", (0.0, 500.0), (3.0, 520.0)):
        assert len(frame.people) == 2
        for index, seen in enumerate(frame.people):
            rows, columns = np.nonzero(frame.owner == index)
            x, y, width, height = seen.body_xywh
            assert (columns.min(), rows.min()) == (x, y)
            assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (width, height)
            assert abs(height - 2 * FAR.scale_at(500 + 20 * index)) < 8


def test_the_nearer_person_hides_the_farther_one():
    frame, _ = filmed("SWIR-30m", (0.0, 34.0), (0.5, 28.0))
    far, near = (frame.owner == 0), (frame.owner == 1)
    width, height = round(NEAR.scale_at(28.0)), round(2 * NEAR.scale_at(28.0))
    assert near.sum() == width * height
    assert frame.people[1].body_xywh[2:] == (width, height)
    alone = round(NEAR.scale_at(34.0)) * round(2 * NEAR.scale_at(34.0))
    assert 0.4 * alone < far.sum() < 0.7 * alone
    hidden, _ = filmed("SWIR-30m", (0.0, 28.6), (0.0, 28.0))
    assert [person.subject_id for person in hidden.people] == ["S1"]


def test_a_face_that_is_mostly_hidden_has_no_box():
    frame, _ = filmed("SWIR-30m", (0.0, 27.2), (0.25, 26.5))
    far, near = frame.people
    assert (far.subject_id, far.face_xywh) == ("S0", None)
    assert far.body_xywh is not None
    assert near.face_xywh is not None


def test_half_of_the_subjects_are_in_each_gallery_and_all_in_each_band():
    galleries = galleries_of(FULL)
    assert {name: len(subjects) for name, subjects in galleries.items()} == {
        "gallery-1": 12,
        "gallery-2": 12,
    }
    assert not set(galleries["gallery-1"]) & set(galleries["gallery-2"])
    assert {"P004", "P006", "P010"} <= set(galleries["gallery-1"])  # they resemble one another
    takes = plan(FULL)
    assert len(takes) == 24
    assert len({take.key for take in takes}) == 24
    for folder in CAMERAS:
        seen = {w.subject_id for t in takes if t.folder == folder for w in t.walks}
        assert seen == {*galleries["gallery-1"], *galleries["gallery-2"]}
    assert {take.folder for take in takes if take.as_frames} == set(CAMERAS)


def test_nobody_walks_through_anybody():
    for take in plan(FULL):
        ways = [[w.at(t)[:2] for t in np.linspace(0, 19 / 8, 9)] for w in take.walks]
        gaps = np.linalg.norm(np.array(ways)[:, None] - np.array(ways)[None], axis=3)
        assert gaps[~np.eye(len(ways), dtype=bool)].min() > 0.3


@pytest.mark.parametrize("frames", [20, 120, 480])
def test_people_stay_between_the_nearest_and_the_farthest_place_however_long_the_video(frames):
    for take in plan(changed(frames_per_video=frames, frames_per_second=8.0, seed=7)):
        _, camera = CAMERAS[take.folder]
        for walk in take.walks:
            ways = [walk.at(number / 8.0) for number in range(frames)]
            distances = np.array([way[1] for way in ways])
            assert camera.near_m - 1e-6 <= distances.min()
            assert distances.max() <= camera.far_m + 1e-6
            # They walk on, as fast as before, where they look to.
            speed = np.hypot(walk.across_m_s, walk.distance_m_s)
            steps = np.hypot(*np.diff([way[:2] for way in ways], axis=0).T)
            assert np.median(steps) == pytest.approx(speed / 8.0)
            for (x, z, stance), (to_x, to_z, after) in pairwise(ways):
                if speed and stance.heading_deg == after.heading_deg:
                    turn = np.radians(stance.heading_deg)
                    assert (to_x - x) * np.sin(turn) >= -1e-9
                    assert (to_z - z) * -np.cos(turn) >= -1e-9


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"subjects": 0}, "greater than or equal to 4"),
        ({"subjects": 5}, "two galleries"),
        ({"openpeople_subjects": 3}, "expected 2 or fewer, half of the 4 subjects, found 3"),
        ({"openpeople_subjects": 10}, "less than or equal to 9"),
        ({"people_per_video": 3}, "expected 2 or fewer, as a gallery has 2 subjects, found 3"),
        ({"people_per_video": 1}, "has to reach the 2 subjects"),
        ({"frames_per_video": 1}, "greater than or equal to 2"),
        ({"frames_per_second": 0.0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_filmed_is_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        changed(**values)
