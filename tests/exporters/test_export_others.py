"""Exports that others made, or that were damaged: a clear error, and no file outside is read."""

import base64
import hashlib
import json
import os
import resource

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ExportError
from pipeline.exporters import importing
from pipeline.exporters.format import Request
from pipeline.exporters.importing import import_export
from pipeline.exporters.running import export
from pipeline.store.executors import Serial


def change(out, path, content):
    """Replace a file of an export, and its digest in the manifest."""
    (out / path).write_bytes(content)
    manifest = json.loads((out / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["path"] == path:
            entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (out / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("named", ["{secret}", "../secret.txt", "images/../../secret.txt"])
def test_rows_cannot_name_a_file_outside(put, tmp_path, named):
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")
    out = put("folder", verify=False)
    header, line, *rest = (out / "metadata.csv").read_text().splitlines(keepends=True)
    line = ",".join([named.format(secret=secret), *line.split(",")[1:]])
    change(out, "metadata.csv", "".join([header, line, *rest]).encode())
    with pytest.raises(ExportError, match=r"not listed in manifest\.json"):
        import_export(str(out), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_nobody_waits_for_a_pipe(put, tmp_path):
    out = put("folder", verify=False)
    (out / "metadata.csv").unlink()
    os.mkfifo(out / "metadata.csv")
    with pytest.raises(ExportError, match=r"metadata\.csv can't be read: it is not a regular file"):
        import_export(str(out), tmp_path / "back")


@pytest.mark.parametrize(
    "changed",
    [
        {"source": []},
        {"source": None},
        {"source": {"shards": 0}},
        {"source": {"shards": -3}},
        {"source": {"shards": "many"}},
        {"source": {}},
        {"format": []},
        {"files": None},
        {"surprise": 1},
    ],
)
def test_a_manifest_of_other_values_is_refused(put, tmp_path, changed):
    out = put("parquet", verify=False)
    manifest = json.loads((out / "manifest.json").read_text()) | changed
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match="not the manifest of an export"):
        import_export(str(out), tmp_path / "back")


def test_files_that_are_not_as_the_manifest_says_are_refused(put, tmp_path):
    folder, parquet, tars = (
        put(form, verify=False) for form in ("folder", "parquet", "webdataset")
    )
    text = (folder / "metadata.csv").read_text()
    change(folder, "metadata.csv", text.replace("subject_id", "subjects", 1).encode())
    for out, paths in ((parquet, parquet.rglob("*.parquet")), (tars, tars.rglob("*.tar"))):
        for path in list(paths):
            change(out, path.relative_to(out).as_posix(), path.read_bytes()[:100])
    for out in (folder, parquet, tars):
        with pytest.raises(ExportError, match="not of its manifest's format"):
            import_export(str(out), tmp_path / "back")
        assert not (tmp_path / "back").exists()


def others_rows(folder, values, described):
    """Make a Parquet export that says of its columns what it likes."""
    table, schema = pa.table(values), pa.schema(described)
    (folder / "data").mkdir(parents=True)
    pq.write_table(table, folder / "data/all.parquet")
    data = (folder / "data/all.parquet").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    manifest = dict.fromkeys(("where", "params", "revision", "verified_with"))
    manifest |= {name: {} for name in ("shares", "licences", "simulated")}
    manifest |= {"crossband_export": 1, "format": "parquet", "source": {"shards": 2}, "splits": []}
    manifest |= {"image": "image", "rows": len(table), "columns": [], "crossband": "0"}
    manifest["arrow_schema"] = base64.b64encode(schema.serialize().to_pybytes()).decode()
    manifest["files"] = [{"path": "data/all.parquet", "bytes": len(data), "sha256": digest}]
    (folder / "manifest.json").write_text(json.dumps(manifest))


ID = ("sample_id", pa.string())


@pytest.mark.parametrize(
    ("values", "described", "says"),
    [
        ({"x": [1]}, [("x", pa.int64())], r"expected sample_id among the columns.*\['x'\]"),
        ({"sample_id": ["a"], "x": [1]}, [ID, ("x", pa.int64())] * 2, "none twice"),
        ({"sample_id": pa.array([None, "a"])}, [ID], "a row has no sample_id"),
        ({"sample_id": [1, 2]}, [ID], "a row has no sample_id"),
        ({"sample_id": ["a"], "x": ["q"]}, [ID, ("x", pa.int64())], "a real number is required"),
        ({"sample_id": ["a"], "x": ["q"]}, [ID, ("x", pa.float32())], "not a float"),
        ({"sample_id": ["a"], "x": [1]}, [ID, ("x", pa.string())], "no attribute 'encode'"),
        ({"sample_id": ["a"], "x": [1]}, [ID, ("x", pa.list_(pa.int8()))], "has no len"),
        (
            {"sample_id": ["a"], "content_sha256": ["zz"]},
            [ID, ("content_sha256", pa.string())],
            "row 'a' does not match its content_sha256",
        ),
    ],
)
def test_rows_that_are_not_as_their_columns_are_described_are_refused(
    tmp_path, values, described, says
):
    others_rows(tmp_path / "export", values, described)
    with pytest.raises(ExportError, match=says):
        import_export(str(tmp_path / "export"), tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_a_database_of_other_bytes_and_a_list_of_none_are_refused(put, tmp_path):
    out, folder = put("lmdb", verify=False), put("folder", verify=False)
    change(out, "data.mdb", bytes(4096))
    with pytest.raises(ExportError, match="cannot be read as LMDB"):
        import_export(str(out), tmp_path / "back")
    text = (folder / "metadata.csv").read_bytes()
    for spoilt in (text.replace(b"\n", b"\n\0", 1), b"\xff" + text):
        change(folder, "metadata.csv", spoilt)
        with pytest.raises(ExportError):
            import_export(str(folder), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_flipped_byte_is_no_unchanged_export(put, align, tmp_path):
    out = put("folder", verify=False)
    image = next(out.glob("images/**/*.png"))
    whole = image.read_bytes()
    image.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    request = Request(align, "folder", str(out))
    export(request, executor=Serial(), overwrite=True, verify=False, few_bytes=0)
    assert image.read_bytes() == whole


def test_more_shards_than_open_files(put, align, tmp_path, monkeypatch):
    """As 600 shards where 400 files may be open, but quicker."""
    assert importing._OPEN_FILES <= 256  # any shell allows so many
    monkeypatch.setattr(importing, "_OPEN_FILES", 32)
    out = put("parquet", verify=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        opened = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 48, hard))
        folder = import_export(str(out), tmp_path / "back", shards=80)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    few = import_export(str(out), tmp_path / "few", shards=2)
    key = lambda row: row["sample_id"]  # noqa: E731
    assert repr(sorted(folder.rows(), key=key)) == repr(sorted(few.rows(), key=key))
    assert folder.count == 80
