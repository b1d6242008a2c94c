"""Several rows side by side: ``python -m ablations.at_once <file of stages> <how many>``.

DVC runs one stage after another. Rows depend on none of each other, nor do the networks that they
start from, and one alone leaves most of a GPU and all but a few cores idle. So each gets a DVC of
its own, which waits while another reads or writes ``dvc.lock``. What else the rows need is made
while their starts train.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from pipeline.errors import ParamsError, StageError, one_line
from stages.run import run_guarded

ROW = "row@"
"""How the names of the rows' stages begin."""
START = "pretrain_"
"""How the names of those stages begin that train what rows start from."""

_running: set["subprocess.Popen[bytes]"] = set()


def run(file: str, count: int) -> None:
    """Reproduce what rows start from, and then the rows, ``count`` trainings at once.

    Whoever comes after them, as tables do, is left to ``dvc repro``. Threads of a row that wait for
    one another sleep: turning in circles they take the core of the row beside. A training that is
    alone is a fifth slower so.

    Args:
        file: of the rows' stages, for example ``ablations/dvc.yaml``.
        count: 1 or more.

    Raises:
        StageError: a row ended in an error; all others were still run.
        SystemExit: a signal asked to end; the DVCs of all rows were asked, too.
    """
    plan = planned(file)
    with ThreadPoolExecutor(count) as pool:
        try:
            _stop_if(plan.data and _dvc("repro", *plan.data), file)
            beside = [pool.submit(_reproduce, start) for start in plan.starts]
            if plan.beside:
                beside.append(pool.submit(_reproduce, *plan.beside))
            _stop_if(any(each.result() for each in beside), file)
            _stop_if(plan.others and _dvc("repro", *plan.others), file)
            codes = list(pool.map(_reproduce, plan.rows))
        except SystemExit:  # else it would be waited for rows that take hours
            for each in tuple(_running):
                each.terminate()
            raise
    if failed := [row for row, code in zip(plan.rows, codes, strict=True) if code]:
        raise StageError(
            f"{len(failed)} of {len(plan.rows)} rows ended in an error, see above: "
            f"{', '.join(failed)}. The others are done; the same command runs only these again"
        )


def _stop_if(failed: object, file: str) -> None:
    if failed:
        raise StageError(
            f"{file}: a stage before its rows ended in an error, see above: no row was run"
        )


@dataclass(frozen=True)
class Plan:
    """What is run, one group after the other, by DVC's addresses.

    Attributes:
        data: what starts are trained on.
        starts: trainings that rows start from.
        beside: all else that rows need and that needs no start, each after what it needs itself.
            It is made while starts train.
        others: what rows need that is made with starts.
        rows: the rows.
    """

    data: Sequence[str]
    starts: Sequence[str]
    beside: Sequence[str]
    others: Sequence[str]
    rows: Sequence[str]


def planned(file: str) -> Plan:
    """Say what is run.

    Raises:
        StageError: the file has no rows, or DVC can't read it.
    """
    from dvc.exceptions import DvcException  # takes a second to import
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            rows = [each for each in repo.stage.collect(file) if each.name.startswith(ROW)]
            graph = repo.index.graph
    except DvcException as error:
        raise StageError(
            f"{file} can't be read by DVC: expected a file of rows' stages, in a project; DVC "
            f"says: {one_line(error)}"
        ) from error
    if not rows:
        raise StageError(f"{file} has no stages {ROW}…: expected rows of ablations")
    before = _needs(graph, rows)
    starts = [stage for stage in before if stage.addressing.startswith(START)]
    data = _needs(graph, starts)
    needed = _with_needs(graph, before)
    others = [stage for stage in needed if {*starts} & {*_with_needs(graph, [stage])} - {stage}]
    done = {*_with_needs(graph, starts), *others}
    beside = [stage for stage in needed if stage not in done]
    groups = (data, starts, beside, others, rows)
    return Plan(*([stage.addressing for stage in group] for group in groups))


def _needs(graph: Any, stages: Sequence[Any]) -> list[Any]:
    """Return what stages need themselves, in the order of their names."""
    needs = {need for stage in stages for need in graph.successors(stage)} - {*stages}
    return sorted(needs, key=attrgetter("addressing"))


def _with_needs(graph: Any, stages: Iterable[Any]) -> dict[Any, None]:
    """Return stages and all that they need in turn, each after what it needs itself."""
    found: dict[Any, None] = {}

    def visit(stage: Any) -> None:
        if stage not in found:
            for need in _needs(graph, [stage]):
                visit(need)
            found[stage] = None

    for stage in stages:
        visit(stage)
    return found


def _reproduce(*stages: str) -> int:
    """Run stages, in this order, and nothing that they need: others may be at that."""
    words = ("--wait-for-lock", "repro", "--single-item")
    return _dvc(*words, *stages, OMP_WAIT_POLICY="PASSIVE")


def _dvc(*words: str, **unless_set: str) -> int:
    """Run DVC, with variables that the environment may say otherwise of."""
    with subprocess.Popen(["dvc", *words], env=unless_set | os.environ) as process:
        _running.add(process)
        try:
            return process.wait()
        finally:
            _running.discard(process)


def main(words: Sequence[str]) -> None:
    """Take the command line."""
    if len(words) != 2:
        sys.exit("usage: python -m ablations.at_once <file of stages> <how many>")
    file, count = words
    if not count.isdecimal() or not int(count):
        raise ParamsError(f"how many rows at once is {count!r}: expected a whole number from 1")
    run(file, int(count))


if __name__ == "__main__":
    run_guarded("ablations.at_once", lambda: main(sys.argv[1:]))
