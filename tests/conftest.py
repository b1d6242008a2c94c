"""What every test shares: a quiet offline environment and the real weight files."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from longest_first import longest_first

from pipeline import testing
from pipeline.process import limit_threads
from pipeline.store import executors
from pipeline.weights import fetch, load_registry

ROOT = Path(__file__).resolve().parents[1]

# A property test that fails has to fail again, and a busy machine is no failure.
settings.register_profile("crossband", derandomize=True, deadline=None)
settings.load_profile("crossband")

_yolo_config = tempfile.TemporaryDirectory(prefix="crossband-yolo-")


def pytest_configure() -> None:
    """Keep libraries from phoning home and to one thread; they read this when they are imported.

    One thread as in a stage's worker: several test processes beside each other, whose threads wait
    for one another by spinning, take three times the processor's time.
    """
    limit_threads()
    os.fsync = lambda file: None  # no test cuts the power, and each waits for the disk
    os.environ.update(
        YOLO_CONFIG_DIR=_yolo_config.name,
        YOLO_OFFLINE="1",
        YOLO_AUTOINSTALL="false",
        HF_HUB_OFFLINE="1",
        DVC_NO_ANALYTICS="1",
        # The commands beside this Python, also where its environment is not activated.
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    )


@pytest.hookimpl(trylast=True)  # after they were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules where processes share the tests."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    if processes > 1:
        tests = ROOT / "tests"
        modules = [os.path.relpath(item.path, tests) for item in items]
        items[:] = [items[position] for position in longest_first(modules, processes)]


def pytest_collection_finish() -> None:
    """Let no search for garbage go through the libraries, which are loaded now and stay."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    gc.unfreeze()
    _yolo_config.cleanup()


@pytest.fixture(scope="session")
def weight_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from a name in ``weights.yaml`` to the fetched, verified file."""
    registry = load_registry(ROOT / "weights.yaml")
    folder = tmp_path_factory.mktemp("weights")

    def path_of(name: str) -> Path:
        (fetched,) = fetch([name], registry, folder)
        return fetched.path

    return path_of


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that find the libraries loaded: for tests of what they make, not of how they end."""
    from forked import server, start_worker

    monkeypatch.setattr(executors, "get_context", lambda _: server())
    monkeypatch.setattr(executors, "_start_worker", start_worker)


@pytest.fixture(scope="session")
def buaa_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole BUAA-VisNir, 2,700 files: a test takes ``buaa``."""
    root = tmp_path_factory.mktemp("buaa")
    testing.buaa_visnir(root)
    return root


@pytest.fixture
def buaa(buaa_images: Path, tmp_path: Path) -> Iterator[Path]:
    """A whole BUAA-VisNir in ``tmp_path``, of links: remove a file before you write another."""

    def written() -> list[int]:
        return [path.stat().st_mtime_ns for path in sorted(buaa_images.glob("*/*"))]

    before = written()
    shutil.copytree(buaa_images, tmp_path, copy_function=os.link, dirs_exist_ok=True)
    yield tmp_path
    assert written() == before, "the test wrote into what all tests share"
