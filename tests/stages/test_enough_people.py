"""Too few people for what params ask: told by ``protocols``, before anything is prepared."""

from itertools import product
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.params.load import read_yaml
from pipeline.store.protocols import protocol_names
from pipeline.testing.images import put_images
from pipeline.testing.nir_vis import casia_nir_vis2

ROOT = Path(__file__).resolve().parents[2]
WHOLE = read_yaml(ROOT / "params.yaml")
CUT = {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}


def entry(section, name, **values):
    """An entry of the project's params, on the data set ``mine``."""
    return {name: WHOLE[section][name] | {"dataset": "mine"} | values}


@pytest.fixture
def people(workspace):
    """Three people to train and one to test, each with two shots in both bands; one in VIS only."""
    for who, band in product(("train/a", "train/b", "train/c", "test/d"), ("VIS", "NIR")):
        put_images(workspace.path / "images", [f"{who}/{band}/{n}.png" for n in (1, 2)])
    put_images(workspace.path / "images", ["train/e/VIS/1.png"])
    workspace.edit(
        protocols={"mine": CUT},
        synthesis_datasets={"mine": {}},
        body_datasets={"mine": {}},
        pretrain_nir_vis=entry("pretrain_nir_vis", "lightcnn9"),
        pretrain_bodies=entry("pretrain_bodies", "vis", protocols=["VIS-NIR"], batch_subjects=2),
    )
    workspace.run("ingest")
    return workspace


def hsst(batch_pairs, prototypes, **values):
    counts = {"batch_pairs": batch_pairs, "prototypes": prototypes}
    return entry("train_nir_vis", "hsst", second_rows="parts", **counts, **values)


def test_a_training_that_needs_more_people_is_told_with_its_entry(people):
    people.edit(train_nir_vis=hsst(2, 2))
    told = (
        r"data set 'mine' has:\ntrain_nir_vis.hsst: protocol VIS-NIR, fold 1: 3 of 4 training "
        r"subjects have images in both VIS and NIR: expected at least 4, 2 in a queue and 2 in a "
        r"batch, .*; lower prototypes or batch_pairs to 3 together, or add .*\n.*take the entry out"
    )
    with pytest.raises(StageError, match=told):
        people.run("protocols")
    assert people.metrics("protocols")["VIS-NIR"]["train_subjects"] == 4  # to be looked at
    people.edit(train_nir_vis=hsst(2, 1))
    people.run("protocols")


def test_images_of_one_rendered_session_are_no_pair(people):
    lines = [f"r/{band}.png,r,{band},train,s1" for band in ("VIS", "NIR")]
    lines += [f"d/{n}{band}.png,d,{band},test,s{n}" for n in "12" for band in ("VIS", "NIR")]
    put_images(people.path / "images", [line.partition(",")[0] for line in lines])
    table = "\n".join(["path,subject,band,split,session", *lines])
    (people.path / "images/mine.csv").write_text(table)
    people.edit(
        datasets={"mine": {"list": "mine.csv", "simulated": True}},
        train_nir_vis=hsst(1, 1),
    )
    people.run("ingest")
    with pytest.raises(StageError, match=r"0 of 1 training subjects .*: expected at least 2"):
        people.run("protocols")


def test_bodies_are_counted_by_those_who_can_be_drawn(people):
    people.edit(
        train_bodies=entry(
            "train_bodies", "full", protocols=["VIS-NIR"], bands=["VIS", "NIR"], batch_subjects=4
        )
    )
    told = r"train_bodies.full: 3 of 4 training subjects can be drawn .*'lacking_a_band': 1.* to 3"
    with pytest.raises(StageError, match=told):
        people.run("protocols")
    people.edit(train_bodies={"full": {"batch_subjects": 3}})
    people.run("protocols")
    people.edit(pretrain_bodies={"vis": {"sampler": "random", "batch_subjects": 5}})
    told = r"pretrain_bodies.vis: 3 of 4 .*'lacking_a_second_image': 1.* at least 5"
    with pytest.raises(StageError, match=told):
        people.run("protocols")


def test_one_person_in_a_band_is_no_classifier(people):
    for who in "bce":
        for image in (people.path / "images/train" / who).rglob("*.png"):
            image.unlink()
    people.edit(
        pretrain_nir_vis={"lightcnn9": {"band": "NIR"}},
        pretrain_bodies={"vis": None},
        train_dmfr=entry("train_dmfr", "meta", pretrained="lightcnn9", crop="image"),
    )
    people.run("ingest")
    with pytest.raises(StageError) as found:
        people.run("protocols")
    one = ": 1 training subjects have images in {}: expected at least 2, to tell apart"
    for told in ("pretrain_nir_vis.lightcnn9" + one.format("NIR"), "train_dmfr.meta"):
        assert told in str(found.value)
    assert one.format("VIS") in str(found.value)
    people.edit(
        pretrain_nir_vis={"lightcnn9": {"steps": 0, "milestones": []}}, train_dmfr={"meta": None}
    )
    people.run("protocols")


def test_an_evaluation_of_a_protocol_that_nobody_probes_is_told(people):
    people.edit(
        train_nir_vis=hsst(2, 1, protocol="VIS-NIR"),
        evaluate_nir_vis={
            name: {"training": "hsst", "dataset": "mine", "protocol": name, "rows": "parts"}
            for name in ("VIS-NIR", "VIS-LWIR")
        },
    )
    with pytest.raises(StageError) as found:
        people.run("protocols")
    told = str(found.value).splitlines()[1:-1]
    assert len(told) == 1
    assert told[0].startswith("evaluate_nir_vis.VIS-LWIR: ")
    assert "expected one of VIS-NIR, VIS-VIS, found 'VIS-LWIR'" in told[0]


def test_folds_that_are_tested_and_not_trained_are_told(people, tmp_path):
    """`folds: [1]` in the training alone: the evaluation takes all ten of CASIA's."""
    casia_nir_vis2(tmp_path / "casia", subjects=4, each=2, folds=10)
    official = {"reader": "casia_nir_vis2", "root": str(tmp_path / "casia"), "shards": 1}
    tested = {"training": "hsst", "dataset": "mine", "protocol": "view2", "rows": "parts"}
    people.edit(
        datasets={"mine": None},
        protocols={"mine": CUT | {"build": "official"}},
        pretrain_nir_vis=entry("pretrain_nir_vis", "lightcnn9", steps=0, milestones=[]),
        train_nir_vis=hsst(1, 1, protocol="view2", folds=[1]),
        evaluate_nir_vis={"all": tested},
    )
    people.edit(datasets={"mine": official})
    people.run("ingest")
    told = (
        r"evaluate_nir_vis.all: hsst is trained only on the folds \[1\] of view2: .* \[2, 3, .*10\]"
    )
    with pytest.raises(StageError, match=told):
        people.run("protocols")
    people.edit(evaluate_nir_vis={"all": {"folds": [1]}})
    people.run("protocols")


def test_an_empty_side_of_a_subset_is_told(people):
    between = {"of": "VIS-NIR", "column": "width_px", "absolute": True}
    between |= {"gallery_range": [0, 1], "probe_range": [1, 100]}
    people.edit(
        protocols={"mine": {"subset": {"none": between}}},
        train_nir_vis=hsst(2, 1),
        evaluate_nir_vis={
            "x": {"training": "hsst", "dataset": "mine", "protocol": "none", "rows": "parts"}
        },
    )
    with pytest.raises(StageError, match=r"evaluate_nir_vis.x: .*none is empty: .* in enroll"):
        people.run("protocols")
    assert "none" in protocol_names(people.path / "data/mine/protocols")


def test_an_edit_of_a_training_makes_no_protocol_anew():
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    assert stages["protocols"]["do"]["params"] == ["protocols.${key}", "datasets.${key}"]


def test_what_is_trained_on_another_data_set_is_not_asked_of_this_one(people):
    people.edit(
        datasets={"other": {"reader": "folder", "root": "images", "shards": 1}},
        face_datasets={"other": {}},
        protocols={"other": CUT},
        train_nir_vis=hsst(50, 50, dataset="other"),
    )
    people.run("protocols")
