"""What somebody edited inside an export is kept beside the file that replaces it."""

import fsspec
import pytest
from buckets import served
from stage_data import contents

from pipeline.exporters.importing import read_manifest


def edit(path, words):
    path.write_text(path.read_text() + words)


def test_an_edited_file_stays_beside_the_new_one(put, capsys):
    out = put("parquet", verify=False, where="band = 'NIR'")
    card = out / "README.md"
    whole = card.read_text()
    edit(card, "my own words")
    for words in ("my own words", "my own words", "others"):
        put("parquet", verify=False, overwrite=True, where="band = 'NIR'")
        assert card.read_text() == whole
        edit(card, words)  # the same words are kept once
    assert "README.md was edited: kept as README.md.edited" in capsys.readouterr().err
    put("parquet", verify=False, overwrite=True, where="band = 'VIS'")
    kept = {path.name: path.read_text() for path in out.glob("README.md.*")}
    assert kept == {
        "README.md.edited": whole + "my own words",
        "README.md.edited-2": whole + "others",
    }
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


def test_an_edited_file_that_the_new_export_lacks_stays_too(put, tmp_path):
    out = put("parquet", verify=False, where="band = 'NIR'")
    (out / "README.md").unlink()
    (out / "README.md").symlink_to(tmp_path / "notes")
    put("lmdb", to=out, verify=False, overwrite=True, where="band = 'NIR'")
    assert (out / "README.md.edited").readlink() == tmp_path / "notes"
    assert {path.name for path in out.iterdir()} == {
        "README.md.edited",
        "manifest.json",
        *(entry.path for entry in read_manifest(str(out)).files),
    }


@pytest.mark.parametrize(
    ("form", "pattern"), [("folder", "images/**/*.png"), ("webdataset", "*.tar")]
)
def test_a_file_that_was_deleted_is_there_again(put, form, pattern):
    out = put(form, verify=False)
    whole = contents(out)
    lost = sorted(out.glob(pattern))[0]
    assert lost.relative_to(out).as_posix() in whole
    lost.unlink()
    put(form, verify=False, overwrite=True)
    made = contents(out)
    assert made.keys() == whole.keys()
    assert all(made[name] == whole[name] for name in whole.keys() - {"manifest.json"})
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


def test_a_file_that_was_deleted_is_there_again_beside_what_was_edited(put):
    out = put("folder", verify=False)
    whole = contents(out)
    lost, edited, *_ = sorted(out.glob("images/**/*.png"))
    lost.unlink()
    edited.write_bytes(b"mine")
    put("folder", verify=False, overwrite=True)
    name = edited.relative_to(out).as_posix()
    made = contents(out)
    assert made.keys() - whole.keys() == {f"{name}.edited"}
    assert made[f"{name}.edited"] == b"mine"
    assert all(made[path] == whole[path] for path in whole.keys() - {"manifest.json"})


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_object_that_was_deleted_is_there_again(put, tmp_path):
    with served(tmp_path / "none") as bucket:
        put("folder", to=f"{bucket}/set", verify=False)
        fs = fsspec.filesystem("s3")
        names = fs.find("prepared/set")
        lost = next(name for name in names if name.endswith(".png"))
        whole = fs.cat_file(lost)
        fs.rm_file(lost)
        put("folder", to=f"{bucket}/set", verify=False, overwrite=True)
        fs.invalidate_cache()
        assert fs.find("prepared/set") == names
        assert fs.cat_file(lost) == whole


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_edited_object_stays_beside_the_new_one(put, tmp_path):
    with served(tmp_path / "none") as bucket:
        put("parquet", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
        fs = fsspec.filesystem("s3")
        place = "prepared/set/README.md"
        whole = fs.cat_file(place)
        fs.pipe_file(place, whole[:-1] + b"!")
        for _ in range(2):
            put("parquet", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'NIR'")
        fs.invalidate_cache()
        kept = [path for path in fs.find("prepared/set") if "edited" in path]
        assert kept == [f"{place}.edited"]
        assert (fs.cat_file(place), fs.cat_file(kept[0])) == (whole, whole[:-1] + b"!")
