"""The sheets: every image of every usable person, cut inside its frame."""

import zipfile

import numpy as np
import pytest

from pipeline.demo.people.openpeople import (
    EXPRESSIONS,
    SHEETS,
    SPLITS,
    TURNED,
    cut_sheet,
    frames_of,
    list_images,
    read_image,
)
from pipeline.errors import ReaderError
from pipeline.ops.reduction import reduce_to
from pipeline.types import Split


@pytest.fixture(scope="module")
def archive(weight_file):
    return weight_file("openpeople")


@pytest.fixture(scope="module")
def sheets(archive):
    return {
        source.key: (source, frames_of(source, read_image(archive, source.member)))
        for source in list_images(archive)
        if source.session_id in SHEETS
    }


def test_every_person_gives_28_images(archive, sheets):
    sources = list_images(archive)
    assert len({source.key for source in sources}) == len(sources) == 9 * 6
    for subject in SPLITS:
        own = [source for source in sources if source.subject_id == subject]
        framed = sum(len(frames) for source, frames in sheets.values() if source in own)
        assert framed + len(own) - len(SHEETS) == 28


def test_the_person_who_resembles_a_real_one_is_left_out(archive):
    assert "P003" not in {source.subject_id for source in list_images(archive)}


def test_look_alikes_share_a_split_and_each_split_has_someone():
    assert len({SPLITS[subject] for subject in ("P004", "P006", "P010")}) == 1
    assert set(SPLITS.values()) == set(Split)
    assert set(list(SPLITS.values())[:3]) == set(Split)


def test_no_line_of_a_white_border_is_left(sheets):
    for source, frames in sheets.values():
        for frame in frames:
            edges = (frame.image[0], frame.image[-1], frame.image[:, 0], frame.image[:, -1])
            for edge in edges:  # a shirt on the lower edge stays below 250
                assert (edge.min(axis=1) >= 250).mean() < 0.05, (source.key, frame.name)
            corners = np.concatenate([frame.image[:2, :2], frame.image[:2, -2:]])
            assert corners.max() < 200, (source.key, frame.name)


def test_frames_of_a_sheet_have_nearly_one_shape(sheets):
    for source, frames in sheets.values():
        for framing in ("head", "body"):
            shapes = np.array([f.image.shape[:2] for f in frames if f.framing == framing])
            if len(shapes):
                assert (np.ptp(shapes, axis=0) <= 12).all(), source.key


def test_names_views_and_framings(sheets):
    _, frames = sheets["P006/emotions_sheet"]
    assert tuple(frame.name for frame in frames) == EXPRESSIONS
    _, frames = sheets["P006/character_sheet"]
    assert [frame.name for frame in frames[:4]] == [
        *("head_front", "head_left", "head_back", "head_right"),
    ]
    assert [frame.view for frame in frames[:4]] == ["front", "right", "back", "left"]
    assert [frame.framing for frame in frames] == ["head"] * 4 + ["body"] * 4
    assert set(TURNED) == set(SPLITS)


def test_images_are_reduced_and_never_enlarged(archive):
    source = next(s for s in list_images(archive) if s.key == "P002/studio_posture")
    (frame,) = frames_of(source, read_image(archive, source.member), max_side_px=256)
    assert frame.image.shape == (256, 143, 3)
    small = np.zeros((10, 20, 3), np.uint8)
    assert reduce_to(small, 64) is small


def test_frames_are_found_wherever_they_lie():
    sheet = np.full((400, 600, 3), 126, np.uint8)
    for x, y in ((20, 31), (310, 33), (22, 215), (311, 214)):
        sheet[y : y + 150, x : x + 240] = 255
        sheet[y + 6 : y + 144, x + 6 : x + 234] = 100
        sheet[y + 100 : y + 147, x + 60 : x + 180] = 240  # a white shirt joins the border
    rows = cut_sheet(sheet)
    assert [len(row) for row in rows] == [2, 2]
    for cell in (cell for row in rows for cell in row):
        assert cell.shape == (138 - 6, 228 - 6, 3)
        assert cell.max() == 240


def test_a_sheet_without_its_frames_is_refused(archive):
    source = next(s for s in list_images(archive) if s.key == "P001/emotions_sheet")
    with pytest.raises(ReaderError, match=r"P001/emotions_sheet.*\(4, 4, 4, 4\), found \(\)"):
        frames_of(source, np.full((500, 700, 3), 126, np.uint8))


def test_broken_archives_are_named(tmp_path):
    text = tmp_path / "openpeople.whl"
    text.write_text("no zip")
    with pytest.raises(ReaderError, match="zip"):
        list_images(text)
    with pytest.raises(ReaderError, match="zip"):
        list_images(tmp_path / "absent.whl")
    bare = tmp_path / "bare.whl"
    with zipfile.ZipFile(bare, "w") as opened:
        opened.writestr("openpeople/data/curated/P001/assets/emotions_sheet.jpg", b"text")
    with pytest.raises(ReaderError, match="53 of 54 images are missing"):
        list_images(bare)
    with pytest.raises(ReaderError, match="is not an image"):
        read_image(bare, "openpeople/data/curated/P001/assets/emotions_sheet.jpg")
    with pytest.raises(ReaderError, match="cannot read"):
        read_image(bare, "absent.jpg")
