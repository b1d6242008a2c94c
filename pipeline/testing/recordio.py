"""A replica of InsightFace's RecordIO, written by hand from the format's description."""

import struct
from pathlib import Path

from pipeline.testing.images import image_bytes, put_text

MAGIC = struct.pack("<I", 0xCED7230A)


def recordio(root: Path, *, subjects: int = 3, each: int = 2, header: bool = True) -> None:
    """Write ``train.rec``, ``train.idx`` and ``property`` with ``subjects × each`` images.

    Args:
        root: folder.
        subjects: how many, labels 0 … subjects − 1.
        each: images of each.
        header: with record 0 and the subjects' records, as training sets have.
    """
    root.mkdir(parents=True, exist_ok=True)
    images = [(subject, number) for subject in range(subjects) for number in range(each)]
    records: list[tuple[int, bytes]] = []
    first_key = 1 if header else 0
    for key, (subject, number) in enumerate(images, first_key):
        image = image_bytes(f"{subject}/{number}", ".jpg")
        records.append((key, struct.pack("<IfQQ", 0, subject, key, 0) + image))
    if header:
        end = len(images) + 1
        for subject in range(subjects):
            first = subject * each + 1
            records.append((end + subject, _labels(end + subject, first, first + each)))
        records.insert(0, (0, _labels(0, end, end + subjects)))
    index = []
    with (root / "train.rec").open("wb") as file:
        for key, data in records:
            index.append(f"{key}\t{file.tell()}")
            file.write(framed(data))
    put_text(root / "train.idx", index)
    (root / "property").write_text(f"{subjects},112,112\n", encoding="utf-8")


def framed(data: bytes) -> bytes:
    """Frame a record's data: cut where the magic stands at a multiple of 4, padded with zeros."""
    parts, start = [], 0
    for place in range(0, len(data) - 3, 4):
        if data[place : place + 4] == MAGIC and place >= start:
            parts.append(data[start:place])
            start = place + 4
    parts.append(data[start:])
    framed_parts = []
    for number, part in enumerate(parts):
        flag = 0 if len(parts) == 1 else 1 if number == 0 else 3 if number == len(parts) - 1 else 2
        head = MAGIC + struct.pack("<I", flag << 29 | len(part))
        framed_parts.append(head + part + b"\0" * (-len(part) % 4))
    return b"".join(framed_parts)


def _labels(key: int, first: int, end: int) -> bytes:
    return struct.pack("<IfQQff", 2, 0.0, key, 0, first, end)
