"""Data sets of bodies that are cut out already, from their official layout to their tables."""

import importlib
import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from pipeline import testing
from pipeline.cli import app
from pipeline.errors import ParamsError, StageError
from pipeline.params.load import load_params
from stages.run import StageRun

SHORT = {"steps": 1, "checkpoint_steps": 1, "threads": 1, "precision": "float32"}
SHORT |= {"dataset": "mine", "warmup_steps": 0, "batch_subjects": 2, "device": "cpu"}
LLCM = [f"{kind}_{way}" for kind in ("all_to_sampled", "sampled_to_all") for way in
        ("vis_to_ir", "ir_to_vis")]  # fmt: skip


def prepared(workspace, reader, protocols, bands, **sections):
    """Lay the params of one data set over those of the project, and make its crops."""
    shared = {"protocols": protocols, "bands": bands}
    pretraining = SHORT | shared | {"images_per_band": 2, **sections}
    changed = {"mirror": 0.5, "pad_px": 4, "erase": 0.5, "grey": 0.5, "one_channel": 0.5}
    training = SHORT | shared | {"augmentation": changed}
    vis = {"kind": "semantic_vit", "network": NETWORK, **BODY, **pretraining}
    full = {"kind": "semantic_vit", "pretrained": "vis", **BODY, **training}
    tested = TESTED | {"training": "full", "protocols": protocols}
    workspace.edit(
        datasets={"mine": {"reader": reader}},
        body_datasets={"mine": {}},
        protocols={"mine": {"build": "official", "rows": "ingest", "seed": 7, "subset": {}}},
        detect_bodies={"precision": "float32", "image_px": 64},
        crop_bodies={"height_px": 64, "width_px": 32, "min_height_px": 4.0},
        pretrain_bodies={"vis": RUN | vis},
        train_bodies={"full": RUN | full},
        evaluate_bodies={"full": tested},
    )
    workspace.need("yolo11n_pose")
    workspace.run("ingest", "protocols", "detect_bodies", "label_bodies", "crop_bodies")


TESTED = {"dataset": "mine", "templates": "raw"}
NETWORK = {"vit": "tiny", "patch_px": 16, "local": "areas", "fusion": "concatenate"}
NETWORK |= {"stem": "patches", "drop_path": 0.0, "cameras": []}
BODY = {"triplet_weight": 1.0, "triplet_margin": 0.3, "bn_neck": True}
RUN = {
    **{"grad_accumulation_steps": 1, "max_gradient_norm": None, "image_budget_mb": 64},
    **{"devices": 1, "seed": 7, "optimizer": "sgd", "milestones": [], "momentum": 0.9},
    **{"weight_decay": 0.0, "learning_rate": 0.01, "schedule": "cosine"},
    **{"subjects": {"skip": 0}, "sampler": "domain_aware", "images_per_band": 1},
    "augmentation": {"mirror": 0.5, "pad_px": 4, "erase": 0.0, "grey": 0.0, "one_channel": 0.0},
}


DEEN = {"triplet_margin": 0.3, "center_weight": 0.8, "center_margin": 0.2}
DEEN |= {"orthogonality_weight": 0.01, "backbone_rate": 0.1, "kind": "deen"}


def run(*stages):
    for stage, item in stages:
        module = importlib.import_module(f"stages.{stage}")
        module.run(StageRun(stage, item, load_params(Path("params.yaml"))))


def through(workspace):
    """Pretrain, train and test; returns the evaluation's metrics."""
    run(("pretrain_bodies", "vis"), ("train_bodies", "full"), ("evaluate_bodies", "full"))
    return json.loads(Path("reports/metrics/mine/evaluate_bodies/full.json").read_text())


def compared(found, name):
    """Differences are those of the rates, and `crossband compare` finds the same rate again."""
    metrics = found[name]
    for row in ("untrained", "pretrained"):
        difference = metrics["differences"][f"trained - {row}"]
        apart = metrics["rank1"]["value"] - metrics[row]["rank1"]["value"]
        assert difference["value"] == pytest.approx(apart, abs=2e-6)  # all folds have as many
        assert difference["n"] == metrics["rank1"]["n"]
    words = ["compare", "full", "full", "--protocol", name, "--json"]
    again = json.loads(CliRunner().invoke(app, words, catch_exceptions=False).output)
    assert again["probes"] == metrics["rank1"]["n"]
    assert again["rank1"] == pytest.approx([metrics["rank1"]["value"]] * 2, abs=2e-6)
    assert again["only"] == [0, 0]


def test_llcm_in_both_directions_by_both_protocols(workspace):
    testing.llcm(workspace.path / "images", train=2, test=3, each=2)
    prepared(workspace, "llcm", LLCM, ["VIS", "NIR"])
    crops = workspace.rows("crop_bodies")
    assert len(crops) == len(workspace.rows("ingest")) == 2 * (2 * 2) + 2 * (3 * 2 * 2)
    assert {row["box_xyxy"].tolist()[2] for row in crops.values()} == {7.5}
    found = through(workspace)
    for name in LLCM:
        assert found[name]["rank1"]["n"] > 0
        assert 0 <= found[name]["map"]["value"] <= 1
        assert len(found[name]["rank1"]["folds"]) == 10
        assert found[name]["untrained"]["map"]["value"] is not None
        # 3 people in 2 cameras, in each 1 image or 2, without the query's own: 1 of 5, or 2 of 10
        assert found[name]["chance"]["rank1"]["value"] == 0.2
        compared(found, name)
    with pytest.raises(ParamsError, match="expected --protocol with one of them"):
        CliRunner().invoke(app, ["compare", "full", "full"], catch_exceptions=False)
    trained = json.loads(Path("reports/metrics/mine/train_bodies/full.json").read_text())
    assert set(trained) == {"steps", "fold_1"}  # ten draws of the gallery, one training
    table = Path("reports/figures/mine/evaluate_bodies/full.md").read_text()
    assert "ViT, fine-tuned on LLCM" in table
    assert table.count("Protocol not given:") == len(LLCM)
    assert table.count("| IDKL | LLCM") == 2 * len(LLCM)
    assert table.count("| chance |") == len(LLCM)


def test_deen_on_llcm(workspace):
    testing.llcm(workspace.path / "images", train=2, test=3, each=2)
    names = ["sampled_to_all_ir_to_vis", "all_to_sampled_ir_to_vis"]
    prepared(workspace, "llcm", names, ["VIS", "NIR"])
    shared = RUN | SHORT | DEEN | {"protocols": names, "bands": ["VIS", "NIR"]}
    shared |= {"images_per_band": 2}
    network = {"depth": 18, "stages": 4, "branches": 2}
    workspace.edit(
        pretrain_bodies={"vis": None, "resnet": shared | {"network": network, "steps": 0}},
        train_bodies={"full": None, "deen": shared | {"pretrained": "resnet"}},
        evaluate_bodies={"full": None, "deen": TESTED | {"training": "deen", "protocols": names}},
    )
    run(("pretrain_bodies", "resnet"), ("train_bodies", "deen"), ("evaluate_bodies", "deen"))
    found = json.loads(Path("reports/metrics/mine/evaluate_bodies/deen.json").read_text())
    for name in names:
        assert found[name]["rank1"]["n"] > 0
        assert set(found[name]) >= {"untrained", "pretrained"}
        assert "without_face" not in found[name]
    table = Path("reports/figures/mine/evaluate_bodies/deen.md").read_text()
    assert "| DEEN" in table  # as published, beside ours
    assert "62.5" in table
    start, end = (
        torch.load(f"data/trained/{path}/network.pt", weights_only=True)
        for path in ("pretrain_bodies/resnet", "train_bodies/deen/fold-01")
    )
    assert (start["subjects"], end["subjects"]) == ([], ["mine/0010", "mine/0011"])
    assert start["backbone"] == "deen"
    assert list(start["weights"]) == list(end["weights"])
    moved = {n.split(".")[0] for n, w in start["weights"].items() if (w != end["weights"][n]).any()}
    assert moved == {"stems", "layers", "aggregations", "expansion", "neck"}
    assert Path("reports/contact/mine/evaluate_bodies/deen.png").stat().st_size > 0


def test_sysu_with_camera_embeddings(workspace):
    testing.sysu_mm01(workspace.path / "images", each=2)
    cameras = {"network": NETWORK | {"cameras": [str(number) for number in range(1, 7)]}}
    names = ["all_single_agw", "indoor_single_agw"]
    prepared(workspace, "sysu_mm01", names, ["VIS", "NIR"], **cameras)
    found = through(workspace)
    assert {found[name]["rank1"]["n"] for name in names} == {10 * 2 * 2 * 2}
    assert "Published" not in Path("reports/figures/mine/evaluate_bodies/full.md").read_text()


def test_regdb_trains_a_network_for_each_trial(workspace):
    testing.regdb(workspace.path / "images", subjects=4, each=2, trials=2)
    names = ["visible_to_thermal", "thermal_to_visible"]
    prepared(workspace, "regdb", names, ["VIS", "LWIR"], steps=0)
    found = through(workspace)
    networks = sorted(Path("data/trained/train_bodies/full").glob("fold-*/network.pt"))
    assert [path.parent.name for path in networks] == ["fold-01", "fold-02"]
    assert [torch.load(path, weights_only=True)["name"] for path in networks] == [
        "train_bodies@full fold 1",
        "train_bodies@full fold 2",
    ]
    assert len(found["visible_to_thermal"]["map"]["folds"]) == 2
    for name in names:  # 2 people are tested with 2 images each
        assert found[name]["chance"]["rank1"]["value"] == 0.5
        compared(found, name)
    trained = json.loads(Path("reports/metrics/mine/train_bodies/full.json").read_text())
    assert trained["fold_1"]["subjects"] == trained["fold_2"]["subjects"] == 2


def test_a_protocol_that_is_not_there_is_named(workspace):
    testing.llcm(workspace.path / "images", train=2, test=2, each=1)
    with pytest.raises(StageError, match=r"pretrain_bodies\.vis: .* found 'nothing'"):
        prepared(workspace, "llcm", ["nothing"], ["VIS", "NIR"])
    workspace.run("detect_bodies", "label_bodies", "crop_bodies")
    with pytest.raises(StageError, match="found 'nothing'"):
        run(("pretrain_bodies", "vis"))
