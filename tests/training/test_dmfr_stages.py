"""The stages that train, evaluate and analyse DMFR on made-up faces, as a user runs them."""

import importlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from dmfr_rows import folders_of, rows_of
from edited_params import edit
from face_rows import png
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ParamsError, StageError
from pipeline.ops.codec import decode
from pipeline.params.load import load_params
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    read_protocol,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.training.engine.trained import load_trained, save_trained
from stages.run import StageRun

ROOT = Path(__file__).resolve().parents[2]
SHORT = {
    "steps": 2,
    "threads": 1,
    "precision": "float32",
    "checkpoint_steps": 1,
    "milestones": [],
    "warmup_steps": 0,
    "batch_images": 4,
}
VARIANTS = ("meta", "disentangle", "filter")


def run(stage, item):
    module = importlib.import_module(f"stages.{stage}")
    module.run(StageRun(stage, item, load_params(Path("params.yaml"))))


def metrics(stage, item=None):
    name = stage if item is None else f"{stage}/{item}"
    return json.loads(Path(f"reports/metrics/sample/{name}.json").read_text())


def write_project(sface):
    """Three subjects to train, three to test, with their synthetic faces; params cut short."""
    Path("weights").mkdir()
    Path("weights", sface.name).symlink_to(sface)
    shutil.copy(ROOT / "params.yaml", ".")
    shutil.copy(ROOT / "weights.yaml", ".")
    train, test = rows_of(["t0", "t1", "t2"]), rows_of(["e0", "e1", "e2"], "test")
    folders_of(Path("data/sample"), {name: train[name] + test[name] for name in train})
    single = [
        (None, r["sample_id"], r["subject_id"], r["sample_id"], None, None)
        for r in test["attributes"]
    ]
    tables = (
        template_table(row for row in single if ".0." in row[1]),
        template_table(row for row in single if ".1." in row[1]),
        None,
        train_table(),
    )
    for name in ("cross-pose", "VIS-VIS"):
        write_protocol(
            Path("data/sample/protocols"), Protocol(name, Provenance.DERIVED, "Made up.", *tables)
        )
    edit(
        pretrain_nir_vis={"dmfr": SHORT},
        train_dmfr={
            "meta": SHORT | {"meta_test_images": 1},
            "disentangle": SHORT | {"dimensions": 16, "map_channels": 16},
            "filter": SHORT | {"paired_images": 1},
        },
        analyse_modality={"sample": {"faces": 6, "probe_folds": 2, "decoder_steps": 2}},
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory, weight_file):
    """A project whose variants are trained; a test takes ``trained``, a copy."""
    folder = tmp_path_factory.mktemp("dmfr")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project(weight_file("sface"))
        run("pretrain_nir_vis", "dmfr")
        for name in VARIANTS:
            run("train_dmfr", name)
    return folder


@pytest.fixture
def trained(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def project(tmp_path, monkeypatch, weight_file):
    monkeypatch.chdir(tmp_path)
    write_project(weight_file("sface"))


def test_three_variants_are_trained_tested_and_analysed(trained):
    found = metrics("train_dmfr", "filter")
    assert (found["faces"], found["subjects"], found["pairs"]) == (6 + 18, 3, 6)
    assert found["domains"] == {"head_mesh +15..+45": 6, "head_mesh -15..+15": 12, "real": 6}
    for name, probes in (("cross-pose", 3), ("cross-quality", 3)):
        for variant in VARIANTS:
            run("evaluate_dmfr", f"{variant}-{name}")
            found = metrics("evaluate_dmfr", f"{variant}-{name}")
            assert (found["genuine"], found["impostor"]) == (probes, 2 * probes)
            # six impostors can't give ten false accepts
            assert found["tar_at_far"]["1e-1"]["value"] is None
            assert {"untrained", "pretrained", "chance"} <= found.keys()
            assert found["sface"]["genuine"] == probes
    table = Path("reports/figures/sample/evaluate_dmfr/meta-cross-pose.md").read_text()
    assert table.index("| SFace, zero-shot |") < table.index("| untrained |")
    run("analyse_modality", "sample")
    found = metrics("analyse_modality")
    assert set(found["probe_auc"]) == {"before", *VARIANTS}
    assert all(0 <= each["value"] <= 1 for each in found["probe_auc"].values())
    assert set(found["by_generator"]["meta"]) == {"head_mesh by 0", "cyclegan", "photometric"}
    assert set(found["table_1"]) == {"real", "real_and_synthetic", "real_and_filtered"}
    assert set(found["decoders"]) == {"f_id", "f_entangle", "f_non_id"}
    assert set(found["dimensions_apart"]["before"]) == {"0", "1", "30"}
    assert found["cka"]["before"]["with_before"] == pytest.approx(1.0)
    for name in ("contact/sample/analyse_modality", "figures/sample/analyse_modality.curves"):
        assert Path(f"reports/{name}.png").stat().st_size > 1000
    table = Path("reports/figures/sample/analyse_modality.md").read_text()
    assert "| before |" in table
    assert "| after the filter | 0.782 | 0.028 |" in table  # as published, beside ours
    features = pq.read_table("data/sample/analyse_modality/features.parquet")
    assert set(features["network"].to_pylist()) == {"before", *VARIANTS}
    subjects = set(features["subject_id"].to_pylist())
    assert subjects == {"e0", "e1", "e2"}


def test_a_training_without_folds_leaves_for_other_tools(trained):
    ended = CliRunner().invoke(app, ["export-model", "train_dmfr@meta", "--to", "out"])
    assert ended.exit_code == 0, ended.output
    assert {path.name for path in Path("out").iterdir()} == {
        *("model.safetensors", "model.onnx", "README.md")
    }


def test_probes_that_degrade_was_not_asked_for_are_no_failures_to_enrol(trained):
    train, test = rows_of(["t0", "t1", "t2"]), rows_of(["e0", "e1", "e2"], "test")
    made = [row for row in test["degrade"] if not row["sample_id"].startswith("e2.1.VIS")]
    shutil.rmtree("data/sample/degrade")
    folders_of(Path("data/sample"), {"degrade": train["degrade"] + made})
    run("evaluate_dmfr", "meta-cross-quality")
    found = metrics("evaluate_dmfr", "meta-cross-quality")
    assert (found["genuine"], found["probes"]) == (2, 2)
    assert found["failure_to_enrol"]["value"] == 0.0
    assert found["sface"]["probes"] == 2


def mirrored(row, sample_id):
    """Another row of the mirror images; DMFR's, about the middle of what LightCNN sees of it."""
    made = row | {"sample_id": sample_id}
    for name, seen in (("image", slice(0, 144)), ("dmfr", slice(4, 132))):
        pixels = decode(row[name]["bytes"]).copy()
        pixels[:, seen] = pixels[:, seen][:, ::-1].copy()
        made[name] = png(pixels)
    return made


def test_a_flip_test_cannot_tell_a_face_from_its_mirror_image(trained):
    train, test = rows_of(["t0", "t1", "t2"]), rows_of(["e0", "e1", "e2"], "test")
    first = [row for row in test["attributes"] if ".0." in row["sample_id"]]
    second = [mirrored(row, row["sample_id"].replace(".0.", ".1.")) for row in first]
    shutil.rmtree("data/sample/attributes")
    folders_of(Path("data/sample"), {"attributes": [*train["attributes"], *first, *second]})
    edit(evaluate_dmfr={"meta-cross-pose": {"flip_test": True}})
    run("evaluate_dmfr", "meta-cross-pose")
    table = pq.read_table("data/sample/evaluate_dmfr/meta-cross-pose/embeddings.parquet")
    found = {row["sample_id"]: np.array(row["embedding"]) for row in table.to_pylist()}
    for subject in ("e0", "e1", "e2"):
        ours, theirs = found[f"{subject}.0.VIS"], found[f"{subject}.1.VIS"]
        assert np.allclose(ours, theirs, atol=1e-3 * np.abs(ours).max())
    numbers = metrics("evaluate_dmfr", "meta-cross-pose")
    for row in (numbers, numbers["sface"], numbers["pretrained"], numbers["untrained"]):
        assert row["rank1"]["value"] == 1.0


def test_some_folds_of_a_protocol_are_tested_alone(trained):
    folder = Path("data/sample/protocols")
    whole = read_protocol(folder / "cross-pose")
    gallery, probes = whole.enroll.to_pylist(), whole.probe.to_pylist()
    # fold 1 has all three probes, fold 2 one of them
    dealt = [row | {"fold": 1} for row in probes] + [probes[0] | {"fold": 2}]
    probe = whole.probe.from_pylist(dealt, whole.probe.schema)
    assert len(gallery) == len(probes) == 3
    write_protocol(folder, replace(whole, probe=probe))
    for folds, counted in (([2], 1), ([1], 3)):
        edit(evaluate_dmfr={"meta-cross-pose": {"folds": folds}})
        run("evaluate_dmfr", "meta-cross-pose")
        assert metrics("evaluate_dmfr", "meta-cross-pose")["rank1"]["n"] == counted
    edit(evaluate_dmfr={"meta-cross-pose": {"folds": [3]}})
    with pytest.raises(StageError, match=r"folds \[3\] do not exist: choose among \[1, 2\]"):
        run("evaluate_dmfr", "meta-cross-pose")


def test_the_network_of_another_variant_is_refused(trained):
    source = Path("data/trained/train_dmfr/filter/network.pt")
    shutil.copy(source, "data/trained/train_dmfr/meta/network.pt")
    for stage, item in (("evaluate_dmfr", "meta-cross-pose"), ("analyse_modality", "sample")):
        with pytest.raises(StageError, match="was trained as 'filter', params say 'meta'"):
            run(stage, item)


def test_people_who_were_trained_on_are_neither_tested_nor_analysed(trained):
    path = Path("data/trained/train_dmfr/meta/network.pt")
    network = load_trained(path)
    save_trained(replace(network, subjects=[*network.subjects, "sample/e1"]), path)
    with pytest.raises(
        StageError, match=r"train_dmfr@meta was trained on 1 subjects of .* them e1 "
    ):
        run("evaluate_dmfr", "meta-cross-pose")
    root = load_params(Path("params.yaml")).datasets["sample"].root
    edit(datasets={"again": {"reader": "shards", "root": root, "shards": 1}})
    for known in ("sample/e1", "again/e1"):  # the second is the same folder under another name
        save_trained(replace(network, subjects=[*network.subjects, known]), path)
        with pytest.raises(StageError, match=r"meta was trained on 1 .* held-out .* them e1 "):
            run("analyse_modality", "sample")


def test_trainings_that_are_no_match_are_not_compared(project):
    edit(train_dmfr={"filter": {"crop": "image"}})
    with pytest.raises(ParamsError, match=r"analyse_modality.sample.trainings: .* differ in"):
        load_params(Path("params.yaml"))


def test_without_held_out_synthetic_faces_there_is_nothing_to_measure(trained):
    train = rows_of(["t0", "t1", "t2"])
    test = rows_of(["e0"], "test")["attributes"]
    shutil.rmtree("data/sample/poses")
    shutil.rmtree("data/sample/degrade")
    shutil.rmtree("data/sample/attributes")
    folders_of(Path("data/sample"), train | {"attributes": train["attributes"] + test})
    with pytest.raises(StageError, match=r"add test to poses.splits and degrade.splits"):
        run("analyse_modality", "sample")


def test_a_start_of_another_crop_is_refused(project):
    edit(pretrain_nir_vis={"dmfr": {"crop": "image"}})
    run("pretrain_nir_vis", "dmfr")
    with pytest.raises(StageError, match=r"144×144 pixels aligned by arcface144, these have 169"):
        run("train_dmfr", "meta")
