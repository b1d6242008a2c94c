"""The order of tests in which no process is left alone with a long module."""

from itertools import groupby
from pathlib import Path

import pytest
from longest_first import LONGEST, longest_first

A, B, C = LONGEST[:3]
MODULES = ["x", "x", B, B, "y", "y", C, "z", A, A, "z", "w"]


def test_each_process_begins_with_long_modules_and_has_its_share():
    # 12 tests, six for each of two; the first begins with A and C, the second with B
    order = longest_first(MODULES, 2)
    assert order == [8, 9, 6, 0, 1, 4, 2, 3, 5, 7, 10, 11]
    assert [MODULES[n] for n in order] == [A, A, C, "x", "x", "y", B, B, "y", "z", "z", "w"]


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("modules", [MODULES, [], ["x"], [A] * 5 + ["x"], ["x", "y", A]])
def test_each_test_is_run_once_and_a_module_keeps_its_order(modules, processes):
    order = longest_first(modules, processes)
    assert sorted(order) == list(range(len(modules)))
    for name in set(modules):
        mine = [position for position in order if modules[position] == name]
        assert mine == sorted(mine)


def test_long_modules_stay_whole_and_are_there():
    named = [name for name, _ in groupby(MODULES[n] for n in longest_first(MODULES, 3))]
    assert [named.count(name) for name in (A, B, C)] == [1, 1, 1]
    assert [name for name in LONGEST if not Path(__file__).parent.joinpath(name).is_file()] == []
