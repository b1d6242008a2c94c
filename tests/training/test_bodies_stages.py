"""The stages that pretrain, train and evaluate on made-up people, as a user runs them."""

import importlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from edited_params import edit
from people_rows import BANDS, HW, PEOPLE, SHORT, write_people
from test_evaluated_rows import own, save_onnx

from models.bodies.semantic_vit import SIZES, Design, SemanticViT
from pipeline.errors import ParamsError, StageError, WeightsError
from pipeline.params.load import load_params
from pipeline.recognition.sface import SFace
from pipeline.training import evaluate_bodies
from pipeline.training.engine.trained import load_trained, save_trained
from pipeline.training.people_folds import folds_of
from pipeline.types import Band
from pipeline.weights.verify import sha256_of
from stages.run import StageRun

ROOT = Path(__file__).resolve().parents[2]
START = SHORT | {"images_per_band": 2}
SMALL = {"patch_px": 8}


class Project:
    """A project folder with crops in place of what the stages before would make."""

    def edit(self, **sections):
        edit(**sections)

    def run(self, stage, *items):
        module = importlib.import_module(f"stages.{stage}")
        for item in items:
            module.run(StageRun(stage, item, load_params(Path("params.yaml"))))

    def metrics(self, stage, item, dataset="scenes"):
        return json.loads(Path(f"reports/metrics/{dataset}/{stage}/{item}.json").read_text())

    def network(self, path):
        return torch.load(f"data/trained/{path}/network.pt", weights_only=True)


def write_project():
    """Write a project with short methods into the current folder."""
    shutil.copy(ROOT / "params.yaml", ".")
    shutil.copy(ROOT / "weights.yaml", ".")
    made = Project()
    made.edit(
        pretrain_bodies={"vis": START | {"network": SMALL}, "face_vis": START},
        train_bodies={"full": SHORT, "lora": SHORT, "face": SHORT},
        evaluate_bodies={"full": {"face": None}, "lora": {"face": None}},
    )
    return made


def write_everybody():
    """Four subjects to train, three to test; of the last there is no crop in LWIR."""
    write_people(
        "data/scenes",
        undetected=[("e2", "LWIR")],
        faceless=[("e0", "LWIR"), ("e1", "MWIR"), ("t3", "SWIR")],
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_project()


@pytest.fixture
def people(project):
    write_everybody()
    return project


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same people, and networks that were trained on them; a test takes ``trained``, a copy."""
    folder = tmp_path_factory.mktemp("bodies")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = write_project()
        write_everybody()
        made.run("pretrain_bodies", "vis")
        made.run("train_bodies", "full")
        made.run("evaluate_bodies", "full")
    return folder


@pytest.fixture
def trained(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Project()


def test_bodies_are_pretrained_trained_and_measured_beside_what_they_began_as(trained):
    start = trained.metrics("pretrain_bodies", "vis")
    assert (start["subjects"], start["images_by_band"]) == (4, {"VIS": 8})
    training = trained.metrics("train_bodies", "full")["fold_1"]
    assert training["images_by_band"] == {str(band): 8 for band in BANDS}
    assert training["left_out"] == {"not_chosen": 0, "lacking_a_band": 0}
    found = trained.metrics("evaluate_bodies", "full")
    for row in ("untrained", "pretrained", "trained", "without_face", "without_torso"):
        assert set(found[row]) == {"SWIR", "MWIR", "LWIR"}
        assert {found[row][band]["rank1"]["n"] for band in found[row]} == {3}
        assert found[row]["LWIR"]["failures_to_enrol"] == 1
        assert found[row]["SWIR"]["failures_to_enrol"] == 0
    assert found["filmed"] == {"VIS": 3, "SWIR": 3, "MWIR": 3, "LWIR": 3}
    assert found["enrolled"]["trained"]["LWIR"] == 2
    assert found["chance"]["rank1"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert set(found["matrix"]["trained"]) == {str(band) for band in BANDS}
    assert found["differences"]["trained - pretrained"]["SWIR"]["n"] == 3
    table = Path("reports/figures/scenes/evaluate_bodies/full.md").read_text()
    assert "| trained: gallery ↓ probe → | VIS | SWIR | MWIR | LWIR |" in table
    assert "With fewer than 10 people intervals say little." in table
    assert "| I | body model (finetuned) | 77.78 | 77.78 | 77.78 | 63 |" in table
    for report in ("figures/{}.png", "contact/{}.png", "curves/{}.cmc.csv"):
        kind, name = report.format("full").split("/")
        assert Path("reports", kind, "scenes/evaluate_bodies", name).stat().st_size > 0
    curve = Path("reports/curves/scenes/train_bodies/full.hard_pairs.csv").read_text().splitlines()
    assert curve[0] == "row,step,share"
    assert len(curve) == 1 + 2 * 4  # hard and random pairs, positives and negatives


def test_a_body_network_of_the_users_own_stands_on_top_of_the_table(trained):
    path = save_onnx(Path("mine.onnx"), ("n", 3, *HW))
    trained.edit(evaluate_bodies={"full": {"network": own(path)}})
    trained.run("evaluate_bodies", "full")
    found = trained.metrics("evaluate_bodies", "full")["network"]
    assert {found[band]["rank1"]["n"] for band in found} == {3}
    assert found["LWIR"]["failures_to_enrol"] == 1
    table = Path("reports/figures/scenes/evaluate_bodies/full.md").read_text()
    assert table.index("| own network, zero-shot |") < table.index("| untrained |")


def test_embeddings_are_left_under_the_protocols_names(trained):
    table = pq.read_table("data/scenes/evaluate_bodies/full/embeddings.parquet").to_pylist()
    assert {row["fold"] for row in table} == {1}
    assert len(table) == 3 * 4 * 2 - 2
    assert "test-VIS-0#e0" in {row["sample_id"] for row in table}
    assert len(table[0]["embedding"]) == 2 * 192


def test_a_flip_test_is_of_means_with_the_mirror_image(trained):
    def vectors():
        table = pq.read_table("data/scenes/evaluate_bodies/full/embeddings.parquet")
        return {row["sample_id"]: np.array(row["embedding"]) for row in table.to_pylist()}

    alone = vectors()
    trained.edit(evaluate_bodies={"full": {"flip_test": True}})
    trained.run("evaluate_bodies", "full")
    both = vectors()
    assert both.keys() == alone.keys()
    apart = [
        np.linalg.norm(both[name] - alone[name]) / np.linalg.norm(alone[name]) for name in both
    ]
    assert min(apart) > 0
    assert max(apart) < 1


def test_lora_starts_from_the_same_network_and_moves_attention_alone(trained):
    trained.run("train_bodies", "lora")
    start, end = (
        trained.network(path)["weights"]
        for path in ("pretrain_bodies/vis", "train_bodies/lora/fold-01")
    )
    assert list(start) == list(end)
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    assert moved
    assert all(".attn.qkv.weight" in name or ".attn.proj.weight" in name for name in moved)


def test_faces_of_the_same_people_stand_beside_and_are_fused(trained, weight_file, monkeypatch):
    made = []

    class Made(SFace):
        def __init__(self, weights, **options):
            made.append(options)
            super().__init__(weights, **options)

    monkeypatch.setattr("pipeline.training.embed_people.SFace", Made)
    Path("weights").mkdir()
    shutil.copy(weight_file("sface"), "weights/face_recognition_sface_2021dec.onnx")
    trained.edit(evaluate_bodies={"full": {"face": "face"}})
    trained.run("pretrain_bodies", "face_vis")
    trained.run("train_bodies", "face")
    trained.edit(train_bodies={"face": {"device": "auto"}})
    trained.run("evaluate_bodies", "full")
    assert made == [{"device": "auto", "batch_rows": 32}]
    assert trained.metrics("train_bodies", "face")["fold_1"]["left_out"]["lacking_a_band"] == 1
    found = trained.metrics("evaluate_bodies", "full")
    for row in ("face_pretrained", "face", "sface", "fusion_of_scores", "fusion_of_features"):
        assert {cell["rank1"]["n"] for cell in found[row].values()} == {3}
    assert found["face"]["LWIR"]["failures_to_enrol"] == 2  # a small face, and nobody found
    assert found["fusion_of_scores"]["LWIR"]["failures_to_enrol"] == 1
    assert found["enrolled"]["sface"] == {"VIS": 3, "SWIR": 3, "MWIR": 2, "LWIR": 1}
    assert found["differences"]["trained - face"]["MWIR"]["n"] == 3


def test_a_network_trained_on_tested_people_is_refused(trained):
    path = Path("data/trained/train_bodies/full/fold-01/network.pt")
    network = load_trained(path)
    save_trained(replace(network, subjects=[*network.subjects, "scenes/e1"]), path)
    with pytest.raises(StageError, match="trained on 1 subjects of protocol VIS-SWIR of scenes"):
        trained.run("evaluate_bodies", "full")


def test_crops_of_another_shape_are_refused(trained):
    write_people("data/scenes", hw=(96, 32))
    with pytest.raises(StageError, match=r"crops of 48×16 pixels .stretch., these have 96×32"):
        trained.run("train_bodies", "full")


def test_a_users_checkpoint_takes_the_pretraineds_place(people):
    torch.manual_seed(11)
    theirs = SemanticViT(Design(SIZES["tiny"], hw=HW, patch_px=8)).state_dict()
    torch.save({"model": theirs}, "person.pth")
    own = {"path": "person.pth", "sha256": sha256_of(Path("person.pth"))}
    people.edit(pretrain_bodies={"vis": {"checkpoint": own, "steps": 0}})
    people.run("pretrain_bodies", "vis")
    kept = people.network("pretrain_bodies/vis")
    assert kept["subjects"] == []
    assert torch.equal(kept["weights"]["local_tokens"], theirs["local_tokens"])
    assert people.metrics("pretrain_bodies", "vis")["checkpoint"].startswith("153 weights loaded")
    people.edit(pretrain_bodies={"vis": {"checkpoint": own | {"sha256": "0" * 64}}})
    with pytest.raises(WeightsError):
        people.run("pretrain_bodies", "vis")


def test_nobody_of_the_data_set_has_a_face(people):
    everybody = [(s, str(band)) for s, _, _ in PEOPLE for band in BANDS]
    write_people("data/scenes", faceless=everybody)
    with pytest.raises(StageError, match="none of 8 crops has an image 'face'"):
        people.run("pretrain_bodies", "face_vis")


def test_training_in_a_band_that_nobody_was_filmed_in_is_refused(trained):
    trained.edit(train_bodies={"full": {"bands": ["VIS", "NIR"]}})
    with pytest.raises(StageError, match="no training sample is in NIR"):
        trained.run("train_bodies", "full")


def test_a_network_that_saw_vis_alone_may_be_tested_in_every_band(trained):
    trained.edit(train_bodies={"full": {"bands": ["VIS"], "images_per_band": 2}})
    trained.run("train_bodies", "full")
    trained.run("evaluate_bodies", "full")
    assert trained.metrics("evaluate_bodies", "full")["trained"]["LWIR"]["rank1"]["n"] == 3


def test_subjects_without_all_bands_are_left_out_and_counted(project):
    lacking = [("t0", "train", (Band.VIS, Band.LWIR)), *PEOPLE[1:]]
    write_people("data/scenes", lacking)
    project.run("pretrain_bodies", "vis")
    project.run("train_bodies", "full")
    trained = project.metrics("train_bodies", "full")["fold_1"]
    assert (trained["subjects"], trained["left_out"]["lacking_a_band"]) == (3, 1)


def test_training_again_takes_up_what_is_there(trained):
    first = trained.network("train_bodies/full/fold-01")
    trained.run("train_bodies", "full")
    again = trained.network("train_bodies/full/fold-01")
    assert first["key"] == again["key"]
    assert all(torch.equal(first["weights"][n], again["weights"][n]) for n in first["weights"])


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("train_bodies", {"full": {"pretrained": "face_vis"}}, r"full\.pretrained: 'face_vis'"),
        ("train_bodies", {"full": {"dataset": "nowhere"}}, r"train_bodies\.full\.dataset"),
        (
            "train_bodies",
            {"full": {"bands": ["VIS", "VIS"]}},
            r"full\.bands: .*VIS is named twice",
        ),
        ("train_bodies", {"full": {"bands": ["VIS"]}}, "one band and images_per_band 1"),
        ("train_bodies", {"full": {"bands": ["UV"]}}, "UV"),
        ("train_bodies", {"full": {"milestones": [3]}}, "milestones belong to schedule"),
        ("evaluate_bodies", {"full": {"training": "face"}}, r"full\.training: 'face' is none of"),
        ("evaluate_bodies", {"full": {"face": "full"}}, r"full\.face: 'full' is none of"),
    ],
)
def test_params_that_make_no_sense_are_refused(project, section, values, message):
    project.edit(**{section: values})
    with pytest.raises(ParamsError, match=message):
        load_params(Path("params.yaml"))


def test_similarities_are_of_everybody_by_band(people):
    from pipeline.evaluation.band_templates import BandTemplates
    from pipeline.training.evaluate_bodies import _heat_map

    vectors = np.eye(2, dtype=np.float32)
    side = BandTemplates(("a", "b"), np.array([True, False]), vectors)
    row = importlib.import_module("pipeline.evaluation.band_rows").BandRow(
        {Band.VIS: side, Band.LWIR: side}, {}
    )
    values, bands = _heat_map(row)
    assert bands == ["VIS", "VIS", "LWIR", "LWIR"]
    assert values[0, 2] == 1
    assert np.isnan(values[1]).all()


def test_protocols_of_other_folds_are_not_trained_on_together():
    once, twice = (SimpleNamespace(name=f"{n}", folds=lambda n=n: range(1, n + 1)) for n in (1, 2))
    assert folds_of([twice, twice]) == [1, 2]
    with pytest.raises(StageError, match=r"'1': \(1,\), '2': \(1, 2\)"):
        folds_of([once, twice])


def test_what_several_folds_test_is_opened_once(monkeypatch):
    loaded = []
    method = SimpleNamespace(views=("own map",))
    body = SimpleNamespace(
        pretrained=None,
        flip=False,
        start=lambda with_weights: method,
        method=lambda number: loaded.append(number) or method,
        of_fold=lambda number: f"network {number}",
    )
    opened, refused = [], []
    for name, stub in {
        "tested_ids": lambda protocols: {"a"},
        "open_tested": lambda *given: opened.append(given) or SimpleNamespace(samples=None),
        "check_cut": lambda *given: None,
        "refuse_trained": lambda *given: refused.append(given),
        "bodies_by": lambda *given, flip: {"trained": len(loaded)},
        "starts": lambda *given: {"untrained": 0},
        "measured_images": lambda protocol, rows, *given: (rows, {}),
        "looked_at": lambda *given: (None, None, []),
    }.items():
        monkeypatch.setattr(evaluate_bodies, name, stub)
    protocol = SimpleNamespace(name="p", fold=lambda number: f"tested {number}")
    test = evaluate_bodies.PeopleTest(body, None, None, [protocol], "tested", {})
    found = test.by_image({1: 1, 2: 2, 3: 1})
    assert len(opened) == 1
    assert refused == [
        ("network 1", "tested 1", "tested", {}),
        ("network 1", "tested 3", "tested", {}),
        ("network 2", "tested 2", "tested", {}),
    ]
    assert found.embeddings == {1: 1, 2: 2}
    assert found.metrics["p"] == {
        "trained": {1: 1, 2: 2, 3: 1},
        "untrained": dict.fromkeys((1, 2, 3), 0),
    }
