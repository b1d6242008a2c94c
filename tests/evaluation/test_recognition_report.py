"""Table, curves and figure of each kind of protocol."""

import csv
from dataclasses import replace

import pytest
from markupsafe import escape

from pipeline import testing
from pipeline.evaluation.recognition import HEADLINES, measure_protocol
from pipeline.report.published import published_beside, published_by, published_on
from pipeline.report.recognition import (
    recognition_figure,
    recognition_table,
    write_cmc,
    write_roc,
)
from pipeline.report.site.markdown import html_of
from pipeline.store.protocols import Kind, template_table

ROC, CMC = "roc", "cmc"
CASES = {
    Kind.RECOGNITION: ("casia_nir_vis2", "view2", testing.casia_nir_vis2, (ROC, CMC)),
    Kind.PAIR_ACCURACY: ("cfp", "fp", testing.cfp, (ROC,)),
    Kind.VERIFICATION: ("ijbc", "verification", testing.ijbc, (ROC,)),
    Kind.OPEN_SET: ("ijbc", "identification", testing.ijbc, (CMC,)),
    Kind.DISTRACTORS: ("megaface", "official", testing.megaface, (ROC, CMC)),
    Kind.REIDENTIFICATION: ("llcm", "all_to_sampled_vis_to_ir", testing.llcm, (CMC,)),
    Kind.REIDENTIFICATION_BY_IMAGE: ("regdb", "visible_to_thermal", testing.regdb, (CMC,)),
}
HEADS = {
    Kind.RECOGNITION: "| row | rank-1 | TAR @ FAR 1e-2 | TAR @ FAR 1e-3 | EER |",
    Kind.PAIR_ACCURACY: "| row | accuracy | TAR @ FAR 1e-2 | TAR @ FAR 1e-3 | EER |",
    Kind.OPEN_SET: "| row | TPIR @ FPIR 1e-1 | TPIR @ FPIR 1e-2 | rank-1 | rank-5 | rank-10 |",
    Kind.REIDENTIFICATION: "| row | rank-1 | rank-5 | rank-10 | rank-20 | mAP | mINP |",
}

SPREAD = {False: "[95 % interval over subjects]", True: "standard deviation over folds"}


def test_there_is_a_case_for_each_kind():
    assert set(CASES) == set(HEADLINES) == set(Kind)


@pytest.mark.parametrize("kind", list(CASES))
def test_what_a_kind_is_published_with_is_shown(tmp_path, official, embed, kind):
    reader, name, write, curves = CASES[kind]
    write(tmp_path)
    protocol = official(reader)[name]
    assert protocol.kind == kind
    vectors = embed(protocol)
    measured = measure_protocol(protocol, lambda _: (vectors, vectors))
    results = dict.fromkeys(("untrained", "pretrained", "trained"), measured.folds)
    metrics = measured.metrics | dict.fromkeys(("untrained", "pretrained"), measured.metrics)
    table = recognition_table("title", protocol, metrics, ()).splitlines()
    assert HEADS.get(kind, table[4]) == table[4]
    (trained,) = [line for line in table if line.startswith("| **trained** |")]
    cells = trained.split(" | ")[1:]
    assert len(cells) == len(HEADLINES[kind])
    assert all(cell.strip(" |") == "–" or " n " in cell for cell in cells)
    spread = (
        "standard error over folds"
        if kind == Kind.PAIR_ACCURACY
        else SPREAD[len(protocol.folds()) > 1]
    )
    (said,) = [line for line in table if line.startswith("In percent")]
    assert spread in said
    people = len({*protocol.probe["subject_id"].to_pylist()} - {None})
    assert f"; the probes show {people} people." in said
    assert ("intervals say little" in said) == (people < 10)
    write_roc(results, tmp_path / "roc.csv")
    write_cmc(results, tmp_path / "cmc.csv")
    for curve in (ROC, CMC):
        rows = list(csv.DictReader((tmp_path / f"{curve}.csv").read_text().splitlines()))
        assert bool(rows) == (curve in curves)
    recognition_figure("title", results, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 0


def test_folds_that_were_measured_stand_in_the_table_by_their_numbers(tmp_path, official, embed):
    testing.casia_nir_vis2(tmp_path, folds=4)
    protocol = official("casia_nir_vis2")["view2"].only([2, 4])
    vectors = embed(protocol)
    metrics = measure_protocol(protocol, lambda _: (vectors, vectors)).metrics
    table = recognition_table("title", protocol, metrics, ()).splitlines()
    told = [line.split(" | ")[0] for line in table if line.startswith("| fold")]
    assert told == ["| fold 2", "| fold 4"]
    rank1 = metrics["rank1"]["folds"]
    assert [line.split(" | ")[1] for line in table if line.startswith("| fold")] == [
        f"{100 * value:.1f}" for value in rank1
    ]
    (why,) = [line for line in table if line.startswith("–: no value.")]
    assert "TAR @ FAR 1e-2: in 2 of 2 folds too few impostor comparisons" in why


def test_the_table_says_what_failed_and_who_has_no_mate(tmp_path, official, embed):
    testing.buaa_visnir(tmp_path)
    protocol = official("buaa_visnir")["50_100_v1"]
    first, *others = protocol.enroll.to_pylist()
    protocol = replace(protocol, enroll=template_table(others))
    alone = sum(r["subject_id"] == first["subject_id"] for r in protocol.probe.to_pylist())
    vectors = embed(protocol)
    lost = {name: v for name, v in vectors.items() if name != others[0]["sample_id"]}
    metrics = measure_protocol(protocol, lambda _: (lost, vectors)).metrics
    (told,) = [
        line
        for line in recognition_table("title", protocol, metrics, ()).splitlines()
        if line.startswith("In percent")
    ]
    probes, tried = len(protocol.probe), len(protocol.probe) + len(others)
    share = f"{100 / tried:.1f} % of n {tried} templates"
    assert f"Failures to enrol: {share}, counted as misses." in told
    assert f"{alone} of {probes} probes have no mate, and count in no rank." in told
    assert "n: how many were tried, for the EER how many were compared;" in told


def test_accuracy_over_folds_has_its_standard_error_beside_it(tmp_path, official, embed):
    """As LFW's, CFP's and YTF's results are published."""
    testing.cfp(tmp_path)
    protocol = official("cfp")["fp"]
    vectors = embed(protocol)
    metrics = measure_protocol(protocol, lambda _: (vectors, vectors)).metrics
    assert {"std", "standard_error"} <= metrics["accuracy"].keys()
    # Folds of 80, 90 and 100 %: they deviate by 10, their mean by 10 / √3.
    spread = {"value": 0.9, "std": 0.1, "standard_error": 0.0577, "folds": [0.8, 0.9]}
    metrics["accuracy"] = metrics["accuracy"] | spread
    table = recognition_table("title", protocol, metrics, ())
    assert "| **trained** | 90.0 ± 5.8 n " in table


LLCM = '"VIS to IR" | body, II |'
REVISION = "a test set of 13,909 images, as the papers count; the release has 15,846"
DMFR = "DMFR, 4 | ResNet-100 | verification by authors_2021 | –"


@pytest.mark.parametrize(
    ("rows", "heads", "lines"),
    [
        (
            published_on("llcm", "sampled_to_all_ir_to_vis"),
            ["protocol | data revision | rank-1 | mAP", "data revision | rank-1 | mAP"],
            [
                f"DEEN | LLCM, {LLCM} sampled_to_all_ir_to_vis | {REVISION} | 62.50 | 65.80",
                f"IDKL | LLCM, {LLCM} {REVISION} | 70.40 | 55.00",
            ],
        ),
        (
            published_beside("finetune"),
            ["network | protocol | rank-1 | TAR @ FAR 1e-2 | TAR @ FAR 1e-3"],
            [
                "fine-tuned LightCNN-9 | CASIA NIR-VIS 2.0 | PRAM + CAT, 1 | LightCNN-9 | view2 "
                "| 96.06 | 95.19 | 94.06",
                "HSST, trained masked, tested masked | masked CASIA NIR-VIS 2.0, fold 1 | HSST, I "
                "| MobileFaceNet | view2 | 93.60 | – | 90.25",
                "HSST (softmax) | masked CASIA NIR-VIS 2.0, fold 1 | HSST, II | ResNet-50 | view2 "
                "| 97.92 | – | 97.89",
            ],
        ),
        (
            published_by("dmfr"),
            [
                "network | protocol | accuracy | TAR @ FAR 1e-2 | TAR @ FAR 1e-3 | TAR @ FAR 1e-4 "
                "| TAR @ FAR 1e-5",
                "network | rank-1",
            ],
            [
                "DMFR(meta) | LFW | DMFR, 2 | ResNet-100 | view2 | 99.47 | – | – | – | –",
                f"DMFR(filter) | CP-IJB-C | {DMFR} | 78.20 | 62.70 | 37.94 | 17.10",
                "DUL | MegaFace | DMFR, 2 | ResNet-100 | 78.04",
            ],
        ),
    ],
    ids=["body", "pram and hsst", "dmfr"],
)
def test_what_papers_tell_of_their_numbers_stands_below(
    tmp_path, official, embed, rows, heads, lines
):
    """Whose protocol is not known stand apart; on the site, too."""
    testing.ijbc(tmp_path)
    protocol = official("ijbc")["verification"]
    vectors = embed(protocol)
    metrics = measure_protocol(protocol, lambda _: (vectors, vectors)).metrics
    text = recognition_table("title", protocol, metrics, rows)
    found = [each for each in text.splitlines() if each.startswith("| method")]
    assert found == [f"| method | data set | paper, table | {head} |" for head in heads]
    assert {f"| {line} |" for line in lines} <= set(text.splitlines())
    assert ("Protocol not given:" in text) == (len(heads) == 2)
    _, *tables = [block for block in html_of(text) if "<table>" in block]
    assert len(tables) == len(heads)
    for table, head in zip(tables, heads, strict=True):
        assert all(f"<th scope=col>{each}</th>" in table for each in head.split(" | "))
    for line in lines:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in line.split(" | "))
        assert sum(f"<tr>{cells}</tr>" in table for table in tables) == 1
