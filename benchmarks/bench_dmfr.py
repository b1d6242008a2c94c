"""What a step of DMFR costs beside a plain one, and what opening a million rows takes.

Run: ``python -m benchmarks.bench_dmfr``. All train the same backbone on the same made-up faces with
batches of one size; the plain step is CosFace on real and synthetic faces alike. Times are medians
over steps taken by turns, so that other work beside them hits all alike. ``--rows 1000000`` also
opens so many stub rows, finds their domains and draws batches, in a process of its own, and says
what that took at its peak.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import torch
from pydantic import TypeAdapter

from benchmarks.results import note, peak_mb
from pipeline.ops.codec import encode_png
from pipeline.params.load import load_params
from pipeline.params.train_dmfr import AnyDmfrParams, DmfrParams
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.degrade import DEGRADE
from pipeline.schemas.poses import POSES
from pipeline.store.seal import write_sealed
from pipeline.store.shards import ROW_GROUP_ROWS, ShardFolder, compression_of
from pipeline.training import dmfr
from pipeline.training.backbones import MODULES, backbone_named, make_backbone
from pipeline.training.data.domain_samplers import DomainSampler
from pipeline.training.data.domains import domains_of
from pipeline.training.engine.devices import make_fabric
from pipeline.training.engine.loop import Steps
from pipeline.training.methods import load_method

HW = (169, 137)
SUBJECTS, EACH = 16, 2
YAWS = (0.0, 10.0, 30.0, 60.0)
ROWS_A_SHARD = 4096
MANY = 10_000
KINDS = ("plain", "meta", "disentangle", "filter")


def write_stage(
    path: Path, schema: pa.Schema, rows: Iterator[dict[str, object]], count: int
) -> ShardFolder:
    """Write so many stub rows of a stage; what they lack is null."""
    folder = ShardFolder(path, -(-count // ROWS_A_SHARD))
    path.mkdir(parents=True)
    for index in range(folder.count):
        mine = list(islice(rows, ROWS_A_SHARD))
        made = [pa.array([row.get(f.name) for row in mine], f.type) for f in schema]
        table = pa.Table.from_arrays(
            made, schema=pa.schema([f.with_nullable(True) for f in schema])
        )
        write_sealed(
            table,
            folder.shard(index).path,
            row_group_rows=ROW_GROUP_ROWS,
            compression=compression_of(schema),
            use_dictionary=False,
        )
    return folder


def stub_rows(
    real: int, subjects: int, image: bytes
) -> dict[str, tuple[int, Iterator[dict[str, object]]]]:
    """Return rows by stage, counted: real faces, each turned four times and degraded twice."""

    def row(name: str, source: int, generator: str | None, **columns: object) -> dict[str, object]:
        return {
            "sample_id": name,
            "parent_id": f"{source:07}",
            "subject_id": f"s{source % subjects:05}",
            "band": "VIS",
            "split": "train",
            "generator": generator,
            "simulated": generator is not None,
            "template": "arcface144",
            "content_sha256": f"{source:064x}",
            "width_px": 144,
            "height_px": 144,
            "dmfr": {"bytes": image, "path": "i.png"},
        } | columns

    numbers = range(real)
    return {
        "attributes": (real, (row(f"{n:07}", n, None) for n in numbers)),
        "poses": (
            real * len(YAWS),
            (
                row(f"{n:07}#{yaw}", n, "head_mesh", yaw_added_deg=yaw, pitch_added_deg=0.0)
                for n in numbers
                for yaw in YAWS
            ),
        ),
        "degrade": (
            2 * real,
            (row(f"{n:07}#{g}", n, g) for n in numbers for g in ("cyclegan", "photometric")),
        ),
    }


def write_folders(root: Path, real: int, subjects: int) -> dict[str, ShardFolder]:
    """Write stub rows of the three stages; of very many, the images are a pixel."""
    hw = HW if real < MANY else (1, 1)
    noise = np.random.default_rng(0).integers(0, 256, (*hw, 3), np.uint8)
    rows = stub_rows(real, subjects, encode_png(noise))
    schemas = {"attributes": ATTRIBUTES, "poses": POSES, "degrade": DEGRADE}
    return {
        name: write_stage(root / name, schemas[name], mine, count)
        for name, (count, mine) in rows.items()
    }


def params_of(kind: str, batch: int) -> DmfrParams:
    """Return a kind's params as the default run has them, with a batch of this size."""
    known = load_params(Path("params.yaml")).train_dmfr
    values = known[kind if kind in known else "filter"].model_dump()
    if kind == "plain":
        for name in ("filter_weight", "paired_images", "detach_target"):
            del values[name]
        values |= {"kind": "plain", "loss": "am_softmax"}
    values |= {"batch_images": batch, "generators": ("head_mesh", "cyclegan", "photometric")}
    found: DmfrParams = TypeAdapter(AnyDmfrParams).validate_python(values)
    return found


def compare_steps(folders: dict[str, ShardFolder], backbone: str, batch: int, rounds: int) -> None:
    """Take steps of all kinds by turns; print medians beside the plain one's."""
    steps, drawn, seconds = {}, {}, dict[str, list[float]]()
    for kind in KINDS:
        params = params_of(kind, batch)
        network = make_backbone(backbone, HW, 1)
        method = load_method(kind)(params, network, backbone_named(backbone).preprocess)  # type: ignore[call-arg]
        method.train_on(dmfr.open_training_samples(params, folders))  # type: ignore[attr-defined]
        steps[kind] = Steps(method, make_fabric(params))
        drawn[kind] = method.sample_batch(np.random.default_rng(0))
        seconds[kind] = []
    for number in range(rounds + 1):
        for kind in KINDS:
            start = time.perf_counter()
            steps[kind].take(number, [drawn[kind]])
            if number:  # the first one allocates
                seconds[kind].append(time.perf_counter() - start)
    plain = median(seconds["plain"])
    for kind, taken in seconds.items():
        note(f"{kind}, {backbone}", "of a plain step", [each / plain for each in taken])
        print(
            f"{backbone}, batch {batch}: {kind} {1000 * median(taken):.0f} ms a step, "
            f"{median(taken) / plain:.2f} of a plain one (n = {rounds})"
        )


def measure_opening(root: Path) -> None:
    """Open all rows, find domains and draw batches; print seconds and memory."""
    before, start = peak_mb(), time.perf_counter()
    params = params_of("plain", 16)
    folders = {name: ShardFolder.open(root / name) for name in ("attributes", "poses", "degrade")}
    samples = dmfr.open_training_samples(params, folders)
    opened = time.perf_counter() - start
    domains = domains_of(samples, params.yaw_edges_deg)
    sampler, rng = DomainSampler(domains, 512, 512), np.random.default_rng(0)
    for _ in range(20):
        sampler.draw(rng)
    print(
        f"{len(samples)} rows, {len(domains.names)} generative domains: opened in {opened:.1f} s, "
        f"domains and 20 batches of 1,024 in {time.perf_counter() - start - opened:.1f} s; "
        f"{peak_mb() - before:.0f} MB at the peak beyond {before:.0f} MB of libraries"
    )


def main() -> None:
    """Print what steps cost, and what many rows take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="lightcnn9", choices=sorted(MODULES))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.open:
        measure_opening(chosen.open)
        return
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        if chosen.rounds:
            folders = write_folders(root / "few", SUBJECTS * EACH, SUBJECTS)
            compare_steps(folders, chosen.backbone, chosen.batch, chosen.rounds)
        if chosen.rows:
            write_folders(root / "many", chosen.rows // 7, 5000)
            command = [sys.executable, "-m", "benchmarks.bench_dmfr", "--open", str(root / "many")]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
