"""What long work says of itself."""

import io

import pytest

from pipeline.store import progress as module
from pipeline.store import progress_bar
from pipeline.store.pace import pace
from pipeline.store.progress import progress


@pytest.mark.parametrize(
    ("done", "seconds", "unit", "said"),
    [
        (30.0, 2.0, "", "15.0/s"),
        (3.0, 12.0, "", "4.0 s/row"),
        (1.0, 8.0, " file", "8.0 s/file"),
        (50.0, 2.0, " MB", "25.0 MB/s"),
        (50.0, 2.0, " steps", "25.0 steps/s"),
        (3.0, 12.0, " steps", "4.0 s/step"),
    ],
)
def test_slow_work_is_told_in_seconds_a_row(done, seconds, unit, said):
    assert pace(done, seconds, unit) == said


@pytest.fixture
def clock(monkeypatch):
    """Sets the seconds at which the work starts and each of its words comes, on no terminal."""

    def set_to(*seconds):
        times = iter(seconds)
        monkeypatch.setattr(module.time, "monotonic", lambda: next(times))

    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: False, raising=False)
    return set_to


def test_the_pace_is_of_what_comes_behind_the_first_row(clock, capsys):
    clock(0.0, 20.0, 40.0, 42.0, 60.0)
    with progress("parse@mine", 100) as advance:
        advance(0)
        advance(4)  # 40 s of start-up are no pace
        advance(4)
        advance(12)
    assert capsys.readouterr().err.splitlines() == [
        "parse@mine: 0/100",
        "parse@mine: 4/100",
        "parse@mine: 20/100, 1.2 s/row, 100 s left",  # 16 in 20 s
    ]


def test_what_a_former_run_did_does_not_count_as_pace(clock, capsys):
    clock(0.0, 1.0, 21.0)
    with progress("train_nir_vis@pram", 1000, done=600, unit="steps") as advance:
        advance(1)
        advance(40)
    assert capsys.readouterr().err.splitlines() == [
        "train_nir_vis@pram: 641/1000 steps, 2.0 steps/s, 180 s left",  # 359 at 2 a second
    ]


def test_the_bar_goes_on_where_a_former_run_ended(monkeypatch):
    from rich.console import Console

    shown = Console(width=100, force_terminal=True, record=True, file=io.StringIO())
    monkeypatch.setattr(progress_bar, "Console", lambda **_: shown)
    with progress_bar.bar("export jpeg", 10, 4.0, " MB") as advance:
        advance(2.0)
    assert "6/10" in shown.export_text()
