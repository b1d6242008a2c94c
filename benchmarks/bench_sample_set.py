"""Random reads of training samples against a folder of files, and what a large set takes.

Run: ``python -m benchmarks.bench_sample_set``. The alternative is what tutorials show: torchvision
reads an ``ImageFolder`` of PNG files through a ``DataLoader`` of as many worker processes as
crossband has threads. Cold, the byte budget holds one batch, so that every image is decoded; warm,
it holds all. Augmentation is compared with torchvision's, image by image, of the same ranges.

Memory is the peak of a process of its own: all of 50,000 faces read once at random, and a table of
a million rows opened.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import DataLoader, RandomSampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.results import peak_mb
from benchmarks.timing import compare
from pipeline.ops.codec import encode_png
from pipeline.schemas.ingest import INGEST
from pipeline.store.seal import write_sealed
from pipeline.store.shards import ROW_GROUP_ROWS, ShardFolder, compression_of
from pipeline.training.data.augmentation import FACES
from pipeline.training.data.prefetch import batches
from pipeline.training.data.sample_set import Part, SampleSet, of_split
from pipeline.types import Band, Split, UInt8

SIDE_PX = 144
BATCH = 64
DISTINCT = 256
ROWS_A_SHARD = 1024
MB = 1 << 20
TORCHVISION = v2.Compose(
    [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(degrees=6.0, translate=(0.03, 0.03), scale=(0.94, 1.06)),
        v2.ColorJitter(brightness=0.35, contrast=0.35, saturation=0.3),
        v2.RandomGrayscale(0.5),
    ]
)
TRAIN = of_split(Split.TRAIN, *Band)


def faces(count: int, side: int) -> Iterator[UInt8]:
    """Yield images that compress as faces do: soft, with a little noise."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        coarse = rng.integers(0, 200, (9, 9, 3))
        soft = np.kron(coarse, np.ones((-(-side // 9), -(-side // 9), 1)))[:side, :side]
        yield (soft + rng.integers(0, 8, (side, side, 3))).astype(np.uint8)


def write_rows(path: Path, rows: int, payloads: list[bytes], side: int) -> ShardFolder:
    """Write rows of a stage that replicate some payloads."""
    folder = ShardFolder(path, -(-rows // ROWS_A_SHARD))
    path.mkdir()
    for index in range(folder.count):
        numbers = range(index * ROWS_A_SHARD, min(rows, (index + 1) * ROWS_A_SHARD))
        same = {"dataset": "d", "region": "face", "split": "train", "sha256": "", "fingerprint": ""}
        columns = {name: [value] * len(numbers) for name, value in same.items()} | {
            "sample_id": [f"dataset/{n % 5000:05}/image-{n:07}.png" for n in numbers],
            "subject_id": [f"subject-{n % 5000:05}" for n in numbers],
            "band": ["VIS" if n % 2 else "NIR" for n in numbers],
            "simulated": [False] * len(numbers),
            "content_sha256": [f"{n:064x}" for n in numbers],
            "width_px": [side] * len(numbers),
            "height_px": [side] * len(numbers),
            "image": [{"bytes": payloads[n % len(payloads)], "path": "i.png"} for n in numbers],
        }
        made = [pa.array(columns.get(f.name, [None] * len(numbers)), f.type) for f in INGEST]
        write_sealed(
            pa.Table.from_arrays(made, schema=INGEST),
            folder.shard(index).path,
            row_group_rows=ROW_GROUP_ROWS,
            compression=compression_of(INGEST),
            use_dictionary=False,
        )
    return folder


def read_at_random(samples: SampleSet, count: int, threads: int) -> None:
    """Read batches drawn at random."""

    def draw(number: int) -> UInt8:
        rng = np.random.default_rng(number)
        return samples.read(rng.integers(0, len(samples), BATCH))

    with batches(draw, range(count), threads) as drawn:
        for _ in drawn:
            pass


def read_folder(root: Path, count: int, workers: int) -> None:
    """Read as many batches of a folder of files through torchvision."""
    files = ImageFolder(str(root), v2.ToImage())
    draws = RandomSampler(files, replacement=True, num_samples=count * BATCH)
    for _ in DataLoader(files, BATCH, sampler=draws, num_workers=workers):
        pass


def measure_memory(path: Path, budget_mb: int, threads: int) -> None:
    """Read every sample once in random order; print the peak."""
    before = peak_mb()
    samples = SampleSet.open([Part(ShardFolder.open(path), TRAIN)], budget_bytes=budget_mb * MB)
    order = np.random.default_rng(0).permutation(len(samples))
    runs = np.array_split(order, len(order) // BATCH)
    with batches(lambda number: samples.read(runs[number]), range(len(runs)), threads) as drawn:
        for _ in drawn:
            pass
    print(
        f"{len(samples)} samples read once, budget {budget_mb} MB: peak {peak_mb():.0f} MB, "
        f"{before:.0f} MB of them before; {peak_mb() - budget_mb:.0f} MB beyond the budget"
    )


def measure_opening(path: Path) -> None:
    """Open a table; print seconds and memory."""
    before, start = peak_mb(), time.perf_counter()
    samples = SampleSet.open([Part(ShardFolder.open(path), TRAIN)], budget_bytes=16 * MB)
    seconds = time.perf_counter() - start
    print(f"{len(samples)} rows opened: {seconds:.1f} s, {peak_mb() - before:.0f} MB at the peak")


def compare_reads(root: Path, threads: int, repeats: int) -> None:
    """Time random reads, cold and warm, against a folder of the same files."""
    images = [encode_png(image) for image in faces(DISTINCT, SIDE_PX)]
    files = 4096
    for number in range(files):
        folder = root / "files" / str(number % 32)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}.png").write_bytes(images[number % DISTINCT])
    part = Part(write_rows(root / "reads", files, images, SIDE_PX), TRAIN)
    batch_bytes = BATCH * SIDE_PX * SIDE_PX * 3
    for name, budget in (("cold", batch_bytes), ("warm", files * batch_bytes // BATCH)):
        samples = SampleSet.open([part], budget_bytes=budget)
        if name == "warm":
            for start in range(0, files, BATCH):
                samples.read(np.arange(start, start + BATCH))
        compare(
            f"random reads, {name}, {threads} threads",
            lambda samples=samples: read_at_random(samples, 64, threads),
            lambda: read_folder(root / "files", 64, threads),
            baseline_name=f"ImageFolder + DataLoader, {threads} workers",
            items=64 * BATCH,
            repeats=repeats,
        )


def compare_augmentation(repeats: int) -> None:
    """Time the augmentation of batches on one thread."""
    images = np.stack(list(faces(BATCH, SIDE_PX)))
    tensors = list(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())
    rng = np.random.default_rng(0)
    compare(
        "augmentation",
        lambda: FACES(images, rng),
        lambda: torch.stack([TORCHVISION(image) for image in tensors]),
        baseline_name="torchvision, image by image",
        items=BATCH,
        repeats=5 * repeats,
    )


def main() -> None:
    """Compare reads and augmentation, then measure memory in processes of their own."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--memory-rows", type=int, default=50_000)
    arguments.add_argument("--open-rows", type=int, default=1_000_000)
    arguments.add_argument("--budget-mb", type=int, default=512)
    arguments.add_argument("--measure", nargs=2, metavar=("WHAT", "FOLDER"), help="on its own")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if options.measure:
        what, folder = options.measure
        if what == "memory":
            measure_memory(Path(folder), options.budget_mb, options.threads)
        else:
            measure_opening(Path(folder))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        compare_reads(root, options.threads, options.repeats)
        compare_augmentation(options.repeats)
        images = [encode_png(image) for image in faces(DISTINCT, SIDE_PX)]
        write_rows(root / "memory", options.memory_rows, images, SIDE_PX)
        write_rows(root / "open", options.open_rows, [encode_png(np.zeros((8, 8), np.uint8))], 8)
        for what in ("memory", "open"):
            own = [sys.executable, "-m", "benchmarks.bench_sample_set"]
            limits = ["--threads", str(options.threads), "--budget-mb", str(options.budget_mb)]
            subprocess.run([*own, *limits, "--measure", what, str(root / what)], check=True)


if __name__ == "__main__":
    main()
