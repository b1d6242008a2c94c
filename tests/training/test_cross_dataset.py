"""CASIA's fold 1 is trained, and tested on Oulu-CASIA and BUAA too, by the params of the guide."""

import re
import shutil
from pathlib import Path

import pytest
from face_rows import face_row
from project_folder import ROOT, Project, write_project
from ruamel.yaml import YAML

from pipeline import testing
from pipeline.errors import StageError
from pipeline.params.load import load_params
from pipeline.protocols import OFFICIAL
from pipeline.readers import read_dataset
from pipeline.store.protocols import read_protocol, write_protocol

TESTED = {"casia": "view2", "oulu": "20_20_v1", "buaa": "50_100_v1"}


def documented():
    """The params that ``docs/data_sets.md`` gives."""
    text = (ROOT / "docs/data_sets.md").read_text().partition("## A command for each")[2]
    return YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", text, re.S)[1])


@pytest.fixture(scope="module")
def built(tmp_path_factory, weight_file):
    """Replicas of the three, their protocols, and faces of all whom these name; a network."""
    folder = tmp_path_factory.mktemp("three")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build(write_project(weight_file("sface")))
    return folder


@pytest.fixture
def three(built, tmp_path, monkeypatch):
    """A copy of them."""
    shutil.copytree(built, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Project()


def build(project):
    everybody = tuple(f"P{number:03d}" for number in range(1, 81))
    testing.casia_nir_vis2(Path("casia"), subjects=6, folds=2)
    testing.oulu_casia_nirvis(Path("oulu"), subjects=everybody, frames=1, expressions=("Anger",))
    testing.buaa_visnir(Path("buaa"), subjects=20, numbers=(1, 2))
    testing.lfw(Path("lfw"))
    project.edit(**documented())
    project.edit(pretrain_nir_vis={"lightcnn9": {"steps": 0}}, train_nir_vis={"hsst": {"steps": 0}})
    params = load_params(Path("params.yaml"))
    faces = []
    for dataset in TESTED:
        listed = params.datasets[dataset]
        rows = {row["sample_id"]: row for row in read_dataset(dataset, listed).rows}
        named = set()
        for made in OFFICIAL[listed.reader](Path(listed.root), list(rows.values())):
            write_protocol(Path("data", dataset, "protocols"), made)
            for table in (made.enroll, made.probe, *([made.train] if dataset == "casia" else [])):
                named |= set(table["sample_id"].to_pylist())
        faces = [
            face_row(name, rows[name]["subject_id"], rows[name]["band"]) for name in sorted(named)
        ]
        project.faces(dataset, faces)
    project.faces("sample", faces[:1])
    project.run("pretrain_nir_vis", "lightcnn9")
    project.run("train_nir_vis", "hsst")


def test_a_network_of_fold_1_is_tested_on_other_data_sets(three):
    networks = Path("data/trained/train_nir_vis/hsst").glob("*/network.pt")
    assert [path.parent.name for path in networks] == ["fold-01"]
    for dataset, name in TESTED.items():
        three.run("evaluate_nir_vis", f"hsst-{dataset}")
        metrics = three.metrics(dataset, "evaluate_nir_vis", f"hsst-{dataset}")
        protocol = read_protocol(Path("data", dataset, "protocols", name)).fold(1)
        assert metrics["rank1"]["n"] == metrics["probes"] == len(protocol.probe) > 1
        assert "folds" not in metrics["rank1"]
        assert metrics["sface"]["rank1"]["n"] == len(protocol.probe)


def test_a_fold_that_was_not_trained_is_told(three):
    three.edit(evaluate_nir_vis={"hsst-casia": {"folds": [2]}})
    with pytest.raises(StageError, match=r"only on the folds \[1\] of view2: .* found \[2\]"):
        three.run("evaluate_nir_vis", "hsst-casia")
