"""Filters choose what they say, over all shards, and open nothing else."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stage_data import align_rows, write_folder

from pipeline.errors import ExportError, SchemaError
from pipeline.exporters.importing import read_manifest
from pipeline.exporters.selection import Selection
from pipeline.report.query import Tables
from pipeline.schemas.align import ALIGN
from pipeline.store import ShardFolder
from pipeline.store.seal import write_sealed


def chosen(folder, where=None, splits=()):
    return Selection(ShardFolder.open(folder), where, splits)


def ids(selection):
    found = [
        (ordinal, row["sample_id"])
        for unit in selection.units(split=False)
        for ordinal, row in unit.rows(["sample_id"])
    ]
    assert [ordinal for ordinal, _ in found] == list(range(selection.count))
    return {sample_id for _, sample_id in found}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("band = 'NIR'", lambda row: row["band"] == "NIR"),
        (
            "band = 'NIR' and yaw_deg between -30 and 30",
            lambda row: row["band"] == "NIR" and -30 <= row["pose_deg"][0] <= 30,
        ),
        ("pitch_deg < 0 and abs(roll_deg - 0.1) < 1e-6", lambda row: True),
        ("interocular_px = 10", lambda row: True),
        ("licence is null", lambda row: row["licence"] is None),
        ("truth_position_map is not null", lambda row: row["truth_position_map"] is not None),
        ("octet_length(image.bytes) > 1500", lambda row: len(row["image"]["bytes"]) > 1500),
        (
            "seed = (select max(seed) from rows)",
            lambda row: row["seed"] == max(other["seed"] for other in align_rows()),
        ),
    ],
)
def test_a_condition_takes_exactly_its_rows(align, where, expected):
    wanted = {row["sample_id"] for row in align_rows() if expected(row)}
    assert wanted
    assert ids(chosen(align, where)) == wanted


def test_splits_limit_a_condition(align):
    found = ids(chosen(align, "band = 'VIS'", ["train", "test"]))
    rows = [row for row in align_rows() if row["band"] == "VIS" and row["split"] != "validation"]
    assert found == {row["sample_id"] for row in rows}


def test_pose_and_eyes_of_an_image_are_those_of_its_best_face(detect):
    assert chosen(detect, "yaw_deg = 10").count == 5
    assert chosen(detect, "interocular_px = 10").count == 4


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("bnd = 'NIR'", "columns are sample_id, dataset, .*nme_percent, yaw_deg, pitch_deg"),
        ("band =", "syntax error"),
        ("band", "BOOL"),
        ("1 = 1; drop view rows", "--where"),
        ("1 = 1) union select * from rows --", "syntax error"),
        ("true, true", "single expression"),
        ("sample_id in (select column0 from read_csv('/etc/passwd'))", "file system operations"),
        ("sample_id in (select * from read_csv('http://127.0.0.1/x'))", "file system operations"),
        ("sample_id in (select * from 'other.parquet')", "(not exist|file system operations)"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_reason(align, tmp_path, where, message):
    with pytest.raises(ExportError, match=message):
        chosen(align, where).units(split=False)


@pytest.mark.parametrize(
    "asks",
    [
        "(select count(*) from glob('{folder}/*'))",
        "(select count(*) from read_text('{folder}/secret'))",
        "(select count(*) from read_blob('{folder}/secret'))",
        "(select count(*) from parquet_metadata('{folder}/secret'))",
        "(select count(*) from sniff_csv('{folder}/secret'))",
        "(select count(*) from query('select * from read_text(''{folder}/secret'')'))",
        "(select count(*) from duckdb_secrets())",
        "(select count(*) from mine)",
        "(copy rows to '{folder}/made')",
        "(attach '{folder}/made')",
        "(load '{folder}/secret')",
        "length(getenv('HOME'))",
    ],
)
def test_a_condition_opens_and_writes_no_file(align, tmp_path, asks):
    mine = pa.table({"column0": ["a table of the program's"]})
    assert len(mine)
    (tmp_path / "secret").write_text("years of work")
    with pytest.raises(ExportError):
        chosen(align, f"{asks.format(folder=tmp_path)} > 0")
    assert [path.name for path in tmp_path.iterdir() if path.name != "align"] == ["secret"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("random() < 0.5", "random"),
        ("band = 'VIS' and hash(uuid()) % 2 = 0", "uuid"),
        ("sample_id in (select sample_id from rows order by RANDOM() limit 9)", "random"),
        ("sample_id in (select sample_id from rows using sample 9)", "a sample"),
        ("current_date > date '2020-01-01'", "current_date"),
    ],
)
def test_a_condition_that_chooses_others_each_time_is_refused(align, where, told):
    with pytest.raises(
        ExportError, match=rf"{told} gives another answer each time.*hash\(sample_id"
    ):
        chosen(align, where)


def test_the_random_part_that_is_offered_instead_is_one(align):
    found = [ids(chosen(align, "hash(sample_id) % 2 = 0")) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    assert 4 < len(found[0]) < 20


def test_a_condition_that_nothing_fulfils_says_so(align):
    with pytest.raises(ExportError, match=r"no row of split test matches \"band = 'LWIR'\""):
        chosen(align, "band = 'LWIR'", ["test"])
    with pytest.raises(
        ExportError, match=r"split night is there: choose others; its \d+ rows have"
    ):
        chosen(align, None, ["night"])


def test_what_can_be_chosen_is_told_and_rejections_where_there_is_nothing(tmp_path):
    rows = [row | {"split": None, "band": "VIS"} for row in align_rows()[:2]]
    some = write_folder(tmp_path / "some", rows, ALIGN)
    message = r"split test is there: none of its 2 rows has a split: give each image a `split` in"
    with pytest.raises(ExportError, match=message):
        chosen(some, None, ["test"])
    with pytest.raises(ExportError, match=r"its 2 rows have no split 2, VIS 2$"):
        chosen(some, "band = 'NIR'")
    none = write_folder(tmp_path / "none", [], ALIGN)
    with pytest.raises(ExportError, match=r"is there: see why: `crossband rejected"):
        chosen(none)


def test_units_are_the_splits_of_the_shards_and_hold_each_row_once(align):
    selection = chosen(align)
    units = selection.units(split=True)
    assert [unit.name for unit in units] == sorted(unit.name for unit in units)
    assert {unit.split for unit in units} == {"train", "validation", "test"}
    rows = [row for unit in units for _, row in unit.rows(["sample_id", "split"])]
    assert len({row["sample_id"] for row in rows}) == len(rows) == 24
    for unit in units:
        assert {row["split"] for _, row in unit.rows(["split"])} == {unit.split}


def test_a_source_that_changes_meanwhile_is_noticed(align):
    (unit,) = chosen(align).units(split=False)
    path = unit.parts[0].path
    table = pq.read_table(path)
    contents = np.array(table["content_sha256"].to_pylist())[::-1]
    place = table.schema.get_field_index("content_sha256")
    changed = table.set_column(place, table.schema.field(place), [contents.tolist()])
    write_sealed(changed, path)
    with pytest.raises(ExportError, match="source changed during the export"):
        list(unit.rows(["sample_id"]))


def test_an_id_that_climbs_is_refused(align):
    path = ShardFolder.open(align).shard(0).path
    table = pq.read_table(path)
    evil = ["../../evil", *table["sample_id"].to_pylist()[1:]]
    write_sealed(table.set_column(0, table.schema.field(0), [evil]), path)
    with pytest.raises(SchemaError, match="evil"):
        chosen(align).units(split=True)


def test_a_folder_whose_name_is_a_pattern_is_itself(put, tmp_path):
    rows = align_rows()[:5]
    one = write_folder(tmp_path / "run[1]", rows, ALIGN)
    write_folder(tmp_path / "run1", align_rows()[5:], ALIGN)
    out = put("parquet", source=one, verify=False)
    assert read_manifest(str(out)).rows == 5
    assert Tables.of(ShardFolder.open(one), "sample_id").count() == 5
