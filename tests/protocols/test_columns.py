"""Protocols from columns: no shot on both sides, one template each, ranges of a column."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.recognition import recognise
from pipeline.params.datasets import DatasetParams
from pipeline.params.protocols import ProtocolParams
from pipeline.protocols import build
from pipeline.protocols.columns import band_templates, between_values, cross_band, shot_of
from pipeline.store import ShardFolder
from pipeline.store.protocols import Protocol, Provenance, match_table, template_table, train_table
from pipeline.store.seal import write_sealed


def rows_of(subjects=3, sessions=4, bands=("VIS", "NIR", "LWIR"), split="test"):
    return [
        {
            "sample_id": f"{s}/{n}/x.{band}",
            "subject_id": f"{split}{s}",
            "session_id": f"day{n}",
            "band": band,
            "split": split,
            "view": None,
        }
        for s in range(subjects)
        for n in range(sessions)
        for band in bands
    ]


def samples(table):
    return table["sample_id"].to_pylist()


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 6))
def test_gallery_and_probes_never_share_a_shot(seed, subjects, sessions):
    rows = rows_of(subjects, sessions)
    by_id = {row["sample_id"]: row for row in rows}
    for protocol in cross_band(rows, seed):
        enrolled = {shot_of(by_id[i]) for i in samples(protocol.enroll)}
        probing = {shot_of(by_id[i]) for i in samples(protocol.probe)}
        assert not enrolled & probing
        assert sessions > 1  # one shot is no protocol
        assert len(protocol.enroll) == subjects * ((sessions + 1) // 2)
        assert len(protocol.probe) == subjects * (sessions // 2)


def test_the_deal_is_the_same_for_every_band_and_whatever_the_order():
    rows = rows_of()
    nir, lwir = cross_band(rows, 7)
    assert (nir.name, lwir.name) == ("VIS-NIR", "VIS-LWIR")
    assert nir.enroll == lwir.enroll
    strip = [i.removesuffix("NIR") for i in samples(nir.probe)]
    assert strip == [i.removesuffix("LWIR") for i in samples(lwir.probe)]
    backwards, _ = cross_band(rows[::-1], 7)
    assert set(samples(backwards.probe)) == set(samples(nir.probe))


def test_another_seed_deals_otherwise():
    deals = {tuple(samples(next(cross_band(rows_of(), seed)).probe)) for seed in range(8)}
    assert len(deals) > 1


def test_one_template_a_subject_single_probes_and_both_bands_train():
    rows = [*rows_of(2), *rows_of(4, split="train"), *rows_of(1, split="validation")]
    protocol = next(cross_band(rows, 0))
    counts = protocol.counts()
    assert counts["enroll_templates"] == counts["enroll_subjects"] == 2
    assert counts["probe_templates"] == counts["probe_samples"] == 4
    assert counts["train_subjects"] == 4
    assert counts["train_samples"] == 4 * 4 * 2
    assert protocol.faults() == []


def test_backs_of_heads_and_people_without_a_name_take_no_part():
    rows = rows_of(1, 2)
    rows += [row | {"sample_id": f"b{n}", "view": "back"} for n, row in enumerate(rows)]
    rows += [row | {"sample_id": f"n{n}", "subject_id": None} for n, row in enumerate(rows)]
    assert next(cross_band(rows, 0)).counts()["enroll_samples"] == 1


def test_without_test_subjects_there_is_no_protocol():
    rows = rows_of(3, split="train")
    assert [*cross_band(rows, 0), *band_templates(rows)] == []


def test_a_shot_without_session_is_the_media_or_the_id_but_for_the_band():
    row = {"sample_id": "s/1.VIS", "subject_id": "s", "band": "VIS"}
    other = {"sample_id": "s/1.NIR", "subject_id": "s", "band": "NIR"}
    assert shot_of(row) == shot_of(other)
    assert shot_of(row | {"media_id": "m"}) == ("s", "m")
    assert shot_of(row | {"media_id": "m", "session_id": "d"}) == ("s", "d")


@pytest.mark.parametrize(
    ("visible", "infrared"),
    [
        ("s/001.jpg", "s/001_nir.jpg"),
        ("s/001.jpg", "s/NIR/001.jpg"),
        ("s/1.jpg", "NIR/s/1.jpg"),
        ("s_1.jpg", "s_nir_1.jpg"),
        ("s/001-1.jpg", "s/001_nir-1.jpg"),
        ("s/1_vis.jpg", "s/nir/1.jpg"),
        ("s/1.jpg", "s/1%20%28NIR%29.jpg"),
    ],
)
def test_a_shot_is_the_same_where_one_of_its_images_names_no_band(visible, infrared):
    row = {"sample_id": visible, "subject_id": "s", "band": "VIS"}
    assert shot_of(row) == shot_of(row | {"sample_id": infrared, "band": "NIR"})
    assert shot_of(row) != shot_of(row | {"sample_id": visible.replace("1", "2")})


def test_band_templates_are_all_media_of_a_subject():
    rows = [row | {"media_id": row["session_id"]} for row in rows_of(2, 3)]
    nir, _ = band_templates(rows)
    counts = nir.counts()
    assert (counts["enroll_templates"], counts["probe_templates"]) == (2, 2)
    assert counts["probe_samples"] == 6
    assert set(nir.probe["template_id"].to_pylist()) == {"test0.NIR", "test1.NIR"}
    assert len(set(nir.probe["media_id"].to_pylist())) == 3


def test_everybody_who_is_in_a_scene_is_tried_whether_found_or_not():
    """Three people walk through two frames a band; the third is no test subject."""
    people = [
        {"subject_id": "a", "split": "test"},
        {"subject_id": "b", "split": "test"},
        {"subject_id": "c", "split": "train"},
        {"subject_id": None, "split": None},
    ]
    rows = [
        {
            "sample_id": f"{band}/{n}",
            "subject_id": None,
            "media_id": band,
            "band": band,
            "split": None,
            "truth_people": people[: 3 + n],
        }
        for band in ("VIS", "SWIR")
        for n in range(2)
    ]
    (protocol,) = band_templates(rows)
    assert samples(protocol.probe) == ["SWIR/0#a", "SWIR/0#b", "SWIR/1#a", "SWIR/1#b"]
    assert set(protocol.probe["template_id"].to_pylist()) == {"a.SWIR", "b.SWIR"}
    assert protocol.train["sample_id"].to_pylist() == ["VIS/0#c", "VIS/1#c", "SWIR/0#c", "SWIR/1#c"]
    # b was found in no infra-red frame: a failure to enrol, and a miss
    gallery = {i: np.eye(2, dtype=np.float32)["ab".index(i[-1])] for i in samples(protocol.enroll)}
    found = {i: np.array([1, 0], np.float32) for i in samples(protocol.probe) if i.endswith("#a")}
    metrics = recognise(protocol, gallery, found).metrics
    assert metrics["failure_to_enrol"]["value"] == 0.25
    assert metrics["rank1"]["value"] == 0.5
    assert metrics["probes"] == 2


def verification():
    def side(name, *yaws):
        return [(None, f"{name}{s}", s, f"{name}{s}/{y}", None, None) for s in "xy" for y in yaws]

    return Protocol(
        "verification",
        Provenance.OFFICIAL,
        "",
        enroll=template_table(side("g", 10, -60)),
        probe=template_table([*side("p", 5, -70), (None, "pz", "z", "pz/0", None, None)]),
        match=match_table(
            [(None, "gx", "px", True), (None, "gx", "py", False), (None, "gy", "pz", False)]
        ),
        train=train_table(),
    )


def test_cross_pose_keeps_frontal_galleries_and_turned_probes():
    base = verification()
    yaws = {
        i: abs(float(i.partition("/")[2])) for t in (base.enroll, base.probe) for i in samples(t)
    }
    crossed = between_values(base, "cp", "yaw_deg", yaws, (0.0, 40.0), (40.0, 180.0))
    assert samples(crossed.enroll) == ["gx/10", "gy/10"]
    assert samples(crossed.probe) == ["px/-70", "py/-70"]
    assert crossed.match["probe_template_id"].to_pylist() == ["px", "py"]  # pz lost its only sample
    assert (crossed.name, crossed.source) == ("cp", Provenance.DERIVED)
    assert crossed.faults() == []


def test_a_value_where_both_ranges_meet_is_on_neither_side():
    base = verification()
    values = {i: 40.0 if i.endswith(("10", "5")) else 50.0 for i in samples(base.enroll)}
    values |= {i: 40.0 if i.endswith("/5") else 50.0 for i in samples(base.probe)}
    crossed = between_values(base, "cp", "yaw_deg", values, (0.0, 40.0), (40.0, 180.0))
    assert samples(crossed.enroll) == []
    assert samples(crossed.probe) == ["px/-70", "py/-70", "pz/0"]
    swapped = between_values(base, "cq", "quality", values, (40.0, 99.0), (0.0, 40.0))
    assert samples(swapped.enroll) == ["gx/-60", "gy/-60"]
    assert samples(swapped.probe) == []


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_a_limit_is_met_in_whatever_type_the_column_is_of(tmp_path, monkeypatch, kind):
    base = verification()
    monkeypatch.setattr(build, "_base", lambda *_: iter([base]))
    schema = pa.schema([("sample_id", pa.string()), ("quality", kind)])
    table = pa.table([samples(base.enroll), [0.2] * 4], schema=schema)
    write_sealed(table, tmp_path / "shard-00000-of-00001.parquet")
    subset = {"of": "verification", "column": "quality", "absolute": False}
    ranges = {"gallery_range": (0.2, 1.0), "probe_range": (0.0, 0.2)}
    values = {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {"cq": subset | ranges}}
    made = build.build_protocols(
        "set",
        DatasetParams(reader="folder", root="set", shards=1),
        ProtocolParams.model_validate(values),
        ShardFolder.open(tmp_path),
    )
    assert samples([*made][1].enroll) == []


def test_samples_without_a_value_go():
    base = verification()
    crossed = between_values(base, "cq", "quality", {"gx/10": 0.3}, (0.2, 1.0), (0.0, 0.2))
    assert samples(crossed.enroll) == ["gx/10"]
    assert (len(crossed.probe), len(crossed.match)) == (0, 0)
