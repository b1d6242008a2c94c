"""Format ``dali``: read as DALI reads it, by the letter of its parser; and by our own reader."""

import csv
import io
import struct
from itertools import pairwise

import numpy as np
import pytest
from stage_data import align_rows

from pipeline.errors import ExportError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset

MAGIC = 0xCED7230A


def read_as_dali(folder):
    """Yield label and image of each record, as ``RecordIOLoader`` and ``RecordIOParser`` do.

    The loader takes the index's offsets, sorted; a record is what lies between two of them. The
    parser takes each for an image with its label or labels before it.
    """
    index = (folder / "train.idx").read_text().splitlines()
    offsets = sorted(int(line.split()[1]) for line in index)
    data = (folder / "train.rec").read_bytes()
    for start, end in pairwise([*offsets, len(data)]):
        stream, image, label = io.BytesIO(data[start:end]), b"", None
        while True:
            magic, word = struct.unpack("<II", stream.read(8))
            assert magic == MAGIC
            kind, length = word >> 29, word & 0x1FFFFFFF
            part = stream.read(length)
            stream.read(-length % 4)
            if kind in (0, 1):
                flag, label, _, _ = struct.unpack_from("<IfQQ", part)
                part = part[24:]
                if flag:
                    label = np.frombuffer(part, "<f4", flag)
                    part = part[4 * flag :]
            else:
                image += struct.pack("<I", MAGIC)
            image += part
            if kind in (0, 3):
                break
        assert image, "DALI decodes each record: none may be without an image"
        yield label, image


def test_dali_reads_each_image_with_its_label(put):
    out = put("dali")
    with (out / "subjects.csv").open(newline="", encoding="utf-8") as lines:
        subjects = [row["subject_id"] for row in csv.DictReader(lines)]
    found = [(subjects[int(label)], image) for label, image in read_as_dali(out)]
    expected = [(row["subject_id"], row["image"]["bytes"]) for row in align_rows()]
    assert sorted(found) == sorted(expected)
    assert found != expected  # they lie in an order that was drawn


def test_insightfaces_own_file_is_none_that_dali_reads(put):
    with pytest.raises(AssertionError, match="none may be without an image"):
        list(read_as_dali(put("recordio")))


def test_the_order_is_the_seeds(put, tmp_path):
    orders = {
        seed: [image for _, image in read_as_dali(put("dali", to=tmp_path / f"{seed}", seed=seed))]
        for seed in (0, 1)
    }
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


@pytest.mark.parametrize("form", ["dali", "recordio"])
def test_the_reader_takes_it_in_again(put, form):
    out = put(form)
    params = DatasetParams(reader="recordio", root=str(out), shards=1)
    listing = read_dataset("mine", params)
    found = [row["content"] for batch in listing.shard(0).batches() for row in batch]
    assert sorted(found) == sorted(row["image"]["bytes"] for row in align_rows())
    assert len({row["subject_id"] for row in listing.rows}) == 4


def test_packs_of_pairs_are_read_again_too(put):
    out = put("lfw_bin", pairs=20, mix=("band", "split"))
    params = DatasetParams(reader="bin_packs", root=str(out), shards=1)
    listing = read_dataset("mine", params)
    found = [row["content"] for batch in listing.shard(0).batches() for row in batch]
    assert len(found) == 40
    assert set(found) <= {row["image"]["bytes"] for row in align_rows()}


def test_rows_of_nobody_are_refused(put):
    with pytest.raises(ExportError, match=r"rows have no subject|no row"):
        put("dali", where="subject_id is null")
