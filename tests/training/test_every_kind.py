"""One evaluation of each kind of protocol, from an official layout on disk to table and curves.

What the measures should be is tested in ``tests/evaluation``; here is tested that every stage hands
on what the next needs, and that the rates are those of the embeddings beside them. The stages are
called in this process; ``test_every_kind_by_dvc.py`` lets DVC run them.
"""

import shutil
from pathlib import Path

import pytest
from kinds import CASES, OF_DMFR, check_numbers, check_written, entry_of, photograph
from project_folder import ROOT, Project
from ruamel.yaml import YAML

from pipeline import testing

EVERY = CASES | OF_DMFR


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
        if case.stage == "evaluate_dmfr" and not Path("data", case.reader, "attributes").exists():
            Project().run("attributes", case.reader)
        return folder

    return prepare


@pytest.fixture
def evaluated(prepared, monkeypatch):
    """A function that runs a case's evaluation; returns the project's folder."""

    def run(name):
        case = EVERY[name]
        folder = prepared(case, monkeypatch)
        project = Project()
        project.edit(**{case.stage: {name: entry_of(case)}})
        project.run(case.stage, name)
        return folder

    return run


@pytest.mark.parametrize("name", EVERY)
def test_an_evaluation_of_each_kind_writes_table_curves_and_summary(evaluated, name):
    case = EVERY[name]
    folder = evaluated(name)
    metrics = check_written(folder, case.reader, name, case)
    check_numbers(folder, case.reader, name, case, metrics)


@pytest.mark.parametrize("name", ["pair_accuracy", "dmfr-pair_accuracy"])
def test_stages_before_are_what_dvc_reads(evaluated, name):
    """The folders that ``dvc.yaml`` names for an evaluation are there, but those of code."""
    folder, case = evaluated(name), EVERY[name]
    stage = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"][case.stage]
    for dep in stage["do"]["deps"]:
        if dep.startswith("data/"):
            for key, value in entry_of(case).items():
                dep = dep.replace(f"${{item.{key}}}", str(value))
            assert (folder / dep).exists(), dep
