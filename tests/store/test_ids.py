"""Sample ids: one alphabet, and counts that sort."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import SchemaError
from pipeline.store.ids import check_sample_id, counted, frame_name, quoted_id

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
names = names.filter(lambda name: name != "..")


@pytest.mark.parametrize("character", [c for c in string.printable if c != "/"])
def test_a_file_name_with_any_printable_character_makes_a_legal_id(character):
    for name in (character, f"a{character}", f"{character}b/c", f"a/{character}c"):
        check_sample_id(quoted_id(name))
        check_sample_id(f"{quoted_id(name)}#face000")


@given(st.lists(names, min_size=1, max_size=4).map("/".join))
@example("caf\udce9.jpg")  # bytes that are no UTF-8, as Python gives them
def test_any_path_makes_a_legal_id(path):
    check_sample_id(quoted_id(path))


@given(names, names)
def test_no_two_file_names_make_the_same_id(one, other):
    assert (quoted_id(one) == quoted_id(other)) == (one == other)


@pytest.mark.parametrize("character", string.printable)
def test_what_is_no_legal_character_is_refused_wherever_it_stands(character):
    legal = character in string.ascii_letters + string.digits + "/._-+=~%"
    for name in (f"a{character}b", f"{character}b", f"a{character}"):
        if legal or (character == "#" and name == "a#b"):
            check_sample_id(name)
        else:
            with pytest.raises(SchemaError, match="sample id"):
                check_sample_id(name)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 7))
@example(9, 10, 1)
@example(999, 1000, 3)
@example(999_999, 1_000_000, 6)
@example(9_999_999, 10_000_000, 6)
def test_names_of_a_count_sort_as_the_numbers_do(one, other, places):
    assert (counted("x", one, places) < counted("x", other, places)) == (one < other)
    check_sample_id(f"a#{counted('x', one, places)}")


def test_names_of_a_count_by_hand():
    assert counted("face", 7) == "face007"
    assert counted("face", 1000) == "face~1000"
    assert frame_name(12) == "000012"
    assert frame_name(1_000_000) == "~1000000"
