"""One evaluation of each kind of protocol on its replica, run by ``dvc repro``."""

import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from forked import run
from kinds import CASES, OF_DMFR, check_numbers, check_written, entry_of, photograph
from project_folder import NETWORK
from ruamel.yaml import YAML

from pipeline import testing
from pipeline.testing.images import put_images

EVERY = CASES | OF_DMFR
BIN = Path(sys.executable).parent
# CASIA's training subjects are where the network comes from, so its own people are tested by fold
FOLDS = {"recognition": [1]}
N = {"recognition": 4}


def command(*words, cwd):
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "CROSSBAND_EXECUTOR": "serial",
    }
    done = run(words, cwd=cwd, environment=environment, fork_stages=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ran(output):
    return re.findall(r"^Running stage '(.+?)'", output, re.MULTILINE)


def entry(name, case):
    own = {"folds": FOLDS[name], "cross_dataset": False} if name in FOLDS else {}
    return entry_of(case) | own


def make_project(parent, cases):
    """Make a project of the replicas and evaluations of some cases; nothing of it has run."""
    readers = sorted({case.reader for case in cases.values()} | {"casia_nir_vis2"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.testing.images.image_bytes", photograph)
        for case in CASES.values():
            if case.reader in readers and not (parent / case.reader).exists():
                getattr(testing, case.reader)(parent / case.reader, **case.options)
        put_images(parent / "people", (f"p{number}/a.png" for number in range(2)))
    official = {"build": "official", "rows": "ingest", "seed": 7, "subset": {}}
    datasets = {name: {"reader": name, "root": str(parent / name), "shards": 1} for name in readers}
    people = {"reader": "folder", "root": str(parent / "people"), "split": "train", "shards": 1}
    datasets["people"] = people
    network = {
        "pretrain_nir_vis": {name: {"dataset": "people"} for name in ("lightcnn9", "dmfr")},
        "train_nir_vis": {"hsst": {"dataset": "casia_nir_vis2", "protocol": "view2"}},
        "train_dmfr": {"meta": {"dataset": "people"}},
    }
    for section, entries in NETWORK.items():
        for name, values in entries.items():
            network[section][name] |= values
    profile = {
        "sample": None,
        "datasets": datasets,
        "face_datasets": {name: {} for name in datasets},
        "synthesis_datasets": {"people": {}},
        "protocols": dict.fromkeys(readers, official),
        **network,
        **{
            stage: {name: entry(name, case) for name, case in cases.items() if case.stage == stage}
            for stage in ("evaluate_nir_vis", "evaluate_dmfr")
        },
    }
    YAML().dump(profile, parent / "profile.yaml")
    command("crossband", "init", "project", "--profile", "profile.yaml", cwd=parent)
    return parent / "project"


def check(project, name):
    case = replace(EVERY[name], n=N.get(name, EVERY[name].n))
    metrics = check_written(project, case.reader, name, case)
    check_numbers(project, case.reader, name, case, metrics, FOLDS.get(name))


def test_dvc_runs_the_stages_of_an_evaluation(whole_trained, tmp_path):
    """With networks from elsewhere, as the stages that train them are not named."""
    names = ("pair_accuracy", "dmfr-pair_accuracy")
    project = make_project(tmp_path, {name: EVERY[name] for name in names})
    shutil.copytree(whole_trained / "data/trained", project / "data/trained")
    faces = ("ingest", "protocols", "detect", "align", "attributes")
    stages = ["weights", *(f"{stage}@lfw" for stage in faces)]
    stages += [f"{EVERY[name].stage}@{name}" for name in names]
    assert ran(command("dvc", "repro", "-s", *stages, cwd=project)) == stages
    for name in names:
        check(project, name)


@pytest.mark.long
def test_dvc_runs_an_evaluation_of_each_kind(tmp_path):
    """With all before it, from the lists and images of six data sets on."""
    project = make_project(tmp_path, CASES)
    targets = [f"evaluate_nir_vis@{name}" for name in CASES]
    done = ran(command("dvc", "repro", *targets, cwd=project))
    assert set(targets) | {"train_nir_vis@hsst"} <= set(done)
    for name in CASES:
        check(project, name)
    assert ran(command("dvc", "repro", *targets, cwd=project)) == []
