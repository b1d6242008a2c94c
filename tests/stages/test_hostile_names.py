"""A name of a data set is never read by a shell: what it holds runs nothing."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from forked import run

from pipeline.ops.codec import encode_png
from pipeline.params.load import read_yaml

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
HOSTILE = [
    "x; touch y",
    "x'; touch y; '",
    'x" && touch y; "',
    "$(touch y)",
    "`touch y`",
    "x\ntouch y",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A workspace whose data sets bear names that a shell would run."""
    parent = tmp_path_factory.mktemp("hostile")
    mine = {"reader": "folder", "root": "images", "shards": 1}
    profile = {"datasets": {"sample": None, "scenes": None, "mine": mine}, "face_datasets": {}}
    (parent / "mine.yaml").write_text(json.dumps(profile))
    made = parent / "project"
    words = ("crossband", "workspace", str(made), "--profile", str(parent / "mine.yaml"))
    run(words, cwd=ROOT, environment=ENVIRONMENT)
    (made / "images").mkdir()
    (made / "images/a.png").write_bytes(encode_png(np.zeros((8, 8), np.uint8)))
    values = read_yaml(made / "params.yaml")
    values["datasets"] |= dict.fromkeys(HOSTILE, mine)
    (made / "params.yaml").write_text(json.dumps(values))
    return made


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_a_shell_would_run_runs_nothing(project, name):
    words = ("dvc", "repro", "--single-item", f"ingest@{name}")
    done = run(words, cwd=project, environment=ENVIRONMENT)
    assert done.returncode != 0
    assert not (project / "y").exists()
    assert "a name has lower-case letters" in done.stderr + done.stdout
