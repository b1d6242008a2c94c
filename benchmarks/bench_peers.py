"""The map against its peers: the same work on the same images, with two processes each.

``python -m benchmarks.bench_peers`` decodes photographs, makes them small and encodes them anew:
crossband's map, a bare process pool that keeps nothing, ``datasets.map``, Ray Data, and Daft where
it is installed. A digest over all results says that all did the same. Each runs once unmeasured,
then in turn. Then ten images are added: crossband computes ten, its peers all.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from benchmarks.results import note
from pipeline.ops.codec import decode_rgb, encode_jpeg, encode_png
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.schemas.ingest import INGEST
from pipeline.store import ShardFolder, StageKey, image_columns, map_shards
from pipeline.store.executors import Processes, limit_threads
from pipeline.store.mapping import BatchFunction
from pipeline.types import Row

WORKERS = 2
ADDED = 10
SIDE_PX = 112
Way = Callable[[Path, Path], dict[str, bytes]]


def put(folder: Path, first: int, count: int) -> None:
    """Put images no two of which are alike."""
    astronaut = skimage.data.astronaut()
    for number in range(first, first + count):
        shifted = np.roll(astronaut, (number % 40, number // 40), axis=(0, 1))
        path = folder / f"s{number % 50:02d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(np.ascontiguousarray(shifted), 95))


def small(data: bytes) -> bytes:
    """Do the work on one image."""
    image = decode_rgb(data)
    return encode_png(cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA))


def files(images: Path) -> Iterator[str]:
    """Yield the images' paths, relative and in order."""
    return (path.relative_to(images).as_posix() for path in sorted(images.rglob("*.jpg")))


def worked(row: Row) -> Row:
    """Make the row of a small image."""
    data = small(row.pop("content"))
    return row | image_columns(data, (SIDE_PX, SIDE_PX), "small.png")


def make() -> BatchFunction:
    """Build the batch function."""
    return lambda rows: [[worked(row)] for row in rows]


def crossband(images: Path, out: Path) -> dict[str, bytes]:
    """Map by shards, which are kept."""
    params = DatasetParams(reader="folder", root=str(images), shards=16)
    folder = ShardFolder(out, 16)
    map_shards(
        read_dataset("mine", params),
        folder,
        schema=INGEST,
        key=StageKey("small", {}, {}, ""),
        make=make,
        batch_rows=16,
        executor=Processes(WORKERS),
        label="small",
    )
    return {row["sample_id"]: row["image"]["bytes"] for row in folder.rows()}


def of_file(file: str) -> bytes:
    """Do the work on a file."""
    return small(Path(file).read_bytes())


def pool(images: Path, out: Path) -> dict[str, bytes]:
    """Map by a bare process pool; nothing is kept."""
    names = list(files(images))
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), limit_threads) as workers:
        made = workers.map(of_file, [str(images / name) for name in names], chunksize=32)
        return dict(zip(names, made, strict=True))


def of_row(row: dict[str, str]) -> dict[str, bytes]:
    """Do the work on a row that names its file."""
    return {"image": of_file(row["path"])}


def datasets_map(images: Path, out: Path) -> dict[str, bytes]:
    """Map by Hugging Face ``datasets``, its cache switched off."""
    from datasets import Dataset, disable_caching, disable_progress_bars

    disable_caching()
    disable_progress_bars()
    names = list(files(images))
    table = Dataset.from_dict({"path": [str(images / name) for name in names]})
    made = table.map(of_row, num_proc=WORKERS, cache_file_name=None)
    return dict(zip(names, made["image"], strict=True))


def ray_data(images: Path, out: Path) -> dict[str, bytes]:
    """Map by Ray Data."""
    import ray

    if not ray.is_initialized():
        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    names = list(files(images))
    rows = ray.data.from_items([{"path": str(images / name)} for name in names])
    made = rows.map(lambda row: {"path": row["path"]} | of_row(row)).take_all()
    return {str(Path(row["path"]).relative_to(images)): row["image"] for row in made}


def daft(images: Path, out: Path) -> dict[str, bytes]:
    """Map by Daft."""
    import daft

    names = list(files(images))
    paths = [str(images / name) for name in names]
    work = daft.func(of_file, return_dtype=daft.DataType.binary())
    made = daft.from_pydict({"path": paths}).with_column("image", work(daft.col("path")))
    return dict(zip(names, made.to_pydict()["image"], strict=True))


WAYS: dict[str, tuple[Way, str]] = {
    "crossband": (crossband, "pipeline"),
    "process pool": (pool, "concurrent"),
    "datasets.map": (datasets_map, "datasets"),
    "Ray Data": (ray_data, "ray"),
    "Daft": (daft, "daft"),
}
"""Each way, and the package that it needs."""


def seconds(way: Way, images: Path, out: Path) -> tuple[float, str]:
    """Run a way; returns seconds, and the digest of all that it made."""
    start = time.perf_counter()
    made = way(images, out)
    took = time.perf_counter() - start
    digest = hashlib.sha256()
    for name, data in sorted(made.items()):
        digest.update(name.encode() + hashlib.sha256(data).digest())
    return took, digest.hexdigest()[:12]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    limit_threads()
    ways = {name: way for name, (way, package) in WAYS.items() if find_spec(package)}
    print(f"not installed: {', '.join(WAYS.keys() - ways.keys()) or 'none'}")
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images")
        put(images, 0, options.images)
        found: dict[str, list[float]] = {name: [] for name in ways}
        digests = {}
        for turn in range(options.repeats + 1):
            for name, way in ways.items():
                took, digests[name] = seconds(way, images, Path(folder, f"out-{turn}"))
                if turn:
                    found[name].append(took)
        put(images, options.images, ADDED)
        again, _ = seconds(crossband, images, Path(folder, f"out-{options.repeats}"))
    for name, took in found.items():
        peer = None if name == "crossband" else name
        note("decode, shrink, encode", "images/s", [options.images / s for s in took], peer=peer)
        print(
            f"{name}: {options.images / statistics.median(took):.0f} images/s (n = {len(took)}), "
            f"results {digests[name]}"
        )
    share = again / statistics.median(found["crossband"])
    note(f"{ADDED} images more", "of the first run", [share])
    print(f"{ADDED} images more: {again:.2f} s, {share:.1%} of the first run; peers do all again")


if __name__ == "__main__":
    main()
