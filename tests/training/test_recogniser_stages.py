"""The stages that pretrain, train and evaluate on made-up faces, as a user runs them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from face_rows import SIDE_PX, face_row
from short_params import BANDS
from typer.testing import CliRunner

from models.backbones.lightcnn import LightCNN9
from models.backbones.mobilefacenet import MobileFaceNet
from pipeline.cli import app
from pipeline.errors import ParamsError, StageError, WeightsError
from pipeline.params.load import load_params
from pipeline.protocols.nir_vis import casia
from pipeline.readers import read_dataset
from pipeline.store.networks import load_network, save_network
from pipeline.store.protocols import write_protocol
from pipeline.testing.nir_vis import casia_nir_vis2
from pipeline.weights.verify import sha256_of

CASIA = {"reader": "casia_nir_vis2", "root": "casia", "shards": 1}


@pytest.mark.parametrize(
    ("method", "evaluation"),
    [("pram_cat", "pram_cat-VIS-NIR"), ("hsst", "hsst-VIS-NIR-masked")],
)
def test_a_method_is_trained_and_stands_beside_chance_and_its_start(
    trained_sample, method, evaluation
):
    trained_sample.edit(
        train_nir_vis={method: {"second_rows": "masks" if method == "hsst" else "parts"}}
    )
    for stage, item in (
        ("train_nir_vis", method),
        ("evaluate_nir_vis", evaluation),
    ):
        trained_sample.run(stage, item)
    trained = trained_sample.metrics("sample", "train_nir_vis", method)["fold_1"]
    assert (trained["faces"], trained["subjects"]) == (12, 3)
    metrics = trained_sample.metrics("sample", "evaluate_nir_vis", evaluation)
    assert metrics["chance"]["rank1"]["value"] == 0.5
    for row in (metrics, metrics["sface"], metrics["untrained"], metrics["pretrained"]):
        assert 0 <= row["rank1"]["value"] <= 1
        assert (row["genuine"], row["impostor"]) == (2, 2)
    table = Path(f"reports/figures/sample/evaluate_nir_vis/{evaluation}.md").read_text()
    rows = ("| chance |", "| SFace, zero-shot |", "| untrained |", "| **trained**")
    assert [table.index(row) for row in rows] == sorted(table.index(row) for row in rows)
    assert "Published by the papers" in table
    for report in ("figures/{}.png", "curves/{}.roc.csv", "curves/{}.cmc.csv"):
        kind, name = report.format(evaluation).split("/")
        assert Path("reports", kind, "sample/evaluate_nir_vis", name).stat().st_size > 0
    assert Path("data/sample/evaluate_nir_vis", evaluation, "embeddings.parquet").is_file()


def test_people_who_were_trained_on_are_not_tested(trained_sample):
    path = Path("data/trained/train_nir_vis/hsst/fold-01/network.pt")
    values = load_network(path)
    save_network(values | {"subjects": [*values["subjects"], "sample/e1"]}, path)
    with pytest.raises(StageError, match=r"hsst was trained on 1 subjects of .* among them e1"):
        trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")


def test_a_network_of_params_that_were_changed_since_is_refused(trained_sample):
    trained_sample.edit(train_nir_vis={"pram_cat": {"relations": False, "triplet": "none"}})
    with pytest.raises(WeightsError, match="changed after the training; train it again"):
        trained_sample.run("evaluate_nir_vis", "pram_cat-VIS-NIR")


def test_a_checkpoint_is_taken_up_strictly_and_one_of_another_network_refused(sample, tmp_path):
    official = LightCNN9().state_dict()
    torch.save({"state_dict": {f"module.{n}": v for n, v in official.items()}}, "mine.pth")
    torch.save(MobileFaceNet(144).state_dict(), "other.pth")
    for name in ("mine", "other"):
        own = {"path": f"{name}.pth", "sha256": sha256_of(tmp_path / f"{name}.pth")}
        sample.edit(pretrain_nir_vis={"lightcnn9": {"checkpoint": own, "steps": 0}})
        if name == "mine":
            sample.run("pretrain_nir_vis", "lightcnn9")
            report = sample.metrics("sample", "pretrain_nir_vis", "lightcnn9")["checkpoint"]
            assert report == "20 weights matched, none missing"
            kept = torch.load(
                "data/trained/pretrain_nir_vis/lightcnn9/network.pt", weights_only=True
            )
            assert all(torch.equal(kept["weights"][n], v) for n, v in official.items())
            assert kept["subjects"] == []
        else:
            with pytest.raises(WeightsError, match="does not fit LightCNN9: missing"):
                sample.run("pretrain_nir_vis", "lightcnn9")


def test_without_its_start_a_method_says_what_to_run(sample):
    with pytest.raises(StageError, match="run the stage that trains it"):
        sample.run("train_nir_vis", "hsst")


@pytest.mark.parametrize("stage", ["pretrain_nir_vis", "train_nir_vis", "evaluate_nir_vis"])
def test_an_unknown_item_is_named(project, stage):
    with pytest.raises(ParamsError, match="'nobody' is none of"):
        project.run(stage, "nobody")


@pytest.mark.parametrize("changes", [{"template": "mine"}, {"side": 128}])
def test_faces_that_are_aligned_otherwise_are_not_tested(trained_sample, changes):
    side = changes.get("side", SIDE_PX)
    rows = [
        face_row(f"{s}.{n}.{band}", s, band, "test", side=side) | changes
        for s in ("e0", "e1")
        for n in range(2)
        for band in BANDS
    ]
    trained_sample.faces("sample", rows)
    with pytest.raises(
        StageError, match=r"crops of 144×144 pixels aligned by arcface144.*set `align` to match"
    ):
        trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")


def test_how_long_steps_waited_for_batches_stands_among_the_runs(sample):
    sample.run("pretrain_nir_vis", "lightcnn9")
    path = Path("reports/runs/sample/pretrain_nir_vis/lightcnn9.json")
    run = json.loads(path.read_text())
    assert 0 <= run["waited_s"] <= run["seconds"]


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (
            "train_nir_vis",
            {"hsst": {"pretrained": "nothing"}},
            r"train_nir_vis\.hsst\.pretrained: 'nothing' is none of",
        ),
        (
            "train_nir_vis",
            {"hsst": {"dataset": "nothing"}},
            r"train_nir_vis\.hsst\.dataset: 'nothing'",
        ),
        (
            "evaluate_nir_vis",
            {"hsst-VIS-NIR": {"training": "sst"}},
            r"evaluate_nir_vis\.hsst-VIS-NIR\.training: 'sst'",
        ),
        (
            "train_nir_vis",
            {"pram_cat": {"relations": False}},
            "compares components: set relations to true",
        ),
        ("train_nir_vis", {"hsst": {"bands": ["NIR", "NIR"]}}, "expected two different bands"),
        ("train_nir_vis", {"hsst": {"milestones": [9, 5]}}, "expected rising steps"),
    ],
)
def test_params_that_make_no_sense_are_refused_before_any_work(project, section, values, message):
    project.edit(**{section: values})
    with pytest.raises(ParamsError, match=message):
        load_params(Path("params.yaml"))


def test_the_ten_folds_of_casia_give_ten_rows_and_a_mean(project):
    casia_nir_vis2(Path("casia"), subjects=4, each=2, folds=10)
    project.edit(
        datasets={"casia": CASIA},
        protocols={"casia": {"build": "official", "rows": "ingest", "seed": 7, "subset": {}}},
        pretrain_nir_vis={"lightcnn9": {"steps": 0}},
        train_nir_vis={
            "pram_cat": {
                "dataset": "casia",
                "protocol": "view2",
                "steps": 0,
                "relations": False,
                "triplet": "none",
            }
        },
        evaluate_nir_vis={
            "pram_cat-VIS-NIR": None,
            "pram_cat-view2": {
                "training": "pram_cat",
                "dataset": "casia",
                "protocol": "view2",
                "rows": "parts",
            },
        },
    )
    params = load_params(Path("params.yaml"))
    rows = list(read_dataset("casia", params.datasets["casia"]).rows)
    for protocol in casia(Path("casia"), rows):
        write_protocol(Path("data/casia/protocols"), protocol)
    faces = [face_row(r["sample_id"], r["subject_id"], r["band"], r.get("split")) for r in rows]
    project.faces("casia", faces)
    project.faces("sample", faces[:1])
    project.run("pretrain_nir_vis", "lightcnn9")
    project.run("train_nir_vis", "pram_cat")
    project.run("evaluate_nir_vis", "pram_cat-view2")
    rank1 = project.metrics("casia", "evaluate_nir_vis", "pram_cat-view2")["rank1"]
    assert len(rank1["folds"]) == 10
    assert rank1["value"] == pytest.approx(sum(rank1["folds"]) / 10, abs=1e-3)
    assert rank1["std"] >= 0
    table = Path("reports/figures/casia/evaluate_nir_vis/pram_cat-view2.md").read_text()
    assert [f"| fold {n} |" in table for n in range(1, 11)] == [True] * 10
    assert "±" in table
    # An earlier run's output stands for the evaluation of that time.
    shutil.copytree("data/casia/evaluate_nir_vis/pram_cat-view2", "old")
    for words in (["old", "pram_cat-view2"], ["pram_cat-view2", "old"]):
        said = CliRunner().invoke(app, ["compare", *words], catch_exceptions=False).output
        assert f"rank-1: {words[0]} " in said
        assert "difference: +0.0" in said
    with pytest.raises(
        ParamsError, match="old and old are both outputs: expected one of them as the name"
    ):
        CliRunner().invoke(app, ["compare", "old", "old"], catch_exceptions=False)
