"""Ingest from shards that another stage made: the same speed however many shards the rows go to.

``python -m benchmarks.bench_ingest`` makes a source of photographs in 16 shards, then takes it in
with 4, 64 and 256 target shards in turn, in this process, and prints each speed and its ratio to
that with 4.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import skimage.data

from benchmarks.results import note
from pipeline.ops.codec import encode_jpeg
from pipeline.params.datasets import DatasetParams
from pipeline.params.ingest import IngestParams
from pipeline.readers import read_dataset
from pipeline.readers.rows import ingest_rows
from pipeline.schemas.ingest import INGEST
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, StageKey, image_columns, map_shards, shard_of
from pipeline.store.executors import Serial
from pipeline.store.shards import ShardWriter

SOURCE_SHARDS = 16
TARGETS = (4, 64, 256)
PARAMS = IngestParams(max_megapixels=100.0, tone_percentiles=(0.5, 99.5))


def make_source(root: Path, count: int) -> None:
    """Make images no two of which are alike, half of them with a known mesh."""
    astronaut = skimage.data.astronaut()
    mesh = np.random.default_rng(0).normal(size=(468, 3)).astype(np.float32)
    folder = ShardFolder(root / "photographs", SOURCE_SHARDS)
    names = sorted(f"s{number % 50:02d}/{number:06d}" for number in range(count))
    writers = [ShardWriter(folder.shard(i).path, IMAGES).__enter__() for i in range(SOURCE_SHARDS)]
    for number, name in enumerate(names):
        shifted = np.roll(astronaut, (number % 512, number // 512), axis=(0, 1))
        data = encode_jpeg(np.ascontiguousarray(shifted), 95)
        row = {
            "sample_id": name,
            "dataset": "bench",
            "subject_id": name[:3],
            "band": "VIS",
            "region": "scene",
            "simulated": False,
            "truth_mesh_xyz": mesh if number % 2 else None,
            **image_columns(data, shifted.shape[:2], "x.jpg"),
        }
        kept = {"content_sha256": None, "fingerprint": ""}
        writers[shard_of(name, SOURCE_SHARDS)].write([row | kept])
    for writer in writers:
        writer.__exit__(None)


def take_in(root: Path, target: Path, shards: int) -> float:
    """Take all in from nothing; returns seconds, the listing's included."""
    start = time.perf_counter()
    listing = read_dataset("bench", DatasetParams(reader="shards", root=str(root), shards=shards))
    map_shards(
        listing,
        ShardFolder(target, shards),
        schema=INGEST,
        key=StageKey("ingest", {}, {}, ""),
        make=partial(ingest_rows, PARAMS, None),
        batch_rows=1,
        executor=Serial(),
        label="ingest",
    )
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "source")
        make_source(root, options.images)
        seconds: dict[int, list[float]] = {shards: [] for shards in TARGETS}
        for turn in range(options.repeats):
            for shards in TARGETS:
                with tempfile.TemporaryDirectory(dir=folder) as target:
                    seconds[shards].append(take_in(root, Path(target), shards))
            print(f"turn {turn + 1} of {options.repeats}", flush=True)
    for shards, found in seconds.items():
        note(f"{shards} target shards", "images/s", [options.images / each for each in found])
        ratios = [base / mine for base, mine in zip(seconds[TARGETS[0]], found, strict=True)]
        print(
            f"{shards} target shards: {options.images / statistics.median(found):.0f} images/s, "
            f"{statistics.median(ratios):.2f} × those with {TARGETS[0]}"
        )


if __name__ == "__main__":
    main()
