"""Kills: a stage that lost outputs is run, somebody is killed, and it is run again.

Killed are, with ``kill -9``: ``dvc`` alone, the stage's process alone, one of its workers alone, or
all of them. After it, each process has to end by itself, and a plain run has to reach the bytes of
an undisturbed one.
"""

import os
import signal
import time
from dataclasses import dataclass

import numpy as np
import psutil
from tiny_run import differences, family, outlived, restore

KINDS = ("dvc", "stage", "worker", "group")
NOBODY = "nobody: it had ended"
TRIES = 4
"""In each a kill comes in half of the time, where there was nobody left to kill."""
FIRST_SECONDS = 8.0
"""How long a stage is taken to run before it was seen to run."""


@dataclass(frozen=True)
class Trial:
    """One trial, all of it by its number.

    Attributes:
        number: of the trial.
        stage: a stage as DVC names it.
        kind: who is killed.
        moment: of the stage's time, 0 to 1.
        all_gone: all outputs of the stage are removed before, else one file.
    """

    number: int
    stage: str
    kind: str
    moment: float
    all_gone: bool


def trial(number, stages):
    """Make a trial: every kind of stage in turn, and for each another kind of kill in turn."""
    names = sorted({stage.partition("@")[0] for stage in stages})
    random = np.random.default_rng([20, number])
    items = [s for s in stages if s.partition("@")[0] == names[number % len(names)]]
    return Trial(
        number,
        str(random.choice(items)),
        KINDS[(number // len(names) + number % len(names)) % len(KINDS)],
        float(random.uniform(0.02, 1.0)),
        bool(random.random() < 0.7),
    )


def kill_and_run_again(pristine, harmed, wanted, seconds):
    """Do a trial; the copy is as the undisturbed workspace before and after.

    Args:
        pristine: the undisturbed workspace.
        harmed: its copy.
        wanted: the trial.
        seconds: by stage, how long it runs; told here for the next trial.
    """
    repro = ("dvc", "repro", "-s", wanted.stage)
    for attempt in range(TRIES):
        remove_outputs(pristine, harmed, wanted)
        victim = harmed.start(*repro)
        expected = seconds.get(wanted.stage, FIRST_SECONDS)
        killed, at = kill(victim, wanted, expected, wanted.moment / 2**attempt)
        alive = outlived(victim.pid)
        victim.wait()
        if killed != NOBODY:
            break
    begun = time.monotonic()
    status, said = harmed.run(*repro)
    seconds[wanted.stage] = time.monotonic() - begun
    row = {
        "trial": wanted.number,
        "stage": wanted.stage,
        "killed": killed,
        "after_s": round(at, 1),
        "seconds": round(seconds[wanted.stage], 1),
        "all_gone": wanted.all_gone,
    }
    row |= judged(pristine, harmed, wanted.stage, status, said)
    if alive:
        row |= {"outcome": "outlived", "detail": [command(process) for process in alive]}
    if row["outcome"] != "same bytes":
        restore(pristine, harmed)
    return row


def remove_outputs(pristine, harmed, wanted):
    """Take away what the stage made, so that it has something to do."""
    files = pristine.outputs()[wanted.stage]
    if not wanted.all_gone:
        data = [file for file in files if file.parts[0] != "reports"] or files
        files = [data[int(np.random.default_rng([21, wanted.number]).integers(len(data)))]]
    for file in files:
        (harmed.path / file).unlink(missing_ok=True)


def kill(victim, wanted, seconds, moment):
    """Kill whom the trial names; returns whom it was, and after how many seconds of the stage."""
    started = time.monotonic()
    wait_for(victim, is_stage)
    begun = time.monotonic()
    left = max(seconds - (begun - started), 0.5) * moment
    while victim.poll() is None and time.monotonic() - begun < left:
        time.sleep(0.01)
    at = time.monotonic() - begun
    alive = family(victim.pid)
    of_kind = {
        "worker": [process for process in alive if is_worker(process)],
        "stage": [process for process in alive if is_stage(process)],
        "dvc": [process for process in alive if process.pid == victim.pid],
    }
    chosen = wanted.kind
    if chosen == "worker" and not of_kind["worker"]:
        chosen = "stage"  # it works in its own process, or has no workers at that time
    if chosen == "stage" and not of_kind["stage"]:
        chosen = "dvc"
    if not of_kind["dvc"]:
        return NOBODY, at
    try:
        if chosen == "group":
            os.killpg(victim.pid, signal.SIGKILL)
        else:
            of_kind[chosen][0].kill()
    except (ProcessLookupError, psutil.NoSuchProcess):
        return NOBODY, at
    return chosen, at


def judged(pristine, harmed, stage, status, said):
    """Say how a trial ended: the bytes of an undisturbed run, a line that names a file, or not."""
    if status:
        cut = "lock is cut off" in harmed.run("crossband", "params")[1]
        return {"outcome": "named" if cut else "failed", "detail": said[-600:]}
    changed = differences(pristine, harmed, {stage})
    if not changed and pristine.lock()["stages"] != harmed.lock()["stages"]:
        # DVC writes its file in place: cut behind a stage's state it is one without the next.
        harmed.run("dvc", "repro")
        changed = differences(pristine, harmed)
        if pristine.lock()["stages"] != harmed.lock()["stages"]:
            changed.append("dvc.lock")
    return {"outcome": "differs" if changed else "same bytes", "detail": changed[:9]}


def wait_for(victim, wanted):
    """Wait for a process of this kind; None where the run ended without."""
    while victim.poll() is None:
        for process in family(victim.pid):
            if wanted(process):
                return process
        time.sleep(0.02)
    return None


def is_worker(process):
    return "spawn_main" in command(process)


def is_stage(process):
    words = command(process)
    return "python -m stages." in words and "/bin/sh" not in words


def command(process):
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
