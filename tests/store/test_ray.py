"""The executor ``ray`` on a local cluster of two nodes: the bytes of serial's, whatever dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from buckets import served

sys.path.insert(0, str(Path(__file__).parent))
import ray_driver
import work

from pipeline.errors import StageError
from pipeline.store.executors import Serial, executor_from_environment
from pipeline.store.files import place_of
from pipeline.store.ray_actors import TRIES, RayActors, _connected
from pipeline.store.work import Work

ray = pytest.importorskip("ray", reason="needs the extra `ray`: pip install 'crossband[ray]'")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """An object store, whose address the cluster's nodes get with their environment."""
    with served(tmp_path_factory.mktemp("config") / "none") as url:
        yield url


@pytest.fixture(scope="module")
def cluster(bucket):
    """Two nodes of one processor; the driver is connected to the first."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        here = Path(__file__).parent
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (here, here.parent, Path.cwd()))))
        options = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=options)
        started.add_node(num_cpus=1, object_store_memory=100 << 20)
        ray.init(address=started.address, log_to_driver=False)
        yield started
        ray.shutdown()
        started.shutdown()


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The files that the executor ``serial`` writes."""
    folder = tmp_path_factory.mktemp("serial")
    ray_driver.prepare(folder / "out", work.Shout(folder / "log"), Serial())
    return contents(folder / "out")


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Once:
    """Computes as ``Shout``, but the first time a row comes that is named, something happens."""

    def __init__(self, folder, event, sample_id="s05", always=False):
        self.shout = work.Shout(folder / "log", seconds=0.02)
        self.mark, self.event = folder / "happened", event
        self.sample_id, self.always = sample_id, always

    def __call__(self):
        return self.compute

    def compute(self, rows):
        named = any(row["sample_id"] == self.sample_id for row in rows)
        if named and (self.always or not self.mark.exists()):
            self.mark.touch()
            self.event()
        return self.shout.compute(rows)


def leave():
    os._exit(9)


def be_killed():
    """As the kernel does where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang():
    time.sleep(600)


def fail():
    raise ValueError("no such band")


def test_bytes_are_those_of_serial(cluster, serial, tmp_path):
    summary = ray_driver.prepare(tmp_path / "out", work.Shout(tmp_path / "log"), RayActors())
    assert contents(tmp_path / "out") == serial
    assert (summary.rows_in, summary.rows_out, summary.computed) == (24, 24, 24)
    again = ray_driver.prepare(tmp_path / "out", work.Shout(tmp_path / "log"), RayActors())
    assert (again.computed, again.reused) == (0, 24)


@pytest.mark.parametrize(("event", "patience"), [(leave, 900), (be_killed, 900), (hang, 4.0)])
def test_an_actor_that_is_lost_is_replaced(cluster, serial, tmp_path, caplog, event, patience):
    make = Once(tmp_path, event)
    ray_driver.prepare(tmp_path / "out", make, RayActors(2, stall_seconds=patience))
    assert make.mark.exists()
    assert "an actor was lost on" in caplog.text
    assert contents(tmp_path / "out") == serial


def test_a_shard_that_kills_every_actor_is_named(cluster, tmp_path):
    make = Once(tmp_path, leave, always=True)
    with pytest.raises(StageError, match=rf"{TRIES} actors were lost .*shard-0000\d-of-00006"):
        ray_driver.prepare(tmp_path / "out", make, RayActors(2))


def test_an_error_of_the_work_comes_through(cluster, tmp_path):
    with pytest.raises(ValueError, match="no such band"):
        ray_driver.prepare(tmp_path / "out", Once(tmp_path, fail), RayActors(2))


def test_rows_are_counted_once(cluster, tmp_path):
    counts = []
    executor = RayActors(2)
    found = executor.run(Work(len, ["a", "bb", "ccc"], dict, counts.append))
    assert sorted(found) == [1, 2, 3]
    assert list(executor.run(Work(len, [], fail, counts.append))) == []


@pytest.mark.parametrize("kind", ["disk", "s3"])
def test_a_node_is_lost_in_the_middle(cluster, bucket, serial, tmp_path, kind):
    out = tmp_path / "out" if kind == "disk" else place_of(f"{bucket}/prepared/out")
    node = cluster.add_node(num_cpus=2, object_store_memory=100 << 20)
    log = tmp_path / "log"

    def lose():
        while not log.exists():
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)

    losing = threading.Thread(target=lose)
    losing.start()
    ray_driver.prepare(out, work.Shout(log, seconds=0.2), RayActors(4))
    losing.join()
    found = (
        contents(out) if kind == "disk" else {name: (out / name).read_bytes() for name in serial}
    )
    assert found == serial


def test_a_driver_that_was_killed_is_run_again(cluster, serial, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    environment = os.environ | {"RAY_ADDRESS": cluster.address}
    command = [sys.executable, ray_driver.__file__, str(out), str(log)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as driver:
        while not list(out.glob("shard-*")):
            assert driver.poll() is None
            time.sleep(0.05)
        psutil.Process(driver.pid).kill()
    finished = len(list(out.glob("shard-*")))
    assert finished < ray_driver.SHARDS
    summary = ray_driver.prepare(out, work.Shout(log), RayActors(2))
    assert summary.reused > 0
    assert contents(out) == serial


def test_the_environment_chooses(monkeypatch):
    monkeypatch.setenv("CROSSBAND_EXECUTOR", "ray")
    monkeypatch.setenv("CROSSBAND_RAY_GPUS", "0.25")
    monkeypatch.setenv("CROSSBAND_STALL_SECONDS", "60")
    monkeypatch.delenv("CROSSBAND_WORKERS", raising=False)
    assert executor_from_environment() == RayActors(None, 1.0, 0.25, 60.0)
    monkeypatch.setenv("CROSSBAND_RAY_CPUS", "many")
    with pytest.raises(StageError, match="CROSSBAND_RAY_CPUS='many'"):
        executor_from_environment()


@pytest.mark.parametrize(("workers", "cpus", "cores"), [(1, 1.5, 2), (3, 1.5, 5), (2, 0.5, 2)])
def test_a_cluster_on_this_machine_has_room_for_each_actor(monkeypatch, workers, cpus, cores):
    begun = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: begun.append(options["num_cpus"]))
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": float(begun[0])})
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with _connected(RayActors(workers, cpus=cpus)) as room:
        assert begun == [cores]
        assert room >= workers
