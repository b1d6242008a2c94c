"""Batch functions for the tests of the map; spawned workers import them from here."""

import os
import time
from pathlib import Path

import pyarrow as pa

from pipeline.schemas.sample import IMAGES
from pipeline.store import image_columns
from pipeline.types import Rejected, Row

SCHEMA = pa.schema([*IMAGES], metadata={"version": "1"})


def make_image(sample_id: str, data: bytes = b"x", **columns: object) -> Row:
    """A row of ``IMAGES`` without a fingerprint."""
    return {
        "sample_id": sample_id,
        "dataset": "d",
        "band": "VIS",
        "region": "scene",
        "simulated": False,
        **image_columns(data, (1, 1), "x"),
        **columns,
    }


class Shout:
    """Doubles an image's bytes; ids with ``bad`` are rejected; notes each id it computes."""

    def __init__(self, log: Path, seconds: float = 0.0) -> None:
        self.log = log
        self.seconds = seconds

    def __call__(self):
        return self.compute

    def compute(self, rows: list[Row]):
        made = []
        for row in rows:
            time.sleep(self.seconds)
            with self.log.open("a") as log:
                log.write(f"{row['sample_id']}\n")
            if "bad" in row["sample_id"]:
                made.append([Rejected("bad", "as its name says")])
            elif "mixed" in row["sample_id"]:
                good = row | {"sample_id": f"{row['sample_id']}#0"}
                made.append([good, Rejected("bad", "the second one", "1")])
            else:
                data = row["image"]["bytes"] * 2
                made.append([row | image_columns(data, (1, 1), "x")])
        return made

    def computed(self) -> list[str]:
        """Ids computed since the last call."""
        ids = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return sorted(ids)


def swallow():
    """Make a batch function that gives nothing."""
    return lambda rows: [[] for _ in rows]


def rename():
    """Make a batch function that gives rows of another sample's name."""
    return lambda rows: [[row | {"sample_id": "other"}] for row in rows]


def reject_refused():
    """Make a batch function that rejects what came with a word that it could not be read."""
    return lambda rows: [
        [Rejected("unreadable", row["refused"])] if "refused" in row else [row] for row in rows
    ]


def die():
    """Make a batch function that ends its process, as the kernel does when memory is short."""
    return lambda rows: os._exit(9)
