"""Values change in a YAML text, comments stay."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.params.edit import edited
from pipeline.params.load import lay_profile_over, read_yaml

ROOT = Path(__file__).resolve().parents[2]

TEXT = """\
# About the file.

first:                       # what stands here
  number: 3                  # 1..9
  words: [a, b]              # some
  inner:
    deep: x                  # far in

second: {}                   # name -> entry, which a
                             # long comment explains
#   example: {of: one}

third:
  one: {kind: a, side: 2}    # flow
"""


def values(text):
    return YAML(typ="safe").load(text)


def test_nothing_changes_where_the_values_are_the_same():
    assert edited(TEXT, values(TEXT)) == TEXT


def test_a_value_changes_and_its_comment_stays_in_its_column():
    wanted = values(TEXT)
    wanted["first"] |= {"number": 12, "words": ["c"]}
    assert edited(TEXT, wanted) == TEXT.replace("number: 3 ", "number: 12").replace(
        "[a, b]", "[c]   "
    )


def test_a_key_goes_with_its_lines_and_what_stands_above_the_next_stays():
    wanted = values(TEXT)
    del wanted["first"]["inner"], wanted["third"]
    made = edited(TEXT, wanted)
    assert values(made) == wanted
    assert "far in" not in made
    assert made.endswith("explains\n#   example: {of: one}\n\n")


def test_entries_are_added_and_an_empty_section_keeps_its_whole_comment():
    wanted = values(TEXT) | {"second": {"mine": {"of": 1, "to": None}}}
    wanted["third"] = {}
    made = edited(TEXT, wanted)
    assert values(made) == wanted
    assert (
        "second:                      # name -> entry, which a\n"
        "                             # long comment explains\n"
        "  mine: {of: 1, to: null}\n"
    ) in made


def test_where_lines_cannot_say_it_the_values_count():
    text = "a: &common\n  x: 1\nb:\n  <<: *common\n"
    wanted = {"b": {"x": 1}}
    assert values(edited(text, wanted)) == wanted


@pytest.mark.parametrize("profile", ["tiny", "ablations"])
def test_profiles_keep_every_comment_of_params_yaml(profile):
    text = (ROOT / "params.yaml").read_text()
    over = read_yaml(ROOT / f"params/{profile}.yaml")
    wanted = lay_profile_over(read_yaml(ROOT / "params.yaml"), over)
    made = edited(text, wanted)
    assert values(made) == wanted
    assert made.count("#") == text.count("#")
