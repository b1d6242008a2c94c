"""Executors: chosen by the environment, with errors that name the variable."""

import os
import time
from multiprocessing import active_children, current_process, get_context

import pytest

from pipeline.errors import ParamsError, StageError
from pipeline.store import executors
from pipeline.store.executors import Processes, Serial, Threads, executor_from_environment
from pipeline.store.work import Work, report_progress


def double(number):
    report_progress(1)
    return number * 2


def nothing():
    pass


def ignore(rows):
    pass


def sleep_a_minute(number):
    time.sleep(60)


def fail(number):
    raise ValueError(f"no {number}")


@pytest.mark.parametrize("executor", [Serial(), Threads(), Processes(2)])
def test_all_tasks_are_run_and_counted(executor):
    counts = []
    found = sorted(executor.run(Work(double, [1, 2, 3], nothing, counts.append)))
    assert found == [2, 4, 6]
    assert sum(counts) == 3


@pytest.mark.parametrize("executor", [Serial(), Threads(), Processes(2)])
def test_no_task_starts_no_worker(executor):
    def never():
        raise AssertionError("started")

    assert list(executor.run(Work(double, [], never, ignore))) == []


def refuse():
    raise ParamsError("device is cuda, and torch sees no GPU")


@pytest.mark.parametrize("executor", [Serial(), Threads(), Processes(2)])
def test_an_error_of_the_start_comes_through_alone(executor, capfd):
    with pytest.raises(ParamsError, match=r"^device is cuda, and torch sees no GPU$"):
        list(executor.run(Work(double, [1, 2, 3], refuse, ignore)))
    assert capfd.readouterr().err == ""  # no worker's traceback


def test_a_signal_while_tasks_are_handed_out_leaves_no_worker():
    class Interrupted(list):
        def __iter__(self):
            yield self[0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Processes(1).run(Work(sleep_a_minute, Interrupted([1]), nothing, ignore)))
    assert not active_children()


def hang(number):
    while True:
        time.sleep(60)


@pytest.fixture
def stranger():
    """A child of this process that is no worker: a data loader's, say."""
    process = get_context("spawn").Process(target=hang, args=(0,))
    process.start()
    yield process
    process.kill()
    process.join()


@pytest.mark.parametrize(
    ("executor", "function", "error"),
    [(Processes(1), fail, ValueError), (Processes(1, 1.0), hang, StageError)],
)
def test_a_run_that_fails_ends_its_own_workers_only(stranger, executor, function, error):
    with pytest.raises(error):
        list(executor.run(Work(function, [1], nothing, ignore)))
    assert active_children() == [stranger]


def load_for_a_minute():
    if place(0) == 1:
        time.sleep(60)


def place(_):
    return int(current_process().name.rpartition("-")[2])


def test_a_worker_that_still_loads_goes_alone(stranger):
    assert list(Processes(2).run(Work(place, [1, 2, 3], load_for_a_minute, ignore))) == [0] * 3
    assert active_children() == [stranger]


class Crowd:
    """A start; whenever it is sent to a worker, this process makes another child besides."""

    def __call__(self):
        pass

    def __reduce__(self):
        get_context("spawn").Process(target=nothing)
        return Crowd, ()


def meet(folder):
    """Wait for a second worker, and say where this one tells that it lives."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.1)
    return executors._signs._place()


def test_workers_have_places_of_their_own_whoever_else_starts_processes(tmp_path):
    found = Processes(2, 60.0).run(Work(meet, [tmp_path, tmp_path], Crowd(), ignore))
    assert sorted(found) == [0, 1]


@pytest.mark.parametrize("executor", [Serial(), Threads(), Processes(1)])
def test_an_error_of_the_work_comes_through(executor):
    with pytest.raises(ValueError, match="no 1"):
        list(executor.run(Work(fail, [1], nothing, ignore)))


def test_the_environment_chooses(monkeypatch):
    monkeypatch.delenv("CROSSBAND_EXECUTOR", raising=False)
    monkeypatch.delenv("CROSSBAND_WORKERS", raising=False)
    assert executor_from_environment() == Processes(len(os.sched_getaffinity(0)))
    monkeypatch.setenv("CROSSBAND_WORKERS", "5")
    assert executor_from_environment() == Processes(5)
    monkeypatch.setenv("CROSSBAND_EXECUTOR", "serial")
    assert isinstance(executor_from_environment(), Serial)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CROSSBAND_EXECUTOR", "cluster"),
        ("CROSSBAND_WORKERS", "0"),
        ("CROSSBAND_WORKERS", "two"),
        ("CROSSBAND_WORKERS", "-1"),
        ("CROSSBAND_STALL_SECONDS", "0"),
        ("CROSSBAND_STALL_SECONDS", "soon"),
    ],
)
def test_a_senseless_environment_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(StageError, match=f"{name}='{value}'"):
        executor_from_environment()
