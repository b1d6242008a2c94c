"""What was exported comes back row by row, column by column, bit by bit."""

import pyarrow.parquet as pq
import pytest
from stage_data import align_rows, finished, tables, write_folder

from pipeline.errors import ExportError
from pipeline.exporters import EXPORTERS, format_of
from pipeline.exporters.importing import import_export
from pipeline.schemas.align import ALIGN
from pipeline.store import ShardFolder
from pipeline.store.content import content_sha256

EXACT = ["folder", "webdataset", "parquet", "croissant", "lmdb"]


def test_the_formats_that_hold_whole_rows_are_these():
    assert [name for name in EXPORTERS if format_of(name).read] == EXACT


@pytest.mark.parametrize("form", EXACT)
@pytest.mark.parametrize("stage", ["align", "detect", "parts"])
def test_an_export_comes_back_as_the_same_rows_in_the_same_shards(
    put, tmp_path, request, stage, form
):
    source = request.getfixturevalue(stage)
    out = put(form, source=source, verify=False)
    import_export(str(out), tmp_path / "back")
    for before, after in zip(tables(source), tables(tmp_path / "back"), strict=True):
        assert before.schema.equals(after.schema, check_metadata=True)
        assert repr(before.to_pylist()) == repr(after.to_pylist())


def test_another_number_of_shards_and_a_filter_keep_the_rows(put, align, tmp_path):
    out = put("webdataset", where="band = 'NIR'", verify=False)
    folder = import_export(str(out), tmp_path / "back", shards=2)
    rows = {row["sample_id"]: row for row in folder.rows()}
    assert len(rows) == 12
    for row in ShardFolder.open(align).rows():
        assert (row["band"] == "NIR") == (row["sample_id"] in rows)
        assert repr(rows.get(row["sample_id"], row)) == repr(row)


def test_a_folder_of_two_underscores_is_a_sample_to_webdataset_too(put, tmp_path):
    rows = [finished(row | {"sample_id": f"__x__/{row['sample_id']}"}) for row in align_rows()]
    source = write_folder(tmp_path / "source", rows, ALIGN)
    out = put("webdataset", source=source)  # verified by that library
    folder = import_export(str(out), tmp_path / "back")
    assert {row["sample_id"] for row in folder.rows()} == {row["sample_id"] for row in rows}


def test_some_columns_come_back_with_a_digest_of_their_own(put, tmp_path):
    out = put("folder", columns=("subject_id",), verify=False)
    folder = import_export(str(out), tmp_path / "back")
    schema = pq.read_schema(folder.shard(0).path)
    for row in folder.rows():
        assert row["content_sha256"] == content_sha256(row, schema)
        assert {"subject_id", "licence", "simulated"} < row.keys()
        assert "context" not in row


def test_a_format_that_holds_less_says_which_hold_all(put, tmp_path):
    out = put("recordio", verify=False)
    with pytest.raises(ExportError, match="folder, webdataset, parquet, croissant, lmdb do"):
        import_export(str(out), tmp_path / "back")


def test_an_import_never_overwrites(put, tmp_path):
    out = put("folder", verify=False)
    with pytest.raises(ExportError, match="exists"):
        import_export(str(out), tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "a disk that is not there")
    with pytest.raises(ExportError, match="exists"):
        import_export(str(out), tmp_path / "link")
