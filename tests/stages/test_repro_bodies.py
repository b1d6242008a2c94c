"""``dvc repro`` of the body stages: what an edited threshold redoes."""

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

from forked import run
from ruamel.yaml import YAML

from pipeline.params.load import merge_params, read_yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ASSETS = Path(importlib.util.find_spec("ultralytics").origin).parent / "assets"
LABELLING, CROPS = "label_bodies@mine", "crop_bodies@mine"
CHAIN = [CROPS, "detect_bodies@mine", "ingest@mine", LABELLING]


def command(*words, cwd):
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "CROSSBAND_EXECUTOR": "serial",
    }
    done = run(words, cwd=cwd, environment=environment, fork_stages=True)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = (line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running s"))
    return sorted(ran)  # DVC is free in the order of stages that do not depend on one another


def test_an_edited_threshold_redoes_labelling_and_no_detection(tmp_path, weight_file):
    profile, project = tmp_path / "mine.yaml", tmp_path / "project"
    mine = {"reader": "folder", "root": "images", "shards": 1}
    values = {
        "datasets": {"sample": None, "scenes": None, "mine": mine},
        "body_datasets": {"mine": {}},
    }
    profile.write_text(json.dumps(values))
    command("crossband", "workspace", str(project), "--profile", str(profile), cwd=ROOT)
    (project / "images").mkdir()
    shutil.copy(ASSETS / "bus.jpg", project / "images")
    assert command("dvc", "repro", cwd=project) == [*CHAIN, "report", "weights"]
    detections = (project / "data/mine/detect_bodies").stat().st_mtime_ns
    edited = merge_params(
        read_yaml(project / "params.yaml"), {"label_bodies": {"ambiguous_above": 0.6}}
    )
    YAML().dump(edited, project / "params.yaml")
    assert command("dvc", "repro", "-s", "label_bodies@mine", cwd=project) == [LABELLING]
    assert (project / "data/mine/detect_bodies").stat().st_mtime_ns == detections
    assert command("dvc", "repro", cwd=project) == [CROPS, "report"]
