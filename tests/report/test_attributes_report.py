"""What ``attributes`` shows: identities that separate, and a sheet by quality."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from report_rows import aligned, folder

from pipeline.ops.codec import decode_rgb, encode_png
from pipeline.report import draw, separation
from pipeline.report.attributes import attribute_metrics, quality_sheet
from pipeline.report.chosen_rows import read_rows
from pipeline.report.site.failures import band_matrix
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.store.shards import shard_of


def attributed(name, subject, band, yaw, embedding):
    return aligned(name, subject_id=subject, band=band) | {
        "subject_id": subject,
        "band": band,
        "dmfr": {"bytes": encode_png(np.zeros((2, 2), np.uint8)), "path": "i.png"},
        "dmfr_warp_2x3": np.zeros((2, 3), np.float32),
        "yaw_deg": yaw,
        "pitch_deg": 0.0,
        "roll_deg": 0.0,
        "sharpness": 0.1,
        "illumination": 0.5,
        "side_light": 0.0,
        "quality": float(np.linalg.norm(embedding)),
        "embedding": embedding.astype(np.float32),
    }


@pytest.fixture
def separable(tmp_path):
    """Four people; visible images are theirs, LWIR images are noise."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(4, 128)) * 3
    rows = []
    for person in range(4):
        for number, yaw in enumerate((0.0, 5.0, 45.0)):
            seen = centres[person] + rng.normal(size=128)
            name = f"{person}/{number}"
            rows.append(attributed(f"{name}.VIS", f"p{person}", "VIS", yaw, seen))
            # in NIR the very image again: that must not count as a match
            rows.append(attributed(f"{name}.NIR", f"p{person}", "NIR", yaw, seen))
            noise = rng.normal(size=128)
            rows.append(attributed(f"{name}.LWIR", f"p{person}", "LWIR", yaw, noise))
    return folder(tmp_path / "attributes", ATTRIBUTES, rows)


def test_identities_separate_where_they_do(separable):
    metrics = attribute_metrics(separable)
    found = metrics["separation"]["procedural"]
    assert found.keys() == {"vis_vis_poses", "vis_vis", "vis_nir", "vis_lwir"}
    poses = found["vis_vis_poses"]
    assert (poses["eer"], poses["rank1"], poses["probes"], poses["gallery"]) == (0.0, 1.0, 4, 8)
    assert (poses["genuine"], poses["impostor"]) == (8, 24)
    assert poses["chance"]["rank1"] == 0.25
    # of two frontal images a person, one is the probe's own version in the other band
    assert found["vis_nir"]["genuine"] == found["vis_vis"]["genuine"] == 4 * (1 + 1 + 2)
    low, high = found["vis_lwir"]["eer_ci95"]
    assert low < 0.5 < high + 0.2
    assert found["vis_lwir"]["rank1"] < 0.8
    assert metrics["quality_of_vis_by_yaw"]["0-20"]["n"] == 8
    json.dumps(metrics, allow_nan=False)


@pytest.mark.filterwarnings("error")
def test_of_one_image_each_no_rate_is_told(tmp_path):
    rows = [
        attributed(f"p{person}/a", f"p{person}", "VIS", 0.0, np.eye(128)[person])
        for person in range(3)
    ]
    metrics = attribute_metrics(folder(tmp_path / "attributes", ATTRIBUTES, rows))
    found = metrics["separation"]["procedural"]["vis_vis"]
    assert (found["genuine"], found["impostor"]) == (0, 3 * 2)
    assert (found["rank1"], found["eer"], found["chance"]["rank1"]) == (None, None, None)
    json.dumps(metrics, allow_nan=False)


def test_of_too_many_faces_those_of_the_first_shards_are_compared(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    rows = [
        attributed(f"p{person}/{number}", f"p{person}", "VIS", 0.0, rng.normal(size=128))
        for person in range(6)
        for number in range(10)
    ]
    many = folder(tmp_path / "attributes", ATTRIBUTES, rows, count=5)
    asked = []

    def read(of, ids, columns):
        asked.extend(ids)
        return read_rows(of, ids, columns)

    monkeypatch.setattr(separation, "read_rows", read)
    monkeypatch.setattr(separation, "MOST_FACES", 20)
    found = attribute_metrics(many)["separation"]["procedural"]["vis_vis"]
    assert found["gallery"] == len(asked) == 20
    shards = sorted(shard_of(row["sample_id"], 5) for row in rows)
    assert sorted(shard_of(name, 5) for name in asked) == shards[:20]


SPELT = {
    "folders in small letters": lambda who, shot, band: (f"{who}/{band.lower()}/{shot}.jpg", None),
    "one band named alone": lambda who, shot, band: (
        f"{who}/{shot}.jpg" if band == "VIS" else f"{who}/{shot}_nir.png",
        None,
    ),
    "names that end like a band": lambda who, shot, band: (
        f"{who}/DAVIS/{band}/{shot}.jpg",
        None,
    ),
    "pseudonyms": lambda who, shot, band: (f"{who}a{shot}{len(band)}{band[:1]}", f"{who}b{shot}"),
}


@pytest.mark.parametrize("spelt", SPELT.values(), ids=SPELT.keys())
def test_a_shot_is_no_match_of_itself_however_bands_are_spelt(tmp_path, spelt):
    rng = np.random.default_rng(1)
    rows = [
        attributed(name, f"p{person}", band, 0.0, seen) | {"media_id": media}
        for person in range(3)
        for shot in range(2)
        for seen in [rng.normal(size=128)]
        for band in ("VIS", "NIR")
        for name, media in [spelt(person, shot, band)]
    ]
    found = attribute_metrics(folder(tmp_path / "a", ATTRIBUTES, rows))["separation"]["procedural"]
    assert found["vis_nir"]["genuine"] == found["vis_vis"]["genuine"] == 3 * 2
    # a copy of the very image in NIR would give 0: only other shots, all noise, are compared
    assert band_matrix(folder(tmp_path / "b", ATTRIBUTES, rows))["VIS", "NIR"] > 0.1


def test_the_sheet_runs_from_low_to_high_quality_in_a_line_per_band(separable, tmp_path):
    quality_sheet(separable, tmp_path / "sheet.png", tile_px=40)
    image = decode_rgb((tmp_path / "sheet.png").read_bytes())
    title_px = 18
    assert image.shape[1] >= 9 * 40
    assert (image.shape[0] - title_px) % 3 == 0


def test_each_face_of_the_sheet_says_whose_it_is_and_that_a_program_made_it(
    separable, tmp_path, monkeypatch
):
    said = []

    def captioned(image, lines, wh):
        said.append(lines)
        return np.zeros((wh[1], wh[0], 3), np.uint8)

    monkeypatch.setattr("pipeline.report.draw.captioned", captioned)
    quality_sheet(separable, tmp_path / "sheet.png", tile_px=40)
    assert {"p0  VIS", "p3  LWIR"} <= {lines[0] for lines in said}
    assert {lines[3] for lines in said if lines[0]} == {"simulated"}
    assert all("yaw -0" not in line for lines in said for line in lines)


def test_an_empty_folder_has_no_attributes_and_still_a_sheet(tmp_path):
    empty = folder(tmp_path / "none", ATTRIBUTES, [])
    assert attribute_metrics(empty)["separation"] == {}
    quality_sheet(empty, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def test_a_tile_tells_the_whole_yaw_and_what_is_simulated(tmp_path, monkeypatch):
    rows = [
        attributed("a/1", "Jörg Müller-Lüdenscheidt", "SWIR", -152.4, np.full(128, 2.1)),
        attributed("a/2", "Q0011", "LWIR", 0, np.full(128, 2.1)),
    ]
    shown = []

    def remember(image, lines, wh):
        cut = [
            draw._cut(line, partial(draw._fits, draw.font_of(line), wh[0] - 4)) for line in lines
        ]
        shown.extend(cut)
        return captioned(image, lines, wh)

    captioned = draw.captioned
    monkeypatch.setattr(draw, "captioned", remember)
    quality_sheet(folder(tmp_path / "a", ATTRIBUTES, rows), tmp_path / "sheet.png")
    assert "quality 23.8  yaw -152°" in shown
    assert any(line.endswith("..  SWIR") for line in shown), shown
    assert "Q0011  LWIR" in shown
    assert shown.count("simulated") == 2
    assert sum(line.startswith("sharpness ") for line in shown) == 2
    assert all(line[-1].isdigit() for line in shown if line.startswith("sharpness"))  # not cut
