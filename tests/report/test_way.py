"""``crossband explain``: an image's way through the stages in numbers and images."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from report_rows import HW, POINTS, aligned, face, folder, make_image
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import StageError
from pipeline.face3d.measures import aligned_measures
from pipeline.ops.codec import decode, encode_png
from pipeline.report.draw import GROUND
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT
from pipeline.schemas.ingest import INGEST
from pipeline.store import image_columns

TILE_PX, TITLE_PX = 224, 18


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two faces: of the one ``align`` made a crop, the other left there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {ingest: {}, detect: {}, align: {}}\n")
    grey = image_columns(encode_png(np.full((*HW, 3), 127, np.uint8)), HW, "x")
    images = [make_image(name, split="test", **grey) for name in ("a/1.png", "a/2.png")]
    found = [row | {"faces": [face(), face()], "yaw_deg": 12.345678} for row in images]
    found[1]["yaw_deg"] = math.nan
    made = aligned("a/1.png", shift=1.0, split="test")
    lost = {
        "sample_id": "a/2.png",
        "dataset": "d",
        "subject_id": "a",
        "band": "VIS",
        "region": "scene",
        "reason": "too_small",
        "detail": "3.0 px between the eyes",
        "fingerprint": "f",
    }
    folder(tmp_path / "data/d/ingest", INGEST, images)
    folder(tmp_path / "data/d/detect", DETECT, found)
    folder(tmp_path / "data/d/align", ALIGN, [made | aligned_measures(made, made)], [lost])
    return tmp_path / "data"


def explained(*words):
    return CliRunner().invoke(app, ["explain", *words], catch_exceptions=False).stdout


def by_stage(text):
    """Return for each stage the values told of its row, by name."""
    found, stage = {}, ""
    for line in text.splitlines()[1:]:
        if line.startswith("      "):
            name, value = line.split(maxsplit=1)
            found[stage][name] = value
        else:
            stage = line.split()[0]
            found.setdefault(stage, {})
    return found


def test_each_stage_tells_its_numbers_with_units(data):
    told = by_stage(explained("a/1.png", "--data", str(data)))
    assert [*told] == ["ingest", "detect", "align"]
    assert told["ingest"]["band"] == "VIS"
    assert told["ingest"]["simulated"] == "yes"
    assert told["detect"]["yaw_deg"] == "12.35 degree"
    assert told["detect"]["faces"] == "2"
    assert told["detect"]["faces[0].score"] == "0.9 (0..1)"
    assert told["detect"]["faces[0].pose_deg"] == "0.0 0.0 0.0 degree, yaw pitch roll"
    # The eyes lie at x = 40 and 60; all points are one pixel off: 1 / 20.
    assert told["align"]["interocular_px"] == "20.0 px"
    assert told["align"]["nme_percent"] == "5.0 % of the true inter-ocular distance"
    assert told["align"]["wrong_face"] == "no"


def test_what_an_earlier_stage_told_is_not_told_again(data):
    told = by_stage(explained("a/1.png", "--data", str(data)))
    assert "subject_id" in told["ingest"]
    assert not {"subject_id", "band", "split", "simulated"} & {*told["detect"], *told["align"]}


def test_who_left_is_told_with_the_reason_and_the_numbers_before(data):
    text = explained("a/2.png", "--data", str(data))
    told = by_stage(text)
    assert told["detect"]["faces[0].score"] == "0.9 (0..1)"
    assert "yaw_deg" not in told["detect"]  # not a number
    assert text.splitlines()[-1].split(maxsplit=1) == [
        "align",
        "a/2.png rejected: too_small (3.0 px between the eyes)",
    ]


def test_the_way_as_json_is_what_other_programs_read(data):
    text = explained("a/2.png", "--data", str(data), "--json")
    steps = json.loads(text, parse_constant=pytest.fail)["d"]
    assert {"name": "faces", "value": 2, "unit": ""} in steps[1]["facts"]["a/2.png"]
    assert steps[2]["facts"] == {}
    assert steps[2]["gone"][0]["reason"] == "too_small"


def tiles(path):
    sheet = decode(path.read_bytes())[TITLE_PX:]
    return [sheet[:TILE_PX, x : x + TILE_PX] for x in range(0, sheet.shape[1], TILE_PX)]


def test_the_way_is_drawn_side_by_side(data, tmp_path):
    assert explained("a/1.png", "--data", str(data), "-o", "way.png").endswith("way.png\n")
    taken, found, crop, *rest = tiles(tmp_path / "way.png")
    assert (taken == 127).all()
    scale = TILE_PX / HW[0]
    x, y = np.rint((POINTS[2] + 0.5) * scale - 0.5).astype(int)
    assert tuple(found[y, x]) == (255, 64, 64)  # the tip of the nose
    assert (crop == 0).all()
    assert all((tile == GROUND).all() for tile in rest)


def test_who_left_is_drawn_as_the_stage_before_had_it(data, tmp_path):
    explained("a/2.png", "--data", str(data), "-o", "way.png")
    taken, found, left, *_ = tiles(tmp_path / "way.png")
    assert (left == found).all()
    assert (left != taken).any()


def test_an_image_of_which_only_the_name_is_given_is_suggested(data):
    names = [f"{person}/z.jpg" for person in ("erna", "carl", "dora", "anna")]
    folder(data / "d/ingest", INGEST, [make_image(name) for name in (*names, "carl/zz.jpg")])
    with pytest.raises(StageError, match=r"'zz\.jpg': did you mean carl/zz\.jpg\?$"):
        explained("zz.jpg", "--data", str(data))
    with pytest.raises(
        StageError, match=r"mean anna/z\.jpg, carl/z\.jpg, dora/z\.jpg or 1 more\?$"
    ):
        explained("z.jpg", "--data", str(data))
    with pytest.raises(StageError, match=r"'y\.jpg': expected an id"):
        explained("y.jpg", "--data", str(data))


def test_what_is_left_of_a_former_run_is_told(data):
    stages = {"ingest": [], "detect": ["ingest"], "align": ["detect"], "crops": ["detect"]}
    stages |= {"parse": ["align"], "parts": ["parse"]}
    deps = {
        name: {"foreach": "${f}", "do": {"deps": [f"data/${{key}}/{each}" for each in read]}}
        for name, read in stages.items()
    }
    Path("dvc.yaml").write_text(json.dumps({"stages": deps}))
    for stage in ("crops/small", "parse", "parts"):
        folder(data / "d" / stage, ALIGN, [aligned(name) for name in ("a/1.png", "a/2.png")])
    told = {
        name: {
            line.split()[0]: line.partition(", of a former run")[1:]
            for line in explained(name, "--data", str(data)).splitlines()[1:]
            if not line.startswith("      ")
        }
        for name in ("a/1.png", "a/2.png")  # the second one left in `align`
    }
    said = (", of a former run", ": run `dvc repro`")
    assert {each for each, words in told["a/1.png"].items() if any(words)} == set()
    assert {each for each, words in told["a/2.png"].items() if words == said} == {"parse", "parts"}


def test_an_image_that_ingest_has_no_more_is_told(data, tmp_path):
    folder(data / "d/ingest", INGEST, [make_image("a/2.png")])
    lines = explained("a/1.png", "--data", str(data), "-o", "way.png").splitlines()
    assert lines[1].split(maxsplit=1) == ["ingest", "not in ingest any more: run `dvc repro`"]
    assert lines[2].split() == ["detect", "1", "made:", "a/1.png"]
    assert (tmp_path / "way.png").exists()
