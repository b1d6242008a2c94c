"""Protocols across views: who is enrolled, who probes, and that no shot is on both sides."""

import pytest

from pipeline.protocols.columns import shot_of
from pipeline.protocols.poses import cross_pose

VIEWS = ("front", "left", "right", "back")


@pytest.fixture
def rows():
    return [
        {
            "sample_id": f"{split}{s}/{session}/{view}.{band}",
            "subject_id": f"{split}{s}",
            "session_id": f"day{session}",
            "band": band,
            "split": split,
            "view": view,
        }
        for split in ("test", "validation", "train")
        for s in range(3)
        for session in range(2)
        for view in VIEWS
        for band in ("VIS", "NIR")
    ]


def views(table):
    return {name.rpartition("/")[2].partition(".")[0] for name in table["sample_id"].to_pylist()}


def test_front_images_are_enrolled_and_profiles_probe_from_other_shots(rows):
    found = {protocol.name: protocol for protocol in cross_pose(rows, 7)}
    assert set(found) == {
        f"{name}{end}"
        for name in ("VIS-VIS", "frontal", "cross-pose")
        for end in ("", "-validation")
    }
    by_id = {row["sample_id"]: row for row in rows}
    for name, protocol in found.items():
        enrolled, probing = (
            {by_id[i]["sample_id"]: shot_of(by_id[i]) for i in table["sample_id"].to_pylist()}
            for table in (protocol.enroll, protocol.probe)
        )
        assert not set(enrolled.values()) & set(probing.values())
        assert all(by_id[i]["band"] == "VIS" for i in (*enrolled, *probing))
        split = "validation" if name.endswith("-validation") else "test"
        assert {by_id[i]["split"] for i in (*enrolled, *probing)} == {split}
        assert {by_id[i]["split"] for i in protocol.train["sample_id"].to_pylist()} == {"train"}
    assert views(found["cross-pose"].enroll) == views(found["frontal"].probe) == {"front"}
    assert views(found["cross-pose"].probe) == {"left", "right"}
    assert views(found["VIS-VIS"].probe) == {"front", "left", "right"}
    # one template a subject, single images probe
    assert len(set(found["cross-pose"].enroll["template_id"].to_pylist())) == 3
    assert len(set(found["cross-pose"].probe["template_id"].to_pylist())) == 6


def test_a_data_set_that_knows_no_views_has_all_against_all_alone(rows):
    unseen = [row | {"view": None} for row in rows]
    assert [protocol.name for protocol in cross_pose(unseen, 7)] == [
        "VIS-VIS",
        "VIS-VIS-validation",
    ]


def test_a_shot_of_the_back_of_a_head_alone_takes_nobody_out_of_the_gallery():
    """Each subject's only shot of a face is enrolled, whatever the deal; the back trains nobody."""
    rows = [
        {
            "sample_id": f"{split}{s}/{view}.VIS",
            "subject_id": f"{split}{s}",
            "session_id": view,
            "band": "VIS",
            "split": split,
            "view": view,
        }
        for split in ("test", "train")
        for s in range(12)
        for view in ("front", "back")
    ]
    shown = [row | {"sample_id": row["sample_id"] + "2", "session_id": "b"} for row in rows[:2]]
    protocols = {protocol.name: protocol for protocol in cross_pose([*rows, *shown], 7)}
    for name in ("VIS-VIS", "frontal"):
        enrolled = protocols[name].enroll["subject_id"].to_pylist()
        assert sorted(enrolled) == sorted(f"test{s}" for s in range(12))
        assert protocols[name].probe["subject_id"].to_pylist() == ["test0"]
        assert {i.rpartition("/")[2] for i in protocols[name].train["sample_id"].to_pylist()} == {
            "front.VIS"
        }
