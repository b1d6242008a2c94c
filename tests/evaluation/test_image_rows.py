"""The table of re-identification: chance and differences, worked out by hand."""

from itertools import permutations

import numpy as np
import pytest

from pipeline.evaluation.image_rows import measured_images
from pipeline.evaluation.reidentification import by_chance
from pipeline.evaluation.templates import sides_of
from pipeline.report.recognition import recognition_table
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    template_table,
    train_table,
)

SIDES = {"a": np.float32([1, 0]), "b": np.float32([0, 1])}


def protocol(enroll, probe, exclude=Exclude.NONE):
    """Rows are (fold, name, camera); a name begins with its subject's letter."""
    tables = (
        template_table([(fold, name, name[0], name, None, at) for fold, name, at in rows])
        for rows in (enroll, probe)
    )
    parts = {"exclude": exclude, "kind": Kind.REIDENTIFICATION}
    return Protocol("p", Provenance.DERIVED, "", *tables, None, train_table(), **parts)


GALLERY = [(None, "a1", "1"), (None, "a2", "2"), (None, "b1", "1")]


@pytest.mark.parametrize(
    ("exclude", "probes", "rank1", "precision"),
    [
        # of 3 entries 2 are mates: (1 + 5/6 + 7/12) / 3
        (Exclude.NONE, [("a", "1")], 2 / 3, 29 / 36),
        # 1 is: (1 + 1/2 + 1/3) / 3
        (Exclude.NONE, [("b", "1")], 1 / 3, 11 / 18),
        (Exclude.NONE, [("a", "1"), ("b", "1")], 1 / 2, 17 / 24),
        # a1 is left out: of 2 entries 1 is a mate
        (Exclude.SAME_SUBJECT_AND_CAMERA, [("a", "1")], 1 / 2, 3 / 4),
        # a1 and b1 are: the mate alone is left
        (Exclude.SAME_CAMERA, [("a", "1")], 1.0, 1.0),
        # b has a mate of its own camera alone, and c none: they are in no rate
        (Exclude.SAME_SUBJECT_AND_CAMERA, [("a", "2"), ("b", "1"), ("c", "3")], 1 / 2, 3 / 4),
    ],
)
def test_chance_is_the_mean_over_all_orders_of_the_entries(exclude, probes, rank1, precision):
    asked = [(None, f"{who}-{at}", at) for who, at in probes]
    fold = protocol(GALLERY, asked, exclude)
    vectors = {name: np.float32([1, 1]) for _, name, _ in GALLERY + asked}
    found = by_chance(*sides_of(fold, vectors, vectors), exclude)
    assert found == pytest.approx({"rank1": rank1, "map": precision})


@pytest.mark.parametrize(("mates", "entries"), [(1, 1), (2, 2), (3, 5), (1, 6)])
def test_chance_is_what_every_order_gives(mates, entries):
    first, precisions = [], []
    for order in permutations([True] * mates + [False] * (entries - mates)):
        places = 1 + np.flatnonzero(order)
        first.append(order[0])
        precisions.append(np.mean(np.arange(1, mates + 1) / places))
    gallery = [(None, f"{'a' if n < mates else 'b'}{n}", "1") for n in range(entries)]
    fold = protocol(gallery, [(None, "a", "2")])
    vectors = {name: np.float32([1, 1]) for _, name, _ in [*gallery, (None, "a", "2")]}
    found = by_chance(*sides_of(fold, vectors, vectors), Exclude.NONE)
    assert found == pytest.approx({"rank1": np.mean(first), "map": np.mean(precisions)})


PROBES = {"a-1": "a", "a-2": "a", "b-1": "b", "b-2": "b"}


def seen(**otherwise):
    """Embeddings of gallery and probes, each as its subject but those that look like another."""
    names = {"a1": "a", "b1": "b"} | PROBES
    return {name: SIDES[otherwise.get(name.replace("-", "_"), who)] for name, who in names.items()}


def test_rows_are_compared_probe_by_probe_over_all_folds_and_people_are_drawn():
    """Untrained finds a-1 alone; trained finds all in fold 1, and all but a-1 in fold 2."""
    enroll = [(fold, name, "1") for fold in (1, 2) for name in ("a1", "b1")]
    whole = protocol(enroll, [(None, name, "2") for name in PROBES])
    untrained = dict.fromkeys((1, 2), seen(a_2="b", b_1="a", b_2="a"))
    rows = {"untrained": untrained, "trained": {1: seen(), 2: seen(a_1="b")}}
    pairs = [("trained", "untrained"), ("trained", "face")]
    metrics, folds = measured_images(whole, rows, "trained", pairs)
    assert metrics["rank1"]["folds"] == [1.0, 0.75]
    assert metrics["untrained"]["rank1"]["value"] == 0.25
    # a: 0 + 1 and −1 + 1 of four, b: all four; a draw of two people is a, both, or b
    assert metrics["differences"] == {
        "trained - untrained": {"value": 0.625, "n": 8, "ci95": [0.25, 1.0]}
    }
    assert metrics["chance"] == {"rank1": {"value": 0.5}, "map": {"value": 0.75}}
    assert {row: len(each) for row, each in folds.items()} == {"untrained": 2, "trained": 2}
    table = recognition_table("t", whole, metrics, [])
    assert "| chance | 50.0 | – | – | – | 75.0 | – |" in table
    assert "| trained - untrained | 62.5 [25.0, 100.0] n 8 |" in table


def test_without_a_mate_there_is_no_chance():
    whole = protocol([(None, "a1", "1")], [(None, "b-1", "2")])
    rows = {"trained": {1: {"a1": SIDES["a"], "b-1": SIDES["b"]}}}
    metrics, _ = measured_images(whole, rows, "trained", [])
    assert metrics["chance"] == {"rank1": {"value": None}, "map": {"value": None}}
