"""Records are MXNet's to the byte: magic numbers inside the data, labels, InsightFace's ranges."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_data import align_rows, finished, make_image, write_folder

from pipeline.errors import ExportError
from pipeline.exporters import recordio
from pipeline.exporters.recordio import RecordReader, pack, write_record
from pipeline.exporters.storage import HashedFile
from pipeline.ops.codec import encode_png
from pipeline.schemas.align import ALIGN
from pipeline.store.seal import write_sealed

MAGIC = bytes.fromhex("0a23d7ce")


def written(data):
    raw = io.BytesIO()
    write_record(HashedFile(raw), data)
    return raw.getvalue()


def test_a_plain_record_is_magic_length_data_and_padding():
    assert written(b"abcde") == MAGIC + struct.pack("<I", 5) + b"abcde\0\0\0"


def test_a_record_with_the_magic_at_a_multiple_of_four_is_cut_there():
    data = b"head" + MAGIC + b"mid." + MAGIC + b"end"
    assert written(data) == b"".join(
        MAGIC + struct.pack("<I", kind << 29 | len(part)) + part
        for kind, part in [(1, b"head"), (2, b"mid."), (3, b"end\0")]
    ).replace(struct.pack("<I", 3 << 29 | 4), struct.pack("<I", 3 << 29 | 3))


def test_an_image_that_is_too_long_for_a_record_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(recordio, "_LENGTH_BITS", 3)
    assert written(b"seven..")
    with pytest.raises(ExportError, match=r"an image of 8 bytes: .*leave it out with --where"):
        written(b"eight...")


def test_a_magic_elsewhere_stays():
    data = b"x" + MAGIC + b"yyy"
    assert written(data) == MAGIC + struct.pack("<I", 8) + data


def parsed(stream):
    """Read one record by the letter of dmlc-core's recordio.h, slowly."""
    out = b""
    while True:
        magic, word = struct.unpack("<II", stream.read(8))
        assert magic == 0xCED7230A
        kind, length = word >> 29, word & 0x1FFFFFFF
        out += stream.read((length + 3) // 4 * 4)[:length]
        if kind in (0, 3):
            return out
        out += MAGIC


@given(st.lists(st.sampled_from([MAGIC, b"a", b"bc", b"\0\0\0\0", MAGIC[:2]]), max_size=9))
def test_any_data_is_read_back(pieces):
    data = b"".join(pieces)
    assert parsed(io.BytesIO(written(data))) == data
    assert len(written(data)) % 4 == 0


def test_headers_have_one_label_or_several():
    assert pack(3, 7) == struct.pack("<IfQQ", 0, 3.0, 7, 0)
    several = pack(np.array([9, 12], np.float32), 0)
    assert several == struct.pack("<IfQQff", 2, 0.0, 0, 0, 9.0, 12.0)


def test_insightface_finds_images_and_identities(put):
    out = put("recordio")
    assert (out / "property").read_text() == "4,24,24"
    index = dict(line.split("\t") for line in (out / "train.idx").read_text().splitlines())
    with (out / "train.rec").open("rb") as file:

        def unpack(key):
            file.seek(int(index[str(key)]))
            data = parsed(file)
            flag, label, *_ = struct.unpack_from("<IfQQ", data)
            labels = np.frombuffer(data[24 : 24 + 4 * flag], "<f4")
            return flag, label, labels, data[24 + 4 * flag :]

        flag, _, head, _ = unpack(0)
        assert (flag, head.tolist()) == (2, [25, 29])
        images = sorted(row["image"]["bytes"] for row in align_rows())
        assert sorted(unpack(key)[3] for key in range(1, 25)) == images
        for label, key in enumerate(range(25, 29)):
            start, end = unpack(key)[2].astype(int)
            assert [unpack(k)[1] for k in range(start, end)] == [label] * 6


def test_the_reader_refuses_an_index_that_leads_nowhere(put):
    out = put("recordio")
    (out / "train.idx").write_text("0\t4\n")
    with pytest.raises(ExportError, match="no record where"):
        RecordReader(out)


def test_rows_without_a_subject_are_refused_with_their_number(put, parts):
    with pytest.raises(ExportError, match="4 rows have no subject"):
        put("recordio", where="subject_id is null or true", source=without_subjects(parts))


def without_subjects(folder):
    import pyarrow.parquet as pq

    for path in folder.glob("shard-*"):
        table = pq.read_table(path)
        names = [None if i in SOME else n for i, n in zip(*columns(table), strict=True)]
        place = table.schema.get_field_index("subject_id")
        write_sealed(table.set_column(place, table.schema.field(place), [names]), path)
    return folder


SOME = {row["sample_id"] for row in align_rows()[:4]}


def columns(table):
    return table["sample_id"].to_pylist(), table["subject_id"].to_pylist()


def test_further_images_of_several_shapes_are_refused(put, tmp_path):
    rows = align_rows()
    rows[5]["context"] = {"bytes": encode_png(make_image(5, 40)), "path": None}
    source = write_folder(tmp_path / "set", list(map(finished, rows)), ALIGN)
    with pytest.raises(ExportError, match=r"one height and width .*s5\..* in 'context'"):
        put("recordio", source=source, image="context", verify=False)
