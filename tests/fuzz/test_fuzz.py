"""Whatever bytes come, readers read them or refuse them in their own words, and quickly.

Bytes that were found to break a reader lie in ``tests/fuzz/crashes/<target>`` and are tried first.
"""

import sys
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from targets import TARGETS

CRASHES = Path(__file__).parent / "crashes"
SPLINTERS = (b"\0", b"\xff" * 4, b"PAR1", b"[" * 3000, b"9" * 30, b"-1", b'"', b",", b"\n", b"nan")

edits = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True),
        st.integers(0, 8),
        st.one_of(st.sampled_from(SPLINTERS), st.binary(max_size=6)),
    ),
    min_size=1,
    max_size=4,
)
"""Where as a part of the whole, how many bytes go, and what comes in their place."""


def edited(data: bytes, changes) -> bytes:
    for place, gone, new in changes:
        at = int(place * (len(data) + 1))
        data = data[:at] + new + data[at + gone :]
    return data


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"protocol", "registry"}))
def test_what_is_as_it_should_be_is_read(name):
    assert all(TARGETS[name].try_on(data) for data in TARGETS[name].seeds())


@pytest.mark.parametrize(
    "path", sorted(CRASHES.glob("*/*")), ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_what_once_broke_a_reader_is_refused(path):
    assert not TARGETS[path.parent.name].try_on(path.read_bytes())


def check(name, examples):
    @seed(20)
    @settings(max_examples=examples, database=None)
    @given(st.sampled_from(TARGETS[name].seeds()), edits, st.binary(max_size=64))
    def run(data, changes, noise):
        TARGETS[name].try_on(edited(data, changes))
        TARGETS[name].try_on(noise)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_few_damaged_bytes(name):
    check(name, 40)


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_many_damaged_bytes(name):
    check(name, 4000)
