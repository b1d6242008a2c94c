"""Probes of a stage that makes images of some faces alone, worked out by hand."""

import pyarrow as pa
import pytest

from pipeline.errors import StageError
from pipeline.evaluation.made_probes import asked_of
from pipeline.store import REJECTED, ShardFolder
from pipeline.store.columns import field
from pipeline.store.protocols import (
    Kind,
    Protocol,
    Provenance,
    match_table,
    template_table,
    train_table,
)
from pipeline.store.shards import ShardWriter

ROW = pa.schema(
    [
        field("sample_id", pa.string(), null=False),
        field("parent_id", pa.string()),
        field("generator", pa.string()),
    ]
)
KNOWN = {"dataset": "d", "band": "VIS", "region": "face", "fingerprint": "f"}


def folder(path, rows, rejected=()):
    made = ShardFolder(path, 1)
    kept = [KNOWN | {"sample_id": name, "reason": "turned_away", "detail": ""} for name in rejected]
    for shard, schema, content in (
        (made.shard(0), ROW, rows),
        (made.rejected.shard(0), REJECTED, kept),
    ):
        with ShardWriter(shard.path, schema) as writer:
            writer.write(content)
    return made


@pytest.fixture
def folders(tmp_path):
    """Faces p1 to p4; p5 was not detected. One generator made p1 and p2, another p1 to p3."""
    real = [{"sample_id": f"p{n}", "parent_id": None, "generator": None} for n in range(1, 5)]
    made = [
        {"sample_id": f"p{n}#{name}", "parent_id": f"p{n}", "generator": name}
        for n, name in ((1, "blur"), (1, "turn"), (2, "blur"), (2, "turn"), (3, "turn"))
    ]
    return folder(tmp_path / "real", real), folder(tmp_path / "made", made)


def protocol(*probes, **more):
    enroll = template_table([(None, "g", "a", "g", None, None)])
    probe = template_table((None, name, "a", name, None, None) for name in probes)
    parts = {"match": None, "train": train_table()} | more
    return Protocol("VIS-VIS", Provenance.DERIVED, "", enroll, probe, **parts)


def left(found):
    return found.probe["sample_id"].to_pylist()


def test_who_has_a_face_and_was_not_asked_for_is_left_out_and_told(folders, caplog):
    asked = protocol("p1", "p2", "p3", "p4", "p5")
    assert left(asked_of(asked, *folders, "blur")) == ["p1", "p2", "p5"]  # p5 is a failure to enrol
    assert "2 of 5 probes with a face are left out: blur was not asked" in caplog.text
    assert left(asked_of(asked, *folders)) == ["p1", "p2", "p3", "p5"]
    whole = protocol("p1", "p2")
    assert asked_of(whole, *folders, "blur") is whole


def test_what_was_asked_for_and_rejected_stays(folders, tmp_path):
    rows = [{"sample_id": "p1#turn", "parent_id": "p1", "generator": "turn"}]
    made = folder(tmp_path / "some", rows, rejected=("p2", "p3#turn90"))
    assert left(asked_of(protocol("p1", "p2", "p3", "p4"), folders[0], made)) == ["p1", "p2", "p3"]


def test_pairs_of_what_is_left_out_go_with_it(folders):
    pairs = match_table([(None, "g", "p1", True), (None, "g", "p4", True)])
    found = asked_of(protocol("p1", "p4", match=pairs, kind=Kind.VERIFICATION), *folders)
    assert found.match["probe_template_id"].to_pylist() == ["p1"]


def test_a_split_that_nothing_was_made_of_is_told(folders):
    with pytest.raises(StageError, match=r"VIS-VIS: blur made no images from its 2 .* `splits`"):
        asked_of(protocol("p3", "p4"), *folders, "blur")


def test_a_generator_that_made_nothing_is_told_how_to_ask_for_it(folders):
    with pytest.raises(StageError, match=r"has no rows that cyclegan made.*train_degrader.steps"):
        asked_of(protocol("p1"), *folders, "cyclegan")
