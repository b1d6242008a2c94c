"""The papers' numbers, copied by hand from their tables: some of each."""

from collections import Counter

import pytest

from pipeline.report.published import (
    PAPERS,
    PUBLISHED,
    published_beside,
    published_between_bands,
    published_on,
    published_similarities,
)
from stages.wiring import kinds_of

ROWS = {
    **{("pram", "1"): 4 * 2, ("pram", "2"): 7, ("pram", "3"): 6},
    **{("hsst", "I"): 6, ("hsst", "II"): 10 * 3},
    ("body", "II"): 6 * 2,
    **{("dmfr", "2"): 8 * 4, ("dmfr", "3"): 8 * 2, ("dmfr", "4"): 8 * 2},
}
CASIA, MASKED = "CASIA NIR-VIS 2.0", "masked CASIA NIR-VIS 2.0, fold 1"
COPIED = [
    ("pram", "1", "+ PRAM", "BUAA-VisNir", {"rank1": 96.55, "tar_at_1e2": 95.44}),
    ("pram", "1", "+ PRAM + L_CAT", CASIA,
     {"rank1": 98.53, "tar_at_1e2": 98.0, "tar_at_1e3": 97.49}),
    ("pram", "2", "TRIVET", CASIA, {"rank1": 95.7, "tar_at_1e3": 78.0}),
    ("pram", "2", "IDR", CASIA, {"rank1": 97.33, "tar_at_1e3": 95.73}),
    ("pram", "3", "RGM", "BUAA-VisNir", {"rank1": 97.56, "tar_at_1e2": 98.1}),
    ("hsst", "I", "HSST, trained bare, tested masked", MASKED,
     {"rank1": 67.52, "tar_at_1e3": 59.35}),
    ("hsst", "II", "W-CNN", "masked Oulu-CASIA", {"tar_at_1e2": 87.0, "tar_at_1e3": 67.7}),
    ("hsst", "II", "HSST (triplet)", MASKED, {"rank1": 98.6, "tar_at_1e3": 98.58}),
    ("body", "II", "MixER", 'LLCM, "IR to VIS"', {"rank1": 65.8, "mean_average_precision": 51.1}),
    ("dmfr", "2", "w/o synthetic samples", "LFW", {"accuracy": 99.75}),
    ("dmfr", "2", "ArcFace", "YTF", {"accuracy": 96.5}),
    ("dmfr", "2", "CosFace", "CFP-FP", {"accuracy": 97.37}),
    ("dmfr", "2", "DMFR(disentangle)", "MegaFace", {"rank1": 76.6}),
    ("dmfr", "3", "DMFR(disentangle)", "IJB-C",
     {"tar_at_1e2": 96.569, "tar_at_1e3": 94.396, "tar_at_1e4": 90.852, "tar_at_1e5": 84.819}),
    ("dmfr", "4", "Shi et al.", "CP-IJB-C",
     {"tar_at_1e2": 83.297, "tar_at_1e3": 65.416, "tar_at_1e4": 27.164, "tar_at_1e5": 2.922}),
]  # fmt: skip


def test_each_table_is_there_with_all_its_rows():
    assert Counter((row.paper, row.table) for row in PUBLISHED) == ROWS
    assert {row.paper for row in PUBLISHED} == PAPERS.keys()
    assert {(paper, table) for paper, table, *_ in COPIED} == ROWS.keys()
    assert len({(row.paper, row.table, row.method, row.data_set) for row in PUBLISHED}) == sum(
        ROWS.values()
    )


@pytest.mark.parametrize(("paper", "table", "method", "data_set", "rates"), COPIED)
def test_numbers_are_those_of_the_paper(paper, table, method, data_set, rates):
    about = (paper, table, method, data_set)
    (row,) = [r for r in PUBLISHED if (r.paper, r.table, r.method, r.data_set) == about]
    given = {name: value for name, value in vars(row).items() if isinstance(value, float)}
    assert given == rates


def test_the_body_papers_rows_between_bands_are_those_of_the_paper():
    lines = published_between_bands().splitlines()
    for line in (
        "| I | AdaFace (finetuned) | 59.38 | 15.62 | 15.62 | 32 |",
        "| III | global + face + lower body | 79.37 | 76.19 | 66.67 | 63 |",
        "| V | trained on VIS + SWIR | 79.37 | 34.92 | 25.40 | 63 |",
        "| VI | random sampling | 79.37 | 73.02 | 71.43 | 63 |",
        "| VII | 16 subjects, all weights | 61.90 | 47.62 | 41.27 | 63 |",
        "| VII | 48 subjects, LoRA | 71.43 | 60.32 | 65.08 | 63 |",
        "| gallery ↓ probe → | VIS | SWIR | MWIR | LWIR |",
        "| VIS | – | 26.95 | 5.00 | 3.55 |",
        "| MWIR | 11.43 | 30.52 | – | 95.58 |",
        "| LWIR | 11.35 | 27.09 | 95.98 | – |",
    ):
        assert line in lines
    assert sum(line.startswith("| VII |") for line in lines) == 5 * 2  # 8, 16, 32, 48 and 96 people


def test_the_dmfr_papers_similarities_are_those_of_its_table_1():
    assert published_similarities()[-3:] == [
        "| baseline | 0.809 | 0.022 |",
        "| synthetic samples added | 0.788 | 0.216 |",
        "| after the filter | 0.782 | 0.028 |",
    ]


@pytest.mark.parametrize(
    ("method", "kind", "papers"),
    [
        ("RM", "rm", {"pram"}),
        ("RGM", "rgm", {"pram"}),
        ("TRIVET", "trivet", {"pram"}),
        ("CDL", "cdl", {"pram"}),
        ("ADFL", "adfl", {"pram"}),
        ("IDR", "idr", {"pram", "hsst"}),
        ("W-CNN", "wcnn", {"pram", "hsst"}),
        ("fine-tuned LightCNN-9", "finetune", {"pram"}),
        ("softmax", "finetune", {"hsst"}),
        ("+ PRAM + L_CAT", "pram", {"pram"}),
        ("HSST (softmax)", "hsst", {"hsst"}),
    ],
)
def test_a_method_stands_beside_the_papers_whose_tables_have_it(method, kind, papers):
    assert {row.paper for row in published_beside(kind) if row.method == method} == papers
    assert {row.paper for row in PUBLISHED if row.method == method} == papers


@pytest.mark.parametrize("kind", kinds_of("train_nir_vis"))
def test_each_kind_has_published_rows_beside_it(kind):
    assert published_beside(kind)


def test_rows_that_name_no_protocol_stand_beside_all_of_their_data_set():
    for protocol, own in (("sampled_to_all_ir_to_vis", 4), ("all_to_sampled_vis_to_ir", 0)):
        found = published_on("llcm", protocol)
        assert [row.method for row in found if not row.protocol] == ["IDKL"] * 2 + ["MixER"] * 2
        assert [row.protocol for row in found if row.protocol] == [protocol] * own
    assert published_on("sysu_mm01", "all_single_agw") == []
