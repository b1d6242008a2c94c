"""dvc.yaml and pyproject.toml name the code that stages run: all of it, and little else."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.store.fingerprint import bare_code, code_closure
from stages import wiring

ROOT = Path(__file__).resolve().parents[2]
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def code_by_dep(stage):
    """Files that dvc.yaml names for a stage, by what names them: themselves or a folder."""
    deps = STAGES[stage].get("do", STAGES[stage])["deps"]
    return {
        dep: {
            path
            for path in ([ROOT / dep] if (ROOT / dep).is_file() else (ROOT / dep).rglob("*"))
            if path.suffix in (".py", ".npz", ".csv") and holds_code(path)
        }
        for dep in deps
        if re.match("(pipeline|stages|models)(/|$)", dep)
    }


def code_in(stage):
    """Files that dvc.yaml names for a stage, those of whole folders one by one."""
    return set().union(*code_by_dep(stage).values())


def holds_code(path):
    return path.suffix != ".py" or bare_code(path.read_text())


@pytest.mark.parametrize("name", wiring.FILES)
def test_the_files_are_as_the_imports_have_it(name):
    text = (ROOT / name).read_text()
    assert wiring.FILES[name](text) == text, "run `make wiring`"


@pytest.mark.parametrize("stage", sorted(STAGES.keys() - {"weights", "report"}))
def test_the_deps_are_all_code_that_makes_rows_and_at_most_as_much_other(stage):
    runs = code_closure(f"stages.{stage}", registries=True).values()
    needed = {path for path in runs if holds_code(path)}
    named = code_by_dep(stage)
    assert set().union(*named.values()) >= needed
    assert sum(map(len, named.values())) == len(code_in(stage)), "a file is named twice"
    for dep, files in named.items():
        assert 2 * len(files & needed) >= len(files), dep


@pytest.mark.parametrize("stage", sorted(STAGES.keys() - {"report"}))
def test_no_stage_waits_for_what_changes_no_row_or_for_another_stage(stage):
    others = {ROOT / "pipeline" / name for name in ("cli", "exporters", "report", "store")}
    others -= {ROOT / "pipeline/exporters"} if stage == "export" else set()
    for path in code_in(stage):
        assert not any(path.is_relative_to(other) for other in others)
        if path.is_relative_to(ROOT / "stages"):
            assert path.stem in (stage, "__init__")


def test_no_whole_package_is_named():
    """A project of one's own has none: ``crossband init`` leaves out what lies below them."""
    named = {dep for stage in STAGES.values() for dep in stage.get("do", stage)["deps"]}
    assert not named & {"pipeline", "stages", "models", "ablations"}


def test_weights_depends_on_what_names_weights_not_on_networks():
    code = code_in("weights")
    assert ROOT / "pipeline/detection/fan.py" in code
    assert ROOT / "pipeline/weights/__init__.py" in code
    assert not any(path.is_relative_to(ROOT / "models") for path in code)


def test_the_report_depends_on_what_shows_and_makes_no_rows():
    deps = wiring.code_deps("stages.report")
    assert "pipeline/report" in deps
    assert not any(dep.startswith(("models", "pipeline/training")) for dep in deps)


def test_whole_packages_stand_for_their_files():
    assert "pipeline/readers" in wiring.code_deps("stages.ingest")
    assert not any(dep.startswith("pipeline/readers/") for dep in wiring.code_deps("stages.ingest"))
    assert "pipeline/detection" in wiring.code_deps("stages.detect")


def test_the_stages_own_module_comes_first():
    assert wiring.code_deps("stages.align")[0] == "stages/align.py"


def test_what_is_no_code_stays_where_it_is_with_its_comments():
    text = (ROOT / "dvc.yaml").read_text()
    stale = text.replace("        - stages/align.py\n", "        - pipeline/cli\n", 1)
    assert stale != text
    assert wiring.wired_pipeline(stale) == text


@pytest.mark.parametrize("stage", ["train_nir_vis", "pretrain_nir_vis"])
def test_a_family_reads_the_data_that_its_methods_declare(stage):
    text = (ROOT / "dvc.yaml").read_text()
    inputs = {"attributes"} if stage == "pretrain_nir_vis" else {"parts", "${item.second_rows}"}
    deps = set(STAGES[stage]["do"]["deps"])
    assert inputs == {dep.rpartition("/")[2] for dep in deps if "{item.dataset}/" in dep} - {
        "protocols"
    }
    head, part, tail = text.partition(f"  {stage}:\n")
    forgotten = re.sub(r"        - data/\$\{item.dataset\}/(parts|attributes)\n", "", tail, count=1)
    too_wide = tail.replace("deps:\n", "deps:\n        - data/${item.dataset}/poses\n", 1)
    for stale in (forgotten, too_wide):
        assert stale != tail
        assert wiring.wired_pipeline(head + part + stale) == text


def test_a_method_that_reads_more_is_wired_to_it(monkeypatch):
    monkeypatch.setattr("pipeline.training.methods.hsst.Hsst.inputs", ("parts", "poses"))
    wired = YAML(typ="safe").load(wiring.wired_pipeline((ROOT / "dvc.yaml").read_text()))
    deps = wired["stages"]["train_nir_vis"]["do"]["deps"]
    assert "data/${item.dataset}/poses" in deps
    assert "data/${item.dataset}/parts" in deps
    assert "data/${item.dataset}/${item.second_rows}" in deps  # no method says that: params do


def test_a_forgotten_stage_is_put_into_the_contract():
    text = (ROOT / "pyproject.toml").read_text()
    assert wiring.wired_project(text.replace('    "stages.parse",\n', "")) == text


def test_check_tells_what_is_stale_and_writes_nothing(tmp_path, monkeypatch):
    (tmp_path / "dvc.yaml").write_text("old")
    monkeypatch.setattr(wiring, "ROOT", tmp_path)
    monkeypatch.setattr(wiring, "FILES", {"dvc.yaml": lambda text: "new"})
    with pytest.raises(SystemExit, match=r"stale: dvc.yaml; run `make wiring`"):
        wiring.main(["--check"])
    assert (tmp_path / "dvc.yaml").read_text() == "old"
    wiring.main([])
    assert (tmp_path / "dvc.yaml").read_text() == "new"
    with pytest.raises(SystemExit) as ended:
        wiring.main(["--check"])
    assert ended.value.code == 0


def test_modules_are_loaded_by_name_through_registries_alone():
    """A name written into the call would be seen neither by a key nor by ``make wiring``."""
    literal = re.compile(r"import_module\(\s*f?[\"']")
    sources = [
        path for top in ("pipeline", "stages", "models") for path in (ROOT / top).rglob("*.py")
    ]
    assert [path.name for path in sources if literal.search(path.read_text())] == []
