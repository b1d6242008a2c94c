"""A fold's rates: worked by hand, failures counted, folds joined."""

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.evaluation.recognition import (
    chance_rank1,
    measure_protocol,
    over_folds,
    recognise,
)
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    check_seen,
    match_table,
    template_table,
    train_table,
)


def table(*rows):
    return template_table(
        (None, template, subject, sample, sample, None) for template, subject, sample in rows
    )


GALLERY = table(("A", "a", "a1"), ("A", "a", "a2"), ("B", "b", "b1"))
PROBES = table(("pa", "a", "pa"), ("pb", "b", "pb"), ("pb2", "b", "pb2"))
ENROLLED = {"a1": [1, 0.2, 0], "a2": [1, -0.2, 0], "b1": [0, 1, 0]}
PROBING = {"pa": [1, 0.1, 0], "pb": [0.1, 1, 0], "pb2": [1, 0.5, 0]}


def protocol(enroll=GALLERY, probe=PROBES, **changes):
    parts = {"match": None, "train": train_table()} | changes
    return Protocol("p", Provenance.DERIVED, "", enroll, probe, **parts)


def vectors(found):
    return {name: np.array(value, np.float32) for name, value in found.items()}


def test_rates_worked_by_hand():
    """The template A points along x; pb2 lies nearer to it than to its own B."""
    metrics = recognise(protocol(), vectors(ENROLLED), vectors(PROBING)).metrics
    assert metrics["rank1"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert (metrics["genuine"], metrics["impostor"]) == (3, 3)
    assert metrics["failure_to_enrol"]["value"] == 0
    # three impostor scores: none may be accepted at 10 %, so there is no such rate
    assert metrics["tar_at_far"]["1e-1"]["value"] is None
    assert "too few impostor comparisons" in metrics["tar_at_far"]["1e-1"]["reason"]
    assert chance_rank1(protocol()) == 0.5


def test_a_probe_that_was_not_found_is_a_miss_and_no_comparison():
    probing = {name: PROBING[name] for name in ("pa", "pb2")}
    metrics = recognise(protocol(), vectors(ENROLLED), vectors(probing)).metrics
    assert metrics["rank1"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert metrics["genuine"] == 2
    assert metrics["probes"] == 3
    assert metrics["failure_to_enrol"]["value"] == pytest.approx(1 / 5)


def test_a_subject_whose_template_was_not_enrolled_is_missed():
    enrolled = {name: ENROLLED[name] for name in ("a1", "a2")}
    result = recognise(protocol(), vectors(enrolled), vectors(PROBING))
    assert result.metrics["rank1"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert result.cmc[0] == pytest.approx(1 / 3)


def test_the_cmc_is_of_probes_not_of_pairs():
    """Two templates of a, one not enrolled: all probes are right, though half of a's pairs fail."""
    enroll = table(("A1", "a", "a1"), ("A2", "a", "a2"), ("B", "b", "b1"))
    enrolled = {name: ENROLLED[name] for name in ("a1", "b1")}
    probing = {"pa": PROBING["pa"], "pb": PROBING["pb"], "pb2": [0.1, 1, 0]}
    result = recognise(protocol(enroll), vectors(enrolled), vectors(probing))
    assert result.metrics["rank1"]["value"] == 1.0
    assert result.cmc.tolist() == [1.0, 1.0]
    assert result.metrics["genuine"] == 3
    assert result.metrics["tar_at_far"]["1e-1"]["n"] == 4


def test_below_ten_false_accepts_there_is_no_rate():
    random = np.random.default_rng(0)
    names = [f"s{i}" for i in range(32)]  # 992 impostors: 99 at 10 %, 9 at 1 %
    enroll = table(*((f"g{s}", s, f"g{s}") for s in names))
    probe = table(*((f"p{s}", s, f"p{s}") for s in names))
    found = vectors({f"{side}{s}": random.normal(size=8) for side in "gp" for s in names})
    rates = recognise(protocol(enroll, probe), found, found).metrics["tar_at_far"]
    assert rates["1e-1"]["value"] is not None
    assert rates["1e-2"]["value"] is rates["1e-2"]["ci95"] is None
    assert rates["1e-2"]["reason"] == "too few impostor comparisons: 992 of at least 1000"


def test_a_probe_without_a_mate_is_counted_and_said(caplog):
    probe = table(("pa", "a", "pa"), ("pb", "b", "pb"), ("pz", "z", "pb2"), ("px", None, "pb2"))
    with caplog.at_level("WARNING"):
        metrics = recognise(protocol(probe=probe), vectors(ENROLLED), vectors(PROBING)).metrics
    assert metrics["unmated_probes"] == 2
    assert metrics["rank1"]["n"] == 2
    assert metrics["rank1"]["value"] == 1.0
    assert "2 of 4 probes have no mate in the gallery" in caplog.text


def test_unknown_subjects_are_nobodys_mates():
    enroll = table(("A", "a", "a1"), ("X", None, "b1"), ("Y", None, "a2"))
    probe = table(("pa", "a", "pa"), ("px", None, "pb"))
    metrics = recognise(protocol(enroll, probe), vectors(ENROLLED), vectors(PROBING)).metrics
    assert (metrics["genuine"], metrics["impostor"]) == (1, 5)


def test_samples_that_no_stage_has_seen_are_named():
    seen = {"a1", "a2", "b1", "pa", "pb"}
    with pytest.raises(StageError, match=r"1 samples of probe were seen by no stage, .* them pb2"):
        check_seen(protocol(), seen)
    check_seen(protocol(), seen | {"pb2"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": Kind.VERIFICATION}, "kind verification lacks its list of pairs"),
        ({"match": match_table([(None, "A", "pa", True)])}, "compares listed pairs"),
        ({"kind": Kind.OPEN_SET, "exclude": Exclude.SAME_CAMERA}, "expected none"),
        ({"kind": Kind.DISTRACTORS}, "leaves comparisons out .none.: expected other_mates"),
        ({"kind": Kind.REIDENTIFICATION, "exclude": Exclude.OTHER_MATES}, "other_mates"),
    ],
)
def test_tables_that_contradict_the_kind_are_refused(changes, message):
    with pytest.raises(StageError, match=message):
        recognise(protocol(**changes), vectors(ENROLLED), vectors(PROBING))


def test_a_fold_without_an_enrolled_template_is_told():
    rows = [(1, "A", "a", "a1", "a1", None), (2, "P", "a", "pa", "pa", None)]
    folds = protocol(template_table(rows[:1]), template_table([*rows[1:], (1, *rows[1][1:])]))
    found = vectors(ENROLLED), vectors(PROBING)
    with pytest.raises(StageError, match="protocol p is empty: expected rows in enroll"):
        measure_protocol(folds, lambda _: found)


def test_the_true_accept_rate_counts_failures_and_keeps_its_far():
    random = np.random.default_rng(0)
    people = {f"s{i}": random.normal(size=16) for i in range(60)}
    enroll = table(*((f"g{s}", s, f"g{s}") for s in people))
    probe = table(*((f"p{s}", s, f"p{s}") for s in people))
    gallery = vectors({f"g{s}": v for s, v in people.items()})
    probes = vectors({f"p{s}": v + 0.01 for s, v in people.items()})
    whole = recognise(protocol(enroll, probe), gallery, probes).metrics["tar_at_far"]["1e-2"]
    assert whole["value"] == 1.0
    assert whole["achieved_far"] <= 0.01
    assert whole["ci95"] == pytest.approx([60 / (60 + 1.959964**2), 1.0], abs=1e-4)  # Wilson's
    half = {name: probes[name] for name in sorted(probes)[::2]}
    found = recognise(protocol(enroll, probe), gallery, half).metrics["tar_at_far"]["1e-2"]
    assert found["value"] == 0.5
    # who failed is drawn anew with who did not: the 2.5 % quantiles of 60 throws of a coin
    assert found["ci95"] == pytest.approx([22 / 60, 38 / 60], abs=0.02)


def test_where_every_genuine_pair_failed_the_rate_is_zero_and_the_eer_is_of_nobody():
    names = [f"s{number:02d}" for number in range(40)]
    enroll = table(*((name, name, f"{name}/1") for name in names))
    probe = table(*((f"p{name}", name, f"{name}/2") for name in names))
    random = np.random.default_rng(0)
    first, second = (
        {f"{name}/{side}": random.normal(size=8).astype(np.float32) for name in half}
        for side, half in ((1, names[:20]), (2, names[20:]))
    )
    metrics = recognise(protocol(enroll, probe), first, second).metrics
    assert (metrics["genuine"], metrics["impostor"]) == (0, 400)
    tar = metrics["tar_at_far"]["1e-1"]
    assert (tar["value"], tar["n"], tar["achieved_far"]) == (0.0, 40, 0.1)
    assert metrics["rank1"]["value"] == 0
    assert (metrics["eer"]["value"], metrics["eer"]["n"]) == (None, 0)


def test_the_eer_says_of_how_many_comparisons_it_is():
    found = {name: value for name, value in PROBING.items() if name != "pb2"}
    metrics = recognise(protocol(), vectors(ENROLLED), vectors(found)).metrics
    assert (metrics["rank1"]["n"], metrics["eer"]["n"], metrics["genuine"]) == (3, 2, 2)


@pytest.mark.parametrize("side", ["enroll", "probe"])
def test_an_empty_protocol_is_refused(side):
    with pytest.raises(StageError, match=f"protocol p is empty: expected rows in {side}"):
        recognise(protocol(**{side: table()}), vectors(ENROLLED), vectors(PROBING))


def test_a_protocol_of_another_kind_is_refused():
    other = protocol(exclude=Exclude.SAME_CAMERA)
    with pytest.raises(StageError, match="leaves comparisons out"):
        recognise(other, vectors(ENROLLED), vectors(PROBING))


def test_nothing_enrolled_is_told():
    with pytest.raises(StageError, match=r"none of \d+ enrolled images .*`crossband rejected`"):
        recognise(protocol(), {}, vectors(PROBING))


@pytest.mark.parametrize("faulty", [[np.nan, 0, 0], [np.inf, 0, 0], [0, 0, 0]])
def test_an_embedding_that_is_none_is_named(faulty):
    with pytest.raises(StageError, match=r"probe embeddings are .* first that of pb2: expected"):
        recognise(protocol(), ENROLLED, PROBING | {"pb2": faulty})
    with pytest.raises(StageError, match=r"enrolled embeddings are zero or not finite: expected"):
        recognise(protocol(), ENROLLED | {"a2": [-1, -0.2, 0]}, PROBING)  # the mean of a is zero


def test_folds_are_joined_as_mean_and_deviation():
    folds = [
        {"rank1": {"value": v, "ci95": None}, "tar_at_far": {"1e-3": {"value": t}}, "genuine": 5}
        for v, t in ((0.9, 0.5), (1.0, None))
    ]
    joined = over_folds(folds)
    assert joined["rank1"] == {"value": 0.95, "std": 0.0707, "folds": [0.9, 1.0]}
    assert joined["tar_at_far"]["1e-3"] == {"value": None, "std": None, "folds": [0.5, None]}
    assert joined["genuine"] == 10
    assert over_folds(folds[:1]) == folds[0]


def test_folds_keep_the_rates_that_were_achieved_and_why_there_is_none():
    few = {"value": None, "n": 4, "achieved_far": None, "reason": "too few"}
    some = [{"value": v, "n": 4, "achieved_far": far} for v, far in ((0.5, 0.01), (1.0, 0.007))]
    whole = over_folds([{"tar": {"1e-2": each}} for each in some])["tar"]["1e-2"]
    assert whole["achieved_far"] == pytest.approx(0.0085)
    assert "reason" not in whole
    part = over_folds([{"tar": {"1e-2": each}} for each in (some[0], few, few)])["tar"]["1e-2"]
    assert (part["value"], part["achieved_far"], part["n"]) == (None, None, 12)
    assert part["reason"] == "in 2 of 3 folds too few"
