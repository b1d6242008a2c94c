"""One evaluation of each kind of protocol, from an official layout on disk to table and curves.

What the measures should be is tested in ``tests/evaluation``; here is tested that every stage hands
on what the next needs, and that the rates are those of the embeddings beside them. The stages are
called in this process; ``test_every_kind_by_dvc.py`` lets DVC run them.
"""

import shutil

import pytest
from kinds import CASES, check_numbers, check_written, photograph
from project_folder import ROOT, Project
from ruamel.yaml import YAML

from pipeline import testing


@pytest.fixture(scope="module")
def prepared(trained, tmp_path_factory, weight_file):
    """A function that writes a replica and runs the stages up to its faces, once for each."""
    folder = tmp_path_factory.mktemp("replicas")
    shutil.copy(trained / "params.yaml", folder)
    shutil.copy(ROOT / "weights.yaml", folder)
    (folder / "data").mkdir()
    (folder / "data/trained").symlink_to(trained / "data/trained")
    (folder / "weights").mkdir()
    for name in ("yunet", "face_mesh_468", "sface"):
        (folder / "weights" / weight_file(name).name).symlink_to(weight_file(name))
    done = set()

    def prepare(case, patch):
        patch.chdir(folder)
        patch.setenv("CROSSBAND_EXECUTOR", "serial")
        patch.setattr("pipeline.testing.images.image_bytes", photograph)
        if case.reader not in done:
            getattr(testing, case.reader)(folder / "images" / case.reader, **case.options)
            dataset = {"reader": case.reader, "root": f"images/{case.reader}", "shards": 1}
            lists = {"build": "official", "rows": "ingest", "seed": 7, "subset": {}}
            project = Project()
            project.edit(
                datasets={case.reader: dataset},
                face_datasets={case.reader: {}},
                protocols={case.reader: lists},
            )
            for stage in ("ingest", "protocols", "detect", "align"):
                project.run(stage, case.reader)
            done.add(case.reader)
        return folder

    return prepare


@pytest.fixture
def evaluated(prepared, monkeypatch):
    """A function that runs a case's evaluation; returns the project's folder."""

    def run(name):
        case = CASES[name]
        folder = prepared(case, monkeypatch)
        project = Project()
        entry = {"method": "hsst", "dataset": case.reader, "protocol": case.protocol}
        project.edit(
            evaluate_nir_vis={name: entry | {"rows": "align", "cross_dataset": True}},
        )
        project.run("evaluate_nir_vis", name)
        return folder

    return run


@pytest.mark.parametrize("name", CASES)
def test_an_evaluation_of_each_kind_writes_table_curves_and_summary(evaluated, name):
    case = CASES[name]
    folder = evaluated(name)
    metrics = check_written(folder, case.reader, name, case)
    check_numbers(folder, case.reader, name, case, metrics)


def test_stages_before_are_what_dvc_reads(evaluated):
    """The folders that ``dvc.yaml`` names for an evaluation are there, but those of code."""
    folder = evaluated("pair_accuracy")
    item = {"dataset": "lfw", "rows": "align", "method": "hsst"}
    stage = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]["evaluate_nir_vis"]
    for dep in stage["do"]["deps"]:
        if dep.startswith("data/"):
            for key, value in item.items():
                dep = dep.replace(f"${{item.{key}}}", value)
            assert (folder / dep).exists(), dep
