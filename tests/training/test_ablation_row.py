"""Rows of the ablations, trained and measured on made-up faces, and the table that they make."""

import json
import shutil
from pathlib import Path

import pytest
from face_rows import face_row, write_rows
from ruamel.yaml import YAML

from ablations import row, table
from models.backbones.lightcnn import LightCNN9
from pipeline.errors import ParamsError, StageError
from pipeline.params.load import merge_params, read_yaml
from pipeline.schemas.masks import MASKS
from pipeline.schemas.parts import PARTS
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.training.engine.trained import Trained, pretrained_path, save_trained

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"steps": 1, "threads": 1, "device": "cpu", "precision": "32-true"}
SMALL = {
    "pram_lcat": {"method": SHORT | {"batch_triplets": 1, "kept_crops": 1}},
    "wcnn": {"method": SHORT | {"batch_pairs": 2}},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Three subjects to train, two to test, each with two images in both bands, and a start."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    values = read_yaml(ROOT / "ablations" / "params.yaml")
    values["rows"] = {name: merge_params(values["rows"][name], SMALL[name]) for name in SMALL}
    (tmp_path / "ablations").mkdir()
    YAML().dump(values | {"seeds": [1, 2]}, tmp_path / "ablations" / "params.yaml")
    people = [("t0", "train"), ("t1", "train"), ("t2", "train"), ("e0", "test"), ("e1", "test")]
    rows = [
        face_row(f"{subject}.{shot}.{band}", subject, band, split)
        for subject, split in people
        for shot in range(2)
        for band in ("VIS", "NIR")
    ]
    write_rows(Path("data/sample/parts"), PARTS, rows)
    masked = [each | {"sample_id": f"{each['sample_id']}#mask000"} for each in rows]
    write_rows(Path("data/sample/masks"), MASKS, masked)
    named = [(r["split"], r["sample_id"], r["subject_id"]) for r in rows]
    single = [(None, i, subject, i, None, None) for split, i, subject in named if split == "test"]
    tables = (
        template_table(each for each in single if ".0.VIS" in each[1]),
        template_table(each for each in single if ".1.NIR" in each[1]),
        None,
        train_table((None, i, subject) for split, i, subject in named if split == "train"),
    )
    protocol = Protocol("VIS-NIR", Provenance.DERIVED, "Made up.", *tables)
    write_protocol(Path("data/sample/protocols"), protocol)
    start = Trained(
        "lightcnn9", "lightcnn9", (144, 144), "arcface144", {}, "", [], LightCNN9().state_dict()
    )
    save_trained(start, pretrained_path("pretrain_nir_vis", "lightcnn9"))
    return tmp_path


def test_rows_are_trained_with_each_seed_and_make_one_table(project):
    for name in SMALL:
        row.run(name)
    wcnn = json.loads(Path("reports/ablations/rows/wcnn.json").read_text())
    assert wcnn.keys() == {"plain", "masked"}
    assert len(wcnn["masked"]["rank1"]["each"]) == 2
    networks = sorted(Path("data/trained/ablations").rglob("*.pt"))
    assert [path.parent.name for path in networks] == ["1-01", "2-01"] * 2
    table.run()
    made = Path("reports/ablations/results.md").read_text()
    assert "| + PRAM + L_CAT | plain | plain |" in made
    assert "| W-CNN | masked | masked |" in made
    assert made.index("97.49") < made.index("95.62")
    assert len(Path("reports/ablations/results.csv").read_text().splitlines()) == 4

    before = {path: path.stat().st_mtime_ns for path in networks}
    values = read_yaml(Path("ablations/params.yaml"))
    values["seeds"] = [1, 2, 3]
    YAML().dump(values, Path("ablations/params.yaml"))
    row.run("wcnn")
    assert {path: path.stat().st_mtime_ns for path in networks} == before
    assert Path("data/trained/ablations/wcnn/3-01/network.pt").is_file()


def test_the_table_names_the_rows_it_lacks(project):
    with pytest.raises(StageError, match=r"not measured yet: \['pram_lcat', 'wcnn'\]"):
        table.run()


def test_an_unknown_row_is_told(project):
    with pytest.raises(ParamsError, match="'hsst' is none of"):
        row.run("hsst")
