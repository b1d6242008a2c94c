"""Values survive JSON and CSV to the last bit, whatever they are."""

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.exporters.cells import from_cell, from_json, to_cell, to_json
from pipeline.store.columns import floats

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FLOAT32 = st.floats(width=32)


def same(a, b):
    return np.array_equal(np.float32(a).view(np.uint32), np.float32(b).view(np.uint32))


@given(arrays(np.uint32, (2, 3)))
def test_float32_arrays_keep_every_bit(bits):
    signalling = (bits & 0x7F800000 == 0x7F800000) & (bits & 0x7FFFFF != 0)
    array = np.where(signalling, bits | 0x400000, bits).view(np.float32)  # no arithmetic makes them
    schema = pa.schema([("a", floats(2, 3))])
    (read,) = from_json(to_json({"a": array}), schema).values()
    assert read.dtype == np.float32
    assert same(read, array)


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7FFFFFFF])
def test_a_nan_keeps_its_bits_in_json_and_csv(bits):
    array = np.full((2,), bits, np.uint32).view(np.float32)
    for value, kind in ((array, floats(2)), (float(array[0]), pa.float32())):
        (read,) = from_json(to_json({"a": value}), pa.schema([("a", kind)])).values()
        assert same(read, value)
        assert same(from_cell(to_cell(value), kind), value)


@given(TEXT | st.none(), st.integers(-(2**63), 2**63 - 1), FLOAT32, st.booleans(), st.binary())
def test_scalars_come_back_from_json(text, number, real, flag, data):
    kinds = [pa.string(), pa.int64(), pa.float32(), pa.bool_(), pa.binary()]
    row = dict(zip("abcde", [text, number, real, flag, data], strict=True))
    read = from_json(to_json(row), pa.schema(list(zip("abcde", kinds, strict=True))))
    assert [read[k] for k in "abde"] == [row[k] for k in "abde"]
    assert same(read["c"], real)


@given(st.lists(TEXT | st.none(), min_size=1))
def test_text_comes_back_from_a_csv_with_null_and_empty_apart(texts):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow([*map(to_cell, texts), "end"])
    (cells,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert [from_cell(cell, pa.string()) for cell in cells[:-1]] == texts


def test_lists_of_structs_come_back_with_their_arrays():
    kind = pa.list_(pa.struct([("xy", floats(2)), ("name", pa.string())]))
    rows = [{"xy": np.array([0.1, 2], np.float32), "name": ""}, {"xy": None, "name": None}]
    read = from_cell(to_cell(rows), kind)
    assert same(read[0]["xy"], rows[0]["xy"])
    assert (read[0]["name"], read[1]) == ("", rows[1])
