"""Python that finds the libraries loaded: each process is forked from one that has loaded them.

To load them takes a process of its own three seconds. No module of the project is loaded.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOADED = [
    *("cv2", "dvc.cli", "dvc.repo", "lightning_fabric", "numba", "numpy", "onnxruntime", "pandas"),
    *("PIL.Image", "pyarrow.parquet", "pydantic", "pytest", "ruamel.yaml", "scipy.ndimage"),
    *("scipy.sparse", "skimage.data", "torch", "typer"),
]


def run(words, *, cwd, environment):
    """Run a command; returns what it left. DVC takes a second to load, so it is forked."""
    if words[0] == "dvc":
        return run_python(["-m", *words], cwd=cwd, environment=environment)
    return subprocess.run(
        words, cwd=cwd, env=environment, text=True, capture_output=True, check=False
    )


def run_python(words, *, cwd, environment):
    """Run what ``python words`` runs, in a folder; returns what ``subprocess.run`` returns.

    Args:
        words: ``-m``, a module and its arguments, or a script and its.
        cwd: where; modules of the project are looked for there first.
        environment: all of it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("out", "errors")]
        process = context.Process(target=_run, args=(words, str(cwd), dict(environment), said))
        process.start()
        process.join()
        return subprocess.CompletedProcess(
            words, process.exitcode, *(path.read_text() for path in said)
        )


def _run(words, cwd, environment, said):
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    libraries = [each for each in sys.path if not _is_of_project(each)]
    sys.path[:] = [cwd, *libraries]
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


def _is_of_project(place):
    path = Path(place).resolve()
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts
