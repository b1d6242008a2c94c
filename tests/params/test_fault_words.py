"""Faults of params.yaml are told in its own words, not in those of the libraries that read it."""

from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.params.load import check_params, read_yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a:\n  b: 1\n  c\n  d: 2\n", "line 3: expected ':' after the key"),
        ("a:\n  b: 1\n\tc: 2\n", "line 3: a tab: indent with spaces"),
        (
            "a:\n  b 1  # with a comment\n  c: 2\n",
            "line 3: does not fit the lines above: a ':' is missing there, or the indentation "
            "differs",
        ),
        (
            "a:\n  b: 'x\n",
            "line 3: while scanning a quoted scalar from line 2: found unexpected end of stream",
        ),
        ("a: b: c\n", "line 1: mapping values are not allowed here"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(tmp_path, text, fault):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as told:
        read_yaml(path)
    assert str(told.value) == f"{path}: {fault}"


def test_empty_values_and_bad_names_are_told_in_words_of_the_file():
    values = read_yaml(ROOT / "params.yaml")
    values["datasets"]["Photos-2"] = values["datasets"]["sample"]
    empty = dict.fromkeys(("synthesis_datasets", "masks"))
    with pytest.raises(ParamsError) as told:
        check_params(values | empty, Path("params.yaml"))
    assert sorted(str(told.value).splitlines()) == [
        "params.yaml: datasets.Photos-2: a name has lower-case letters, digits and _ (not first)",
        "params.yaml: masks: empty: give its keys, or write {} for none",
        "params.yaml: synthesis_datasets: empty: give its keys, or write {} for none",
    ]


def test_lists_keys_and_files_are_told_in_words_of_yaml_too():
    """Not those of JSON, nor as regular expressions."""
    values = read_yaml(ROOT / "params.yaml")
    values["train_nir_vis"]["hsst"]["folds"] = 1
    values["crops"] = "faces112"
    tested = values["evaluate_nir_vis"]
    tested["hsst-VIS-NIR"]["network"] = {"path": "mine.pt", "sha256": "AB"}
    tested["pram_cat-VIS-NIR"]["network"] = "mine.onnx"
    with pytest.raises(ParamsError) as told:
        check_params(values, Path("params.yaml"))
    assert sorted(str(told.value).splitlines()) == [
        "params.yaml: crops: expected keys, found 'faces112'",
        "params.yaml: evaluate_nir_vis.hsst-VIS-NIR.network.path: "
        "expected a file whose name ends in .onnx, found 'mine.pt'",
        "params.yaml: evaluate_nir_vis.hsst-VIS-NIR.network.sha256: "
        "expected what sha256sum prints: 64 digits of 0-9 and a-f, found 'AB'",
        "params.yaml: evaluate_nir_vis.pram_cat-VIS-NIR.network: expected keys, found 'mine.onnx'",
        "params.yaml: train_nir_vis.hsst.folds: expected a list in [ ], found 1",
    ]


def test_a_name_that_yaml_takes_for_a_number_is_told():
    values = read_yaml(ROOT / "params.yaml")
    values["datasets"][2024] = values["datasets"]["sample"]  # DVC makes no stage of it
    with pytest.raises(ParamsError) as told:
        check_params(values, Path("params.yaml"))
    fault = "datasets.2024: expected a name, found the int 2024: put it into quotes"
    assert str(told.value) == f"params.yaml: {fault}"
    values["datasets"]["2024"] = values["datasets"].pop(2024)
    check_params(values, Path("params.yaml"))
