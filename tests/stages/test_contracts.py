"""dvc.yaml, the stages and params.yaml agree."""

import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
from ruamel.yaml import YAML

from pipeline.params.train_dmfr import AnyDmfrParams
from pipeline.params.train_nir_vis import AnyNirVisParams
from pipeline.params.whole import Params
from pipeline.report.ground_truth_figure import PANELS
from pipeline.report.summary import CHOSEN
from pipeline.schemas.degrade import DEGRADE
from pipeline.schemas.masks import MASKS
from pipeline.schemas.poses import POSES
from pipeline.store.columns import extend
from pipeline.store.content import content_names
from pipeline.training.methods import load_method
from stages.weights import needed

ROOT = Path(__file__).resolve().parents[2]
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
MODULES = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "run", "wiring"}
ITEMS = {name: stage.get("do", stage) for name, stage in STAGES.items()}


ITEM_STAGES = (
    "crops",
    *("pretrain_nir_vis", "train_nir_vis", "evaluate_nir_vis"),
    *("pretrain_bodies", "train_bodies", "evaluate_bodies"),
    *("train_dmfr", "evaluate_dmfr"),
)
"""Stages that run over entries of a section of their own, each of which names its data set."""

WHOLE = frozenset({"weights", "report"})
"""Stages that run once, over nothing."""


DRAWN = ("analyse_modality",)
"""Stages over data sets that draw two figures of their own."""


def reports(kind, name, extension):
    """Where a stage's report of a kind lies."""
    if name in ITEM_STAGES:
        return f"reports/{kind}/${{item.dataset}}/{name}/${{key}}{extension}"
    return f"reports/{kind}/${{key}}/{name}{extension}"


def names(values):
    return [value if isinstance(value, str) else next(iter(value)) for value in values]


def test_every_stage_has_its_module_and_every_module_its_stage():
    assert ITEMS.keys() == MODULES


@pytest.mark.parametrize("name", ITEMS)
def test_the_command_runs_the_module_of_that_name(name):
    # DVC puts the stage's name into the environment: no shell reads a name as a command.
    assert re.fullmatch(rf'python -m stages\.{name}( "\$DVC_STAGE")?', ITEMS[name]["cmd"])


@pytest.mark.parametrize(
    "name",
    sorted(
        ITEMS.keys()
        - {*WHOLE, "sample", "ingest", "protocols", "export", "analyse_modality"}
        - {*ITEM_STAGES}
    ),
)
def test_a_stage_runs_over_the_data_sets_of_its_family(name):
    assert STAGES[name]["foreach"] in (
        "${face_datasets}",
        "${synthesis_datasets}",
        "${body_datasets}",
    )


@pytest.mark.parametrize("name", [*ITEM_STAGES, "analyse_modality"])
def test_a_stage_of_its_own_items_runs_over_their_section(name):
    assert STAGES[name]["foreach"] == f"${{{name}}}"


@pytest.mark.parametrize("name", ITEMS)
def test_the_params_are_sections_of_params_yaml(name):
    for key in ITEMS[name]["params"]:
        assert key.split(".")[0] in Params.model_fields


@pytest.mark.parametrize("name", sorted(ITEMS.keys() - {"weights"}))
def test_a_stage_depends_on_the_section_of_its_name(name):
    section = {"export": "exports"}.get(name, name)
    assert any(key.split(".")[0] == section for key in ITEMS[name]["params"])


def test_weights_depends_on_each_section_that_it_reads():
    read = {*re.findall(r"\bparams\.(\w+)", inspect.getsource(needed))}
    assert read == {key.split(".")[0] for key in ITEMS["weights"]["params"]} - {"weights"}


@pytest.mark.parametrize("name", sorted(ITEMS.keys() - {"report"}))
def test_outputs_persist_so_that_rows_can_be_reused(name):
    data = [out for out in ITEMS[name]["outs"] if not str(out).startswith("reports/metrics/")]
    for out in (each for each in data if not str(each).startswith("reports/figures/")):
        (options,) = out.values()
        assert options == {"persist": True}


@pytest.mark.parametrize("name", sorted(ITEMS.keys() - WHOLE))
def test_the_metric_is_the_summary_and_details_are_outputs(name):
    """The form of ``docs/dvc.md``: `dvc metrics` shows few numbers, a pull brings all."""
    assert ITEMS[name]["metrics"] == [reports("summary", name, ".json")]
    assert reports("metrics", name, ".json") in ITEMS[name]["outs"]


def test_summaries_are_chosen_for_stages_that_there_are():
    assert CHOSEN.keys() <= ITEMS.keys()


@pytest.mark.parametrize("name", ITEMS)
def test_every_output_is_cached_so_that_an_older_commit_and_a_clone_have_it(name):
    kinds = (ITEMS[name].get(kind, ()) for kind in ("outs", "metrics", "plots"))
    outputs = [out for kind in kinds for out in kind]
    options = [next(iter(out.values())) for out in outputs if not isinstance(out, str)]
    assert all(each.get("cache", True) for each in options)


@pytest.mark.parametrize("name", ITEMS)
def test_every_table_of_numbers_that_is_plotted_names_its_axes(name):
    tables = [plot for plot in ITEMS[name].get("plots", ()) if ".csv" in str(plot)]
    assert all({"x", "y"} <= next(iter(plot.values())).keys() for plot in tables)


@pytest.mark.parametrize("name", sorted(ITEMS.keys() - WHOLE - {"export"} - {*ITEM_STAGES}))
def test_images_lie_where_people_look(name):
    figures = [f"reports/figures/${{key}}/{name}.png"] if name in (*PANELS, *DRAWN) else []
    figures += [f"reports/figures/${{key}}/{name}.curves.png"] if name in DRAWN else []
    curves = [f"reports/curves/${{key}}/{name}.csv"] if name.startswith("train_") else []
    contact = f"reports/contact/${{key}}/{name}.png"
    assert names(ITEMS[name]["plots"]) == [contact, *figures, *curves]


@pytest.mark.parametrize("name", ITEM_STAGES)
def test_figures_and_curves_of_recognisers_lie_where_people_look(name):
    others = {
        "evaluate_nir_vis": (".roc.csv", ".cmc.csv"),
        "evaluate_dmfr": (".roc.csv", ".cmc.csv"),
        "evaluate_bodies": (".cmc.csv",),
        "train_bodies": (".csv", ".hard_pairs.csv"),
    }
    if name == "crops":
        assert names(ITEMS[name]["plots"]) == [reports("contact", name, ".png")]
        return
    curves = [reports("curves", name, ending) for ending in others.get(name, (".csv",))]
    sheet = [reports("contact", name, ".png")] if name.startswith("evaluate_") else []
    assert names(ITEMS[name]["plots"]) == [*sheet, reports("figures", name, ".png"), *curves]


def test_an_evaluation_reads_the_rows_that_it_names():
    deps = ITEMS["evaluate_nir_vis"]["deps"]
    found = {dep.rpartition("/")[2] for dep in deps if "${item.dataset}" in dep}
    assert found == {"${item.rows}", "ingest", "protocols"}


def test_an_evaluation_of_dmfr_reads_faces_and_what_was_made_of_probes():
    deps = ITEMS["evaluate_dmfr"]["deps"]
    found = {dep.rpartition("/")[2] for dep in deps if "${item.dataset}" in dep}
    assert found == {"attributes", "${item.rows}", "protocols"}


@pytest.mark.parametrize(
    ("stage", "family", "beside"),
    [
        ("train_nir_vis", AnyNirVisParams, {"protocols", "${item.second_rows}"}),
        ("train_dmfr", AnyDmfrParams, set()),
    ],
)
def test_a_family_reads_what_its_methods_declare(stage, family, beside):
    kinds = {p.model_fields["kind"].annotation for p in get_args(get_args(family)[0])}
    declared = {
        each for kind in kinds for name in get_args(kind) for each in load_method(name).inputs
    }
    found = {dep.rpartition("/")[2] for dep in ITEMS[stage]["deps"] if "${item.dataset}" in dep}
    assert found == declared | beside


@pytest.mark.parametrize("name", ITEM_STAGES)
def test_plots_name_templates_that_dvc_or_the_project_has(name):
    own = {path.stem for path in (ROOT / ".dvc" / "plots").glob("*.json")}
    for plot in ITEMS[name]["plots"]:
        options = {} if isinstance(plot, str) else next(iter(plot.values()))
        assert options.get("template", "linear") in own | {"linear"}


def test_no_file_is_longer_than_400_lines():
    files = [
        p for top in ("pipeline", "stages", "models", "tests") for p in (ROOT / top).rglob("*.py")
    ]
    assert [str(path) for path in files if len(path.read_text().splitlines()) > 400] == []


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        (MASKS, {"pixels_changed_outside", "region_iou"}),
        (POSES, {"psnr_identity_db", "yaw_error_deg", "pitch_error_deg"}),
        (DEGRADE, {"sharpness_before", "sharpness_after"}),
    ],
)
def test_what_reports_alone_read_is_no_content_and_does_not_go_on(schema, names):
    assert names <= set(schema.names)
    assert not names & content_names(schema)
    assert not names & set(extend(schema, []).names)
