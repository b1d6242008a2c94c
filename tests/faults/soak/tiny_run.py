"""A workspace that was run to its end once, a copy of it to do harm to, and how the two differ."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from ruamel.yaml import YAML
from traces import traced

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "CROSSBAND_WORKERS": "2",
    "DVC_NO_ANALYTICS": "1",
}
GONE_SECONDS = 20.0


@dataclass(frozen=True)
class Workspace:
    """A DVC workspace."""

    path: Path

    def lock(self):
        """What stands in ``dvc.lock``."""
        return YAML(typ="safe").load((self.path / "dvc.lock").read_text())

    def outputs(self):
        """The files of each stage's outputs, by stage, relative to the workspace.

        Hidden ones are notes beside an output, of no stage.
        """
        return {
            stage: sorted(
                file
                for out in entry.get("outs", ())
                for file in _files_below(self.path, Path(out["path"]))
            )
            for stage, entry in self.lock()["stages"].items()
        }

    def start(self, *words):
        """Start a command as the leader of a session of its own; what it prints goes to a file."""
        with self.said.open("w") as said:
            return subprocess.Popen(
                words,
                cwd=self.path,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *words):
        """Run a command; returns its exit status and all that it printed."""
        status = self.start(*words).wait()
        return status, self.said.read_text(errors="replace")

    @property
    def said(self):
        return self.path.with_suffix(".said")

    @property
    def busy(self):
        """A file that is there while a trial runs: where it is found, a trial was ended."""
        return self.path.with_suffix(".busy")


def _files_below(root, out):
    if (root / out).is_file():
        return [out]
    found = (root / out).rglob("*") if (root / out).is_dir() else ()
    return [
        path.relative_to(root)
        for path in found
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]


def prepare(folder, make):
    """Make the undisturbed workspace, if it isn't there, and a copy to do harm to.

    Args:
        folder: holds ``pristine`` and ``harmed``.
        make: makes a workspace in the path that it is given; it is run to its end here.
    """
    pristine, ready = Workspace(folder / "pristine"), folder / "pristine.ready"
    if not ready.exists():
        shutil.rmtree(pristine.path, ignore_errors=True)
        make(pristine.path)
        status, said = pristine.run(*traced(["dvc", "repro"], folder / "trace.txt"))
        if status:
            sys.exit(f"the undisturbed run failed:\n{said}")
        ready.touch()
    harmed = Workspace(folder / "harmed")
    if not harmed.path.exists() or harmed.busy.exists():
        restore(pristine, harmed)
    return pristine, harmed


def make_tiny(path):
    """Make the workspace of the tiny profile."""
    subprocess.run(
        ["crossband", "workspace", str(path), "--profile", "params/tiny.yaml"],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=True,
    )


def restore(pristine, harmed):
    """Make the copy anew."""
    harmed.busy.touch()
    shutil.rmtree(harmed.path, ignore_errors=True)
    shutil.copytree(pristine.path, harmed.path, symlinks=True)
    harmed.busy.unlink(missing_ok=True)


def differences(pristine, harmed, stages=None):
    """Name the files of outputs that differ, or stand in one of the two only.

    Args:
        pristine: the undisturbed workspace.
        harmed: the other.
        stages: whose outputs are compared; all by default.
    """

    def outputs_of(made):
        return {
            file
            for stage, files in made.outputs().items()
            if stages is None or stage in stages
            for file in files
        }

    expected, found = outputs_of(pristine), outputs_of(harmed)
    changed = [
        file
        for file in expected & found
        if (pristine.path / file).read_bytes() != (harmed.path / file).read_bytes()
    ]
    return sorted(path.as_posix() for path in [*changed, *(expected ^ found)])


def family(leader):
    """The processes of a session that are alive, without zombies."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = os.getsid(process.pid) == leader
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def outlived(leader, seconds=GONE_SECONDS):
    """Wait for a session's processes to end; ends and returns those that don't by themselves."""
    deadline = time.monotonic() + seconds
    while (alive := family(leader)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in alive:
        process.send_signal(signal.SIGKILL)
    return alive
