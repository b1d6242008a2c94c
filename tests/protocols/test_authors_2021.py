"""CP-IJB-C by its authors' rule, on an example worked out by hand, with an emptied template."""

import numpy as np
import pytest

from pipeline.evaluation import rates
from pipeline.evaluation.recognition import recognise
from pipeline.protocols.authors_2021 import by_authors
from pipeline.protocols.columns import between_values
from pipeline.store.protocols import (
    Kind,
    Protocol,
    Provenance,
    Threshold,
    match_table,
    read_protocol,
    template_table,
    train_table,
    write_protocol,
)

YAW = {"a0": 0.0, "a1": 10.0, "a2": 60.0, "b0": 5.0, "c0": 50.0, "a9": 70.0, "b9": 80.0, "c9": 90.0}


def rows(*named):
    """Rows of a table: template, subject, sample, media."""
    return template_table((None, t, s, i, m, None) for t, s, i, m in named)


@pytest.fixture
def listed():
    """Templates A (three images of two media), B and C enrolled; C has profiles only."""
    enroll = rows(
        ("A", "a", "a0", "video"),
        ("A", "a", "a1", "photo"),
        ("A", "a", "a2", "photo"),
        ("B", "b", "b0", "b0"),
        ("C", "c", "c0", "c0"),
    )
    probe = rows(("pa", "a", "a9", "a9"), ("pb", "b", "b9", "b9"), ("pc", "c", "c9", "c9"))
    match = match_table((None, e, p, e.lower() == p[1]) for e in "ABC" for p in ("pa", "pb", "pc"))
    return Protocol(
        "1:1",
        Provenance.OFFICIAL,
        "Made up.",
        enroll,
        probe,
        match,
        train_table(),
        kind=Kind.VERIFICATION,
    )


def cross_pose(listed):
    return between_values(listed, "CP", "yaw_deg", YAW, (0.0, 40.0), (40.0, 180.0))


def test_an_emptied_template_goes_with_its_pairs_and_each_image_counts_alike(listed):
    made = by_authors(cross_pose(listed))
    assert made.enroll["sample_id"].to_pylist() == ["a0", "a1", "b0"]
    pairs = set(
        zip(
            made.match["enroll_template_id"].to_pylist(),
            made.match["probe_template_id"].to_pylist(),
            strict=True,
        )
    )
    assert pairs == {(e, p) for e in "AB" for p in ("pa", "pb", "pc")}
    assert made.enroll["media_id"].to_pylist() == made.enroll["sample_id"].to_pylist()
    assert made.threshold == Threshold.RANKED


VECTORS = {
    # template A: plain mean of (1, 0) and (0, 1), whatever their media
    "a0": (1.0, 0.0),
    "a1": (0.0, 1.0),
    "b0": (-1.0, 0.0),
    "a9": (1.0, 1.0),
    "b9": (-0.6, 0.8),
    "c9": (0.0, 1.0),
}


def test_thresholds_are_ranked_and_ties_accepted(listed, monkeypatch):
    monkeypatch.setattr(rates, "LEAST_FALSE_ACCEPTS", 1)
    vectors = {name: np.array(v, np.float32) for name, v in VECTORS.items()}
    found = recognise(by_authors(cross_pose(listed)), vectors, vectors).metrics
    # by hand, cosines: A = (1, 1)/√2; genuine A-pa 1, B-pb 0.6
    # impostors A-pb (−0.6 + 0.8)/√2 = 0.14, A-pc 0.71, B-pa −0.71, B-pc 0
    # FAR 1e-1 of 4 rounds to rank 0: no number
    assert (found["genuine"], found["impostor"]) == (2, 4)
    assert found["tar_at_far"]["1e-1"]["value"] is None
    assert "4 impostor pairs give 0 false accepts" in found["tar_at_far"]["1e-1"]["reason"]
    impostor = np.array([0.14, 0.71, -0.71, 0.0], np.float32)
    genuine, subjects = np.array([1.0, 0.6], np.float32), np.array([0, 1])
    first = rates.ranked_rate(impostor, 0.25, genuine, subjects)
    assert (first["value"], first["achieved_far"]) == (0.5, 0.25)  # threshold 0.71
    # 0.4 of 4 rounds up to rank 2: threshold 0.14, and the achieved rate passes the target
    second = rates.ranked_rate(impostor, 0.4, genuine, subjects)
    assert (second["value"], second["achieved_far"]) == (1.0, 0.5)
    tie = rates.ranked_rate(impostor, 0.25, np.array([0.71, 0.7], np.float32), subjects)
    assert tie["value"] == 0.5


def test_without_genuine_pairs_there_is_no_rate():
    impostor, none = np.linspace(0, 1, 1000).astype(np.float32), np.empty(0, np.float32)
    found = rates.ranked_rate(impostor, 0.1, none, np.empty(0, np.int64))
    assert (found["value"], found["reason"]) == (None, "no genuine comparisons")


def test_media_count_alike_in_ours_and_images_in_theirs(listed):
    """Two images of one media and one of another: media first gives the lone one half."""
    table = rows(("A", "a", "x", "one"), ("A", "a", "y", "one"), ("A", "a", "z", "two"))
    probe = rows(("p", "a", "q", "q"), ("n", "b", "r", "r"))
    match = match_table([(None, "A", "p", True), (None, "A", "n", False)])
    ours = Protocol(
        "m", Provenance.OFFICIAL, "", table, probe, match, train_table(), kind=Kind.VERIFICATION
    )
    vectors = {
        name: np.array(v, np.float32)
        for name, v in {
            "x": (1, 0),
            "y": (1, 0),
            "z": (0, 1),
            "q": (0, 1),
            "r": (1, 0),
        }.items()
    }
    # ours: (1, 1)/√2, so genuine and impostor tie; theirs: (2, 1)/√5, the impostor is nearer
    assert recognise(ours, vectors, vectors).metrics["eer"]["value"] == pytest.approx(0.5)
    theirs = recognise(by_authors(ours), vectors, vectors).metrics
    assert theirs["eer"]["value"] == pytest.approx(1.0)


def test_the_rule_is_kept_in_the_file_and_other_kinds_refused(listed, tmp_path):
    made = by_authors(cross_pose(listed))
    assert read_protocol(write_protocol(tmp_path, made)).threshold == Threshold.RANKED
    with pytest.raises(ValueError, match="expected a protocol of kind verification"):
        by_authors(
            Protocol("r", Provenance.DERIVED, "", *(listed.enroll,) * 2, None, train_table())
        )


def test_impostors_alone_give_no_rate_but_a_reason():
    impostor = np.linspace(-1, 1, 100, dtype=np.float32)
    nobody = np.array([], np.float32), np.array([], np.int64)
    assert rates.ranked_rate(impostor, 0.1, *nobody) == {
        **{"value": None, "n": 0, "ci95": None},
        **{"achieved_far": None, "reason": "no genuine comparisons"},
    }
