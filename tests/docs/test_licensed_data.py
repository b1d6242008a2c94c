"""DMFR's params on licensed data, as the guide gives them: what DVC would run for each test."""

import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.params.inputs import check_inputs
from pipeline.params.load import check_params, lay_profile_over, read_yaml
from pipeline.report.stage_graph import read_entries

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/licensed-data.md").read_text().partition("## DMFR on MS1M")[2]
DATA = ("webface", "lfw", "ijbc")


def profiled():
    profile = YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", GUIDE, re.S)[1])
    return lay_profile_over(read_yaml(ROOT / "params.yaml"), profile)


@pytest.fixture
def entries(tmp_path):
    """All entries of all stages, by name."""
    values = profiled()
    check_inputs(check_params(values, tmp_path), tmp_path)
    YAML().dump(values, tmp_path / "params.yaml")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    return {entry.name: entry for entry in read_entries(tmp_path)}


def test_the_commands_are_of_evaluations_that_there_are(entries):
    named = set(re.findall(r"evaluate_dmfr@[\w-]+", GUIDE))
    assert named == {name for name in entries if name.startswith("evaluate_")}


def test_nothing_is_made_of_faces_that_are_tested_alone(entries):
    makers = {out: name for name, entry in entries.items() for out in entry.outs}
    run, waiting = set(), ["evaluate_dmfr@meta-lfw", "evaluate_dmfr@meta-cp-ijbc"]
    while waiting:
        run.add(name := waiting.pop())
        waiting += {makers[dep] for dep in entries[name].deps if dep in makers} - run
    on = {data: {n.partition("@")[0] for n in run if n.endswith(f"@{data}")} for data in DATA}
    synthesis = {"reconstruct", "masks", "poses", "train_degrader", "degrade"}
    assert on["lfw"] == {"ingest", "protocols", "detect", "align", "attributes"}
    assert on["ijbc"] == on["lfw"]
    # of faces that are trained on, all but masks; parts are what reconstruct reads
    assert on["webface"] - on["lfw"] == {*synthesis - {"masks"}, "parse", "parts"}
    assert "train_dmfr@meta" in run


def test_dmfr_trains_by_the_papers_recipe(tmp_path):
    """Section "Training": rate 0.01, a tenth at 50k and 70k, decay 0.0005, momentum 0.9; m and λ.

    It names no limit of gradients; the default's is reached in every step.
    """
    method = check_params(profiled(), tmp_path).train_dmfr["meta"]
    assert (method.optimizer, method.learning_rate, method.momentum) == ("sgd", 0.01, 0.9)
    assert (method.weight_decay, method.milestones) == (0.0005, (50_000, 70_000))
    assert (method.margin, method.meta_weight, method.ratio) == (0.4, 0.5, (1, 1))
    assert method.max_gradient_norm is None or method.max_gradient_norm >= 1000.0


def test_pram_trains_on_casia_as_its_ablation_does(tmp_path):
    """Not for the 40 steps of the sample, and within the memory that its features take."""
    page = (ROOT / "docs/licensed-data.md").read_text().partition("## Train and test on it")[2]
    profile = YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", page, re.S)[1])
    made = check_params(lay_profile_over(read_yaml(ROOT / "params.yaml"), profile), tmp_path)
    check_inputs(made, tmp_path)
    rows = read_yaml(ROOT / "ablations/casia_pram.yaml")["rows"]
    told, training = rows["pram_lcat"]["method"], made.train_nir_vis["pram_cat"]
    assert told["steps"] == 5000
    for key, value in told.items():
        found = getattr(training, key)
        assert (list(found) if isinstance(found, tuple) else found) == value, key
    (tested,) = [each for each in made.evaluate_nir_vis.values() if each.dataset == "casia"]
    assert (tested.training, tested.folds) == ("pram_cat", training.folds)
    on_sample = {each.training for each in made.evaluate_nir_vis.values()} - {"pram_cat"}
    assert on_sample == {"hsst"}
