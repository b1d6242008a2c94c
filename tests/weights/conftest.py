"""Tiny packages, a loopback server that counts, and an environment no test can escape from."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.weights import WeightFile
from pipeline.weights.pip_settings import PipSettings, read_pip_settings

CONTENT = b"weights " * 400
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip know ``tmp_path/links`` only; an empty cache, no proxy, no local folder."""
    (tmp_path / "links").mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for option in ("INDEX_URL", "EXTRA_INDEX_URL", "CERT", "TRUSTED_HOST", "PROXY"):
        monkeypatch.delenv(f"PIP_{option}", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setenv("CROSSBAND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CROSSBAND_WEIGHTS", raising=False)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def quick_pip(own_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Say at once what pip would say in ``own_environment``: its process takes a second."""
    settings = PipSettings(index_urls=(), find_links=(str(tmp_path / "links"),))
    monkeypatch.setattr("pipeline.weights.web.read_pip_settings", lambda: settings)


@pytest.fixture
def index(
    quick_pip: None, tmp_path: Path, server: "CountingServer", monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A package index on the loopback, found through pip itself; returns the folder of ``tiny``."""
    folder = tmp_path / "www" / "simple" / "tiny"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html></html>")
    monkeypatch.setattr("pipeline.weights.web.read_pip_settings", read_pip_settings)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", server.address("simple"))
    return folder


@pytest.fixture
def entry() -> Callable[..., WeightFile]:
    """Build an entry for ``CONTENT``; keywords replace its keys."""

    def build(*sources: dict[str, str], **changes: object) -> WeightFile:
        keys: dict[str, object] = {
            "file": "net.onnx",
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "bytes": len(CONTENT),
            "licence": "MIT",
            "commercial": True,
            "role": "a network",
            "trained_on": "nothing",
            "sources": [{"kind": "url", "url": "http://127.0.0.1:9/net.onnx"}, *sources],
        }
        return WeightFile.model_validate(keys | changes)

    return build


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Write a wheel or an sdist into ``tmp_path/links`` and return the source that names it."""

    def write(member: str = "tiny/net.onnx", content: bytes = CONTENT, **of: str) -> dict[str, str]:
        file = of.get("file", "tiny-1.0-cp39-cp39-win_amd64.whl")
        path = tmp_path / "links" / file
        if path.suffix == ".whl":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
                wheel.writestr("tiny/__init__.py", "raise SystemExit('never imported')")
                wheel.writestr(member, content)
        else:
            with tarfile.open(path, "w:gz") as sdist:
                info = tarfile.TarInfo(member)
                info.size = len(content)
                sdist.addfile(info, io.BytesIO(content))
        source = {"kind": "pypi", "name": "tiny", "version": "1.0", "file": file, "member": member}
        return source | of

    return write


class CountingServer(ThreadingHTTPServer):
    """Serves a folder on the loopback and remembers which paths were asked for."""

    def __init__(self, folder: Path) -> None:
        self.paths: list[str] = []
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Handler(SimpleHTTPRequestHandler):
    server: CountingServer

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path.startswith("/broken/"):
            # Promises more than it sends, as a connection that breaks half-way does.
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:100])
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CountingServer]:
    """A server of ``tmp_path/www``, which holds ``net.onnx`` with ``CONTENT``."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "net.onnx").write_bytes(CONTENT)
    with CountingServer(tmp_path / "www") as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()
