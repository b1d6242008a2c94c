import csv
import json
from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.evaluation.contrasts import Contrast
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.contrasts import ContrastParams
from pipeline.params.load import load_section
from pipeline.report.ablations import (
    ablation_table,
    published_row,
    summarised,
    write_ablation,
)
from pipeline.report.contrasts import (
    MeasuredContrast,
    contrasts_table,
    write_contrasts,
)
from pipeline.report.published import published_by

ABLATIONS = load_section(
    NirVisAblationParams, Path(__file__).parents[2] / "ablations" / "params.yaml"
)


def rate(value, low=None, high=None):
    return {"value": value, "ci95": None if low is None else [low, high]}


def metrics(rank1, low, high, tar=0.5):
    fars = {"1e-1": rate(tar), "1e-2": rate(tar), "1e-3": rate(None)}
    return {"rank1": rate(rank1, low, high), "tar_at_far": fars, "eer": rate(0.25)}


def some(*names):
    return ABLATIONS.model_copy(update={"rows": {n: ABLATIONS.rows[n] for n in names}})


def test_mean_deviation_and_interval_over_seeds_by_hand():
    found = summarised([metrics(0.5, 0.3, 0.7), metrics(0.7, 0.4, 0.9), metrics(0.6, 0.2, 0.8)])
    # deviation of 0.5, 0.7, 0.6 with n − 1: the root of (0.01 + 0.01) / 2
    assert found["rank1"] == {
        "value": 0.6,
        "std": 0.1,
        "ci95": [0.3, 0.8],
        "each": [0.5, 0.7, 0.6],
    }
    assert found["eer"]["std"] == 0.0
    assert found["eer"]["ci95"] is None


def test_what_one_seed_could_not_measure_is_no_number():
    found = summarised([metrics(0.5, 0.3, 0.7, tar=None), metrics(0.7, 0.4, 0.9)])
    assert found["tar_at_1e-2"]["value"] is None
    assert found["tar_at_1e-2"]["each"] == [None, 0.5]


def test_the_table_has_ours_beside_the_published(tmp_path):
    ablation = some("pram_lcat", "plain_softmax_bare")
    ours = summarised([metrics(0.5, 0.3, 0.7), metrics(0.7, 0.4, 0.9)])
    results = {
        "pram_lcat": {"plain": ours},
        "plain_softmax_bare": {"plain": ours, "masked": ours},
    }
    lines = ablation_table(ablation, results, {}).splitlines()
    (cat,) = [line for line in lines if "L_CAT" in line and "±" in line]
    assert "| 60.0 ± 14.1 [35.0, 80.0] |" in cat
    assert cat.endswith("| LightCNN-9 | 98.53 | 98.00 | 97.49 |")
    bare = [line for line in lines if line.startswith("| plain softmax | plain |")]
    theirs = [line.split(" | ")[-4:] for line in bare]
    assert theirs == [
        ["MobileFaceNet", "98.25", "–", "97.74 |"],
        ["MobileFaceNet", "53.88", "–", "42.36 |"],
    ]
    # what no row of ours stands beside is there all the same
    for alone in (
        "+ PRAM + L_CAT | BUAA-VisNir | PRAM + CAT, 1 | LightCNN-9 | 50_100_v1 | 99.44 | 98.44 | –",
        "CDL | CASIA NIR-VIS 2.0 | PRAM + CAT, 2 | – | view2 | 98.62 | – | 98.32",
        "TRIVET | BUAA-VisNir | PRAM + CAT, 3 | – | 50_100_v1 | 93.90 | 80.90 | –",
    ):
        assert f"| {alone} |" in lines
    assert not any(line.startswith("| + PRAM + L_CAT | CASIA") for line in lines)
    write_ablation(ablation, results, {}, tmp_path / "r.csv")
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert [row["published_rank1"] for row in rows] == ["98.53", "98.25", "53.88"]
    assert rows[0]["rank1_low"] == "0.35"


def test_rates_at_one_in_a_thousand_stand_beside_the_published_ones():
    found = metrics(0.5, 0.3, 0.7)
    found["tar_at_far"]["1e-3"] = rate(0.4, 0.2, 0.6)
    results = {"pram_lcat": {"plain": summarised([found, found])}}
    table = ablation_table(some("pram_lcat"), results, {})
    assert "| TAR @ FAR 1e-3 |" in table
    assert "| 40.0 ± 0.0 [20.0, 60.0] |" in table


def test_a_training_that_its_gradients_limit_steered_is_named():
    ours = {"plain": summarised([metrics(0.5, 0.3, 0.7)])}
    shares = {"1-01": {"limited": 0.685}, "2-01": {"limited": 0.1}, "3-02": {"limited": 1.0}}
    table = ablation_table(some("pram_lcat"), {"pram_lcat": ours | {"gradients": shares}}, {})
    (line,) = [line for line in table.splitlines() if line.startswith("The gradient reached")]
    named = "+ PRAM + L_CAT, seed 1, fold 1 (68 %); + PRAM + L_CAT, seed 3, fold 2 (100 %)."
    assert named in line
    assert "The gradient" not in ablation_table(some("pram_lcat"), {"pram_lcat": ours}, {})


def test_networks_as_they_are_come_first_in_each_papers_table():
    found = summarised([metrics(0.5, 0.3, 0.7), metrics(0.7, 0.4, 0.9)])
    results = {name: {"plain": found, "masked": found} for name in ("pram", "plain_softmax")}
    zero_shot = {
        "SFace, zero-shot": dict.fromkeys(("plain", "masked"), summarised([metrics(0.9, 0.8, 1.0)]))
    }
    lines = ablation_table(some(*results), results, zero_shot).splitlines()
    rows = [
        line
        for line in lines
        if line.startswith(("| SFace", "| + PRAM | plain", "| plain softmax"))
    ]
    assert [row.split(" | ")[0] for row in rows] == [
        *("| SFace, zero-shot", "| + PRAM"),
        *("| SFace, zero-shot", "| SFace, zero-shot", "| plain softmax", "| plain softmax"),
    ]
    assert rows[0].startswith("| SFace, zero-shot | – | plain | 90.0 [80.0, 100.0] |")
    told = ablation_table(some(*results), results, {}, rate(0.05, 0.03, 0.07) | {"n": 40})
    assert "SFace's EER in VIS from the front is 5.0 % [3.0, 7.0], of 40 probes." in told
    told = ablation_table(some(*results), results, {}, rate(0.05) | {"n": 4})
    assert "from the front is 5.0 %, of 4 probes." in told
    told = ablation_table(some(*results), results, {}, rate(None) | {"n": 0})
    assert "from the front" not in told


@pytest.mark.parametrize(
    ("name", "published"),
    [("plain_softmax", (83.90, 77.23)), ("hsst_softmax", (93.60, 90.25))],
)
def test_rows_of_table_one_stand_beside_table_one(name, published):
    """Its network is MobileFaceNet; table II has ResNet-50."""
    row = ABLATIONS.rows[name]
    theirs = published_row(row, row.probes["masked"])
    assert (theirs.rank1, theirs.tar_at_1e3) == published
    assert (theirs.table, theirs.network) == ("I", "MobileFaceNet")


def test_published_rows_name_the_protocol_that_made_them():
    of = {(row.method, row.data_set): row for row in published_by("body")}
    deen = of["DEEN", 'LLCM, "VIS to IR"']
    assert deen.protocol == "sampled_to_all_ir_to_vis"
    assert (deen.rank1, deen.mean_average_precision) == (62.5, 65.8)
    assert of["DEEN", 'LLCM, "IR to VIS"'].protocol == "all_to_sampled_ir_to_vis"
    assert of["IDKL", 'LLCM, "VIS to IR"'].protocol == ""
    assert "13,909" in deen.revision


@pytest.mark.parametrize("name", sorted(ABLATIONS.rows))
def test_every_published_row_that_is_named_exists(name):
    row = ABLATIONS.rows[name]
    for title in row.probes.values():
        assert (published_row(row, title) is None) == (title is None)


def test_an_unknown_published_row_is_told():
    with pytest.raises(ParamsError, match="HSST \\(triplet\\)"):
        published_row(ABLATIONS.rows["hsst_triplet"], "HSST (contrastive)")


def found_by(difference, p_value):
    contrast = Contrast(
        (0.5 + difference, 0.5),
        difference,
        (difference - 0.1, difference + 0.1),
        0.03,
        8.0,
        p_value,
        9,
        3,
    )
    params = ContrastParams(claim="A > B", better="a", worse="b", probes="plain")
    return MeasuredContrast(params, contrast, {"EER": None})


def test_contrasts_are_told_with_verdict_power_and_what_could_be_seen(tmp_path):
    found = {"one": found_by(0.2, 0.001), "two": found_by(-0.01, 0.5)}
    table = write_contrasts("rank-1", found, tmp_path / "c.json")
    assert (
        "| A > B | plain | 70.0 against 50.0 | +20.0 [+10.0, +30.0] | 0.002 | **shown** |" in table
    )
    # of two contrasts the strictest level is 2.5 %: t 2.7515, and 0.8889 for 80 %; times 3 points
    assert "| **undecided** | 16 % | 10.9 points | – |" in table
    assert "9 people, 3 seeds" in table
    values = json.loads((tmp_path / "c.json").read_text())
    assert values["two"]["verdict"] == "undecided"
    assert values["one"]["primary"]["difference"] == 0.2
    assert (tmp_path / "c.png").stat().st_size > 0
    assert contrasts_table("rank-1", {}) == ""
