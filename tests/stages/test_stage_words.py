"""The words after ``python -m stages.<stage>``."""

import sys

import pytest

from stages.run import item_main


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["photos", "more"]])
def test_words_that_are_no_name_give_the_usage(monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["align", *words])
    with pytest.raises(SystemExit, match=r"usage: python -m stages\.align <name>"):
        item_main("stages.align", pytest.fail)
