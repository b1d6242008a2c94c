"""Rows survive the way to Arrow and back, and their digest sees every change."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SchemaError
from pipeline.schemas.sample import IMAGES
from pipeline.store.content import content_sha256, listed_sha256
from pipeline.store.rows import rows_from_table, table_from_rows

POINT = pa.list_(pa.list_(pa.float32(), 2), 5)
SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("count", pa.int32()),
        pa.field("points", POINT),
        pa.field("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        pa.field(
            "faces",
            pa.list_(
                pa.struct(
                    [
                        pa.field("box", pa.list_(pa.float32(), 4), nullable=False),
                        pa.field("score", pa.float32()),
                    ]
                )
            ),
        ),
    ]
)

floats = st.floats(width=32, allow_nan=False)
faces = st.lists(
    st.fixed_dictionaries(
        {
            "box": st.lists(floats, min_size=4, max_size=4).map(lambda v: np.array(v, np.float32)),
            "score": floats,
        }
    ),
    max_size=3,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "sample_id": st.text(min_size=1),
            "count": st.none() | st.integers(-(2**31), 2**31 - 1),
            "points": st.none()
            | st.lists(floats, min_size=10, max_size=10).map(
                lambda v: np.array(v, np.float32).reshape(5, 2)
            ),
            "image": st.none() | st.fixed_dictionaries({"bytes": st.binary(), "path": st.text()}),
            "faces": faces,
        }
    ),
    max_size=5,
)


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@given(rows)
def test_rows_come_back_as_they_went(written):
    back = rows_from_table(table_from_rows(written, SCHEMA))
    assert same(back, written)
    assert [content_sha256(row, SCHEMA) for row in back] == [
        content_sha256(row, SCHEMA) for row in written
    ]
    alone = [rows_from_table(table_from_rows([row], SCHEMA))[0] for row in written]
    assert [content_sha256(row, SCHEMA) for row in alone] == [
        content_sha256(row, SCHEMA) for row in back
    ]


def test_rows_of_a_slice_are_those_of_the_slice():
    written = [
        {"sample_id": str(i), "faces": [{"box": np.full(4, i, np.float32), "score": 0.5}] * i}
        for i in range(5)
    ]
    table = table_from_rows(written, SCHEMA).slice(2, 2)
    assert [len(row["faces"]) for row in rows_from_table(table)] == [2, 3]
    assert rows_from_table(table)[1]["faces"][0]["box"].tolist() == [3, 3, 3, 3]


def test_the_digest_of_a_row_is_one_of_what_is_stored():
    row = {"sample_id": "a", "count": 1, "points": np.zeros((5, 2), np.float32)}
    digest = content_sha256(row, SCHEMA)
    image = {"bytes": b"1", "path": "p"}
    box = {"box": np.ones(4, np.float32), "score": 0.25}
    for same in (
        {"fingerprint": "x", "content_sha256": "y"},
        {"image": None},  # null as if there were no such column
        {"points": np.zeros((5, 2), np.float64)},  # stored as float32
        {"points": [[0.0, 0.0]] * 5},
    ):
        assert content_sha256(row | same, SCHEMA) == digest, same
    seen = {digest}
    for change in (
        {"count": 2},
        {"count": None},
        {"points": np.full((5, 2), 1e-30, np.float32)},
        {"sample_id": "b"},
        {"image": image},
        {"image": image | {"bytes": b"2"}},
        {"image": image | {"path": "q"}},
        {"image": image | {"path": None}},
        {"faces": []},
        {"faces": [box]},
        {"faces": [box, box]},
        {"faces": [box | {"score": 0.5}]},
        {"faces": [box | {"score": None}]},
    ):
        found = content_sha256(row | change, SCHEMA)
        assert found not in seen, change
        seen.add(found)


def test_the_digest_of_a_listed_row_sees_every_column_but_the_own_fingerprint():
    row = {"sample_id": "a", "count": 1, "points": np.zeros((5, 2), np.float32)}
    digest = listed_sha256(row)
    assert listed_sha256(row | {"fingerprint": "x", "content_sha256": "y"}) == digest
    for change in (
        {"count": 2},
        {"count": None},
        {"count": "1"},
        {"points": np.full((5, 2), 1e-30, np.float32)},
        {"points": np.zeros((2, 5), np.float32)},
        {"sample_id": "b"},
        {"new": None},
    ):
        assert listed_sha256(row | change) != digest, change


def test_digest_does_not_mix_neighbours():
    assert listed_sha256({"a": "xy", "b": "z"}) != listed_sha256({"a": "x", "b": "yz"})
    assert listed_sha256({"a": [b"x", b""]}) != listed_sha256({"a": [b"", b"x"]})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"count": 1}, "'sample_id' may not be empty"),
        ({"sample_id": "a", "colour": 1}, r"unknown columns \['colour'\]"),
        ({"sample_id": "a", "points": np.zeros((4, 2))}, "'points' does not hold"),
        ({"sample_id": "a", "count": "many"}, "'count' does not hold"),
        ({"sample_id": "a", "faces": [{"score": 1.0}]}, "'faces' does not hold"),
    ],
)
def test_a_row_that_breaks_the_schema_is_refused(row, message):
    with pytest.raises(SchemaError, match=message):
        table_from_rows([row], SCHEMA)


def test_a_list_of_structs_may_be_null_beside_others():
    person = {
        "subject_id": "a",
        "split": None,
        "face_xyxy": np.zeros(4, np.float32),
        "body_xyxy": None,
    }
    values = [None, [], [person], None, [person, person]]
    rows = [{"people": value} for value in values]
    schema = pa.schema([IMAGES.field("truth_people").with_name("people")])
    read = rows_from_table(table_from_rows(rows, schema))
    assert [None if row["people"] is None else len(row["people"]) for row in read] == [
        None,
        0,
        1,
        None,
        2,
    ]
    assert read[4]["people"][1]["face_xyxy"].tolist() == [0, 0, 0, 0]
    assert read[4]["people"][1]["body_xyxy"] is None
