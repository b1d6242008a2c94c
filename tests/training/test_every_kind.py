"""One evaluation of each kind of protocol, from an official layout on disk to table and curves.

Images of the replicas are one photograph, darkened from person to person. What the measures should
be is tested in ``tests/evaluation``; here is tested that every stage hands on what the next needs.
"""

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from face_rows import face_row
from project_folder import ROOT, SHORT, Project
from short_params import BANDS

from pipeline import testing
from pipeline.evaluation.recognition import HEADLINES
from pipeline.store.protocols import (
    Kind,
    Protocol,
    Provenance,
    read_protocol,
    template_table,
    train_table,
    write_protocol,
)

SHOWN = {"rank1", "accuracy", "map", "eer"}
FACE = skimage.data.astronaut()[40:240, 130:330]


@dataclass(frozen=True)
class Case:
    """A protocol of a replica, and how many its first rate is of, worked out by hand."""

    kind: Kind
    reader: str
    protocol: str
    n: int
    options: dict


CASES = {
    # 2 people are tested with 2 NIR images each, in 2 folds
    "recognition": Case(Kind.RECOGNITION, "casia_nir_vis2", "view2", 8, {}),
    # 2 folds of 2 pairs each
    "pair_accuracy": Case(Kind.PAIR_ACCURACY, "lfw", "view2", 4, {}),
    # 4 genuine pairs, one of each person
    "verification": Case(Kind.VERIFICATION, "ijbc", "verification", 4, {}),
    # each gallery has a mate of 2 of the 4 probes
    "open_set": Case(Kind.OPEN_SET, "ijbc", "identification", 4, {}),
    # 2 listed images of one person, 3 of the other: 2 · 1 + 3 · 2 pairs of a probe and a mate
    "distractors": Case(Kind.DISTRACTORS, "megaface", "official", 8, {}),
    # 2 people in 2 cameras, one image each, in 10 trials; of the other camera each has mates
    "reidentification": Case(
        Kind.REIDENTIFICATION, "llcm", "sampled_to_all_ir_to_vis", 40, {"train": 1, "each": 1}
    ),
    # 2 of 4 people with 2 images each, in 2 trials
    "reidentification_by_image": Case(
        Kind.REIDENTIFICATION_BY_IMAGE, "regdb", "visible_to_thermal", 8, {}
    ),
}


def photograph(key, extension=".png", grey=False):
    """An image of a replica: the subject's folder, or name, says how dark."""
    shade = sum(map(ord, key.rpartition("/")[0] or key)) % 5
    image = np.asarray(FACE * (1.0 - 0.12 * shade), np.uint8)[..., ::-1]
    image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if grey else np.ascontiguousarray(image)
    return cv2.imencode(extension, image)[1].tobytes()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that its stages initialised and left as it was, on made-up people."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copy(ROOT / "params.yaml", folder)
        project = Project()
        project.edit(
            pretrain_nir_vis={"lightcnn9": SHORT | {"steps": 0}},
            train_nir_vis={
                "hsst": SHORT
                | {"steps": 0, "second_rows": "parts", "batch_pairs": 1, "prototypes": 1}
            },
        )
        rows = [face_row(f"t{n}.{band}", f"t{n}", band) for n in range(2) for band in BANDS]
        project.faces("sample", rows)
        table = train_table((None, row["sample_id"], row["subject_id"]) for row in rows)
        nobody = template_table([])
        made = Protocol("VIS-NIR", Provenance.DERIVED, "", nobody, nobody, None, table)
        write_protocol(Path("data/sample/protocols"), made)
        project.run("pretrain_nir_vis", "lightcnn9")
        project.run("train_nir_vis", "hsst")
    return folder


@pytest.fixture
def replica(trained, tmp_path, monkeypatch, weight_file):
    """A function that writes a replica and runs the stages up to its evaluation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROSSBAND_EXECUTOR", "serial")
    monkeypatch.setattr("pipeline.testing.images.image_bytes", photograph)
    shutil.copy(trained / "params.yaml", tmp_path)
    shutil.copy(ROOT / "weights.yaml", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/trained").symlink_to(trained / "data/trained")
    (tmp_path / "weights").mkdir()
    for name in ("yunet", "face_mesh_468", "sface"):
        (tmp_path / "weights" / weight_file(name).name).symlink_to(weight_file(name))

    def run(case):
        getattr(testing, case.reader)(tmp_path / "images", **case.options)
        project = Project()
        dataset = {"reader": case.reader, "root": "images", "shards": 1}
        project.edit(
            datasets={"mine": dataset},
            face_datasets={"mine": {}},
            protocols={"mine": {"build": "official", "rows": "ingest", "seed": 7, "subset": {}}},
            evaluate_nir_vis={
                "tested": {
                    "method": "hsst",
                    "dataset": "mine",
                    "protocol": case.protocol,
                    "rows": "align",
                    "cross_dataset": True,
                }
            },
        )
        for stage in ("ingest", "protocols", "detect", "align"):
            project.run(stage, "mine")
        project.run("evaluate_nir_vis", "tested")
        return project.metrics("mine", "evaluate_nir_vis", "tested")

    return run


def rate(metrics, name):
    table, _, key = name.partition(".")
    return metrics[table][key] if key else metrics[table]


def curve_rows(path):
    with path.open() as file:
        return {point["row"] for point in csv.DictReader(file)}


@pytest.mark.parametrize("name", CASES)
def test_an_evaluation_of_each_kind_writes_table_curves_and_summary(replica, name):
    case = CASES[name]
    metrics = replica(case)
    protocol = read_protocol(Path("data/mine/protocols", case.protocol))
    assert protocol.kind == case.kind
    first = HEADLINES[case.kind][0]
    for row in (metrics, *(metrics[beside] for beside in ("sface", "untrained", "pretrained"))):
        assert rate(row, first)["n"] == case.n
        values = [rate(row, each)["value"] for each in HEADLINES[case.kind]]
        assert all(value is None or 0 <= value <= 1 for value in values)
    table = Path("reports/figures/mine/evaluate_nir_vis/tested.md").read_text()
    for row in ("| SFace, zero-shot |", "| untrained |", "| pretrained |", "| **trained** |"):
        assert row in table
    curves = {
        name: curve_rows(Path(f"reports/curves/mine/evaluate_nir_vis/tested.{name}.csv"))
        for name in ("roc", "cmc")
    }
    rows = {"sface", "untrained", "pretrained", "trained"}
    for kind, curve in curves.items():
        # a protocol has what its kind is published with
        assert curve in (rows, set()), kind
    assert any(curves.values())
    summary = json.loads(Path("reports/summary/mine/evaluate_nir_vis/tested.json").read_text())
    assert 0 < len(summary) <= 8
    assert all(summary[key] == rate(metrics, key)["value"] for key in summary if key in SHOWN)
    assert SHOWN & summary.keys()
    assert Path("reports/figures/mine/evaluate_nir_vis/tested.png").stat().st_size > 0


def test_the_rates_in_the_report_are_those_of_the_embeddings_beside_it(replica):
    """Rank-1 of the network, from the embeddings file and the protocol's tables alone."""
    metrics = replica(CASES["recognition"])
    found = Project().embeddings("mine", "tested")
    protocol = read_protocol(Path("data/mine/protocols/view2"))
    hits = []
    for number in protocol.folds():
        fold = protocol.fold(number)
        known = fold.enroll.to_pylist()
        for probe in fold.probe.to_pylist():
            scores = [
                found[probe["sample_id"]]
                @ found[each["sample_id"]]
                / np.linalg.norm(found[probe["sample_id"]])
                / np.linalg.norm(found[each["sample_id"]])
                for each in known
            ]
            others = [
                s
                for s, each in zip(scores, known, strict=True)
                if each["subject_id"] != probe["subject_id"]
            ]
            own = [
                s
                for s, each in zip(scores, known, strict=True)
                if each["subject_id"] == probe["subject_id"]
            ]
            hits.append(max(own) > max(others))
    assert metrics["rank1"]["value"] == pytest.approx(np.mean(hits), abs=1e-6)


def test_stages_before_are_what_dvc_reads(replica):
    """The folders that ``dvc.yaml`` names for an evaluation are there, but those of code."""
    from ruamel.yaml import YAML

    replica(CASES["pair_accuracy"])
    item = {"dataset": "mine", "rows": "align", "method": "hsst"}
    stage = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]["evaluate_nir_vis"]
    for dep in stage["do"]["deps"]:
        if dep.startswith("data/"):
            for key, value in item.items():
                dep = dep.replace(f"${{item.{key}}}", value)
            assert Path(dep).exists(), dep
