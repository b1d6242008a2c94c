"""Rows of the bodies' ablations on made-up people, and the table and contrasts that they make."""

import json
import shutil
from pathlib import Path

import pytest
from people_rows import BANDS, SHORT, write_people
from ruamel.yaml import YAML

from ablations import bodies_again, bodies_row, bodies_table
from pipeline.errors import ParamsError, StageError
from pipeline.evaluation.outcomes import read_outcomes
from pipeline.params.load import lay_profile_over, load_params, merge_params, read_yaml
from stages import pretrain_bodies
from stages.run import StageRun

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = {"skip": 0, "take": 4}
START = SHORT | {"images_per_band": 2, "subjects": SUBJECTS}


def write_project():
    """Four people to train, three to test, a start, and one row of bodies with two seeds."""
    shutil.copy(ROOT / "weights.yaml", ".")
    write_people("data/scenes", undetected=[("e2", "LWIR")])
    params = read_yaml(ROOT / "params.yaml")
    edits = {"pretrain_bodies": {"vis": START | {"network": {"patch_px": 8}}}}
    YAML().dump(lay_profile_over(params, edits), Path("params.yaml"))
    pretrain_bodies.run(StageRun("pretrain_bodies", "vis", load_params(Path("params.yaml"))))
    values = read_yaml(ROOT / "ablations/bodies/params.yaml")
    method = SHORT | {"subjects": SUBJECTS, "device": "cpu"}
    values["rows"] = {"full": merge_params(values["rows"]["full"], {"method": method})}
    names = ("finetuned_lwir", "face_token")
    values["contrasts"] = {name: values["contrasts"][name] for name in names}
    Path("ablations/bodies").mkdir(parents=True)
    YAML().dump(values | {"seeds": [1, 2]}, Path("ablations/bodies/params.yaml"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The project as it begins; a test takes ``project``, a copy."""
    folder = tmp_path_factory.mktemp("bodies")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project()
    return folder


@pytest.fixture
def project(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def test_a_row_is_trained_with_each_seed_and_claims_about_it_get_a_verdict(project):
    bodies_row.run("full")
    found = json.loads(Path("reports/ablations/bodies_rows/full.json").read_text())
    assert [each["seed"] for each in found] == [1, 2]
    assert {"full", "full_pretrained", "full_without_torso"} <= found[0].keys()
    for start in ("full_untrained", "full_pretrained"):  # no seed of a training changes these
        assert found[0][start] == found[1][start]
    assert set(found[0]["full"]["matrix"]) == {"VIS", "SWIR", "MWIR", "LWIR"}
    # e2 was filmed in LWIR and never detected: tried, and not found
    outcomes = read_outcomes(bodies_row.outcomes_path("full", "full", "LWIR"))
    assert {person for person, _ in outcomes[1].values()} == {"e0", "e1", "e2"}
    assert outcomes[1][1, "e2 LWIR"] == ("e2", False)
    assert len(read_outcomes(bodies_row.outcomes_path("full", "full", "all"))[1]) == 9
    bodies_table.run()
    table = Path("reports/ablations/bodies.md").read_text()
    assert "| fine-tuned, all bands, without torso |" in table
    assert "| with > without the face's token | all |" in table
    contrasts = json.loads(Path("reports/ablations/bodies_contrasts.json").read_text())
    rates = contrasts["finetuned_lwir"]["primary"]["rates"]
    by_hand = [
        sum(each[row]["bands"]["LWIR"]["rank1"]["value"] for each in found) / 2
        for row in ("full", "full_pretrained")
    ]
    assert rates == pytest.approx(by_hand, abs=1e-6)


def test_an_unknown_row_is_told(project):
    with pytest.raises(ParamsError, match="'lora' is none of"):
        bodies_row.run("lora")


def test_a_row_without_steps_is_measured_as_it_starts(project):
    path = Path("ablations/bodies/params.yaml")
    values = read_yaml(path)
    values["rows"]["full"]["method"]["steps"] = 0
    YAML().dump(values | {"contrasts": {}}, path)
    bodies_row.run("full")
    found = json.loads(Path("reports/ablations/bodies_rows/full.json").read_text())
    assert [each["loss"] for each in found] == [{}, {}]
    assert found[0]["full"] == found[0]["full_pretrained"]
    bodies_table.run()


def other_people(folder, names, *, seed, **options):
    """A workspace in which these people are filmed and tested, rendered with a seed of its own."""
    people = [("t0", "train", BANDS), *((name, "test", BANDS) for name in names)]
    write_people(folder / "data/scenes", people, **options)
    params = read_yaml(Path("params.yaml"))
    params["sample"]["scenes"] |= {"seed": seed, "openpeople_subjects": 0}
    YAML().dump(params, folder / "params.yaml")
    return folder


def test_trained_rows_are_tested_on_fresh_people(project):
    bodies_row.run("full")
    same = other_people(Path("same"), ["e0", "e1", "e2"], seed=91, undetected=[("e2", "LWIR")])
    fresh = other_people(Path("fresh"), ["t0", "t1", "q7", "q8"], seed=92)
    bodies_again.main(["--people", "2", str(same), str(fresh)])
    for band in ("SWIR", "LWIR", "all"):
        own = read_outcomes(bodies_row.outcomes_path("full", "full", band))
        again = read_outcomes(Path(f"reports/ablations/bodies_again/full.{band}.parquet"))
        for seed in (1, 2):  # people that the row was tested on itself: what it found of them then
            first = {probe: found for (place, probe), found in again[seed].items() if place == 1}
            assert first == {
                probe: (f"1/{person}", hit) for (_, probe), (person, hit) in own[seed].items()
            }
    # three people and four in galleries of their own, trained with two seeds
    seeds = read_outcomes(Path("reports/ablations/bodies_again/full.SWIR.parquet"))
    assert {person for person, _ in seeds[2].values()} == {
        *("1/e0", "1/e1", "1/e2"),
        *("2/t0", "2/t1", "2/q7", "2/q8"),
    }
    rates = [sum(hit for _, hit in seeds[seed].values()) / 7 for seed in (1, 2)]
    table = Path("reports/ablations/bodies_again.md").read_text()
    assert f"| full | {50 * sum(rates):.1f} ± " in table
    assert "percent of 7 fresh people" in table
    assert "| with > without the face's token | all |" in table
    # In galleries of two nobody is lost who was first among four, and one who is alone is found.
    of_two = read_outcomes(Path("reports/ablations/bodies_again_2/full.SWIR.parquet"))
    assert of_two.keys() == seeds.keys()
    for seed, outcomes in seeds.items():
        assert outcomes.keys() == of_two[seed].keys()
        assert all(of_two[seed][probe][1] for probe, (_, hit) in outcomes.items() if hit)
        assert of_two[seed][1, "e1 SWIR"] == ("1/e1", True)
    assert Path("reports/ablations/bodies_again_2.md").read_text() != table


def test_people_who_were_trained_on_are_not_fresh(project):
    with pytest.raises(StageError, match=r"no row of .* was trained here"):
        bodies_again.run([Path()])
    bodies_row.run("full")
    seed = load_params(Path("params.yaml")).sample.scenes.seed
    known = other_people(Path("known"), ["t0", "t1"], seed=seed)
    with pytest.raises(StageError, match="was trained on 2 subjects"):
        bodies_again.run([known])
