"""``dvc repro`` in a workspace of its own: what reruns, what is reused, what survives a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import skimage.data
from forked import run
from ruamel.yaml import YAML

from pipeline.ops.codec import encode_png
from pipeline.params.load import lay_profile_over, read_yaml

ROOT = Path(__file__).resolve().parents[2]
CHAIN = ["align@mine", "attributes@mine", "detect@mine", "ingest@mine", "parse@mine", "parts@mine"]
TARGETS = ("parts@mine", "attributes@mine")
BIN = Path(sys.executable).parent


def command(*words, cwd, check=True):
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "CROSSBAND_WORKERS": "2"}
    done = run(words, cwd=cwd, environment=environment, fork_stages=True)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def repro(cwd, *words):
    """Run ``dvc repro`` up to ``TARGETS``, or with other words; returns what ran, sorted.

    DVC is free in the order of stages that do not depend on one another.
    """
    output = command("dvc", "repro", *(words or TARGETS), cwd=cwd).stdout
    ran = (line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage"))
    return sorted(ran)


def computed(cwd):
    """How many rows each stage computed in its last run."""
    runs = {
        path.stem: json.loads(path.read_text()) for path in cwd.glob("reports/runs/mine/*.json")
    }
    return {name: run["computed"] for name, run in runs.items()}


def shards(cwd):
    return {p.relative_to(cwd): p.read_bytes() for p in cwd.glob("data/**/*.parquet")}


def edit(cwd, **sections):
    values = lay_profile_over(read_yaml(cwd / "params.yaml"), sections)
    YAML().dump(values, cwd / "params.yaml")


def put(cwd, name, shift):
    """Put a photograph of the astronaut, shifted so that each differs."""
    image = np.roll(skimage.data.astronaut()[:300, 80:400], shift, axis=1)
    path = cwd / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.ascontiguousarray(image)))


@pytest.fixture(scope="module")
def project(tmp_path_factory, weight_file):
    """A workspace with four photographs that has been reproduced once."""
    parent = tmp_path_factory.mktemp("repro")
    profile = parent / "mine.yaml"
    mine = {"reader": "folder", "root": "images", "shards": 4}
    sections = {
        "datasets": {"sample": None, "scenes": None, "mine": mine},
        "face_datasets": {"mine": {}},
        "synthesis_datasets": {"mine": {}},
    }
    profile.write_text(json.dumps(sections))
    made = parent / "project"
    command("crossband", "workspace", str(made), "--profile", str(profile), cwd=ROOT)
    for number in range(4):
        put(made, f"s{number}/a.png", number * 3)
    assert repro(made) == [*CHAIN, "weights"]
    return made


@pytest.fixture
def copy(project, tmp_path):
    """A copy of the reproduced workspace to work on."""
    target = tmp_path / "project"
    shutil.copytree(project, target, symlinks=True, copy_function=copy_or_link)
    return target


def copy_or_link(source, target):
    """Copy a file; what nobody writes into, 200 MB of weights and what DVC keeps, is a link."""
    kept = any(f"/project/{name}/" in source for name in ("weights", ".dvc/cache"))
    (os.link if kept else shutil.copy2)(source, target)


def test_reports_are_filled(project):
    for stage in (name.partition("@")[0] for name in CHAIN):
        assert (project / f"reports/contact/mine/{stage}.png").stat().st_size > 1000
        metrics = json.loads((project / f"reports/metrics/mine/{stage}.json").read_text())
        assert (metrics["in"], metrics["out"]) == (4, 4)
    assert "parts.json" in command("dvc", "metrics", "show", cwd=project).stdout


def test_a_second_repro_runs_nothing(copy):
    assert repro(copy) == []


def test_editing_the_template_reruns_align_and_what_is_below(copy):
    edit(copy, align={"template": "lightcnn144"})
    assert repro(copy) == ["align@mine", "attributes@mine", "parse@mine", "parts@mine"]


def test_editing_the_masks_designs_redoes_masks_only(copy):
    assert repro(copy, *TARGETS, "masks@mine") == ["masks@mine", "reconstruct@mine"]
    edit(copy, masks={"designs": ["surgical_blue"]})
    assert repro(copy, *TARGETS, "masks@mine") == ["masks@mine"]
    designs = json.loads((copy / "reports/metrics/mine/masks.json").read_text())["design"]
    assert designs == {"surgical_blue": 1.0}


def test_one_stage_can_be_rerun_alone(copy):
    edit(copy, parse={"precision": "float32"})
    assert repro(copy, "-s", "parse@mine") == ["parse@mine"]


def test_exactly_the_added_image_is_computed_by_each_stage(copy, project):
    """A run from nothing made ``project``: taking an image away and back has to end there."""
    name = "images/s1"
    shutil.rmtree(copy / name)
    repro(copy)
    assert set(computed(copy).values()) == {0}
    metrics = json.loads((copy / "reports/metrics/mine/parts.json").read_text())
    assert metrics["out"] == 3
    shutil.copytree(project / name, copy / name)
    assert repro(copy) == CHAIN
    assert computed(copy) == dict.fromkeys((c.partition("@")[0] for c in CHAIN), 1)
    assert shards(copy) == shards(project)


def test_better_words_in_the_code_compute_nothing(copy):
    code = copy / "pipeline/ops/alignment.py"
    code.write_text(code.read_text() + "\n# a comment\n")
    assert "align@mine" in repro(copy, "align@mine")
    assert computed(copy)["align"] == 0


def test_a_misspelt_param_stops_before_any_work(copy):
    edit(copy, align={"templat": "arcface112"})
    before = shards(copy)
    done = command("dvc", "repro", cwd=copy, check=False)
    assert done.returncode != 0
    assert "align.templat: unknown key, did you mean 'template'?" in done.stderr
    assert shards(copy) == before


def test_a_killed_repro_resumes_and_ends_with_the_same_bytes(copy):
    good = shards(copy)
    shutil.rmtree(copy / "data/mine/parse")
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "CROSSBAND_WORKERS": "1"}
    victim = subprocess.Popen(
        ["dvc", "repro", "parse@mine"],
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    parse = copy / "data/mine/parse"
    deadline = time.monotonic() + 120
    while not list(parse.glob("shard-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = psutil.Process(victim.pid).children(recursive=True)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive, "a stage outlived the repro it belongs to"
    repro(copy)
    assert shards(copy) == good
