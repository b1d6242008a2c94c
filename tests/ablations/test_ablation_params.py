"""ablations/stages.yaml, its params and the papers' tables agree."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.errors import ParamsError
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.load import check_params, lay_profile_over, load_section, read_yaml
from pipeline.store.fingerprint import code_closure

ROOT = Path(__file__).parents[2]
FILE = ROOT / "ablations" / "params.yaml"
ABLATIONS = load_section(NirVisAblationParams, FILE)
PROFILE = ROOT / "params" / "ablations.yaml"
DEFAULT = check_params(
    lay_profile_over(read_yaml(ROOT / "params.yaml"), read_yaml(PROFILE)), PROFILE
)
STAGES = YAML(typ="safe").load((ROOT / "ablations" / "stages.yaml").read_text())["stages"]
METHODS = {name: row.method for name, row in ABLATIONS.rows.items()}


def changed(first, second):
    one, two = METHODS[first].model_dump(), METHODS[second].model_dump()
    return {key for key in one.keys() | two.keys() if one.get(key) != two.get(key)}


def test_each_row_of_the_pram_paper_adds_one_thing():
    assert changed("start", "finetuned") == {"steps"}
    assert changed("finetuned", "pram") == {"relations"}
    assert changed("pram", "pram_lc") == changed("pram_lc", "pram_lcat") == {"triplet"}
    assert changed("rm", "rgm") == {"kind"}
    assert changed("pram_lc", "rm") == {"kind", "relations"}


@pytest.mark.parametrize("loss", ["softmax", "am_softmax", "arcface", "triplet"])
def test_plain_sst_and_hsst_differ_by_the_training_alone(loss):
    names = [f"{kind}_{loss}" for kind in ("plain", "sst", "hsst")]
    assert {METHODS[name].loss for name in names} == {loss}
    added = {"kind", "queues", "prototypes", "ema_momentum"}
    assert changed(names[0], names[1]) == added
    assert changed(names[1], names[2]) == {"queues"}


def test_idr_and_wcnn_differ_by_the_wasserstein_term():
    assert changed("idr", "wcnn") == {"kind", "wasserstein_weight"}


def test_bare_rows_differ_by_the_mask():
    for kind in ("plain", "hsst"):
        assert changed(f"{kind}_softmax", f"{kind}_softmax_bare") == {"second_rows"}
    for kind in ("idr", "wcnn"):
        assert changed(kind, f"{kind}_bare") == {"second_rows"}


@pytest.mark.parametrize(("row", "method"), [("pram_lcat", "pram_cat"), ("hsst_softmax", "hsst")])
def test_the_papers_own_methods_are_those_of_the_default_run(row, method):
    """But for how long, where and with which seed; params that are tuned there are copied here."""
    ours, theirs = METHODS[row].model_dump(), DEFAULT.train_nir_vis[method].model_dump()
    differ = {key for key in ours if ours[key] != theirs[key]}
    assert differ <= {"steps", "milestones", "checkpoint_steps", "threads", "device", "seed"}


def test_rows_start_from_what_the_default_run_trains():
    assert {method.pretrained for method in METHODS.values()} <= DEFAULT.pretrain_nir_vis.keys()
    assert {method.dataset for method in METHODS.values()} <= DEFAULT.protocols.keys()


def test_a_faulty_row_is_told_with_its_path(tmp_path):
    faulty = FILE.read_text().replace("queues: 1", "queues: 3")
    (tmp_path / "p.yaml").write_text(faulty)
    with pytest.raises(ParamsError, match=r"rows\.sst_softmax\.method\.queues"):
        load_section(NirVisAblationParams, tmp_path / "p.yaml")


def test_the_deps_cover_the_code_that_trains_and_measures():
    deps = [ROOT / dep for dep in STAGES["row"]["do"]["deps"] if "$" not in dep]
    assert all(dep.exists() for dep in deps)
    modules = [f"pipeline.training.{name}" for name in ("ablation", "aligned", "embed", "train")]
    code = code_closure(*modules, registries=True).values()
    vocabulary = {"__init__.py", "types.py"}
    uncovered = {
        path.relative_to(ROOT).as_posix()
        for path in code
        if not any(path == dep or path.is_relative_to(dep) for dep in deps)
        and path.name not in vocabulary
    }
    assert uncovered == set()


@pytest.mark.parametrize("folder", ["ablations", "ablations/dmfr"])
def test_a_network_of_ones_own_runs_what_measures_it_again(folder):
    stages = YAML(typ="safe").load((ROOT / folder / "stages.yaml").read_text())["stages"]
    (params,) = stages["zero_shot"]["params"]
    assert "network" in params[f"{folder}/params.yaml"]
    assert "network" in read_yaml(ROOT / folder / "params.yaml")  # what is named has to be there


def test_the_default_run_has_nothing_of_it():
    assert "ablations" not in (ROOT / "dvc.yaml").read_text()
    assert not (ROOT / "ablations/dvc.yaml").exists()  # DVC would count its stages as never run


def refused(tmp_path, words, **changes):
    values = read_yaml(FILE)
    for path, value in changes.items():
        *way, last = path.split("__")
        place = values
        for step in way:
            place = place[step]
        place[last] = value
    file = tmp_path / "params.yaml"
    YAML().dump(values, file)
    with pytest.raises(ParamsError, match=words):
        load_section(NirVisAblationParams, file)


def test_rows_that_one_table_could_not_compare_are_refused(tmp_path):
    values = read_yaml(FILE)
    rm = dict(values["rows"]["rm"]["method"])
    refused(tmp_path, "two seeds or more", seeds=[1])
    refused(tmp_path, r"seeds: .*a seed is listed twice in \[1, 2, 1\]", seeds=[1, 2, 1])
    elsewhere = rm | {"dataset": "b"}
    refused(tmp_path, "rm.method.dataset: expected 'sample'", rows__rm__method=elsewhere)
    refused(tmp_path, "rm.method.folds: expected those", rows__rm__method=rm | {"folds": [1]})
