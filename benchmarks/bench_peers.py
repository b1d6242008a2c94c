"""The map against its peers: the same work on the same images, with two processes where it can.

``python -m benchmarks.bench_peers`` decodes photographs, makes them small and encodes them anew:
crossband's map, a script that goes from image to image, a bare process pool, ``datasets.map``, Ray
Data, Daft and DataChain, each where it is installed. Each warms up on a few images, then all go
over all images from nothing, in turn. Last, ten images change and ten are deleted, and who keeps
anything runs once more; the others do all again. Beside each time stands how many results it gave,
and whether they are those that a plain script gives.
"""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data

from benchmarks.results import note
from pipeline.ops.codec import decode_rgb, encode_jpeg, encode_png
from pipeline.params.datasets import DatasetParams
from pipeline.process import limit_threads
from pipeline.readers import read_dataset
from pipeline.schemas.ingest import INGEST
from pipeline.store import ShardFolder, StageKey, image_columns, map_shards
from pipeline.store.executors import Processes
from pipeline.store.mapping import BatchFunction
from pipeline.types import Row

WORKERS = 2
CHANGED = 10
WARM = 48
SIDE_PX = 112
Way = Callable[[Path, Path], Iterator[tuple[str, bytes]]]
"""Goes over all images of a folder, may keep something in the other; yields paths and results."""


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


def crossband(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Map by shards, which are kept."""
    params = DatasetParams(reader="folder", root=str(images), shards=16)
    folder = ShardFolder(out / "shards", 16)
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
    for row in folder.rows(["sample_id", "image"]):
        yield row["sample_id"], row["image"]["bytes"]


def of_file(file: str) -> bytes:
    """Do the work on a file."""
    return small(Path(file).read_bytes())


def script(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Go from image to image and write each result beside the others."""
    for name in files(images):
        data = of_file(str(images / name))
        target = out / "files" / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        yield name, data


def pool(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Map by a bare process pool; nothing is kept."""
    names = list(files(images))
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), limit_threads) as workers:
        made = workers.map(of_file, [str(images / name) for name in names], chunksize=32)
        yield from zip(names, made, strict=True)


def of_row(row: dict[str, str]) -> dict[str, bytes]:
    """Do the work on a row that names its file."""
    return {"image": of_file(row["path"])}


def datasets_map(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Map by Hugging Face ``datasets``, its cache switched off."""
    from datasets import Dataset, disable_caching, disable_progress_bars

    disable_caching()
    disable_progress_bars()
    names = list(files(images))
    table = Dataset.from_dict({"path": [str(images / name) for name in names]})
    made = table.map(of_row, num_proc=WORKERS, cache_file_name=None)
    yield from zip(names, (row["image"] for row in made), strict=True)


def ray_data(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Map by Ray Data."""
    import ray

    if not ray.is_initialized():
        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    names = list(files(images))
    rows = ray.data.from_items([{"path": str(images / name)} for name in names])
    made = rows.map(lambda row: {"path": row["path"]} | of_row(row))
    for row in made.iter_rows():
        yield row["path"], row["image"]


def daft(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Map by Daft, whose own runner takes threads or processes as it likes."""
    import daft

    names = list(files(images))
    paths = [str(images / name) for name in names]
    work = daft.func(of_file, return_dtype=daft.DataType.binary())
    made = daft.from_pydict({"path": paths}).with_column("image", work(daft.col("path")))
    yield from zip(names, made.to_pydict()["image"], strict=True)


def of_object(file: Any) -> bytes:
    """Do the work on a file object."""
    return small(file.read())


def datachain(images: Path, out: Path) -> Iterator[tuple[str, bytes]]:
    """Map by DataChain, whose data set is kept and brought up to date by its delta."""
    import datachain as dc

    read = dc.read_storage(images.as_uri(), update=True, delta=True, delta_unsafe=True)
    mapped = read.settings(parallel=WORKERS).map(image=of_object, output=bytes)
    made = mapped.save(out.name)
    yield from made.to_iter("file.path", "image")


WAYS: dict[str, tuple[Way, str, bool]] = {
    "crossband": (crossband, "pipeline", True),
    "a script, image by image": (script, "cv2", False),
    "a bare process pool": (pool, "concurrent", False),
    "datasets.map": (datasets_map, "datasets", False),
    "Ray Data": (ray_data, "ray", False),
    "Daft": (daft, "daft", False),
    "DataChain": (datachain, "datachain", True),
}
"""Each way, the package that it needs, and whether it keeps what it made for the next time."""


def seconds(way: Way, images: Path, out: Path) -> tuple[float, int, str]:
    """Run a way; returns seconds, the number of results, and a digest of them all."""
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    made = {Path(name).stem: hashlib.sha256(data).hexdigest() for name, data in way(images, out)}
    took = time.perf_counter() - start
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(made.items()))
    return took, len(made), hashlib.sha256(lines.encode()).hexdigest()[:12]


def change(images: Path) -> None:
    """Change the first images and delete the last."""
    names = list(files(images))
    for name in names[:CHANGED]:
        turned = decode_rgb((images / name).read_bytes())[:, ::-1]
        (images / name).write_bytes(encode_jpeg(np.ascontiguousarray(turned), 95))
    for name in names[-CHANGED:]:
        (images / name).unlink()


def measure(root: Path, ways: dict[str, Way], count: int, repeats: int) -> None:
    """Measure from nothing in turn, then after a change, and print."""
    images, warm = root / "images", root / "warm"
    put(images, 0, count)
    put(warm, 0, WARM)
    found: dict[str, list[float]] = {name: [] for name in ways}
    _, _, right = seconds(script, images, root / "right")
    results = {}
    for turn in range(repeats + 1):
        for number, (name, way) in enumerate(ways.items()):
            took, *results[name] = seconds(
                way, images if turn else warm, root / f"o{number}-{turn}"
            )
            if turn:
                found[name].append(took)
    for name, took in found.items():
        rates = [count / each for each in took]
        note("decode, shrink, encode", "images/s", rates, peer=peer(name))
        print(f"{name}: {statistics.median(rates):.0f} images/s (n = {repeats}), "
              f"{judged(results[name], right)}")  # fmt: skip
    change(images)
    _, _, right = seconds(script, images, root / "right-again")
    for number, (name, way) in enumerate(ways.items()):
        if WAYS[name][2]:
            took, *result = seconds(way, images, root / f"o{number}-{repeats}")
            share = took / statistics.median(found[name])
            what = f"{CHANGED} changed, {CHANGED} deleted of {count}"
            note(what, "of the first run", [share], peer=peer(name))
            print(f"{name}, {what}: {took:.2f} s, {share:.1%}, {judged(result, right)}")


def peer(name: str) -> str | None:
    """Return who was measured, None for crossband."""
    return None if name == "crossband" else name


def judged(result: list[Any], right: str) -> str:
    """Say how many results there are, and whether they are right."""
    count, digest = result
    return f"{count} results, {'the same as' if digest == right else 'NOT those of'} a script's"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    limit_threads()
    ways = {name: way for name, (way, package, _) in WAYS.items() if find_spec(package)}
    print(f"not installed: {', '.join(WAYS.keys() - ways.keys()) or 'none'}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DATACHAIN_ROOT_DIR": folder, "DATACHAIN_TELEMETRY": "0"}
        os.environ |= {"DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        measure(Path(folder), ways, options.images, options.repeats)


if __name__ == "__main__":
    main()
