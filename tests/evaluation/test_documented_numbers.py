"""The table of ``docs/data_sets.md``: a line for each official protocol, its numbers recomputed."""

import ast
import re
from functools import partial
from pathlib import Path

import pytest

from pipeline import testing
from pipeline.evaluation.recognition import HEADLINES, measure_protocol
from pipeline.protocols import OFFICIAL
from pipeline.store.protocols import Kind

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/data_sets.md").read_text()
EVERYBODY = tuple(f"P{number:03d}" for number in range(1, 81))

CLOSED = "test_rates_are_those_of_the_full_matrix"
PAIRS = "test_accuracy_over_folds_is_that_of_a_slow_re_derivation"
ROC = "test_verification_is_scikit_learns_roc"


def write_tufts(root):
    testing.tufts(root, subjects=24)
    testing.tufts_lists(root, subjects=24)


REPLICAS = {
    "casia_nir_vis2": (
        "4 people",
        partial(testing.casia_nir_vis2),
        {"noise": 1.0},
        "test_each_fold_of_casia_is_tested_with_a_network_of_its_own",
    ),
    "buaa_visnir": ("40 people", partial(testing.buaa_visnir, subjects=40), {"noise": 1.0}, CLOSED),
    "oulu_casia_nirvis": (
        "80 people",
        partial(
            testing.oulu_casia_nirvis, subjects=EVERYBODY, frames=1, expressions=("Happiness",)
        ),
        {"noise": 1.0},
        CLOSED,
    ),
    "lamp_hq": ("40 people", partial(testing.lamp_hq, subjects=40, each=4), {"noise": 1.0}, CLOSED),
    "ijba": (
        "4 people",
        testing.ijba,
        {"noise": 1.2},
        "test_ijba_verification_is_the_mean_of_its_splits",
    ),
    "ijbc": ("80 people", partial(testing.ijbc, subjects=80), {"noise": 1.2}, ROC),
    "ijbb": ("80 people", partial(testing.ijbb, subjects=80), {"noise": 1.2}, ROC),
    "ijb_insightface": (
        "80 people",
        partial(testing.ijb_insightface, subjects=80),
        {"noise": 1.2},
        ROC,
    ),
    "bin_packs": ("40 pairs", partial(testing.bin_packs, pairs=40), {"noise": 1.0}, PAIRS),
    "lfw": ("80 people", partial(testing.lfw, folds=10, each=4), {"noise": 1.0}, PAIRS),
    "cfp": ("4 people", testing.cfp, {"noise": 1.0}, PAIRS),
    "ytf": ("3 people", testing.ytf, {"noise": 1.0}, PAIRS),
    "megaface": (
        "4 people, 150 distractors",
        partial(testing.megaface, people=4, each=5, distractors=150),
        {"noise": 0.8},
        "test_megaface_ranks_are_those_of_one_mate_at_a_time",
    ),
    "llcm": (
        "9 people",
        partial(testing.llcm, test=9, each=3),
        {"noise": 1.2},
        "test_llcm_is_its_authors_rule",
    ),
    "sysu_mm01": (
        "2 people, 6 cameras",
        partial(testing.sysu_mm01, each=10, draws=True),
        {"noise": 2.0, "width": 3},
        "test_sysu_is_its_authors_rule",
    ),
    "regdb": (
        "16 people, 10 trials",
        partial(testing.regdb, subjects=16, each=4, trials=10),
        {"noise": 1.2},
        "test_regdb_counts_images",
    ),
    "mcxface": ("40 people", partial(testing.mcxface, subjects=40), {"noise": 1.0}, CLOSED),
    "tufts": ("24 people", write_tufts, {"noise": 1.0}, CLOSED),
    "arl_vtf": (
        "40 people",
        partial(testing.arl_vtf, subjects=40, frames=1),
        {"noise": 1.0},
        CLOSED,
    ),
}
"""By reader: the replica's size, what writes it, how embeddings are drawn, and the test that works
the same numbers out slowly."""
OTHERS = {
    Kind.OPEN_SET: {
        **dict.fromkeys(
            ("ijbb", "ijbc", "ijb_insightface"),
            "test_ijbc_search_of_each_gallery_and_their_mean_is_a_brute_force",
        ),
        "ijba": "test_ijba_search_has_ten_splits_and_their_deviation",
    },
    Kind.VERIFICATION: {"lfw": ROC},
}
"""Tests of protocols of a kind, by kind and reader."""
SINGLE = {
    ("megaface", "refined"): "test_megaface_refined_is_insightfaces_rule",
    ("megaface", "cleaned"): "test_megaface_cleaned_leaves_the_noise_out",
}
"""Tests of single protocols."""


def shown(metrics, kind):
    """Write the first rate of a kind that has a value, or its EER, as the table does."""
    for name in (*HEADLINES[kind], "eer"):
        table, _, key = name.partition(".")
        rate = metrics[table][key] if key else metrics[table]
        if rate["value"] is not None:
            words = {"rank1": "rank-1", "eer": "EER", "tpir_at_fpir": "TPIR @ FPIR"}
            what = f"{words.get(table, table)} {key}".strip()
            return f"{what} {100 * rate['value']:.2f} %, n {rate['n']}"
    raise AssertionError(f"{kind} has no value")


def line_of(reader, name, kind, number):
    people, _, _, test = REPLICAS[reader]
    checked = SINGLE.get((reader, name)) or OTHERS.get(kind, {}).get(reader, test)
    return f"| `{reader}` | `{name}` | `{kind}` | {people} | {number} | `{checked}` |"


def test_every_official_protocol_has_a_replica():
    assert REPLICAS.keys() == OFFICIAL.keys()


@pytest.mark.parametrize("reader", REPLICAS)
def test_each_protocols_line_is_what_its_replica_gives(tmp_path, official, embed, reader):
    _, write, drawn, _ = REPLICAS[reader]
    write(tmp_path)
    for name, protocol in official(reader).items():
        vectors = embed(protocol, **drawn)
        metrics = measure_protocol(protocol, lambda _, both=vectors: (both, both)).metrics
        line = line_of(reader, name, protocol.kind, shown(metrics, protocol.kind))
        assert line in DOCUMENT, f"docs/data_sets.md: expected the line\n{line}"


def test_no_protocol_is_left_unmeasured():
    table = DOCUMENT.partition("## What is measured")[2]
    assert "not measured" not in table


def test_each_named_test_is_there_and_is_of_that_reader():
    sources = {
        node.name: ast.unparse(node)  # with its decorators, so with its parameters
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    named = {(reader, test) for reader, (_, _, _, test) in REPLICAS.items()}
    named |= {pair for tests in OTHERS.values() for pair in tests.items()}
    named |= {(reader, test) for (reader, _), test in SINGLE.items()}
    for reader, test in sorted(named):
        assert re.search(rf"\b{reader}\b", sources.get(test, "")), f"{test} tests no {reader}"
