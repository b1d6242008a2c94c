import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from pipeline.errors import WeightsError
from pipeline.weights.archive import extract_member

CONTENT = bytes(range(256)) * 20


@pytest.fixture(params=["a.whl", "a.tar.gz", "a.tar"])
def archive(request, tmp_path):
    """An archive with a file, a folder and a link that leads out of it."""
    path = tmp_path / request.param
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("pkg/net.bin", CONTENT)
            out.writestr("../escape", CONTENT)
            out.mkdir("pkg/folder")
            link = zipfile.ZipInfo("pkg/link")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            out.writestr(link, "/etc/passwd")
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as out:
            for name in ("pkg/net.bin", "../escape"):
                info = tarfile.TarInfo(name)
                info.size = len(CONTENT)
                out.addfile(info, io.BytesIO(CONTENT))
            for name, kind in (("pkg/folder", tarfile.DIRTYPE), ("pkg/link", tarfile.SYMTYPE)):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, "/etc/passwd"
                out.addfile(info)
    return path


def test_one_member_and_nothing_else(archive, tmp_path):
    extract_member(archive, "pkg/net.bin", tmp_path / "out", len(CONTENT))
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([archive.name, "out"])


@pytest.mark.parametrize(
    ("member", "limit", "reason"),
    [
        (
            "pkg/net.bin",
            len(CONTENT) - 1,
            r"is longer than the [\d,]+ bytes that weights\.yaml names",
        ),
        ("pkg/link", 99, "not a plain file"),
        ("../escape", 9999, "leads out"),
        ("/pkg/net.bin", 9999, "leads out"),
        ("pkg/../pkg/net.bin", 9999, "leads out"),
        ("pkg/other", 9999, "no member"),
    ],
)
def test_refused(archive, tmp_path, member, limit, reason):
    with pytest.raises(WeightsError, match=reason):
        extract_member(archive, member, tmp_path / "out", limit)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path.parent / "escape").exists()


def test_a_folder_is_no_file(archive, tmp_path):
    name = "pkg/folder/" if archive.suffix == ".whl" else "pkg/folder"
    with pytest.raises(WeightsError, match="not a plain file"):
        extract_member(archive, name, tmp_path / "out", 99)


def test_a_hard_link_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        info = tarfile.TarInfo("net")
        info.type, info.linkname = tarfile.LNKTYPE, "/etc/passwd"
        out.addfile(info)
    with pytest.raises(WeightsError, match="not a plain file"):
        extract_member(tmp_path / "a.tar", "net", tmp_path / "out", 99)


def test_a_header_that_lies_about_the_length_writes_no_more(tmp_path):
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("net", bytes(5_000_000))
    blob = path.read_bytes()
    assert blob.count((5_000_000).to_bytes(4, "little")) == 2
    path.write_bytes(blob.replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(WeightsError, match=r"damaged|longer"):
        extract_member(path, "net", tmp_path / "out", 100)
    assert (tmp_path / "out").stat().st_size <= 100


def test_damaged_archives(archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[: min(archive.stat().st_size // 2, 3000)])
    with pytest.raises(WeightsError, match=r"damaged|cannot be unpacked|no member"):
        extract_member(archive, "pkg/net.bin", tmp_path / "out", len(CONTENT))


@pytest.mark.parametrize("name", ["a.whl", "a.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"<html>", gzip.compress(b"no tar", mtime=0)])
def test_what_is_no_archive(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        extract_member(tmp_path / name, "net", tmp_path / "out", 99)


def test_bit_rot_is_noticed(tmp_path):
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        out.writestr("net", CONTENT)
    path.write_bytes(path.read_bytes().replace(CONTENT[:8], b"........", 1))
    with pytest.raises(WeightsError, match="damaged"):
        extract_member(path, "net", tmp_path / "out", len(CONTENT))
