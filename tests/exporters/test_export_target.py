"""An export is there whole or not at all, and goes on where it stopped."""

import csv
import errno
import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from stage_data import align_rows, contents, finished, write_folder

from pipeline.errors import ExportError, StageError
from pipeline.exporters import webdataset
from pipeline.exporters.format import Request
from pipeline.exporters.importing import read_manifest
from pipeline.exporters.manifest import revision
from pipeline.exporters.running import export, plan_export
from pipeline.exporters.storage import CLAIM, HashedFile, Sink
from pipeline.schemas.align import ALIGN
from pipeline.store.executors import Serial
from pipeline.store.locks import locked


def test_an_export_is_replaced_only_when_asked(put, tmp_path):
    out = put("folder", verify=False)
    with pytest.raises(ExportError, match="--overwrite replaces it"):
        put("folder", verify=False)
    former = contents(out)
    put("folder", verify=False, overwrite=True, where="band = 'NIR'")
    assert read_manifest(str(out)).rows == 12
    stale = former.keys() - {entry.path for entry in read_manifest(str(out)).files}
    assert len(stale) > 12
    assert contents(out).keys() == former.keys() - stale | {"manifest.json"}
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith((".partial", ".former"))] == []


@pytest.mark.parametrize("to", ["", ".", ".."])
def test_the_folder_that_somebody_works_in_is_not_replaced(put, tmp_path, monkeypatch, to):
    here = tmp_path / "above/here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    with pytest.raises(ExportError, match="is the current folder or one above it"):
        export(Request(tmp_path / "align", "lmdb", to), executor=Serial())
    assert here.samefile(".")


def test_what_is_no_export_is_never_overwritten(put, tmp_path):
    out = tmp_path / "out-folder"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(ExportError, match=r"no manifest\.json, so it is not an export"):
        put("folder", overwrite=True)
    assert (out / "thesis.tex").read_text() == "years of work"


def test_a_full_disk_leaves_no_half_export_and_one_clear_message(put, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(HashedFile, "write", full)
        with pytest.raises(ExportError, match=r"the disk that holds .* is full"):
            put("webdataset")
    assert not (tmp_path / "out-webdataset").exists()
    put("webdataset")


@contextmanager
def interrupted(monkeypatch, count):
    """Interrupt an export when it finishes its ``count``th unit; gives the units' names."""
    written, true_receipt = [], Sink.receipt

    def interrupt(self, unit, key):
        written.append(unit)
        if len(written) == count:
            raise KeyboardInterrupt
        return true_receipt(self, unit, key)

    with monkeypatch.context() as patch:
        patch.setattr(Sink, "receipt", interrupt)
        with pytest.raises(KeyboardInterrupt):
            yield written


def test_an_interrupted_export_keeps_what_was_finished(put, tmp_path, monkeypatch, capsys):
    whole = contents(put("webdataset", to=tmp_path / "whole", verify=False))
    true_file = Sink.file
    with interrupted(monkeypatch, 4) as written:
        put("webdataset", verify=False)
    assert not (tmp_path / "out-webdataset").exists()
    again = []
    monkeypatch.setattr(
        Sink, "file", lambda self, path: again.append(path) or true_file(self, path)
    )
    out = put("webdataset", verify=False)
    assert contents(out) == whole
    assert not {f"{unit}.tar" for unit in written[:3]} & set(again)
    assert "3 of" in capsys.readouterr().err


def test_a_part_that_a_power_cut_emptied_is_written_anew(put, tmp_path, monkeypatch):
    whole = contents(put("webdataset", to=tmp_path / "whole"))
    with interrupted(monkeypatch, 4) as written:
        put("webdataset")
    part = tmp_path / ".out-webdataset.crossband-partial" / f"{written[0]}.tar"
    part.write_bytes(bytes(part.stat().st_size))
    assert contents(put("webdataset")) == whole


def test_what_a_former_run_left_for_other_rows_is_not_taken(put, tmp_path, monkeypatch):
    def interrupt(job, sink, written):
        raise KeyboardInterrupt

    broken = webdataset.FORMAT.__class__(**vars(webdataset.FORMAT) | {"finish": interrupt})
    with monkeypatch.context() as patch:
        patch.setattr(webdataset, "FORMAT", broken)
        with pytest.raises(KeyboardInterrupt):
            put("webdataset", verify=False)
    out = put("webdataset", columns=("subject_id",), verify=False)
    assert contents(out) == contents(
        put("webdataset", to=tmp_path / "fresh", columns=("subject_id",), verify=False)
    )


def remeasured(tmp_path, fraction):
    """Rows of ``align`` with the same contents, but a measure and fingerprints of their own."""
    rows = [finished(row | {"outside_fraction": fraction}) for row in align_rows()]
    return write_folder(tmp_path / "align", rows, ALIGN)


def test_an_export_whose_measures_changed_is_no_longer_the_same(tmp_path):
    to = str(tmp_path / "out")
    for fraction in (0.125, 0.25, 0.25):
        request = Request(remeasured(tmp_path, fraction), "folder", to)
        found = export(request, executor=Serial(), overwrite=True, keep=True, verify=False)
        (entry,) = [each for each in found.files if each.path.endswith("metadata.csv")]
        with (tmp_path / "out" / entry.path).open(newline="") as file:
            told = {float(row["outside_fraction"]) for row in csv.DictReader(file)}
        assert told == {fraction}


def test_an_export_that_goes_on_takes_nothing_of_other_measures(put, tmp_path, monkeypatch):
    with interrupted(monkeypatch, 3):
        put("parquet", source=remeasured(tmp_path, 0.125), verify=False)
    out = put("parquet", source=remeasured(tmp_path, 0.25), verify=False)
    assert contents(out) == contents(put("parquet", to=tmp_path / "fresh", verify=False))


@pytest.mark.parametrize("left", [b"", b'{"crossband_cl'])
def test_a_claim_that_was_cut_is_in_nobodys_way(put, tmp_path, left):
    claim = tmp_path / ".out-folder.crossband-partial" / CLAIM
    claim.parent.mkdir(parents=True)
    claim.write_bytes(left)
    assert read_manifest(str(put("folder", verify=False))).rows == 24
    assert not claim.exists()


@pytest.mark.parametrize("url", ["foo://x/y", "abfs://c/x"])
def test_an_address_that_nothing_opens_is_told_in_one_line(align, put, url, tmp_path):
    with pytest.raises(StageError, match=rf"{url}: .*its package is needed for such an address"):
        put("folder", to=url, verify=False)
    with pytest.raises(StageError, match=rf"{url}: .*its package is needed for such an address"):
        read_manifest(url)


def test_an_address_without_a_bucket_is_told_in_one_line(put):
    with pytest.raises(StageError, match="s3://: expected a bucket and a folder"):
        put("folder", to="s3://", verify=False)
    with pytest.raises(StageError, match="s3://: expected a bucket and a folder"):
        read_manifest("s3://")


def test_two_exports_to_one_place_do_not_mix(put, tmp_path):
    held = locked(tmp_path / "out-folder", keep=False)
    with held, pytest.raises(StageError, match="being written"):
        put("folder")


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(align, tmp_path):
    plan = plan_export(Request(align, "folder", str(tmp_path / "o"), where="band = 'NIR'"))
    # 12 images, 12 contexts, 3 position maps, 3 splits' tables, the table of all, the manifest
    assert (plan.rows, plan.files) == (12, 32)
    assert plan.bytes > 12 * 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["align"]


@pytest.mark.parametrize("columns", [(), ("band",)])
def test_a_dry_run_of_a_folder_counts_the_files_that_are_written(put, align, tmp_path, columns):
    plan = plan_export(Request(align, "folder", str(tmp_path / "o"), columns=columns))
    out = put("folder", columns=columns)
    assert plan.files == len([path for path in out.rglob("*") if path.is_file()])


def test_a_file_changed_later_is_found_by_its_sha256(put, tmp_path):
    from pipeline.exporters.importing import import_export

    out = put("folder", verify=False)
    victim = sorted((out / "images").rglob("*.png"))[0]
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    with pytest.raises(ExportError, match="expected sha256"):
        import_export(str(out), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_folder_without_a_manifest_is_no_export(tmp_path):
    with pytest.raises(ExportError, match=r"no manifest\.json: it is not an export"):
        read_manifest(str(tmp_path))
    with pytest.raises(ExportError, match=r"there is no folder .*nothere: expected an export"):
        read_manifest(str(tmp_path / "nothere"))


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"crossband_export": 99}'])
def test_a_manifest_that_is_none_is_told(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ExportError, match="manifest"):
        read_manifest(str(tmp_path))


def test_the_manifest_says_filter_schema_params_and_revision(put):
    out = put("parquet", where="band = 'NIR'", splits=("train",), verify=False)
    values = json.loads((out / "manifest.json").read_text())
    assert (values["where"], values["splits"]) == ("band = 'NIR'", ["train"])
    assert values["params"]["align"]["template"] == "arcface144"
    assert len(values["revision"].removesuffix("-dirty")) == 40
    (pose,) = [column for column in values["columns"] if column["name"] == "pose_deg"]
    assert pose["metadata"]["order"] == "yaw pitch roll"
    assert values["shares"] == {
        "split": {"train": 6},
        "band": {"NIR": 6},
        "region": {"face": 6},
        "generator": values["shares"]["generator"],
    }
    assert values["verified_with"] is None


def test_a_changed_file_of_any_name_is_no_fault_of_the_revision(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = os.fsdecode(b"M\xfcller.txt")  # no UTF-8, as git may be told to print it
    who = ("-c", "user.name=me", "-c", "user.email=me@localhost", "-c", "commit.gpgSign=false")
    Path(place).write_text("before")
    for words in (
        ("init", "-q"),
        ("config", "core.quotePath", "false"),
        ("add", place),
        (*who, "commit", "-qm", "first"),
    ):
        subprocess.run(["git", *words], check=True)
    Path(place).write_text("after")
    assert revision().endswith("-dirty")
