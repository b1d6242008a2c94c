"""Python that finds the libraries loaded: each process is forked from one that has loaded them.

To load them takes a process of its own three seconds. No module of the project is loaded.
"""

import atexit
import multiprocessing
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOADED = [
    *("cv2", "dvc.cli.parser", "dvc.repo.graph", "dvc.repo.metrics.show", "dvc.utils.strictyaml"),
    *("lightning_fabric", "matplotlib.backends.backend_agg", "networkx", "numba", "numpy"),
    *("onnxruntime", "pandas", "PIL.Image", "pyarrow.parquet", "pydantic", "pytest", "rich.live"),
    *("ruamel.yaml", "scipy.ndimage", "scipy.sparse", "scmrepo.git", "skimage.data", "timm"),
    *("dvc.data_cloud", "dvc.repo.plots", "dvc.repo.stage", "psutil", "torch", "typer"),
    "frozen",
]
STAGE = re.compile(r'python -m (stages\.\w+)( "\$DVC_STAGE")?')
"""What ``dvc.yaml`` gives the shell to run."""


def run(words, *, cwd, environment, fork_stages=False):
    """Run a command; returns what it left. DVC and crossband load for a second: they are forked.

    Args:
        words: the command.
        cwd: where.
        environment: all of it.
        fork_stages: whether DVC forks its stages, too, in place of starting them by a shell: for
            tests of what runs and what comes of it, not of how a process begins and ends.
    """
    if words[0] == "dvc":
        words = ["-m", *words]
        return run_python(words, cwd=cwd, environment=environment, fork_stages=fork_stages)
    if words[0] == "crossband":
        script = shutil.which(words[0], path=environment["PATH"])
        return run_python(
            [script, *words[1:]], cwd=cwd, environment=environment | {"PYTHONPATH": str(ROOT)}
        )
    return subprocess.run(
        words, cwd=cwd, env=environment, text=True, capture_output=True, check=False
    )


def server():
    """Return the context whose processes are forked from one that has loaded ``LOADED``."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def start_worker(*arguments):
    """Stand in for a worker's start: its parent is the server, not whom it works for."""
    from pipeline.store import executors

    executors.die_with_parent = lambda parent: None
    executors._start_worker(*arguments)


@contextmanager
def torch_forks() -> Iterator[None]:
    """Let the processes that torch starts meanwhile find the libraries loaded, too."""
    from torch import multiprocessing

    start = multiprocessing.start_processes

    def forked(*arguments, start_method, **options):
        server()
        return start(*arguments, start_method="forkserver", **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "start_processes", forked)
        yield


def run_python(words, *, cwd, environment, fork_stages=False):
    """Run what ``python words`` runs, in a folder; returns what ``subprocess.run`` returns.

    Args:
        words: ``-m``, a module and its arguments, or a script and its.
        cwd: where; modules of the project are looked for there first.
        environment: all of it.
        fork_stages: see ``run``.
    """
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("out", "errors")]
        process = server().Process(
            target=_run, args=(words, str(cwd), dict(environment), said, fork_stages)
        )
        process.start()
        process.join()
        return subprocess.CompletedProcess(
            words, process.exitcode, *(path.read_text() for path in said)
        )


def _run(words, cwd, environment, said, fork_stages):
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    libraries = [each for each in sys.path if not _is_of_project(each)]
    named = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [cwd, *filter(None, named), *libraries]
    if fork_stages:
        _fork_stages()
    try:
        if words[0] == "-m":
            sys.argv = list(words[1:])
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(words)
            runpy.run_path(words[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()


def _fork_stages():
    """Let DVC fork the stages that it would start by a shell."""
    from dvc.stage import run

    started = run._run

    def forked(executable, cmd, **options):
        found = STAGE.fullmatch(cmd)
        if found is None:
            started(executable, cmd, **options)
            return
        process = multiprocessing.get_context("fork").Process(
            target=_stage, args=(found[1], bool(found[2]), options["cwd"], options["env"])
        )
        sys.stdout.flush()
        process.start()
        process.join()
        if process.exitcode:
            raise run.StageCmdFailedError(cmd, process.exitcode)

    run._run = forked


def _stage(module, named, cwd, environment):
    """Be what ``python -m module "$DVC_STAGE"`` starts."""
    atexit._clear()  # what DVC would do when it ends
    multiprocessing.process._parent_process = None  # no worker of a pool
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.path.append(str(ROOT))  # where the project has no code, what is installed runs
    sys.argv = ["-m", *([environment["DVC_STAGE"]] if named else [])]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _is_of_project(place):
    path = Path(place).resolve()
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts
