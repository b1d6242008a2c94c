"""Questions about columns: hand-worked buckets, quantiles, shares, and who was measured."""

import os

import numpy as np
import pytest

from pipeline.report.chosen_rows import shot_sql
from pipeline.report.metrics import quantiles
from pipeline.report.query import Tables
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.columns import extend, measure
from pipeline.store.shards import ShardWriter

ROWS = [
    ("1", "a", "VIS", 1.0),
    ("2", "a", "VIS", 2.0),
    ("3", None, "NIR", float("nan")),
    ("4", "b", "VIS", 4.0),
    ("5", "b", "NIR", None),
]


@pytest.fixture
def tables(tmp_path):
    import pyarrow as pa

    schema = extend(IMAGES, [measure("value", pa.float64(), "by hand")])
    folder = ShardFolder(tmp_path / "stage", 2)
    for index in range(2):
        with ShardWriter(folder.shard(index).path, schema) as writer:
            writer.write(
                {
                    "sample_id": name,
                    "dataset": "d",
                    "subject_id": subject,
                    "band": band,
                    "region": "scene",
                    "simulated": band != "VIS",
                    "truth_pose_deg": np.float32((30, 0, 0)) if name != "4" else None,
                    "content_sha256": None,
                    "fingerprint": "f",
                    "value": value,
                    **image_columns(b"x", (1, 1), "x"),
                }
                for name, subject, band, value in ROWS[index::2]
            )
    return Tables.of(
        folder, "subject_id, band, simulated, value, truth_pose_deg[1] AS truth_yaw_deg"
    )


@pytest.mark.parametrize(
    ("yaw", "bucket"),
    [
        (0, "0-20"),
        (-19.9, "0-20"),
        (20, "20-40"),
        (-59, "40-60"),
        (60, "60-90"),
        (95, "over 90"),
        (float("nan"), "unknown"),
        (None, "unknown"),
    ],
)
def test_yaw_buckets(tables, yaw, bucket):
    assert tables.ask("SELECT yaw_bucket(CAST($yaw AS DOUBLE))", yaw=yaw) == [(bucket,)]


def test_quantiles_are_those_of_the_finite_values(tables):
    assert tables.quantiles("value") == quantiles([1.0, 2.0, 4.0])
    assert tables.quantiles("value", where="band = 'LWIR'") == {"n": 0}
    assert tables.quantiles_by("band", "value") == {"NIR": {"n": 0}, "VIS": quantiles([1, 2, 4])}


def test_shares_and_counts(tables):
    assert tables.shares("simulated") == {"false": 0.6, "true": 0.4}
    assert tables.shares("subject_id") == {"a": 0.4, "b": 0.4, "none": 0.2}
    assert tables.counts("band") == {"NIR": 2, "VIS": 3}
    assert tables.count("value > 1") == 3  # NaN sorts above every number


def test_rows_without_a_value_are_not_measured(tables):
    found = tables.measured("value", where="NOT isnan(value)")
    assert found.values.tolist() == [1.0, 2.0, 4.0]
    assert found.subjects[0] == found.subjects[1] < found.subjects[2]
    assert found.buckets.tolist() == ["20-40", "20-40", "unknown"]
    assert found.bands.tolist() == ["VIS"] * 3


@pytest.mark.parametrize(
    ("name", "band", "shot"),
    [
        ("a/vis/1.jpg", "VIS", "a/1"),
        ("a/LWIR/1.PNG", "LWIR", "a/1"),
        ("a/1.jpg", "VIS", "a/1"),  # one of two bands alone is named
        ("a/1_lwir.tiff", "LWIR", "a/1"),
        ("a/thermal/1.jp2", "LWIR", "a/1"),
        ("DAVIS/VIS/1.jpg", "VIS", "DAVIS/1"),  # a name that ends like a band is none
        ("DAVIS/NIR/1.jpg", "NIR", "DAVIS/1"),
        ("elvis/nir_1.png", "NIR", "elvis/1"),
        ("P1/x.VIS", "VIS", "P1/x"),
        ("annaSWIR1.tiff", "SWIR", "anna1"),
        ("a/nir/1.jpg#face001", "NIR", "a/1#face001"),
        ("a/1#nod.LWIR", "LWIR", "a/1#nod"),  # bands that were made of one image
        ("a/1#nod-30.NIR", "NIR", "a/1#nod-30"),
        ("a/1#nod.NIR", "VIS", "a/1#nod.NIR"),
    ],
)
def test_a_shot_is_an_id_without_its_band_and_kind_of_file(tables, name, band, shot):
    sql = f"SELECT {shot_sql('name')} FROM (SELECT $name AS name, $band AS band)"
    assert tables.ask(sql, name=name, band=band) == [(shot,)]


def test_records_are_rows_by_the_names_of_their_columns(tables):
    found = tables.records("SELECT band, value FROM rows WHERE value = $wanted", wanted=4)
    assert found == [{"band": "VIS", "value": 4.0}]


def written(folder, names):
    folder.path.mkdir(exist_ok=True)
    with ShardWriter(folder.shard(0).path, IMAGES) as writer:
        writer.write(
            {
                "sample_id": name,
                "dataset": "d",
                "band": "VIS",
                "region": "scene",
                "simulated": False,
                "content_sha256": None,
                "fingerprint": "f",
                **image_columns(b"x", (1, 1), "x"),
            }
            for name in names
        )


def test_one_asks_not_what_another_keeps(tmp_path):
    one, other = (ShardFolder(tmp_path / name, 1) for name in ("one", "other"))
    written(one, ["1", "2"])
    written(other, ["3"])
    tables = [Tables.of(folder, "sample_id") for folder in (one, other)]
    for each in tables:
        each.table("last", "SELECT max(sample_id) FROM rows")
        each.view("all_of_it", "SELECT * FROM rows")
    assert [each.ask("SELECT * FROM last") for each in tables] == [[("2",)], [("3",)]]
    assert [each.count() for each in tables] == [2, 1]
    assert Tables.of(other, "sample_id").count() == 1


def test_a_shard_that_was_replaced_is_read_anew_however_soon(tmp_path):
    folder = ShardFolder(tmp_path / "stage", 1)
    for number in range(20):
        names = [f"{number:02d}-{place}" for place in range(number % 3 + 1)]
        written(folder, names)
        os.utime(folder.shard(0).path, (1, 1))  # its time tells nothing
        found = Tables.of(folder, "sample_id").ask("SELECT sample_id FROM rows ORDER BY 1")
        assert [name for (name,) in found] == names
