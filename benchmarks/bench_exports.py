"""Exports against plain loops over the same images: MB/s to files and to tars.

Run: ``python -m benchmarks.bench_exports``.

The baselines have less to do: the images lie ready as files, and they are copied by ``shutil`` or
added by ``tarfile``, without columns, digests, labels or a manifest. Ours reads Parquet, writes the
image and its columns, and hashes every file. Both ends are on one disk; one process each. The
time of reading an export back is told apart.
"""

import argparse
import contextlib
import io
import shutil
import tarfile
import tempfile
from pathlib import Path

from benchmarks.results import not_run
from benchmarks.timing import compare
from pipeline.exporters.format import Request
from pipeline.exporters.running import export
from pipeline.store import ShardFolder, is_shard_folder
from pipeline.store.executors import Serial

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("subject_id", "band", "split")


def unpack(source: Path, folder: Path) -> tuple[list[Path], float]:
    """Write the images of a stage as plain files; return them and their megabytes."""
    files = []
    for number, row in enumerate(ShardFolder.open(source).rows(["image"])):
        files.append(folder / f"{number:06d}.jpg")
        files[-1].write_bytes(row["image"]["bytes"])
    return files, sum(file.stat().st_size for file in files) / 1e6


def main() -> None:
    """Print MB/s and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--source", type=Path, default=ROOT / "data/sample/ingest")
    arguments.add_argument("--repeats", type=int, default=5)
    options = arguments.parse_args()
    if not is_shard_folder(options.source):
        not_run(f"{options.source}: needs a stage's output, made by `dvc repro`")
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        (work / "files").mkdir()
        files, megabytes = unpack(options.source, work / "files")

        def ours(form: str, *, verify: bool = False) -> None:
            request = Request(options.source, form, str(work / form), columns=COLUMNS)
            with contextlib.redirect_stdout(io.StringIO()):
                export(request, executor=Serial(), overwrite=True, verify=verify)

        def copied() -> None:
            shutil.rmtree(work / "copies", ignore_errors=True)
            (work / "copies").mkdir()
            for file in files:
                shutil.copyfile(file, work / "copies" / file.name)

        def packed() -> None:
            with tarfile.open(work / "all.tar", "w") as tar:
                for file in files:
                    tar.add(file, file.name)

        print(f"{len(files)} images, {megabytes:.1f} MB; items are MB")
        for form, plain, name in (
            ("folder", copied, "shutil.copyfile"),
            ("webdataset", packed, "tarfile.add"),
            ("parquet", packed, "tarfile.add"),
            ("recordio", packed, "tarfile.add"),
        ):
            if form == "recordio" and "align" not in options.source.name:
                continue  # one height and width for all images
            compare(
                f"export {form}",
                lambda form=form: ours(form),
                plain,
                baseline_name=name,
                items=round(megabytes),
                repeats=options.repeats,
            )
        compare(
            "export webdataset, not read back",
            lambda: ours("webdataset"),
            lambda: ours("webdataset", verify=True),
            baseline_name="read back and compared",
            items=round(megabytes),
            repeats=options.repeats,
        )


if __name__ == "__main__":
    main()
