"""Profiles: values laid over params.yaml, and what goes with what they remove."""

from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.params.load import check_params, lay_profile_over, read_yaml

ROOT = Path(__file__).resolve().parents[2]


def test_a_removed_data_set_takes_along_what_stands_on_it():
    params = read_yaml(ROOT / "params.yaml")
    mine = {"reader": "folder", "root": "images", "shards": 2}
    profile = {"datasets": {"sample": None, "mine": mine}, "face_datasets": {"mine": {}}}
    laid = lay_profile_over(params, profile)
    check_params(laid, ROOT / "params.yaml")
    assert list(laid["datasets"]) == ["scenes", "mine"]
    assert laid["face_datasets"] == {"mine": {}}
    assert laid["body_datasets"] == params["body_datasets"]
    assert list(laid["protocols"]) == ["scenes"]
    assert [entry["dataset"] for entry in laid["sample"].values()] == ["scenes"]
    assert laid["pretrain_nir_vis"] == laid["train_nir_vis"] == laid["evaluate_nir_vis"] == {}
    assert lay_profile_over(params, {}) == params


def test_exports_of_a_removed_data_set_go_with_it():
    params = read_yaml(ROOT / "params.yaml")
    one = {"format": "folder", "to": "exports/one"}
    params["exports"] = {
        "faces": one | {"source": "./data/sample/align"},
        "people": one | {"source": "data/scenes/crop_bodies", "to": "exports/two"},
        "others": one | {"source": "/mnt/data/sample/align", "to": "exports/three"},
    }
    named = {"exports": {"mine": one | {"source": "data/sample/parse"}}}
    laid = lay_profile_over(params, {"datasets": {"sample": None}} | named)
    assert list(laid["exports"]) == ["people", "others", "mine"]


@pytest.mark.parametrize(
    "section",
    ["synthesis_datasets", "body_datasets", "protocols", "analyse_modality", "crops", "exports"],
)
def test_a_section_of_entries_that_a_profile_removes_is_an_empty_one(section):
    params = read_yaml(ROOT / "params.yaml")
    params["crops"] = {"small": {"dataset": "sample", "template": "arcface112"}}
    params["exports"] = {"faces": {"source": "data/sample/align", "format": "folder", "to": "to"}}
    assert params[section]
    assert lay_profile_over(params, {section: None})[section] == {}


@pytest.mark.parametrize(
    ("profile", "kept"),
    [
        ({"detect_bodies": {"file": None}}, lambda params: params.detect_bodies.file),
        (
            {"pretrain_nir_vis": {"lightcnn9": {"checkpoint": None, "max_gradient_norm": None}}},
            lambda params: (
                params.pretrain_nir_vis["lightcnn9"].checkpoint
                or params.pretrain_nir_vis["lightcnn9"].max_gradient_norm
            ),
        ),
    ],
)
def test_a_profile_says_null_of_what_may_be_null(profile, kept):
    params = read_yaml(ROOT / "params.yaml")
    assert kept(check_params(lay_profile_over(params, profile), ROOT)) is None


def test_entries_that_a_profile_moves_to_another_data_set_keep_all_else():
    params = read_yaml(ROOT / "params.yaml")
    profile = {
        "datasets": {
            "sample": None,
            "scenes": None,
            "casia": {"reader": "casia_nir_vis2", "root": "/data/casia", "shards": 4},
        },
        "face_datasets": {"casia": {}},
        "protocols": {"casia": {"build": "official", "rows": "ingest", "seed": 7, "subset": {}}},
        "pretrain_nir_vis": {"lightcnn9": {"dataset": "casia"}},
        "train_nir_vis": {"pram_cat": {"dataset": "casia", "protocol": "view2"}},
    }
    laid = lay_profile_over(params, profile)
    checked = check_params(laid, ROOT)
    assert list(checked.train_nir_vis) == ["pram_cat"]
    assert checked.train_nir_vis["pram_cat"].steps == params["train_nir_vis"]["pram_cat"]["steps"]
    assert checked.evaluate_nir_vis == {}
    profile["train_nir_vis"]["pram_cat"]["second_rows"] = "masks"
    laid = lay_profile_over(params, profile)
    with pytest.raises(ParamsError, match=r"pram_cat\.second_rows reads .*'casia': add it to syn"):
        check_params(laid, ROOT)
    laid = lay_profile_over(params, profile | {"synthesis_datasets": {"casia": {}}})
    assert list(check_params(laid, ROOT).synthesis_datasets) == ["casia"]


def test_a_network_that_is_removed_takes_what_starts_from_it_along():
    params = read_yaml(ROOT / "params.yaml")
    laid = lay_profile_over(params, {"pretrain_nir_vis": {"lightcnn9": None}})
    assert laid["train_nir_vis"] == laid["evaluate_nir_vis"] == {}
    laid = lay_profile_over(params, {"train_nir_vis": {"hsst": None}})
    assert list(laid["evaluate_nir_vis"]) == ["pram_cat-VIS-NIR"]


def test_a_method_that_moves_leaves_the_evaluations_of_where_it_was():
    params = read_yaml(ROOT / "params.yaml")
    params["protocols"]["scenes"] = params["protocols"]["sample"]
    moved = {"dataset": "scenes", "second_rows": "parts"}
    laid = lay_profile_over(params, {"train_nir_vis": {"hsst": moved}})
    assert list(laid["evaluate_nir_vis"]) == ["pram_cat-VIS-NIR"]
    assert check_params(laid, ROOT).train_nir_vis["hsst"].dataset == "scenes"


@pytest.mark.parametrize(
    ("family", "method", "to", "left"),
    [
        ("dmfr", "meta", "scenes", {"disentangle", "filter"}),
        ("bodies", "full", "sample", {"lora"}),
        ("bodies", "face", "sample", set()),  # beside which both are tested
    ],
)
def test_a_method_of_dmfr_or_of_people_that_moves_does_so_too(family, method, to, left):
    params = read_yaml(ROOT / "params.yaml")
    laid = lay_profile_over(params, {f"train_{family}": {method: {"dataset": to}}})
    assert {entry["training"] for entry in laid[f"evaluate_{family}"].values()} == left


def test_no_sample_means_its_data_sets_neither_and_few_overrides_are_no_fault():
    params = read_yaml(ROOT / "params.yaml")
    mine = {"reader": "folder", "root": "images", "shards": 1}
    profile = {"sample": None, "datasets": {"mine": mine}, "align": {"face": "all"}}
    checked = check_params(lay_profile_over(params, profile), ROOT)
    assert list(checked.datasets) == ["mine"]
    assert checked.align.face == "all"


def test_a_change_of_what_is_not_there_is_one_line():
    params = lay_profile_over(read_yaml(ROOT / "params.yaml"), {"sample": None})
    with pytest.raises(
        ParamsError, match=r"^sample\.openpeople: the profile changes an entry"
    ) as told:
        lay_profile_over(params, {"sample": {"openpeople": {"subjects": 1}}})
    assert "\n" not in str(told.value)


def test_what_went_with_the_sample_before_is_one_line_an_entry():
    params = lay_profile_over(read_yaml(ROOT / "params.yaml"), {"sample": None})
    profile = {
        "datasets": {"photos": {"reader": "folder", "root": "photos", "shards": 1}},
        "pretrain_nir_vis": {"lightcnn9": {"dataset": "photos"}},
        "train_nir_vis": {"pram_cat": {"dataset": "photos", "protocol": "VIS-NIR"}},
    }
    with pytest.raises(ParamsError) as told:
        lay_profile_over(params, profile)
    pretrained, trained = str(told.value).splitlines()
    assert pretrained.startswith("pretrain_nir_vis.lightcnn9: the profile changes an entry")
    assert "lacks steps, learning_rate" in pretrained
    assert "lacks kind: give all of its keys" in trained
    assert "`crossband init NAME --profile FILE` without --images" in trained


@pytest.mark.parametrize(
    ("section", "value"), [("evaluate_nir_vis", []), ("datasets", "casia"), ("sample", 3)]
)
def test_a_profile_with_no_keys_where_a_section_is_is_one_line(section, value):
    params = read_yaml(ROOT / "params.yaml")
    with pytest.raises(ParamsError, match=rf"^{section}: expected keys, or null .* found"):
        lay_profile_over(params, {section: value})
    assert lay_profile_over(params, {"evaluate_nir_vis": None})["evaluate_nir_vis"] == {}


def test_what_a_profile_names_itself_stays_and_is_checked():
    params = read_yaml(ROOT / "params.yaml")
    profile = {"datasets": {"sample": None}, "protocols": {"sample": {"seed": 1}}}
    assert lay_profile_over(params, profile)["protocols"]["sample"] == {"seed": 1}
