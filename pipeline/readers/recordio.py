r"""Reader ``recordio``: InsightFace's RecordIO, as MS1M, Glint360K, WebFace and CASIA-WebFace come.

Layout: ``train.rec``, ``train.idx`` and ``property`` (``<subjects>,<height>,<width>``). The index
has a line ``<key>\t<offset>`` per record. A record is

- ``uint32`` magic 0xced7230a, ``uint32`` with a flag in the upper 3 bits and the length in the
  lower 29, the data, zeros up to a multiple of 4 bytes; data in which the magic occurs is cut there
  into parts with the flags 1 (first), 2 (middle) and 3 (last), and the magic left out;
- whose data begin with ``uint32`` flag, ``float32`` label, ``uint64`` id, ``uint64`` id2, then flag
  further labels as ``float32``, then the encoded image.

Record 0 of a training set has two labels and no image: images are the keys 1 … a − 1, and the keys
a … b − 1 stand for subjects, whose two labels are their first image's key and the one behind their
last. An image that no subject has by its key is of its own label, by which InsightFace trains; so
is each from key 2²⁴ on (Glint360K has 17 million), where a ``float32`` may be a key beside it.
Where record 0 is an image (as in the shuffled files that DALI reads), each record's first label is
its subject. ``property`` counts subjects: those that there are, or labels up to the highest one.

Images are aligned faces (112 × 112, ArcFace) in visible light, and licences differ: see where the
set came from (https://github.com/deepinsight/insightface/tree/master/recognition/_datasets_).

Reference:
    J. Deng, J. Guo, N. Xue, S. Zafeiriou, ArcFace: additive angular margin loss for deep face
    recognition, CVPR 2019; the format: Apache MXNet, ``recordio.py`` and dmlc-core, ``recordio.h``.
"""

import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import list_official, official_row, refuse_root
from pipeline.readers.tables import read_text
from pipeline.readers.unmatched import report_unmatched
from pipeline.store import LazyRows, Listing
from pipeline.types import Int64, Region, Row

EXPECTED = "train.rec and train.idx"
PUBLISHED: dict[str, int] = {}
"""Many sets come in this format; ``property`` says how many subjects this one has."""

MAGIC = 0xCED7230A

_FRAME = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_MOST_SUBJECTS = 1 << 24
"""Above it a label, a ``float32``, is no whole number for sure."""

_EXACT_KEYS = 1 << 24
"""From here on a key, a ``float32`` in records, may be beside the one that was meant."""

_FEW_KEYS, _GAPS = 1024, 16
"""An index may lack keys, but no more than so many, and so many times those that it has."""


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images of ``train.rec``.

    Raises:
        ReaderError: a file is missing, the index is malformed or leads beside the records, or
            ``property`` gives another number of subjects.
    """
    files = list_official(root, dataset, EXPECTED)
    if not {"train.rec", "train.idx"} <= set(files):
        raise refuse_root(root, dataset, EXPECTED, files)
    keys, offsets = read_index(root / "train.idx")
    found = np.fromiter(
        chain.from_iterable(list_images(root / "train.rec", keys, offsets)), np.int64
    ).reshape(-1, 3)
    if not len(found):
        raise ReaderError(f"{root / 'train.rec'}: expected images, found none")
    _check_property(root / "property", found[:, 2])
    common = official_row(
        "",
        dataset,
        params,
        band=str(params.band),
        split=str(params.split) if params.split else None,
        region=str(Region.FACE),
    )
    return Listing(RecordRows(found, common), params.shards, partial(load, root / "train.rec"))


@dataclass(frozen=True)
class RecordRows(LazyRows):
    """Rows of images in a RecordIO file: millions of them in three numbers each.

    Attributes:
        places: (n, 3) int64, key, offset and subject of each image.
        common: the columns that all rows share.
    """

    places: Int64
    common: Row

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Row]:
        for key, offset, subject in self.places.tolist():
            yield self.common | {
                "sample_id": _sample_id(key, subject),
                "subject_id": str(subject),
                "path": str(offset),
            }

    def sample_ids(self) -> Iterator[str]:
        """Yield the ids alone, in order."""
        for key, _, subject in self.places.tolist():
            yield _sample_id(key, subject)

    def take(self, indices: Sequence[int]) -> Self:
        """Return some of the rows."""
        return type(self)(self.places[np.asarray(indices, np.int64)], self.common)


def _sample_id(key: int, subject: int) -> str:
    return f"{subject:07d}/{key:08d}"


def read_index(file: Path) -> tuple[Int64, Int64]:
    """Read an index.

    Returns:
        Keys, rising, and the offset of each one's record in bytes.

    Raises:
        ReaderError: a line is not two numbers, or a key stands twice.
    """
    try:
        table = np.array(file.read_bytes().split(), np.int64).reshape(-1, 2)
    except (ValueError, OverflowError) as error:
        raise ReaderError(f"{file}: expected lines of a key and an offset ({error})") from error
    keys, offsets = table[np.argsort(table[:, 0], kind="stable")].T
    if (doubled := keys[1:][np.diff(keys) == 0]).size:
        raise ReaderError(f"{file}: key {doubled[0]} occurs twice")
    return keys, offsets


def list_images(file: Path, keys: Int64, offsets: Int64) -> Iterator[tuple[int, int, int]]:
    """Yield key, offset and subject of each image.

    Raises:
        ReaderError: an offset does not lead to a record.
    """
    if not len(keys):
        return
    place = dict(zip(keys.tolist(), offsets.tolist(), strict=True))
    with _mapped(file) as data:
        labels, first_image = unpack(read_record(data, place[int(keys[0])], file))
        if keys[0] == 0 and len(labels) == 2 and not first_image:
            keys_at_most = _FEW_KEYS + _GAPS * len(place)
            of_subjects = _meant(data, place, _span(labels, keys_at_most, file), file)
            first_subject, end = of_subjects.start, of_subjects.stop
            subjects = _subjects(data, place, of_subjects, file)
            _report_gaps(place, subjects, first_subject, file)
            for key, offset in place.items():
                if 0 < key < first_subject:
                    subject = subjects.get(key)
                    if subject is None:
                        subject = _own_label(data, key, offset, end - first_subject, file)
                    yield key, offset, subject
        else:
            for key, offset in place.items():
                own, image = unpack(read_record(data, offset, file))
                if len(own) and image:
                    if not 0 <= own[0] < _MOST_SUBJECTS or own[0] != int(own[0]):
                        raise ReaderError(f"{file}: key {key}: label {own[0]} is not a subject")
                    yield key, offset, int(own[0])


def _meant(data: mmap.mmap, place: dict[int, int], read: tuple[int, int], file: Path) -> range:
    """Return the subjects' keys that record 0 means: as read, or where they are seen to end.

    They begin at the first record without an image, and end behind the index's last key.
    """
    first, end = read
    off = _off(first)
    near = (key for key in range(first - off, first + off + 1) if key in place)
    first = next((k for k in near if not unpack(read_record(data, place[k], file))[1]), first)
    off = _off(end)
    return range(first, min(max(max(place) + 1, end - off), end + off))


def _off(key: int) -> int:
    """Return how far from the one that was meant a key may be, at most."""
    return key // _EXACT_KEYS


def _subjects(data: mmap.mmap, place: dict[int, int], keys: range, file: Path) -> dict[int, int]:
    """Return the subject of each image by its key, as far as keys are exact; numbered from 0."""
    subjects: dict[int, int] = {}
    for subject, key in enumerate(keys):
        if key not in place:
            raise ReaderError(f"{file}: the index lacks key {key} of subject {subject}")
        labels, _ = unpack(read_record(data, place[key], file))
        first, end = _span(labels, keys.start + _off(keys.start), file)
        subjects.update(dict.fromkeys(range(first, min(end, _EXACT_KEYS)), subject))
    return subjects


def _report_gaps(
    place: dict[int, int], subjects: dict[int, int], first_subject: int, file: Path
) -> None:
    """Tell of keys that subjects have and the index lacks, and of images that no subject has."""
    absent = [key for key in subjects if key not in place]
    last = min(first_subject, _EXACT_KEYS)
    alone = [key for key in place if 0 < key < last and key not in subjects]
    report_unmatched(
        file, [f"key {key}" for key in absent], what="keys", match="have no line in train.idx"
    )
    report_unmatched(
        file,
        [f"key {key}" for key in alone],
        what="images",
        match="have keys that belong to no subject",
    )


def _own_label(data: mmap.mmap, key: int, offset: int, subjects: int, file: Path) -> int:
    """Return the label that an image's own record has.

    Raises:
        ReaderError: it is none of the subjects'.
    """
    labels, image = unpack(read_record(data, offset, file))
    label = float(labels[0]) if len(labels) and image else -1.0
    if label != label or not 0 <= label < subjects or label != int(label):
        raise ReaderError(
            f"{file}: key {key} belongs to no subject, and its own record has "
            f"{f'label {label:g}' if image else 'no image'}: expected a label of 0 … "
            f"{subjects - 1}; the file is damaged, or its record 0 is from another set"
        )
    return int(label)


def _span(labels: NDArray[np.float32], end: int, file: Path) -> tuple[int, int]:
    """Return the two keys that labels are, the second behind the last.

    Raises:
        ReaderError: they are no keys up to ``end``, or fall.
    """
    if len(labels) != 2 or not 0 <= labels[0] <= labels[1] <= end:
        raise ReaderError(
            f"{file}: expected two rising keys up to {end} as labels, found {labels.tolist()}; the "
            "file is damaged or train.idx belongs to another one"
        )
    return int(labels[0]), int(labels[1])


def read_record(data: mmap.mmap | bytes, offset: int, file: Path) -> bytes:
    """Read the data of one record, its parts joined.

    Raises:
        ReaderError: there is no whole record at this offset.
    """
    parts = []
    while True:
        head = data[offset : offset + _FRAME.size]
        magic, word = _FRAME.unpack(head) if len(head) == _FRAME.size else (0, 0)
        flag, length = word >> 29, word & ((1 << 29) - 1)
        part = data[offset + _FRAME.size : offset + _FRAME.size + length]
        if magic != MAGIC or len(part) != length or flag > 3:
            raise ReaderError(
                f"{file}: expected a whole record at byte {offset}, found "
                f"{'a cut one' if magic == MAGIC else 'other data'}; the file is damaged or "
                "train.idx belongs to another one"
            )
        parts.append(part)
        if flag in (0, 3):
            return struct.pack("<I", MAGIC).join(parts)
        offset += _FRAME.size + (length + 3 & ~3)


def unpack(record: bytes) -> tuple[NDArray[np.float32], bytes]:
    """Split a record's data into labels and image."""
    if len(record) < _HEADER.size:
        return np.empty(0, np.float32), b""
    count, label, _, _ = _HEADER.unpack_from(record)
    if not count:
        return np.array([label], np.float32), record[_HEADER.size :]
    labels = np.frombuffer(
        record, "<f4", min(count, (len(record) - _HEADER.size) // 4), _HEADER.size
    )
    return labels, record[_HEADER.size + 4 * count :]


def load(file: Path, row: Row) -> Row:
    """Add the image's bytes as ``content``; see ``listing.load_file``."""
    known = {name: value for name, value in row.items() if name != "path"}
    try:
        changed = file.stat().st_mtime_ns
        _, image = unpack(read_record(_mapped_once(file, changed), int(row["path"]), file))
    except (OSError, ReaderError) as error:
        return known | {"unreadable": str(error)}
    return known | {"content": image}


def _mapped(file: Path) -> mmap.mmap:
    with file.open("rb") as opened:
        if not file.stat().st_size:
            raise ReaderError(f"{file}: expected records, found an empty file")
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


@lru_cache(maxsize=1)
def _mapped_once(file: Path, _: int) -> mmap.mmap:
    """Map the records into memory once in each worker, and anew when the file has changed."""
    return _mapped(file)


def _check_property(file: Path, labels: Int64) -> None:
    """Compare with ``property`` where there is one.

    Raises:
        ReaderError: it gives neither the number of subjects that there are, nor that of labels.
    """
    if not file.exists():
        return
    text = read_text(file).strip()
    found, highest = len(np.unique(labels)), int(labels.max()) + 1
    if text.split(",")[0].strip() not in {str(found), str(highest)}:
        raise ReaderError(
            f"{file}: expected '{found},<height>,<width>' for the {found} subjects of train.rec"
            f"{f', or {highest} for its labels' if highest != found else ''}, found {text!r}; "
            "take the file that came with train.rec, or remove it"
        )
