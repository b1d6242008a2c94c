"""params.yaml: every fault is one clear line with the key's path."""

import re
from pathlib import Path
from typing import get_args

import pytest
from dvc.utils.serialize import load_yaml
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from pipeline.errors import ParamsError
from pipeline.ops.boxes import CHOICES
from pipeline.ops.geometry import BORDERS, INTERPOLATIONS
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.params.align import AlignParams, BuiltInTemplate, TemplateParams
from pipeline.params.datasets import HeatParams
from pipeline.params.detect_bodies import NetworkFileParams
from pipeline.params.evaluation import NetworkParams
from pipeline.params.load import (
    check_params,
    load_params,
    load_section,
    merge_params,
    read_yaml,
    section_values,
)
from pipeline.params.protocols import SubsetParams
from pipeline.params.whole import Params

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "params.yaml").read_text()


def faults(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_the_projects_own_params_are_in_order():
    params = load_params(ROOT / "params.yaml")
    assert params.align.template == "arcface144"
    with pytest.raises(ValidationError):
        params.align.template = "arcface112"  # frozen


def test_the_tiny_profile_is_in_order(tmp_path):
    merged = merge_params(read_yaml(ROOT / "params.yaml"), read_yaml(ROOT / "params/tiny.yaml"))
    YAML().dump(merged, tmp_path / "params.yaml")
    tiny = load_params(tmp_path / "params.yaml")
    assert (
        tiny.sample.openpeople.subjects
        < load_params(ROOT / "params.yaml").sample.openpeople.subjects
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "  template: arc",
            "  tempate: arc",
            r"align\.tempate: unknown key, did you mean 'template'\?",
        ),
        ("    shards: 16 ", "    shards: many ", r"datasets\.sample\.shards: .*integer.*'many'"),
        (
            "    shards: 16 ",
            "    shards: 0 ",
            r"datasets\.sample\.shards: .*greater than",
        ),
        ("score_threshold: 0.7", "score_threshold: 1.7", r"detect\.score_threshold: .*less than"),
        ("score_threshold: 0.7", "score_threshold: '0.7'", r"detect\.score_threshold: .*number"),
        ("template: arcface144", "template: arcface99", r"align: .*'arcface99' is none of"),
        (
            "    precision: auto          # auto (bfloat16",
            "    precision: 32-true       # auto (bfloat16",
            r"pretrain_nir_vis\.lightcnn9\.precision: .*'float32'.*found '32-true'",
        ),
        (
            "backend: yunet             # yunet | retinaface",
            "backend: fan               # yunet | retinaface",
            r"detect: .*fan is yunet with other landmarks: set landmarks: detector",
        ),
        ("backend: yunet", "backend: yolo", r"detect\.backend: .*'yunet'.*found 'yolo'"),
        ("[0.5, 99.5]", "[99.5, 0.5]", r"ingest: .*first has to be below"),
        ("[VIS, NIR, SWIR", "[VIS, VIS, SWIR", r"sample\.openpeople\.bands: .*VIS is named twice"),
        ("[VIS, NIR, SWIR", "[VIS, UV, SWIR", r"sample\.openpeople\.bands\.1: .*'UV'"),
        ("subjects: 24 ", "subjects: 0 ", r"sample\.procedural\.subjects: .*greater than"),
        ("test_subjects: 7 ", "test_subjects: 21 ", r"sample\.procedural: .*ask for 25 people"),
        (
            "max_yaw_deg: 60.0 ",
            "max_yaw_deg: 90.5 ",
            r"sample\.procedural\.max_yaw_deg: .*less than",
        ),
        ("  nms_threshold: 0.3", "  size: 0.3", r"detect\.size: the name 'size' may not be used"),
        ("  min_pixels: 8", "  nfiles: 8", r"parts\.nfiles: the name 'nfiles' may not be used"),
        (
            "  commercial_only: false",
            "  commercial_only: 0",
            r"weights\.commercial_only: .*boolean",
        ),
        ("reader: shards", "reader: casia", r"datasets\.sample\.reader: .*found 'casia'"),
        # Keys of an entry, of one that has a kind, of a list's entry, of what may be null.
        (
            "    batch_pairs: 5 ",
            "    batch_pair: 5 ",
            r"train_nir_vis\.hsst\.batch_pair: unknown key, did you mean 'batch_pairs'\?",
        ),
        ("rank: 8 ", "rank: 0 ", r"train_bodies\.lora\.lora\.rank: .*greater than"),
        ("alpha: 16 ", "alfa: 16 ", r"train_bodies\.lora\.lora\.alfa: .*mean 'alpha'"),
        (
            "equalised, inverted:",
            "equalised, invert:",
            r"detect\.thermal_views\.0\.invert: .*mean 'inverted'",
        ),
        (
            "      frame_base: 0",
            "      frame_bas: 0",
            r"datasets\.scenes\.ijb_mdf\.frame_bas: .*mean 'frame_base'",
        ),
        (
            "triplet_margin: 0.0 ",
            "triplet_margin: hard ",
            r"pretrain_bodies\.vis\.triplet_margin: .*'soft', found 'hard'",
        ),
        ("\n  sample:\n", "\n  Sample:\n", r"datasets\.Sample.*"),
        ("  sample: {}", "  samples: {}", r"face_datasets: \['samples'\] are not in"),
        *(
            (
                "    root: data/sample/source ",
                f"    root: {root} ",
                rf"datasets\.sample\.root: {re.escape(root)} is, or holds, .*",
            )
            for root in ("data/sample", "data", ".", "data/sample/../../data")
        ),
        (
            "reader: shards",
            "reader: shards\n    ijb_mdf: {}",
            r"datasets\.sample: .*'shards' does not use this",
        ),
    ],
)
def test_each_fault_is_one_line_with_its_path(tmp_path, old, new, fault):
    assert old in TEXT
    found = faults(tmp_path, TEXT.replace(old, new, 1))
    assert any(re.fullmatch(fault + ".*", line) for line in found), found


@pytest.mark.parametrize(
    ("section", "entry", "fault"),
    [
        (
            "train_nir_vis",
            {"dataset": "x"},
            r"\.kind: this key is missing, expected one of adfl, .*, pram, ",
        ),
        (
            "train_nir_vis",
            {"kind": "pran"},
            r"\.kind: .*, trivet, wcnn, found 'pran', did you mean 'pram'",
        ),
        ("pretrain_bodies", {"kind": 5}, r"\.kind: expected one of .*semantic_vit, found '5'$"),
        (
            "pretrain_nir_vis",
            {"dataset": "x"},
            r": lacks steps, learning_rate, grad_\w+ and \d+ more keys: give all of its keys$",
        ),
    ],
)
def test_an_entry_of_which_little_is_there_is_one_line(section, entry, fault):
    values = read_yaml(ROOT / "params.yaml")
    values[section]["mine"] = entry
    with pytest.raises(ParamsError, match=rf"params\.yaml: {section}\.mine{fault}") as told:
        check_params(values, ROOT / "params.yaml")
    assert "\n" not in str(told.value)


def test_all_faults_are_told_at_once(tmp_path):
    text = TEXT.replace("backend: yunet", "backend: x").replace("batch_rows: 8", "batch_rows: 0")
    assert len(faults(tmp_path, text)) == 2


def test_a_missing_section_is_named(tmp_path):
    text = re.sub(r"\nparts:.*?(?=\n\S)", "", TEXT, flags=re.DOTALL)
    assert faults(tmp_path, text) == ["parts: this key is missing"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a: [", "while parsing"), ("- a", "expected sections"), ("a: 1\na: 2", "duplicate key")],
)
def test_what_is_no_mapping_is_refused(tmp_path, text, fault):
    assert fault in faults(tmp_path, text)[0]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParamsError, match="No such file"):
        load_params(tmp_path / "params.yaml")


def test_merging_lays_key_by_key_and_null_removes():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merge_params(base, {"a": {"y": [3]}, "b": None, "c": {"d": 1}}) == {
        "a": {"x": 1, "y": [3]},
        "c": {"d": 1},
    }
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_names_agree_with_the_code_that_knows_them():
    fields = AlignParams.model_fields
    assert {*get_args(BuiltInTemplate)} == ALIGNMENT_TEMPLATES.keys() - {"facexlib512"}
    assert {*get_args(fields["interpolation"].annotation)} == INTERPOLATIONS.keys()
    assert {*get_args(fields["border"].annotation)} == BORDERS.keys()
    assert {*get_args(fields["face"].annotation)} == CHOICES.keys()


def test_a_template_of_ones_own_is_taken(tmp_path):
    points = "[[9, 9], [39, 9], [24, 24], [12, 40], [36, 40]]"
    own = f"templates: {{mine: {{height_px: 64, width_px: 48, landmarks_xy: {points}}}}}"
    text = TEXT.replace("templates: {}", own).replace("template: arcface144", "template: mine")
    path = tmp_path / "params.yaml"
    path.write_text(text)
    assert load_params(path).align.templates["mine"].width_px == 48


def test_what_cannot_change_a_result_is_left_out_of_fingerprints():
    params = load_params(ROOT / "params.yaml")
    assert "batch_rows" not in section_values(params.parse)
    assert section_values(params.parse)["eye_bias"] == params.parse.eye_bias
    file = NetworkFileParams(path="a.onnx", sha256="0" * 64)
    bodies = params.detect_bodies.model_copy(update={"backend": "file", "file": file})
    assert section_values(bodies)["file"] == {"sha256": "0" * 64}
    assert "checkpoint_steps" not in section_values(params.train_degrader)


def keys(model: type[BaseModel]):
    for name, field in model.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from keys(kind)


def test_no_section_has_a_name_that_dvc_overlooks():
    assert not {"size", "nfiles"} & set(keys(Params))


@pytest.mark.parametrize("section", ["pretrain_nir_vis", "pretrain_bodies"])
def test_where_a_checkpoint_lies_counts_for_nothing(section):
    values = []
    for path in ("a.pth", "/other/b.pth"):
        params = read_yaml(ROOT / "params.yaml")
        for entry in params[section].values():
            entry["checkpoint"] = {"path": path, "sha256": "0" * 64}
        checked = check_params(params, ROOT)
        values.append([section_values(each) for each in getattr(checked, section).values()])
    assert values[0] == values[1]
    assert values[0][0]["checkpoint"] == {"sha256": "0" * 64}


@pytest.mark.parametrize(
    ("section", "name", "says"),
    [
        ("evaluate_nir_vis", "hsst-VIS-NIR", "tests on 'scenes', but 'hsst' was trained on"),
        ("evaluate_dmfr", "meta-cross-pose", "tests on 'scenes', but 'meta' was trained on"),
        ("evaluate_bodies", "lora", "tests on 'sample', but 'lora' was trained on 'scenes'"),
    ],
)
def test_a_test_on_another_data_set_than_was_trained_on_has_to_say_so(section, name, says):
    values = read_yaml(ROOT / "params.yaml")
    entry = values[section][name]
    entry["dataset"] = {"sample": "scenes", "scenes": "sample"}[entry["dataset"]]
    with pytest.raises(ParamsError, match=rf"{section}\.{name}: {says}.* cross_dataset: true"):
        check_params(values, ROOT)
    entry["cross_dataset"] = True
    tested = getattr(check_params(values, ROOT), section)[name]
    assert tested.dataset == entry["dataset"]


def test_faces_beside_bodies_are_of_the_data_set_that_they_are_tested_on():
    values = read_yaml(ROOT / "params.yaml")
    values["train_bodies"]["face"]["dataset"] = "sample"
    with pytest.raises(
        ParamsError, match=r"evaluate_bodies\.full: tests on 'scenes', but 'face' was trained on"
    ):
        check_params(values, ROOT)


def test_real_probes_of_dmfr_need_no_synthetic_faces_of_their_data_set():
    values = read_yaml(ROOT / "params.yaml")
    entry = values["evaluate_dmfr"]["meta-cross-pose"]
    entry |= {"dataset": "scenes", "cross_dataset": True}
    values["evaluate_dmfr"] = {"scenes": entry}
    assert "scenes" not in check_params(values, ROOT).synthesis_datasets
    entry |= {"rows": "degrade", "probes": "photometric"}
    with pytest.raises(
        ParamsError, match=r"scenes\.rows reads synthetic faces of 'scenes': add it"
    ):
        check_params(values, ROOT)


@pytest.mark.parametrize(("rows", "probes"), [("degrade", "real"), ("attributes", "photometric")])
def test_dmfrs_probes_are_rows_of_the_stage_that_makes_them(rows, probes):
    values = read_yaml(ROOT / "params.yaml")
    values["evaluate_dmfr"]["meta-cross-pose"] |= {"rows": rows, "probes": probes}
    says = rf"rows '{rows}': expected '\w+', which has {probes} probes"
    with pytest.raises(ParamsError, match=says):
        check_params(values, ROOT)


def test_probes_of_a_network_that_is_not_trained_are_refused():
    values = read_yaml(ROOT / "params.yaml")
    values["evaluate_dmfr"]["filter-cross-quality"]["probes"] = "cyclegan"
    with pytest.raises(ParamsError, match=r"no network is trained .*steps above 0"):
        check_params(values, ROOT)
    values["train_degrader"]["steps"] = 1
    check_params(values, ROOT)
    values["degrade"]["per_face"]["cyclegan"] = 0
    with pytest.raises(ParamsError, match=r"per_face\.cyclegan to 1"):
        check_params(values, ROOT)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("out/nir", "out/./nir/", True),
        ("s3://bucket/nir", "s3://bucket/nir/", True),
        ("out/nir", "out/vis", False),
        ("s3://one/nir", "s3://two/nir", False),
        ("s3://bucket/nir", "gs://bucket/nir", False),
    ],
)
def test_two_exports_to_one_place_are_refused(first, second, alike):
    values = read_yaml(ROOT / "params.yaml")
    source = {"source": "data/sample/align", "format": "lists"}
    values["exports"] = {"a": source | {"to": first}, "b": source | {"to": second}}
    if alike:
        with pytest.raises(ParamsError, match=r"exports\.b\.to: .* is where exports\.a goes"):
            check_params(values, ROOT)
    else:
        assert list(check_params(values, ROOT).exports) == ["a", "b"]


@pytest.mark.parametrize("file", ["params.yaml", "ablations/params.yaml"])
def test_what_a_mapping_takes_over_dvc_reads_as_we_do(file):
    path = Path(__file__).resolve().parents[2] / file
    assert "<<: *" in path.read_text()
    assert load_yaml(path) == read_yaml(path)


@pytest.mark.parametrize(
    ("model", "values", "key"),
    [
        (HeatParams, {"span_c": [1.0, 30.0]}, "span_c"),
        (NetworkParams, {"path": "a.onnx", "sha256": "0" * 64, "offset": 1.0}, "offset"),
        (NetworkParams, {"path": "a.onnx", "sha256": "0" * 64, "divisor": 1.0}, "divisor"),
        (
            TemplateParams,
            {"height_px": 64, "width_px": 64, "landmarks_xy": [[1.0, 9.0]] * 5},
            "landmarks_xy",
        ),
    ],
)
@pytest.mark.parametrize("found", [".nan", ".inf"])
def test_no_number_without_bounds_may_be_endless_or_none(tmp_path, model, values, key, found):
    path = tmp_path / "section.yaml"
    YAML().dump(values, path)
    path.write_text(path.read_text().replace("1.0", found))
    with pytest.raises(ParamsError, match=rf"{key}.*: Input should be a finite number"):
        load_section(model, path)


def test_a_range_of_no_number_is_refused(tmp_path):
    text = "{of: a, column: yaw_deg, absolute: true, gallery_range: [0, .nan], probe_range: [0, 1]}"
    (tmp_path / "section.yaml").write_text(text)
    with pytest.raises(ParamsError, match="gallery_range: the first has to be below the second"):
        load_section(SubsetParams, tmp_path / "section.yaml")
