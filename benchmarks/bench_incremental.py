"""What ten images cost in a data set of twenty thousand, what a no-op costs, and peak memory.

``python -m benchmarks.bench_incremental`` fills a plain folder with shifted photographs of
scikit-image's astronaut and runs ``dvc repro`` in a workspace of its own; adds ten and runs it
again; the same with a tenth of them in another workspace, for their memory; takes ten of all away;
and once more with nothing to do. Shares are of the first run, from nothing. Peak memory is that of
the largest process of a run.

With ``--folder`` it stays there and, ended, goes on where it was: a run's seconds are added up.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

from benchmarks.results import note
from benchmarks.workspaces import repro, workspace
from pipeline.ops.codec import encode_jpeg

STAGES = ("ingest", "detect", "align", "parse", "parts", "attributes")
CHANGED = 10
SHARDS = 256
"""A shard that is hit is written whole: so many, as is advised for data sets that grow."""


def path_of(folder: Path, number: int) -> Path:
    """Return an image's place."""
    return folder / f"s{number % 50:02d}" / f"{number:05d}.jpg"


def put(folder: Path, first: int, count: int) -> None:
    """Put images no two of which are alike."""
    astronaut = skimage.data.astronaut()[:400]
    for number in range(first, first + count):
        shifted = np.roll(astronaut, (number % 40, number // 40), axis=(0, 1))
        path = path_of(folder, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(np.ascontiguousarray(shifted), 95))


def take(folder: Path, first: int, count: int) -> None:
    """Take images away."""
    for number in range(first, first + count):
        path_of(folder, number).unlink(missing_ok=True)


def computed(cwd: Path) -> dict[str, int]:
    """Return how many rows each stage computed in its last run."""
    runs = {stage: cwd / f"reports/runs/mine/{stage}.json" for stage in STAGES}
    return {
        stage: json.loads(path.read_text(encoding="utf-8"))["computed"]
        for stage, path in runs.items()
    }


@dataclass
class Steps:
    """Runs of ``dvc repro``, each done once.

    Attributes:
        cwd: the workspace.
        file: what is known of the runs so far.
    """

    cwd: Path
    file: Path

    def run(self, name: str, change: Callable[[], None]) -> dict[str, Any]:
        """Change the images and run; what an earlier call of this benchmark did is not done again.

        Returns:
            What ``workspaces.Took`` has, and ``computed`` rows by stage.
        """
        known = json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else {}
        if name not in known:
            change()
            took = repro(self.cwd, spent=self.file.with_name(f"{name}.json"))
            known[name] = asdict(took) | {"computed": computed(self.cwd)}
            self.file.write_text(json.dumps(known, indent=1), encoding="utf-8")
        found: dict[str, Any] = known[name]
        counts = sorted(set(found["computed"].values()))
        note(name, "s", [found["seconds"]])
        note(name, "processor s", [found["processor_s"]])
        print(
            f"{name}: {found['seconds']:.1f} s, {found['processor_s']:.1f} processor s, largest "
            f"process {found['peak_mb']:.0f} MB, each stage computed "
            f"{' or '.join(map(str, counts))} rows",
            flush=True,
        )
        return found


def started(folder: Path) -> Steps:
    """Make a workspace, or find the one that is there."""
    cwd = folder / "workspace"
    if not (cwd / "params.yaml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        mine = {"reader": "folder", "root": "images", "shards": SHARDS}
        workspace(folder, {"datasets": {"mine": mine}, "face_datasets": {"mine": {}}})
    return Steps(cwd, folder / "steps.json")


def grown(steps: Steps, count: int) -> dict[str, Any]:
    """Run on so many images from nothing, and on ten more; returns what the first run took."""
    images, more = steps.cwd / "images", f"{CHANGED} more than {count}"
    first = steps.run(f"{count} images", lambda: put(images, 0, count))
    share(more, steps.run(more, lambda: put(images, count, CHANGED)), first)
    note(f"{count} images, largest process", "MB", [first["peak_mb"]])
    return first


def measure(folder: Path, count: int) -> None:
    """Measure and print."""
    few = grown(started(folder / "few"), count // 10)
    steps = started(folder / "all")
    full = grown(steps, count)
    less = f"{CHANGED} fewer than {count}"
    taken = steps.run(less, lambda: take(steps.cwd / "images", count, CHANGED))
    share(less, taken, full)
    steps.run("nothing to do", lambda: None)
    print(f"memory: {full['peak_mb'] / few['peak_mb']:.2f} × with ten times as many")


def share(what: str, part: dict[str, Any], full: dict[str, Any]) -> None:
    """Note and print what a run cost of another, by the clock and by processor seconds."""
    shares = {name: part[name] / full[name] for name in ("seconds", "processor_s")}
    note(what, "of the full run's seconds", [shares["seconds"]])
    note(what, "of the full run's processor seconds", [shares["processor_s"]])
    print(f"{what}: {shares['seconds']:.2%} of seconds, {shares['processor_s']:.2%} of processor s")


def main() -> None:
    """Measure in a folder that stays, or in one that does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where it stays and goes on")
    options = parser.parse_args()
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
        measure(options.folder.resolve(), options.images)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.images)


if __name__ == "__main__":
    main()
