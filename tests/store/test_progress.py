"""What long work says of itself."""

import pytest

from pipeline.store import progress as module
from pipeline.store.progress import pace, progress


@pytest.mark.parametrize(
    ("done", "seconds", "unit", "said"),
    [
        (30.0, 2.0, "", "15.0/s"),
        (3.0, 12.0, "", "4.0 s/row"),
        (1.0, 8.0, " file", "8.0 s/file"),
        (50.0, 2.0, " MB", "25.0 MB/s"),
    ],
)
def test_slow_work_is_told_in_seconds_a_row(done, seconds, unit, said):
    assert pace(done, seconds, unit) == said


def test_nothing_is_promised_before_the_first_row(monkeypatch, capsys):
    times = iter([0.0, 20.0, 40.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: False, raising=False)
    with progress("parse@mine", 10) as advance:
        advance(0)
        advance(4)
    assert capsys.readouterr().err.splitlines() == [
        "parse@mine: 0/10",
        "parse@mine: 4/10, 10.0 s/row, 60 s left",
    ]
