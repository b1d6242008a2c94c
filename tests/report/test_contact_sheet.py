"""Contact sheets: which rows are picked, and that what is drawn is where it belongs."""

from itertools import product

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.ops.codec import decode, encode_png
from pipeline.report import draw
from pipeline.report.chosen_rows import pick_families, pick_frames, pick_rows
from pipeline.report.contact_sheet import caption, contact_sheet, faces_tile, lines_of
from pipeline.report.page import MOST_PX, legend_of, page
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.shards import ShardWriter, shard_of
from pipeline.types import Band, FaceClass

BANDS = ("VIS", "NIR", "LWIR")


@pytest.fixture
def folder(tmp_path):
    """3 subjects × 5 images × 3 bands; the image's grey value tells which it is."""
    rows = [
        {
            "sample_id": f"{subject}/{number}.{band}",
            "dataset": "d",
            "subject_id": subject,
            "band": band,
            "region": "scene",
            "simulated": band != "VIS",
            "content_sha256": None,
            "fingerprint": "f",
            **image_columns(encode_png(np.full((20, 30), 40 + number, np.uint8)), (20, 30), "x"),
        }
        for subject in ("a", "b", "c")
        for number in range(5)
        for band in BANDS
    ]
    made = ShardFolder(tmp_path / "stage", 3)
    for index in range(3):
        with ShardWriter(made.shard(index).path, IMAGES) as writer:
            mine = [row for row in rows if shard_of(row["sample_id"], 3) == index]
            writer.write(sorted(mine, key=lambda row: row["sample_id"]))
    return made


def test_the_same_images_are_picked_in_every_band(folder):
    rows = pick_rows(folder, most_subjects=2, per_subject=3)
    assert [row["sample_id"] for row in rows] == [
        f"{subject}/{number}.{band}"
        for subject in ("a", "b")
        for number in (0, 2, 4)
        for band in BANDS
    ]


def test_subjects_and_bands_can_be_named(folder):
    rows = pick_rows(folder, subjects=["c"], bands=["NIR"], per_subject=9)
    assert [row["sample_id"] for row in rows] == [f"c/{number}.NIR" for number in range(5)]


def test_a_pair_is_one_shot_however_its_folders_are_spelt(folder, tmp_path):
    ids = [f"a/{place}" for n in range(3) for place in (f"vis/{n}.jpg", f"Lwir/{n}.png")]
    example = next(folder.rows()) | {"content_sha256": None}
    rows = [
        example | {"sample_id": name, "subject_id": "a", "band": name.split("/")[1].upper()}
        for name in ids
    ]
    spelt = ShardFolder(tmp_path / "spelt", 1)
    with ShardWriter(spelt.shard(0).path, IMAGES) as writer:
        writer.write(sorted(rows, key=lambda row: row["sample_id"]))
    assert [row["sample_id"] for row in pick_rows(spelt, per_subject=3)] == ids
    assert [row["sample_id"] for row in pick_rows(spelt, per_subject=1)] == ids[:2]


def test_bands_made_of_one_image_stand_in_one_line(folder, tmp_path):
    """As the stage ``sample`` names them: the band is a part of what was made."""
    ids = [f"a/head#nod{n}.{band}" for n in range(3) for band in ("VIS", "LWIR")]
    example = next(folder.rows()) | {"content_sha256": None, "parent_id": "a/head"}
    rows = [
        example | {"sample_id": name, "subject_id": "a", "band": name.rpartition(".")[2]}
        for name in ids
    ]
    source = ShardFolder(tmp_path / "source", 1)
    with ShardWriter(source.shard(0).path, IMAGES) as writer:
        writer.write(sorted(rows, key=lambda row: row["sample_id"]))
    assert [row["sample_id"] for row in pick_rows(source, per_subject=2)] == [*ids[:2], *ids[-2:]]


def test_the_sheet_is_a_grid_of_images_by_bands(folder):
    rows = pick_rows(folder, most_subjects=2, per_subject=2)
    image = np.vstack(lines_of(rows, 60))
    height, width = image.shape[0] // 4, image.shape[1] // 3
    values = [
        [int(image[y * height + 15, x * width + width // 2, 0]) for x in range(3)] for y in range(4)
    ]
    assert values == [[40] * 3, [44] * 3, [40] * 3, [44] * 3]


def test_with_one_band_a_subjects_images_stand_side_by_side(folder):
    rows = pick_rows(folder, bands=["VIS"], most_subjects=3, per_subject=4)
    one = np.vstack(lines_of(rows[:1], 60))
    assert np.vstack(lines_of(rows, 60)).shape[:2] == (one.shape[0] * 3, one.shape[1] * 4)


def test_nothing_to_show_is_an_error_only_where_something_was_asked_for(folder, tmp_path):
    told = "no row of subject nobody in band MWIR: it has subjects a, b, c, bands LWIR, NIR, VIS"
    with pytest.raises(StageError, match=told):
        contact_sheet(folder, tmp_path / "x.png", subjects=["nobody"], bands=[Band.MWIR])
    empty = ShardFolder(tmp_path / "empty", 1)
    with ShardWriter(empty.shard(0).path, IMAGES):
        pass
    with pytest.raises(StageError, match=r"nobody: it is empty$"):
        contact_sheet(empty, tmp_path / "x.png", subjects=["nobody"])
    contact_sheet(empty, tmp_path / "empty.png")
    assert decode((tmp_path / "empty.png").read_bytes()).shape[1] >= 160  # its title is wider
    assert lines_of([], 160)[0].shape[1] == 160


def test_labels_are_coloured_and_background_is_left(folder):
    labels = np.zeros((4, 4), np.uint8)
    labels[0, 0] = FaceClass.NOSE
    image = np.full((4, 4, 3), 100, np.uint8)
    mixed = draw.overlay_labels(image, labels)
    nose = np.array(draw.CLASS_COLOURS[FaceClass.NOSE])
    assert mixed[0, 0].tolist() == ((nose + 100) // 2).tolist()
    assert (mixed[1:] == 100).all()
    assert set(draw.CLASS_COLOURS) == set(FaceClass)


def test_a_long_caption_is_cut_not_spilled():
    tile = draw.captioned(np.zeros((1, 1, 3), np.uint8), ["x" * 500], (50, 50))
    assert tile.shape == (68, 50, 3)


def test_images_that_exist_in_most_bands_come_first(tmp_path, folder):
    thinned = ShardFolder(tmp_path / "thin", 1)
    rows = [r for r in folder.rows() if r["subject_id"] == "a" and r["sample_id"] != "a/2.LWIR"]
    with ShardWriter(thinned.shard(0).path, IMAGES) as writer:
        writer.write(sorted(rows, key=lambda row: row["sample_id"]))
    ids = [row["sample_id"] for row in pick_rows(thinned, per_subject=9)]
    assert ids == [f"a/{number}.{band}" for number in (0, 1, 3, 4) for band in BANDS]


def test_frames_of_videos_are_spread_in_each_band_of_its_own(tmp_path, folder):
    filmed = ShardFolder(tmp_path / "filmed", 1)
    rows = [
        row | {"media_id": row["band"], "content_sha256": None}
        for row in folder.rows()
        if row["subject_id"] == "a" and (row["band"] == "VIS" or "/4" in row["sample_id"])
    ]
    with ShardWriter(filmed.shard(0).path, IMAGES) as writer:
        writer.write(sorted(rows, key=lambda row: row["sample_id"]))
    ids = [row["sample_id"] for row in pick_rows(filmed, per_subject=3)]
    assert ids == ["a/0.VIS", "a/4.NIR", "a/4.LWIR", "a/2.VIS", "a/4.VIS"]


def test_frames_are_spread_over_each_camera(tmp_path, folder):
    filmed = ShardFolder(tmp_path / "filmed", 3)
    for index in range(3):
        with ShardWriter(filmed.shard(index).path, IMAGES) as writer:
            rows = folder.shard(index).batches()
            writer.write(
                row | {"camera_id": row["sample_id"][0], "content_sha256": None}
                for batch in rows
                for row in batch
            )
    ids = [row["sample_id"] for row in pick_frames(filmed, per_camera=3)]
    assert ids == [
        f"{camera}/{n}.{band}" for band in sorted(BANDS) for camera in "abc" for n in (0, 2, 4)
    ]


def made_of(folder, tmp_path, bands=("VIS",)):
    """Three images made of each image in some bands, in a folder of their own."""
    made = ShardFolder(tmp_path / "made", 1)
    rows = [
        row | {"sample_id": f"{row['sample_id']}#out{n}", "parent_id": row["sample_id"]}
        for row in folder.rows()
        if row["band"] in bands
        for n in range(3)
    ]
    image = image_columns(encode_png(np.full((20, 30), 200, np.uint8)), (20, 30), "x")
    with ShardWriter(made.shard(0).path, IMAGES) as writer:
        ordered = sorted(rows, key=lambda row: row["sample_id"])
        writer.write(row | image | {"content_sha256": None} for row in ordered)
    return made


def test_what_was_made_of_an_image_stands_beside_it_on_its_own_line(folder, tmp_path):
    made = made_of(folder, tmp_path)
    rows = pick_families(made, most_subjects=1, per_subject=2)
    assert [row["sample_id"] for row in rows] == [
        f"a/{number}.VIS#out{n}" for number in (0, 4) for n in range(3)
    ]
    before = {row["sample_id"]: row for row in folder.rows()}
    lines = lines_of(rows, 60, before)
    assert len(lines) == 2
    width = lines[0].shape[1] // 4
    values = [[int(line[15, x * width + width // 2, 0]) for x in range(4)] for line in lines]
    assert values == [[40, 200, 200, 200], [44, 200, 200, 200]]
    contact_sheet(made, tmp_path / "sheet.png", before=folder)
    assert decode((tmp_path / "sheet.png").read_bytes()).shape[1] >= lines[0].shape[1] * 2


def test_the_lines_of_an_image_in_several_bands_stand_in_the_bands_order(folder, tmp_path):
    rows = pick_families(made_of(folder, tmp_path, BANDS), most_subjects=1, per_subject=2)
    parents = dict.fromkeys(row["parent_id"] for row in rows)
    assert list(parents) == [f"a/{number}.{band}" for number in (0, 4) for band in BANDS]


def test_a_page_is_never_larger_than_a_screen_and_says_what_it_leaves_out(monkeypatch):
    titles = []
    real = page.__globals__["text_line"]
    monkeypatch.setitem(
        page.__globals__, "text_line", lambda text, width: titles.append(text) or real(text, width)
    )
    line = np.zeros((190, 800, 3), np.uint8)
    drawn = page("align sample", [line] * 100)
    # Two columns of ten lines fit beside one another.
    assert max(drawn.shape[:2]) <= MOST_PX
    assert titles == ["align sample: 20 of 100 lines"]
    assert page("a", [line] * 3).shape == (18 + 3 * 190, 800, 3)
    assert max(page("a", [np.zeros((90, 5000, 3), np.uint8)] * 3).shape[:2]) <= MOST_PX


def test_heat_has_a_scale_from_black_to_white_and_other_bands_have_none(folder):
    rows = pick_rows(folder, most_subjects=1, per_subject=1)
    lines = lines_of(rows, 60)
    plain = page("a", lines, [row for row in rows if row["band"] != "LWIR"])
    heat = page("a", [np.zeros((80, 800, 3), np.uint8)], rows)
    assert plain.shape[0] == 18 + lines[0].shape[0]
    assert heat.shape[0] == 18 + 80 + 18
    ramp = heat[-9, :, 0].astype(int)  # its words end at about 80
    scale = ramp[84:200]
    assert (np.diff(scale) >= 0).all()
    assert scale[-1] - scale[0] > 150
    narrow = page("a", [np.zeros((80, 100, 3), np.uint8)], rows)
    ink = np.flatnonzero((narrow[-18:] > 150).any(axis=(0, 2)))
    assert narrow.shape[1] > 500
    assert ink.max() < narrow.shape[1] - 2  # the last word is whole


def test_words_under_a_narrow_image_are_whole_where_a_square_one_has_room(folder):
    (row,) = pick_rows(folder, subjects=["a"], bands=["LWIR"], per_subject=1)
    tall = encode_png(np.zeros((90, 20, 3), np.uint8))
    row |= image_columns(tall, (20, 90), "x")
    (line,) = lines_of([row], 160)
    words_px = max(draw.font_of(words).getlength(words) for words in caption(row))
    assert words_px + 4 <= line.shape[1] <= 160


def test_captions_say_what_was_done_and_that_a_program_made_it():
    row = {"sample_id": "s/7.VIS#mask0", "subject_id": "s", "band": "VIS", "simulated": True}
    worn = row | {"mask_design": "kn95_black", "mask_fit": "below_nose"}
    assert caption(worn) == ["s  VIS simulated", "7.VIS", "kn95_black  below nose"]
    turned = row | {"yaw_added_deg": -30.0, "pitch_added_deg": 0.0}
    assert caption(turned)[-1] == "yaw -30  pitch +0"
    lowered = row | {"turbulence_px": None, "generator": "cyclegan"}
    assert caption(lowered)[-1] == "cyclegan"
    assert caption(row | {"simulated": False, "sample_id": "s/7.VIS"}) == ["s  VIS", "7.VIS"]
    assert caption(row | {"subject_id": None, "sample_id": "s/7.VIS"})[0] == "VIS simulated"
    assert caption(row | {"sample_id": "Q1/s#p00.VIS"}) == ["s  VIS simulated", "p00.VIS"]


def test_every_colour_of_a_label_map_is_explained(folder):
    (row,) = pick_rows(folder, subjects=["a"], bands=["VIS"], per_subject=1)
    named = dict(legend_of([row | {"labels": row["image"]}]))
    assert set(named) == {draw.CLASS_COLOURS[each] for each in FaceClass if each}
    assert legend_of([row | {"mask_alpha": row["image"], "labels": row["image"]}]) == []


@pytest.mark.parametrize(("height", "width"), [(206, 160), (190, 100), (99, 64)])
def test_what_stands_below_a_high_narrow_page_is_not_cut_off(folder, height, width):
    (row,) = pick_rows(folder, subjects=["a"], bands=["VIS"], per_subject=1)
    parsed, hot = row | {"labels": row["image"]}, row | {"band": "LWIR"}
    highest = (MOST_PX - 18) // height
    for rows, count in product(([parsed], [hot], [parsed, hot]), (highest - 1, highest)):
        drawn = page("a", [np.zeros((height, width, 3), np.uint8)] * count, rows)
        assert max(drawn.shape[:2]) <= MOST_PX
        for colour, words in legend_of(rows):
            assert (drawn == colour).all(axis=2).any(), f"{count} lines: {words}"
        assert hot not in rows or drawn[-9].max() == 255  # where the scale of heat ends


def test_a_caption_that_is_too_long_keeps_what_was_made_of_an_image():
    def fits(text):
        return len(text) <= 20

    assert draw._cut("x.VIS#mask000", fits) == "x.VIS#mask000"
    assert draw._cut("amateur_selfie.VIS#pose.+030.00", fits) == "amate..#pose.+030.00"
    assert draw._cut("a#pose.+030.00+000.00+000.00", fits) == "..#pose.+030.00+000."
    assert draw._cut("a_long_name_without_any", fits) == "a_long_name_without_"
    assert draw._cut("a  VIS simulated", fits) == "a  VIS simulated"
    assert draw._cut("maximilian  VIS simulated", fits) == "max..  VIS simulated"
    assert draw._cut("m#1 maximilian  NIR", fits) == "m#1 maximilian  NIR"
    assert draw._cut("m#1 maximilian von  NIR", fits) == "m#1 maximilia..  NIR"


def test_a_face_at_the_very_edge_of_an_image_is_drawn():
    image = np.zeros((10, 12, 3), np.uint8)
    box, none = np.float32([0, 0, 12, 10]), np.zeros((0, 2), np.float32)
    mesh = np.float32([[11.9995, 5], [3, 9.9995], [11.4, 9.4], [-0.6, 2], [np.nan, 1]])
    draw.draw_face(image, box, none, mesh)
    marked = np.argwhere((image == draw.MESH).all(axis=2))
    assert marked.tolist() == [[9, 11]]


def test_words_at_neighbouring_boxes_cover_none_of_one_another():
    image = np.zeros((60, 120, 3), np.uint8)
    red, green, blue = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    boxes = np.float32([[10, 40, 50, 60], [30, 41, 70, 60], [30, 41, 90, 60]])
    notes = list(
        zip(boxes, ("unmatched", "B003 1.00", "B004 1.00"), (red, green, blue), strict=True)
    )
    alone = [(draw.annotated(image, [note]) == note[2]).all(axis=2).sum() for note in notes]
    shown = draw.annotated(image, notes)
    assert [(shown == note[2]).all(axis=2).sum() for note in notes] == pytest.approx(alone, abs=60)
    rows = [np.flatnonzero((shown == note[2]).all(axis=2).any(axis=1)) for note in notes]
    assert rows[0].min() > rows[1].max() > rows[2].max()
    crowded = [(np.float32([0, 5, 20, 20]), "a", red), (np.float32([0, 5, 20, 20]), "b", green)]
    assert (draw.annotated(image, crowded) == green).all(axis=2).any()  # no room above: it covers


@pytest.mark.parametrize("letter", list("äÉŁñçŽЖλא→×°–"))
def test_letters_of_a_name_are_drawn_and_told_apart(letter):
    unknown = "\ufffe"  # no letter at all: fonts draw a box for what they lack
    drawn, boxed = (draw.captioned(draw.NOTHING, [text], (40, 1)) for text in (letter, unknown))
    assert (drawn != boxed).any()
    assert (drawn > 100).any()


def test_the_box_of_the_highest_score_is_that_of_the_surest_face():
    """Neither the first nor the largest."""
    faces = [
        {
            "box_xyxy": np.float32(box),
            "score": score,
            "landmarks_xy": np.full((5, 2), np.nan, np.float32),
            "mesh_xyz": np.full((468, 3), np.nan, np.float32),
        }
        for box, score in (([2, 2, 20, 20], 0.7), ([30, 30, 40, 40], 0.9), ([42, 2, 58, 58], 0.8))
    ]
    tile = faces_tile({"faces": faces}, np.zeros((60, 60, 3), np.uint8), 60)
    named = {words: np.array(colour) for colour, words in legend_of([{"faces": faces}])}
    assert (tile[30, 30:41] == named["surest face"]).all()
    for row, columns in ((2, slice(2, 21)), (58, slice(42, 59))):
        assert (tile[row, columns] == named["other face"]).all()


def marked(image, colour):
    """Mean place (x, y) of a colour's pixels."""
    return np.argwhere((image == colour).all(axis=2)).mean(axis=0)[::-1]


@pytest.mark.parametrize("tile_px", [32, 96, 320])
def test_marks_lie_on_what_they_mark_at_any_scale(tile_px):
    image = np.zeros((32, 32, 3), np.uint8)
    image[12, 9], image[20, 25] = 255, 128
    nowhere = np.full((468, 3), np.nan, np.float32)
    face = {"score": 0.9, "box_xyxy": np.float32([5, 4, 28, 29])}
    point = np.float32([[9, 12]])
    face |= {"landmarks_xy": point, "mesh_xyz": nowhere.copy()}
    face["mesh_xyz"][0, :2] = 25, 20
    tile = faces_tile({"faces": [face]}, image, tile_px)
    plain = draw.fit(image, tile_px)[0].max(axis=2).astype(float)
    for colour, half in (
        (draw.POINT, slice(0, tile_px // 2)),
        (draw.MESH, slice(tile_px // 2, None)),
    ):
        seen = np.zeros_like(plain)
        seen[half] = plain[half]
        centre = [(seen.sum(axis=axis) @ np.arange(tile_px)) / seen.sum() for axis in (0, 1)]
        assert np.abs(marked(tile, colour) - centre).max() <= 0.51
    edges = np.argwhere((tile == draw.BOX).all(axis=2))
    scale = tile_px / 32
    assert edges.min(axis=0) == pytest.approx([4.5 * scale - 0.5, 5.5 * scale - 0.5], abs=0.51)
    assert edges.max(axis=0) == pytest.approx([29.5 * scale - 0.5, 28.5 * scale - 0.5], abs=0.51)


def test_an_edge_between_two_pixels_is_drawn_on_the_one_inside():
    image = np.zeros((12, 12, 3), np.uint8)
    draw.draw_box(image, np.float32([2.5, 3.5, 8.5, 9.5]), draw.BOX)
    edges = np.argwhere(image.any(axis=2))
    assert (edges.min(axis=0).tolist(), edges.max(axis=0).tolist()) == ([4, 3], [9, 8])


def test_a_face_without_a_mesh_is_drawn_by_its_box():
    """Degenerate landmarks span no crop for the mesh network, whose points are NaN then."""
    drawn = np.zeros((50, 50, 3), np.uint8)
    box, nowhere = np.array([5, 6, 20, 30], np.float32), np.full((468, 2), np.nan, np.float32)
    draw.draw_face(drawn, box, nowhere[:5], nowhere)
    assert (drawn[6, 5:21] == draw.BOX).all()
    assert not drawn[7:30, 6:20].any()
