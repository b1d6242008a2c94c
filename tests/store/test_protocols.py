"""Protocol tables: folds, counts, faults, and the way to disk and back."""

from dataclasses import replace

import pytest

from pipeline.errors import StageError
from pipeline.store.protocols import (
    Exclude,
    Protocol,
    Provenance,
    match_table,
    protocol_names,
    read_protocol,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.store.seal import write_sealed


def protocol(enroll=(), probe=(), match=None, train=(), **values):
    return Protocol(
        "p",
        Provenance.OFFICIAL,
        "a protocol",
        enroll=template_table(enroll),
        probe=template_table(probe),
        match=None if match is None else match_table(match),
        train=train_table(train),
        **values,
    )


def template(fold, name, subject, *samples):
    return [(fold, name, subject, sample, sample, None) for sample in samples]


TWO_FOLDS = protocol(
    enroll=[*template(1, "A", "s1", "a", "b"), *template(2, "A", "s1", "c")],
    probe=[*template(None, "P", "s1", "p"), *template(None, "Q", None, "q")],
    match=[(1, "A", "P", True), (2, "A", "P", True), (2, "A", "Q", False)],
    train=[(1, "t", "s8"), (2, "u", "s9")],
    exclude=Exclude.SAME_CAMERA,
)


def test_a_fold_is_its_own_rows_and_those_of_every_fold():
    assert TWO_FOLDS.folds() == [1, 2]
    second = TWO_FOLDS.fold(2)
    assert second.enroll["sample_id"].to_pylist() == ["c"]
    assert second.probe["sample_id"].to_pylist() == ["p", "q"]
    assert second.match["same"].to_pylist() == [True, False]
    assert second.train["subject_id"].to_pylist() == ["s9"]


def test_without_folds_there_is_one():
    whole = protocol(probe=template(None, "P", "s1", "p"))
    assert whole.folds() == [1]
    assert whole.fold(1).probe["sample_id"].to_pylist() == ["p"]


def test_counts_are_over_all_folds():
    assert TWO_FOLDS.counts() == {
        "folds": 2,
        "enroll_samples": 3,
        "enroll_templates": 2,
        "enroll_subjects": 1,
        "probe_samples": 2,
        "probe_templates": 2,
        "probe_subjects": 1,
        "genuine": 2,
        "impostor": 1,
        "train_samples": 2,
        "train_subjects": 2,
    }


def test_what_is_written_is_read_back(tmp_path):
    write_protocol(tmp_path, TWO_FOLDS)
    assert protocol_names(tmp_path) == ["p"]
    assert read_protocol(tmp_path / "p") == TWO_FOLDS


def test_a_protocol_that_lost_its_pairs_leaves_none_behind(tmp_path):
    write_protocol(tmp_path, TWO_FOLDS)
    write_protocol(tmp_path, protocol())
    assert read_protocol(tmp_path / "p").match is None


def test_a_folder_without_protocol_is_named(tmp_path):
    told = r"expected a protocol, found no protocol\.json.*see its log for why it made none"
    with pytest.raises(StageError, match=told):
        read_protocol(tmp_path)


def test_a_name_that_is_no_protocols_is_told_of_those_there_are(tmp_path):
    write_protocol(tmp_path, TWO_FOLDS)
    with pytest.raises(StageError, match="expected one of p, found 'VIS-SWIR'; correct"):
        read_protocol(tmp_path / "VIS-SWIR")


@pytest.mark.parametrize(
    ("faulty", "fault"),
    [
        (
            protocol(enroll=[*template(1, "A", "s1", "a"), *template(1, "A", "s2", "b")]),
            "1 templates of enroll have several subjects, among them A",
        ),
        (
            protocol(probe=[*template(1, "P", None, "p"), *template(1, "P", "s1", "q")]),
            "1 templates of probe have several subjects, among them P",
        ),
        (
            protocol(probe=template(1, "P", "s1", "p"), match=[(1, "X", "P", False)]),
            "1 pairs name a template that enroll lacks, among them X",
        ),
        (
            protocol(probe=template(2, "P", "s1", "p"), train=[(None, "t", "s1")]),
            "fold 2: 1 subjects are both trained on and tested, among them s1",
        ),
    ],
)
def test_contradictions_are_told(faulty, fault):
    assert faulty.faults() == [fault]


def test_the_same_name_in_two_folds_may_be_two_templates():
    fine = protocol(
        enroll=[*template(1, "A", "s1", "a"), *template(2, "A", "s2", "b")],
        train=[(1, "t", "s2"), (2, "u", "s1")],  # and who trains in one may be tested in another
    )
    assert fine.faults() == []


def test_empty_subjects_are_nobody():
    assert protocol(probe=template(1, "P", None, "p"), train=[(1, "t", None)]).faults() == []


REPEATED = protocol(
    enroll=[*template(1, "1", "s1", "a"), *template(2, "1", "s2", "b")],
    probe=[*template(1, "9", "s1", "p"), *template(2, "9", "s3", "q")],
    match=[(1, "1", "9", True), (2, "1", "9", False)],
)
"""Each fold has its own templates under the same ids, as IJB-A's splits may."""


def test_templates_of_one_id_are_others_in_another_fold():
    assert REPEATED.faults() == []
    turned = [{**pair, "same": not pair["same"]} for pair in REPEATED.match.to_pylist()]
    faults = replace(REPEATED, match=match_table(turned)).faults()
    assert faults == [
        "2 pairs contradict the subjects of their templates, among them 1 and 9, "
        "listed as two people"
    ]


def test_pairs_of_a_template_that_one_fold_lost_go_there_alone():
    left = REPEATED.trimmed(REPEATED.enroll.slice(1), REPEATED.probe)
    assert left.match["fold"].to_pylist() == [2]
    lost = replace(REPEATED, enroll=REPEATED.enroll.slice(1))
    assert lost.faults() == ["1 pairs name a template that enroll lacks, among them 1"]


OWN = replace(protocol(), source=Provenance.OWN)
ALONE = template_table(template(None, "P", "s1", "a"))
"""A probe of image ``a`` alone."""


def at(camera, *rows):
    return template_table([(*row[:-1], camera) for row in rows])


@pytest.mark.parametrize(
    ("enrolled", "probing"),
    [
        (template(None, "A", "s1", "a", "b"), ALONE),  # one of a person's images probes again
        (template(None, "A", "s1", "a", "b"), template_table(template(1, "P", "s1", "b", "a"))),
        (template(None, "P", "s1", "a"), ALONE),
    ],
)
def test_a_probe_that_meets_its_own_images_is_told(enrolled, probing):
    own = replace(OWN, enroll=template_table(enrolled), probe=probing)
    assert own.faults() == [
        "fold 1: 1 probes are compared with their own images, among them P: "
        "list an image on one side only"
    ]
    assert replace(own, source=Provenance.OFFICIAL).faults() == []  # measured as published
    assert replace(own, exclude=Exclude.OTHER_MATES).faults() == []


def test_a_probe_with_an_image_of_its_own_is_none_of_them():
    pooled = template_table(template(None, "P", "s1", "a", "c"))
    assert replace(OWN, enroll=ALONE, probe=pooled).faults() == []


def test_an_image_is_enrolled_in_one_fold_and_probes_in_another():
    sides = [template_table(template(fold, "A", "s1", "a")) for fold in (1, 2)]
    assert replace(OWN, enroll=sides[0], probe=sides[1]).faults() == []


def test_of_listed_pairs_only_those_of_an_image_with_itself_are_told():
    both = template_table([*template(None, "A", "s1", "a"), *template(None, "B", "s1", "b")])
    own = replace(OWN, enroll=both, probe=both)
    other = match_table([(None, "A", "B", True), (None, "B", "A", True)])
    assert replace(own, match=other).faults() == []
    again = match_table([(None, "A", "B", True), (None, "B", "B", True)])
    assert (
        replace(own, match=again)
        .faults()[0]
        .endswith("among them B: list an image on one side only")
    )


@pytest.mark.parametrize("exclude", [Exclude.SAME_CAMERA, Exclude.SAME_SUBJECT_AND_CAMERA])
def test_what_is_left_out_is_not_compared(exclude):
    row = template(None, "P", "s1", "a")[0]
    own = replace(OWN, enroll=at("c1", row), probe=at("c1", row), exclude=exclude)
    assert own.faults() == []
    assert len(replace(own, probe=at("c2", row)).faults()) == 1
    nowhere = at(None, row)  # no camera is the same as an unknown one
    assert len(replace(own, enroll=nowhere, probe=nowhere).faults()) == 1


def test_a_protocol_that_was_cut_while_it_was_written_is_none(tmp_path, monkeypatch):
    write_protocol(tmp_path, TWO_FOLDS)

    def cut(table, path, **_):
        if path.name == "probe.parquet":
            raise KeyboardInterrupt
        return write_sealed(table, path, compression="zstd")

    monkeypatch.setattr("pipeline.store.protocols.write_sealed", cut)
    with pytest.raises(KeyboardInterrupt):
        write_protocol(tmp_path, REPEATED)
    with pytest.raises(StageError, match=r"found no protocol\.json; run the stage that makes it"):
        read_protocol(tmp_path / "p")
