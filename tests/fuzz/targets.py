"""What reads bytes that others wrote, and what it may answer: the targets of the fuzz tests."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import testing
from pipeline.errors import DamageError, ExportError, ReaderError, StageError, WeightsError
from pipeline.exporters.manifest import Manifest, serialised_schema
from pipeline.ops.codec import decode_foreign, encode_jpeg, encode_png
from pipeline.ops.containers import UndecodableError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.readers.tables import read_rows
from pipeline.store.columns import REJECTED, image_columns
from pipeline.store.networks import load_network, save_network
from pipeline.store.protocols import read_protocol
from pipeline.store.shards import ShardFile, ShardWriter
from pipeline.weights import load_registry

BETWEEN = b"\n--next file--\n"
"""Stands between the files of a target that reads several."""


@dataclass(frozen=True)
class Target:
    """Something that reads bytes.

    Attributes:
        seeds: makes bytes that it reads without complaint.
        read: reads bytes; what it raises beside ``refusals`` is a fault.
        refusals: how it refuses.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]

    def try_on(self, data: bytes) -> bool:
        """Tell whether the bytes were read; False where they were refused in one line."""
        try:
            self.read(data)
        except self.refusals:
            return False
        return True


@contextmanager
def _folder(**files: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="crossband-fuzz-") as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file.replace("_dot_", ".")).write_bytes(data)
        yield folder


def _params(root: Path, reader: str, **values: str) -> DatasetParams:
    return DatasetParams(reader=reader, root=str(root), shards=1, **values)


def _pixels() -> np.ndarray:
    return np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)


def _read_image(data: bytes) -> None:
    decode_foreign(data, tone_percentiles=(0.5, 99.5), max_pixels=100_000)


def _read_table(data: bytes) -> None:
    with _folder(table=data) as folder:
        read_rows(folder / "table")


def _read_listing(data: bytes) -> None:
    with _folder(list_dot_csv=data) as folder:
        read_dataset("mine", _params(folder, "folder", list="list.csv"))


def _read_recordio(data: bytes) -> None:
    index, _, records = data.partition(BETWEEN)
    with _folder(train_dot_idx=index, train_dot_rec=records) as folder:
        listing = read_dataset("mine", _params(folder, "recordio"))
        for batch in listing.shard(0).batches():
            assert all("content" in row or "unreadable" in row for row in batch)


@cache
def _records() -> list[bytes]:
    with _folder() as folder:
        testing.recordio(folder, subjects=2, each=2)
        return [BETWEEN.join((folder / f"train.{kind}").read_bytes() for kind in ("idx", "rec"))]


SCHEMA = pa.schema([*(REJECTED.field(n) for n in ("sample_id", "reason", "fingerprint"))]).append(
    pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
)


def _read_shard(data: bytes) -> None:
    with _folder(shard=data) as folder:
        file = ShardFile(folder / "shard")
        file.outcomes(SCHEMA)
        file.rows()
        list(file.batches())
        file.table(["sample_id"])


@cache
def _shard() -> list[bytes]:
    with _folder() as folder:
        with ShardWriter(folder / "shard", SCHEMA) as writer:
            for number in range(40):
                image = image_columns(b"x" * number, (1, 1), "x")["image"]
                identity = {"sample_id": f"s{number:02d}", "reason": "r", "fingerprint": "0"}
                writer.write([identity | {"image": image}])
        return [(folder / "shard").read_bytes()]


def _read_network(data: bytes) -> None:
    with _folder(network=data) as folder:
        load_network(folder / "network")


@cache
def _network() -> list[bytes]:
    import torch

    with _folder() as folder:
        save_network({"weight": torch.arange(6.0).reshape(2, 3), "name": "x"}, folder / "network")
        return [(folder / "network").read_bytes()]


def _read_manifest(data: bytes) -> None:
    assert Manifest.from_json(data, "x").schema is not None


MANIFEST = (
    b'{"crossband_export": 1, "format": "folder", "source": {"shards": 2}, "where": null, '
    b'"splits": [], "image": "image", "rows": 1, "shares": {}, "licences": {}, "simulated": {}, '
    b'"columns": [], '
    b'"arrow_schema": "%s", "params": null, "revision": null, "crossband": "0.1.0", '
    b'"verified_with": null, "files": [{"path": "a.png", "bytes": 1, "sha256": "00"}]}'
) % serialised_schema(pa.schema([("sample_id", pa.string())])).encode()


def _read_protocol(data: bytes) -> None:
    with _folder(protocol_dot_json=data) as folder:
        read_protocol(folder)


PROTOCOL = (
    b'{"name": "x", "source": "official", "description": "", "kind": "identification", '
    b'"exclude": "nothing", "tables": ["enroll"], "sha256": "00"}'
)

ENTRY = (
    b"net:\n  file: net.onnx\n  sha256: " + b"0" * 64 + b"\n  bytes: 10\n  licence: MIT\n"
    b"  trained_on: faces\n  sources:\n    - url: https://example.org/net.onnx\n"
)


def _read_registry(data: bytes) -> None:
    with _folder(weights_dot_yaml=data) as folder:
        load_registry(folder / "weights.yaml")


TARGETS: dict[str, Target] = {
    "image": Target(
        lambda: [encode_png(_pixels()), encode_jpeg(_pixels(), 95)],
        _read_image,
        (UndecodableError,),
    ),
    "table": Target(lambda: [b"path,subject\na.png,anna\n"], _read_table, (ReaderError,)),
    "listing": Target(
        lambda: [b"path,subject,band,box,landmarks\na.png,anna,NIR,0 0 9 9,1 2 3 4 5 6 7 8 9 9\n"],
        _read_listing,
        (ReaderError,),
    ),
    "recordio": Target(_records, _read_recordio, (ReaderError,)),
    "shard": Target(_shard, _read_shard, (DamageError,)),
    "network": Target(_network, _read_network, (DamageError,)),
    "manifest": Target(lambda: [MANIFEST], _read_manifest, (ExportError,)),
    "protocol": Target(lambda: [PROTOCOL], _read_protocol, (StageError,)),
    "registry": Target(lambda: [ENTRY], _read_registry, (WeightsError,)),
}
