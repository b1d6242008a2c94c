"""Format ``lfw_bin``: InsightFace's verification file, a pickle of images and of who is the same.

Layout: ``pairs.bin`` is ``(bins, issame)``: ``bins[2 * i]`` and ``bins[2 * i + 1]`` are the encoded
images of pair ``i``, ``issame[i]`` whether they show one subject; ``pairs.csv`` has their ids.
``--pairs`` says how many, ``--seed`` which. An accuracy over several bands or splits says little,
so that rows of more than one are refused unless ``--mix band`` or ``--mix split`` asks for it.
The file is written piece by piece, so that it may be larger than memory: images wait in a temporary
file.

Reference: insightface ``recognition/arcface_torch/eval/verification.py``, ``load_bin``.
"""

import pickle
import struct
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ExportError
from pipeline.exporters.format import (
    Format,
    Job,
    Request,
    finish_nothing,
    require,
    require_subjects,
)
from pipeline.exporters.pairs import Pair, draw_pairs
from pipeline.exporters.pieces import csv_lines
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import HashedFile, Sink

_BATCH = 1000
_APART = {"band": "--where \"band = '{}'\"", "split": "--split {}"}
"""What a file of pairs is of one of, and how that is chosen."""


@dataclass(frozen=True)
class Layout:
    """The pairs, and the samples' ids by ordinal."""

    pairs: list[Pair]
    ids: dict[int, str]


def prepare(request: Request, selection: Selection) -> Layout:
    """Draw the pairs.

    Raises:
        ExportError: a row has no subject, so many pairs do not exist, or the rows are of several
            bands or splits and nobody asked for that.
    """
    require_subjects(selection)
    if unknown := {*request.mix} - {*_APART}:
        raise ExportError(f"--mix {unknown.pop()}: expected any of {', '.join(_APART)}")
    for column, choice in _APART.items():
        found = sorted(value or "none" for (value,) in selection.ask(column, group=column))
        if len(found) > 1 and column not in request.mix:
            raise ExportError(
                f"pairs of several {column}s ({', '.join(found)}) would be mixed: choose one with "
                f"{choice.format(found[-1])}, or ask for it with --mix {column}"
            )
    rows = list(selection.listed("subject_id, sample_id"))
    pairs = draw_pairs([subject for subject, _ in rows], request.pairs, request.seed)
    used = {ordinal for a, b, _ in pairs for ordinal in (a, b)}
    return Layout(pairs, {ordinal: rows[ordinal][1] for ordinal in sorted(used)})


def write(job: Job, unit: Unit, sink: Sink) -> None:
    """Gather the images that are used, then write the pickle in the order of the pairs."""
    plan: Layout = job.plan
    with tempfile.TemporaryFile(dir=sink.store.beside) as spool:
        places = dict(_spooled(spool, unit, plan.ids.keys(), job.request.image))

        def images() -> Iterator[bytes]:
            for a, b, _ in plan.pairs:
                for ordinal in (a, b):
                    start, length = places[ordinal]
                    spool.seek(start)
                    yield _bytes_opcode(length) + spool.read(length)

        with sink.file("pairs.bin") as out:
            out.write(pickle.PROTO + b"\x04")
            _list(out, images())
            _list(out, (pickle.NEWTRUE if same else pickle.NEWFALSE for *_, same in plan.pairs))
            out.write(pickle.TUPLE2 + pickle.STOP)
    rows = [(plan.ids[a], plan.ids[b], int(same)) for a, b, same in plan.pairs]
    sink.put("pairs.csv", csv_lines([("first", "second", "same"), *rows]).encode())


def _spooled(
    spool: BinaryIO, unit: Unit, wanted: Iterable[int], image: str
) -> Iterator[tuple[int, tuple[int, int]]]:
    used = set(wanted)
    for ordinal, row in unit.rows([image]):
        if ordinal in used:
            data = row[image]["bytes"]
            yield ordinal, (spool.tell(), len(data))
            spool.write(data)


def _bytes_opcode(length: int) -> bytes:
    return pickle.BINBYTES + struct.pack("<I", length)


def _list(out: HashedFile, items: Iterable[bytes]) -> None:
    """Write a list of pickled items, many at a time, as pickle itself does."""
    out.write(pickle.EMPTY_LIST)
    count = 0
    for count, item in enumerate(items, start=1):
        out.write(pickle.MARK * (count % _BATCH == 1) + item)
        if count % _BATCH == 0:
            out.write(pickle.APPENDS)
    if count % _BATCH:
        out.write(pickle.APPENDS)


class _Plain(pickle.Unpickler):
    """Reads lists, bytes and truth values; a name, which could be code's, is refused."""

    def find_class(self, module: str, name: str) -> object:
        """Refuse a name.

        Raises:
            ExportError: always.
        """
        raise ExportError(
            f"pairs.bin names {module}.{name}: expected images and truth values alone"
        )


def verify(job: Job, folder: Path) -> None:
    """Unpickle the file as InsightFace does and compare pairs and images with the source."""
    plan: Layout = job.plan
    with (folder / "pairs.bin").open("rb") as file:
        bins, same = _Plain(file, encoding="bytes").load()
    require(same == [pair[2] for pair in plan.pairs], "which pairs are genuine")
    require(len(bins) == 2 * len(same), "two images a pair")
    wanted: dict[int, list[int]] = {}
    for index, ordinal in enumerate(o for a, b, _ in plan.pairs for o in (a, b)):
        wanted.setdefault(ordinal, []).append(index)
    for ordinal, row in job.units[0].rows([job.request.image]):
        for index in wanted.get(ordinal, ()):
            data = row[job.request.image]["bytes"]
            require(bins[index] == data, f"image {index} is another one")


def used(job: Job) -> dict[str, int]:
    """Count the pairs, and the rows that are in any."""
    return {"pairs": len(job.plan.pairs), "rows": len(job.plan.ids)}


FORMAT = Format(
    library="pickle",
    prepare=prepare,
    write=write,
    finish=finish_nothing,
    verify=verify,
    used=used,
    split_units=False,
    files=lambda job: 3,
)
