"""Format ``croissant``: the Parquet export with MLCommons Croissant metadata beside it.

Layout: that of ``parquet`` and ``croissant.json``: each file with its sha256, and one record set
whose fields are the columns: text, numbers, arrays of numbers, images. Lists of structs and plain
bytes stay out of the metadata, though not out of the files. The date is that of the project's git
revision, and without one that of the source's newest shard.

Reference: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import ExportError
from pipeline.exporters import parquet
from pipeline.exporters.format import Format, Job, require
from pipeline.exporters.manifest import program_version, revision_date
from pipeline.exporters.payloads import is_image
from pipeline.exporters.storage import FileEntry, Sink
from pipeline.store.files import ObjectPath, Place

FILE = "croissant.json"
SPECIFICATION = "http://mlcommons.org/croissant/1.1"
_CHECKED_ROWS = 64


def finish(job: Job, sink: Sink, written: Iterable[FileEntry]) -> None:
    """Write the dataset card and the metadata."""
    parquet.finish(job, sink, written)
    text = json.dumps(metadata(job, sorted(written, key=lambda entry: entry.path)), indent=1)
    sink.put(FILE, f"{text}\n".encode())


def metadata(job: Job, files: Iterable[FileEntry]) -> dict[str, Any]:
    """Return the JSON-LD of the export's Parquet files."""
    import mlcroissant

    objects = [
        {
            "@type": "cr:FileObject",
            "@id": entry.path,
            "name": entry.path,
            "contentUrl": entry.path,
            "contentSize": f"{entry.bytes} B",
            "encodingFormat": "application/x-parquet",
            "sha256": entry.sha256,
        }
        for entry in files
    ]
    shards = {
        "@type": "cr:FileSet",
        "@id": "shards",
        "containedIn": [{"@id": item["@id"]} for item in objects],
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }
    simulated = job.facts.simulated
    name = str(job.request.source)
    return {
        "@context": mlcroissant.Metadata(name="context").to_json()["@context"],
        "@type": "sc:Dataset",
        "conformsTo": SPECIFICATION,
        "name": name.replace("/", "_").strip("_."),
        "description": (
            f"{job.facts.rows} rows of {name}, exported by crossband {program_version()}; "
            f"{simulated['rows']} ({simulated['share']:.1%}) are simulated: a program made them."
        ),
        "license": list(job.facts.licences),
        "version": "1.0.0",
        "datePublished": revision_date() or _newest(job.request.source),
        "citeAs": f"{name}: {job.facts.rows} rows, prepared by crossband {program_version()}",
        "distribution": [*objects, shards],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "rows",
                "name": "rows",
                "key": {"@id": "rows/sample_id"},
                "field": [made for field in job.schema if (made := _field(field))],
            }
        ],
    }


def _newest(source: Place) -> str:
    if isinstance(source, ObjectPath):
        times = [path.fs.modified(path.key) for path in source.glob("*.parquet")]
    else:
        written = (path.stat().st_mtime for path in source.glob("*.parquet"))
        times = [datetime.fromtimestamp(seconds, UTC) for seconds in written]
    return str(max(times).date().isoformat())


def _field(field: pa.Field) -> dict[str, Any] | None:
    shape, leaf = [], field.type
    while pa.types.is_fixed_size_list(leaf):
        shape.append(leaf.list_size)
        leaf = leaf.value_type
    kind = "sc:ImageObject" if is_image(leaf) else _KINDS.get(str(leaf))
    if kind is None:
        return None
    notes = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    source: dict[str, Any] = {"fileSet": {"@id": "shards"}, "extract": {"column": field.name}}
    if is_image(leaf):
        source["transform"] = {"jsonPath": "bytes"}
    made: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"rows/{field.name}",
        "name": field.name,
        "dataType": kind,
        "source": source,
    }
    if notes:
        made["description"] = ", ".join(f"{key}: {value}" for key, value in notes.items())
    if shape:
        made |= {"isArray": True, "arrayShape": ",".join(map(str, shape))}
    return made


_KINDS = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "float": "cr:Float32",
    "double": "cr:Float64",
}


def verify(job: Job, folder: Path) -> None:
    """Read the files back as Parquet, validate the metadata and read rows by it."""
    import mlcroissant

    parquet.verify(job, folder)
    try:
        loaded = mlcroissant.Dataset(str(folder / FILE))
    except mlcroissant.ValidationError as error:
        raise ExportError(f"mlcroissant refuses {FILE}: {error}") from error
    unit = job.units[0]
    records = islice(loaded.records("rows"), _CHECKED_ROWS)
    for record, (_, row) in zip(records, unit.rows(["sample_id"]), strict=False):
        require(record["rows/sample_id"].decode() == row["sample_id"], f"order of {FILE}")


FORMAT = Format(
    library="mlcroissant",
    prepare=parquet.prepare,
    write=parquet.write,
    finish=finish,
    verify=verify,
    read=parquet.read,
)
