"""The words after ``python -m stages.<stage>``, and those that a training ends with."""

import sys
from pathlib import Path

import pytest

from stages.run import StageRun, item_main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["photos", "more"]])
def test_words_that_are_no_name_give_the_usage(monkeypatch, words):
    monkeypatch.setattr(sys, "argv", ["align", *words])
    with pytest.raises(SystemExit, match=r"usage: python -m stages\.align <name>"):
        item_main("stages.align", pytest.fail)


def test_a_training_says_where_its_losses_and_numbers_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    StageRun("train_nir_vis", "sample", None, item="hsst").tell_reports()
    assert capsys.readouterr().out == (
        "train_nir_vis@hsst: losses are drawn in reports/figures/sample/train_nir_vis/hsst.png, "
        "numbers in reports/metrics/sample/train_nir_vis/hsst.json\n"
    )


def test_every_stage_that_draws_losses_says_where():
    texts = {path.stem: path.read_text() for path in (ROOT / "stages").glob("*.py")}
    drawing = [name for name, text in texts.items() if "    loss_figure(" in text]
    assert len(drawing) == 5
    for name in drawing:
        assert "    stage.tell_reports()\n" in texts[name].partition("    loss_figure(")[2], name
