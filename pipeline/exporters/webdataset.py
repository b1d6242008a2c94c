"""Format ``webdataset``: tar shards, one per split and shard of the source.

Layout: ``<split>-NNNNN-of-NNNNN.tar``; of each row ``<key>.png`` or ``.jpg`` (the main image),
``<key>.json`` (all other columns), ``<key>.cls`` (the subject's label within the split, where there
is one) and ``<key>.<column>.<ext>`` for each further image or column of bytes. Keys are the
sample ids, percent-encoded. Times and owners are 0, so that the same rows give the same bytes.
``subjects.csv`` says which label is whom.

Reference: https://github.com/webdataset/webdataset.
"""

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.exporters.cells import from_json, to_json
from pipeline.exporters.format import Format, Job, Request, labels_by_split, require
from pipeline.exporters.manifest import Manifest
from pipeline.exporters.names import safe_path
from pipeline.exporters.payloads import (
    Payload,
    payload_columns,
    put_together,
    take_apart,
    text_schema,
)
from pipeline.exporters.pieces import labels_csv
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import FileEntry, HashedFile, Sink
from pipeline.types import Row

_BLOCK = tarfile.BLOCKSIZE


def prepare(request: Request, selection: Selection) -> dict[str, dict[str, int]]:
    """Return the subjects' labels in each split."""
    return labels_by_split(selection)


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Write one tar."""
    labels = job.plan.get(unit.split, {})
    columns, held = job.schema.names, payload_columns(job.schema)
    read = list(dict.fromkeys([*columns, "subject_id"]))
    with sink.file(f"{unit.name}.tar") as out:
        for _, row in unit.rows(read):
            key, label = safe_path(row["sample_id"]), labels.get(row["subject_id"])
            meta, payloads = take_apart({name: row[name] for name in columns}, held)
            members = {_extension(payload, job): payload.data for payload in payloads}
            members["json"] = to_json(meta)
            if label is not None:
                members["cls"] = str(label).encode()
            for extension in sorted(members):
                _add(out, f"{key}.{extension}", members[extension])
        out.write(bytes(2 * _BLOCK))


def _extension(payload: Payload, job: Job) -> str:
    main = payload.column == job.request.image
    return payload.extension if main else f"{payload.column}.{payload.extension}"


def _add(out: HashedFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    out.write(info.tobuf(tarfile.GNU_FORMAT))
    out.write(data)
    out.write(bytes(-len(data) % _BLOCK))


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write which label stands for whom."""
    labels_csv(sink, job.plan)


def samples(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Read tars with WebDataset, one after the other, members as bytes."""
    from webdataset.tariterators import group_by_keys, tar_file_expander

    for path in paths:
        with path.open("rb") as stream:
            yield from group_by_keys(tar_file_expander([{"url": str(path), "stream": stream}]))


def read(folder: Path, manifest: Manifest) -> Iterator[Row]:
    """Read the rows back."""
    paths = [folder / entry.path for entry in manifest.files if entry.path.endswith(".tar")]
    held, texts = payload_columns(manifest.schema), text_schema(manifest.schema)
    for sample in samples(paths):
        # WebDataset lowers the case of what follows the key.
        payloads = {
            column: data
            for extension, data in sample.items()
            for column in held
            if extension.rpartition(".")[0] == ("" if column == manifest.image else column.lower())
            and extension not in ("json", "cls", "__key__", "__url__", "__local_path__")
        }
        yield put_together(from_json(sample["json"], texts), payloads, manifest.schema)


def verify(job: Job, folder: Path) -> None:
    """Read each tar with WebDataset and compare keys and images with the source."""
    image = job.request.image
    for unit in job.units:
        found = samples([folder / f"{unit.name}.tar"])
        for _, row in unit.rows(["sample_id", image]):
            sample, key = next(found, {}), safe_path(row["sample_id"])
            require(sample.get("__key__") == key, f"{key} is not where it belongs in {unit.name}")
            images = [data for name, data in sample.items() if name in ("png", "jpg", "bin")]
            require(images == [row[image]["bytes"]], f"the image of {key} is another one")
        require(next(found, None) is None, f"{unit.name}.tar holds more than its rows")


def used(job: Job) -> dict[str, int]:
    """Count all rows, and those with a label."""
    return {"rows": job.facts.rows, "labelled": job.facts.rows - job.facts.nobody}


FORMAT = Format(
    library="webdataset",
    prepare=prepare,
    write=write,
    finish=finish,
    verify=verify,
    used=used,
    read=read,
)
