"""What `dvc plots diff` draws of a training and an evaluation: every row, in both revisions."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from forked import run

from pipeline.evaluation.recognition import Recognition
from pipeline.report.losses import write_curve
from pipeline.report.recognition import write_cmc, write_roc

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
WHO = ("-c", "user.name=someone", "-c", "user.email=someone@localhost")


def command(*words, cwd):
    done = run(words, cwd=cwd, environment=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(folder, rate):
    """Write the tables of plots, of two rows."""
    results = {
        row: [Recognition({}, np.array([[0.01, 0.1], [tar, rate]]), np.array([tar, rate]))]
        for row, tar in (("untrained", 0.1), ("trained", 0.5))
    }
    write_roc(results, folder / "made.roc.csv")
    write_cmc(results, folder / "made.cmc.csv")
    write_curve(
        [{"step": n, "total": rate / n, "softmax": 1.0} for n in (1, 2)], folder / "made.csv"
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """By plot its specification, of a commit and an edit after it."""
    folder = tmp_path_factory.mktemp("plots")
    command("git", "init", "-q", cwd=folder)
    command("dvc", "init", "-q", cwd=folder)
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots", dirs_exist_ok=True)
    text = (ROOT / "dvc.yaml").read_text()
    for options in ("{x: far, y: tar, template: roc}", "{x: rank, y: rate, template: cmc}"):
        assert options in text  # what the stages ask for
    (folder / "dvc.yaml").write_text(
        "stages:\n  evaluate:\n"
        "    cmd: for n in roc.csv cmc.csv csv; do cp made.$n shown.$n; done\n"
        "    deps: [made.csv, made.roc.csv, made.cmc.csv]\n    plots:\n"
        "      - shown.roc.csv: {x: far, y: tar, template: roc}\n"
        "      - shown.cmc.csv: {x: rank, y: rate, template: cmc}\n"
        "      - shown.csv: {x: step, y: total}\n"
    )
    write(folder, 0.8)
    command("dvc", "repro", "-q", cwd=folder)
    command("git", "add", "-A", cwd=folder)
    command("git", *WHO, "commit", "-q", "-m", "Before", cwd=folder)
    write(folder, 0.9)
    command("dvc", "repro", "-q", cwd=folder)
    found = json.loads(command("dvc", "plots", "diff", "--json", cwd=folder))
    found = found.get("data", found)
    return {name: each[0]["content"] for name, each in found.items()}


def specification(drawn, name):
    content = drawn[name]
    return json.loads(content) if isinstance(content, str) else content


@pytest.mark.parametrize(
    ("name", "x", "y"), [("shown.roc.csv", "far", "tar"), ("shown.cmc.csv", "rank", "rate")]
)
def test_baselines_lie_over_the_trained_network_in_both_revisions(drawn, name, x, y):
    made = specification(drawn, name)
    assert (made["encoding"]["x"]["field"], made["encoding"]["y"]["field"]) == (x, y)
    assert made["encoding"]["color"]["field"] == "line"
    assert "datum.row" in made["transform"][0]["calculate"]
    assert "datum.rev" in made["transform"][0]["calculate"]
    lines = {(each["row"], each["rev"]) for each in made["data"]["values"]}
    revisions = ("HEAD", "workspace")
    assert lines == {(row, rev) for row in ("untrained", "trained") for rev in revisions}


def test_the_loss_that_is_drawn_is_the_total(drawn):
    made = specification(drawn, "shown.csv")
    values = {(each["rev"], each["step"]): float(each["total"]) for each in made["data"]["values"]}
    assert values["HEAD", "1"] == pytest.approx(0.8)
    assert values["workspace", "2"] == pytest.approx(0.45)
