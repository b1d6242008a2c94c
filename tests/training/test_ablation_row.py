"""Rows of the ablations, trained and measured on made-up faces, and the table that they make."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from face_rows import face_row, write_rows
from ruamel.yaml import YAML

from ablations import nir_vis_recognised, nir_vis_row, nir_vis_table, nir_vis_zero_shot
from models.backbones.lightcnn import LightCNN9
from pipeline.errors import ParamsError, StageError
from pipeline.evaluation.outcomes import read_outcomes
from pipeline.ops.codec import decode_rgb
from pipeline.params.datasets import DatasetParams
from pipeline.params.load import merge_params, read_yaml
from pipeline.schemas.masks import MASKS
from pipeline.schemas.parts import PARTS
from pipeline.store import ShardFolder
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    read_protocol,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.training import ablation
from pipeline.training.engine.trained import Trained, network_path, save_trained

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"steps": 1, "threads": 1, "device": "cpu", "precision": "float32"}
SMALL = {
    "pram_lcat": {"method": SHORT | {"batch_triplets": 1, "kept_crops": 1}},
    "wcnn": {"method": SHORT | {"batch_pairs": 2, "shared_dimensions": 24}},
}


def write_project():
    """Three subjects to train, two to test, each with two images in both bands, and a start."""
    shutil.copy(ROOT / "params.yaml", ".")
    values = read_yaml(ROOT / "ablations" / "params.yaml")
    values["rows"] = {name: merge_params(values["rows"][name], SMALL[name]) for name in SMALL}
    claim = {"claim": "L_CAT > W-CNN", "better": "pram_lcat", "worse": "wcnn", "probes": "plain"}
    values["contrasts"] = {"lcat": claim}
    Path("ablations").mkdir()
    YAML().dump(values | {"seeds": [1, 2]}, Path("ablations/params.yaml"))
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
    save_trained(start, network_path("pretrain_nir_vis", "lightcnn9"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_project()
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same with all rows trained and measured; a test takes ``measured``, a copy."""
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project()
        for name in SMALL:
            nir_vis_row.run(name)
    return folder


@pytest.fixture
def measured(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def test_rows_are_trained_with_each_seed_and_make_one_table(measured):
    wcnn = json.loads(Path("reports/ablations/rows/wcnn.json").read_text())
    assert wcnn.keys() == {"plain", "masked", "gradients"}
    assert len(wcnn["masked"]["rank1"]["each"]) == 2
    networks = sorted(Path("data/trained/ablations").rglob("*.pt"))
    assert [path.parent.name for path in networks] == ["1-01", "2-01"] * 2
    nir_vis_table.run()
    made = Path("reports/ablations/results.md").read_text()
    assert "| + PRAM + L_CAT | plain | plain |" in made
    assert "| W-CNN | masked | masked |" in made
    assert made.index("97.49") < made.index("95.62")
    assert len(Path("reports/ablations/results.csv").read_text().splitlines()) == 4
    assert "| L_CAT > W-CNN | plain |" in made
    (found,) = json.loads(Path("reports/ablations/contrasts.json").read_text()).values()
    pram, other = (
        json.loads(Path(f"reports/ablations/rows/{name}.json").read_text())["plain"]["rank1"]
        for name in ("pram_lcat", "wcnn")
    )
    # one probe of each of two people: the mean over people is that over probes
    assert found["primary"]["rates"] == pytest.approx([pram["value"], other["value"]], abs=1e-4)
    assert (found["primary"]["people"], found["primary"]["seeds"]) == (2, 2)
    assert found["EER"]["difference"] is not None
    features = sorted(Path("data/trained/features").glob("*.pt"))
    assert len(features) == 2  # faces and parts, of both seeds
    gradients = json.loads(Path("reports/ablations/rows/pram_lcat.json").read_text())["gradients"]
    assert gradients["1-01"].keys() == {
        *("gradient", "limited", "softmax_gradient", "triplet_gradient"),
    }
    outcomes = read_outcomes(Path("reports/ablations/outcomes/wcnn/masked.parquet"))
    assert {seed: len(each) for seed, each in outcomes.items()} == {1: 2, 2: 2}

    before = {path: path.stat().st_mtime_ns for path in networks}
    values = read_yaml(Path("ablations/params.yaml"))
    values["seeds"] = [1, 2, 3]
    YAML().dump(values, Path("ablations/params.yaml"))
    nir_vis_row.run("wcnn")
    assert {path: path.stat().st_mtime_ns for path in networks} == before
    assert Path("data/trained/ablations/wcnn/3-01/network.pt").is_file()

    with pytest.raises(StageError, match=r"yet: \['pram_lcat'\], with the seeds \[1, 2, 3\]"):
        nir_vis_table.run()
    nir_vis_table.run(partly=True)
    made = Path("reports/ablations/results.md").read_text()
    assert "| W-CNN | masked | masked |" in made
    assert "+ PRAM + L_CAT" not in made.partition("Published alone:")[0]
    assert "L_CAT > W-CNN" not in made


@pytest.fixture
def folds(project):
    """The protocol's tables as those of two folds, of which all rows of a table are."""
    folder = Path("data/sample/protocols")
    whole = read_protocol(folder / "VIS-NIR")

    def twice(made):
        column = made.schema.get_field_index("fold")
        of = [pa.array([number] * len(made), pa.int32()) for number in (1, 2)]
        return pa.concat_tables(made.set_column(column, "fold", each) for each in of)

    tables = {name: twice(getattr(whole, name)) for name in ("enroll", "probe", "train")}
    write_protocol(folder, replace(whole, **tables))


@pytest.mark.usefixtures("folds")
@pytest.mark.parametrize(
    ("chosen", "words"),
    [([2], "over the seeds [1, 2] and"), (None, "over 2 folds, each with the seeds [1, 2] and")],
)
def test_a_row_is_trained_on_its_own_folds_or_on_all(chosen, words):
    values = read_yaml(Path("ablations/params.yaml"))
    del values["rows"]["pram_lcat"]
    method = {} if chosen is None else {"folds": chosen}
    values["rows"]["wcnn"] = merge_params(values["rows"]["wcnn"], {"method": method})
    YAML().dump(values | {"contrasts": {}}, Path("ablations/params.yaml"))
    nir_vis_row.run("wcnn")
    trained = {path.parent.name for path in Path("data/trained/ablations/wcnn").rglob("*.pt")}
    assert trained == {f"{seed}-{fold:02d}" for seed in (1, 2) for fold in chosen or (1, 2)}
    found = read_outcomes(Path("reports/ablations/outcomes/wcnn/masked.parquet"))
    assert {fold for each in found.values() for fold, _ in each} == set(chosen or (1, 2))
    nir_vis_table.run()
    assert words in Path("reports/ablations/results.md").read_text()
    assert Path("reports/ablations/results.png").stat().st_size > 0


def test_sface_stands_on_top_and_says_how_far_people_differ(measured, weight_file):
    shutil.copy(ROOT / "weights.yaml", ".")
    Path("weights").mkdir()
    shutil.copy(weight_file("sface"), "weights")
    folder = Path("data/sample/protocols")
    protocol = read_protocol(folder / "VIS-NIR")
    write_protocol(folder, replace(protocol, name="frontal"))
    nir_vis_row.run("wcnn")
    nir_vis_zero_shot.run()
    nir_vis_table.run(partly=True)
    made = Path("reports/ablations/results.md").read_text()
    assert made.index("| SFace, zero-shot | – | plain |") < made.index("| W-CNN |")
    assert "SFace's EER in VIS from the front is" in made
    assert len(read_outcomes(Path("reports/ablations/outcomes/sface/masked.parquet"))[0]) == 2


def test_the_table_names_the_rows_it_lacks(project):
    with pytest.raises(StageError, match=r"not measured yet: \['pram_lcat', 'wcnn'\]"):
        nir_vis_table.run()
    nir_vis_row.run("wcnn")
    nir_vis_table.run(partly=True)
    assert "L_CAT > W-CNN" not in Path("reports/ablations/results.md").read_text()


def test_an_unknown_row_is_told(project):
    with pytest.raises(ParamsError, match="'hsst' is none of"):
        nir_vis_row.run("hsst")


def test_a_sheet_shows_whom_one_row_alone_found(measured):
    nir_vis_recognised.run()
    assert Path("reports/ablations/recognised/lcat.png").stat().st_size > 0


def test_a_sheet_takes_a_sample_itself_or_the_first_that_was_made_of_it(project):
    for stage in ("parts", "masks"):
        folder = ShardFolder.open(Path("data/sample", stage))
        columns = ["sample_id", "parent_id", "image"]
        rows = sorted(folder.rows(columns), key=lambda row: row["sample_id"])
        own = {row["sample_id"]: row["image"]["bytes"] for row in rows}
        made = {row["parent_id"]: row["image"]["bytes"] for row in reversed(rows)}
        wanted = [*own][:2] + [*made][:2]
        for image, name in zip(nir_vis_recognised._images(folder, wanted), wanted, strict=True):
            assert np.array_equal(image, decode_rgb((made | own)[name]))


def test_a_probe_is_shown_where_every_training_of_one_row_found_it_and_none_of_the_other():
    hits = {"a1": (1, 1, 0, 0), "a2": (1, 1, 0, 0), "b1": (1, 0, 0, 0), "c1": (1, 1, 0, 1)}
    trainings = [
        {
            (fold, probe): (probe[0], bool(hit[place]))
            for fold in (3, 4)
            for probe, hit in hits.items()
        }
        for place in range(4)
    ]
    trainings[0][4, "a1"] = "a", False  # in the other fold a2 is the first
    assert nir_vis_recognised.found_by_one_alone(trainings[:2], trainings[2:], 3) == ["a1"]
    assert nir_vis_recognised.found_by_one_alone(trainings[:2], trainings[2:], 4) == ["a2"]


def test_a_row_is_not_tested_on_whom_it_knows_by_another_name():
    values = {"reader": "casia_nir_vis2", "shards": 1}
    datasets = {
        name: DatasetParams.model_validate(values | {"root": name}) for name in ("whole", "cropped")
    }
    network = SimpleNamespace(name="pram, seed 1", subjects=["whole/e0"])
    tables = template_table([(None, "t", "e0", "s", None, None)]), template_table([])
    fold = Protocol("view2", Provenance.OFFICIAL, "", *tables, None, train_table())
    method = SimpleNamespace(dataset="cropped")
    with pytest.raises(StageError, match=r"^pram, seed 1 was trained on 1 subjects of protocol"):
        ablation.recognised(method, None, network, fold, None, datasets)
