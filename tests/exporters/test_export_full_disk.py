"""A full disk is called by its name: that of the export, of the import, or of temporary files."""

import errno
import tempfile

import pytest

from pipeline.errors import ExportError
from pipeline.exporters import importing
from pipeline.exporters.storage import explained


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_import_names_its_own_disk(put, tmp_path, monkeypatch):
    out = put("lmdb", verify=False, where="band = 'NIR'")
    monkeypatch.setattr(importing, "_write", full)
    with pytest.raises(ExportError, match=r"the disk that holds .*/back is full"):
        importing.import_export(str(out), tmp_path / "back")


def test_on_the_way_to_an_object_store_the_temporary_folder_is_full():
    place = tempfile.gettempdir()
    told = pytest.raises(ExportError, match=rf"that holds {place} \(TMPDIR\) is full")
    with told, explained("s3://bucket/set"):
        full()


@pytest.mark.parametrize(
    ("form", "wanted"), [("dali", {}), ("lfw_bin", {"pairs": 2, "mix": ("split", "band")})]
)
def test_images_wait_on_the_disk_of_the_export(put, tmp_path, monkeypatch, form, wanted):
    spools, true = [], tempfile.TemporaryFile

    def temporary(*args, **values):
        spools.append(values.get("dir"))
        return true(*args, **values)

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    put(form, verify=False, **wanted)
    assert spools == [tmp_path]
