"""Checking copies of the thermal sets: no false alarm on whole ones, every planted fault named."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import testing
from pipeline.params.load import check_params, lay_profile_over, read_yaml
from pipeline.protocols.check import check_dataset
from pipeline.testing.images import put_image

ROOT = Path(__file__).resolve().parents[2]
MISSING = "images that the official lists name are not on disk"
EXTRA = "images on disk are none of the data set's"


def findings(verdict):
    return {finding.what: finding.items for finding in verdict.findings}


def found(verdict):
    return {count.what: count.found for count in verdict.counts}


@pytest.mark.parametrize(
    ("reader", "numbers"),
    [
        ("tfw", {"images": 24, "media": 18, "subjects": 6, "train LWIR": 8}),
        ("sf_tl54", {"images": 12, "LWIR": 6, "VIS": 6, "subjects": 3}),
        ("speaking_faces", {"subjects": 3, "test VIS": 8}),
        ("mcxface", {"subjects": 4}),
        ("arl_vtf", {"subjects": 4, "test LWIR": 12}),
    ],
)
def test_a_whole_copy_gives_no_alarm(tmp_path, reader, numbers):
    options = {"iron": True} if reader == "tfw" else {}
    getattr(testing, reader)(tmp_path, **options)
    verdict = check_dataset(reader, tmp_path, decode=True)
    assert findings(verdict) == {}
    assert numbers.items() <= found(verdict).items()


def test_what_a_copy_holds_besides_is_counted_as_known(tmp_path):
    known = {
        "tfw": "images in false colours, visible images",
        "sf_tl54": "images in false colours, masks, mirrored copies",
        "speaking_faces": "visible images as taken",
        "mcxface": "images of depth",
        "arl_vtf": "images of further folders",
    }
    for reader, what in known.items():
        options = {"iron": True} if reader == "tfw" else {}
        getattr(testing, reader)(tmp_path / reader, **options)
        counts = found(check_dataset(reader, tmp_path / reader))
        assert counts[f"known, not used: {what}"] > 0


def test_planted_faults_are_named(tmp_path):
    testing.tfw(tmp_path / "tfw")
    (tmp_path / "tfw/train/s-indoor_gray/0.png").unlink()
    put_image(tmp_path / "tfw/train/s-indoor_gray/stranger.png")
    told = findings(check_dataset("tfw", tmp_path / "tfw"))
    assert told[MISSING] == ("train/s-indoor_gray/0.png",)
    assert told[EXTRA] == ("train/s-indoor_gray/stranger.png",)

    testing.mcxface(tmp_path / "mcx")
    (tmp_path / "mcx/MCXFace/faces/thermal/03_2.jpg").unlink()
    told = findings(check_dataset("mcxface", tmp_path / "mcx"))
    assert told[MISSING] == ("faces/thermal/03_2",)

    testing.sf_tl54(tmp_path / "sf")
    damaged = next((tmp_path / "sf/dataset/gray").rglob("*.png"))
    damaged.write_bytes(b"no image")
    told = findings(check_dataset("sf_tl54", tmp_path / "sf", decode=True))
    assert len(told["images are unreadable"]) == 1


def test_a_set_whose_split_is_not_by_people_is_told(tmp_path):
    testing.tfw(tmp_path)
    listed = tmp_path / "test/c-indoor.csv"
    text = (tmp_path / "train/c-indoor.csv").read_text()
    listed.write_text(text)
    for path in list((tmp_path / "train/c-indoor_gray").iterdir()):
        put_image(tmp_path / "test/c-indoor_gray" / path.name, grey=True)
    (tmp_path / "test/c-indoor_gray/121_1_1_4_450_1.png").unlink()
    (tmp_path / "test/c-indoor_gray/122_2_1_4_451_1.png").unlink()
    told = findings(check_dataset("tfw", tmp_path))
    assert any("2 subjects are in more than one split" in what for what in told)


def test_the_page_of_real_data_is_a_profile_that_holds():
    text = (ROOT / "docs/real-data.md").read_text()
    profile = YAML(typ="safe").load(text.split("```yaml\n")[1].split("```")[0])
    params = check_params(lay_profile_over(read_yaml(ROOT / "params.yaml"), profile), Path("x"))
    assert params.datasets["tfw"].reader == "tfw"
    assert params.protocols["sf_tl54"].build == "cross_band"
