"""Figures and sheets name what they show, on scales that make nothing up."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.bodies.labelling import LabelOutcome
from pipeline.report import (
    analyse_modality,
    comparison_sheet,
    evaluate_bodies,
    ground_truth_figure,
    losses,
    recognition,
)
from pipeline.report.canvas import ROW_COLOURS
from pipeline.report.page import legend_of


@pytest.fixture
def figures(monkeypatch):
    """Figures instead of files."""
    kept = []
    for module in (evaluate_bodies, losses, recognition):
        monkeypatch.setattr(module, "save", lambda figure, path: kept.append(figure))
    return kept


@pytest.mark.parametrize(("simulated", "title"), [(True, "x (simulated images)"), (False, "x")])
def test_a_comparison_has_its_callers_title_and_tells_simulated_images(
    tmp_path, monkeypatch, simulated, title
):
    titles = []

    def page(title, lines, rows=()):
        titles.append(title)
        return lines[0]

    monkeypatch.setattr(comparison_sheet, "page", page)
    faces = {"sharp": [np.zeros((8, 8, 3), np.uint8)]}
    comparison_sheet.comparison_sheet("x", faces, tmp_path / "x.png", simulated=simulated)
    assert titles == [title]


def test_a_share_that_never_changes_is_drawn_between_nothing_and_all(tmp_path, figures):
    curve = [{"step": step, "total": 3.0, "limited": 1.0} for step in range(3)]
    losses.loss_figure(curve, tmp_path / "x.png")
    total, limited = figures[0].axes
    assert limited.get_ylim() == (-0.02, 1.02)
    assert total.get_ylim()[0] > 2


def test_what_a_decoder_misses_is_no_loss_and_may_exceed_one(tmp_path, figures):
    curve = [{"step": step, "total": 3.0, "unexplained": 2.5 - step} for step in range(3)]
    losses.loss_figure(curve, tmp_path / "x.png")
    total, missed = figures[0].axes
    assert (total.get_ylabel(), missed.get_ylabel()) == ("loss", "of a mean map's error")
    assert missed.get_ylim()[1] > 2


def test_the_spread_of_duls_sigma_is_no_share_of_a_length(tmp_path, figures):
    curve = [{"step": 1, "total": 3.0, "sigma": 4.0, "sigma_spread": 1.5, "spread": 0.5}] * 2
    losses.loss_figure(curve, tmp_path / "x.png")
    _, sigma, between, spread = figures[0].axes
    assert {sigma.get_ylabel(), between.get_ylabel()} == {"of a feature's numbers"}
    assert between.get_ylim()[1] > 1.5
    assert spread.get_ylabel() == "share of the features' length"


def test_many_losses_stand_in_lines_of_four(tmp_path, figures):
    names = ["total", "a", "b", "c", "d", "e"]
    losses.loss_figure([{"step": 1} | dict.fromkeys(names, 1.0)] * 2, tmp_path / "x.png")
    (figure,) = figures
    drawn = [axes.get_title() for axes in figure.axes if axes.axison]
    assert drawn == names
    assert tuple(figure.get_size_inches()) == pytest.approx((1 + 4 * 3.2, 6.0))


def test_rates_that_are_all_zero_get_a_scale_of_a_hundredth(tmp_path, monkeypatch):
    seen = []
    real = ground_truth_figure.new_figure
    monkeypatch.setattr(
        ground_truth_figure, "new_figure", lambda *size: seen.append(real(*size)) or seen[-1]
    )
    zero = {"mean": 0.0, "ci95": [0.0, 0.0], "n": 9}
    error = {"median": 4.0, "ci95": [3.0, 5.0], "n": 9}
    metrics = {
        "wrong_face": {"by_band_and_yaw": {"VIS": {"0-20": zero}}},
        "nme_percent": {"by_band_and_yaw": {"VIS": {"0-20": error}}},
    }
    ground_truth_figure.ground_truth_figure("align", metrics, tmp_path / "x.png")
    wrong, nme = seen[0].axes
    assert wrong.get_ylim() == (0.0, 1.0)
    assert 5.0 < nme.get_ylim()[1] < 6.0


def test_a_row_has_one_colour_in_all_figures(tmp_path, figures):
    rates = {"value": 0.5, "ci95": None, "n": 2, "cmc": [0.5, 1.0]}
    cell = {"NIR": {"cmc": [0.5, 1.0], "rank1": rates}}
    rows = ("untrained", "pretrained", "trained", "face", "sface")
    metrics = dict.fromkeys(rows, cell) | {"matrix": {"trained": {}}}
    evaluate_bodies.bands_figure(
        "x", metrics, np.eye(2, dtype=np.float32), ["VIS", "NIR"], tmp_path / "x.png"
    )
    drawn = {line.get_label(): line.get_color() for line in figures[0].axes[-1].lines}
    assert drawn == {row: ROW_COLOURS[row] for row in rows}
    assert len(set(ROW_COLOURS.values())) == len(ROW_COLOURS)


def test_a_legend_names_the_outcomes_that_are_there():
    rows = [{"bodies": [{"outcome": LabelOutcome.NO_SUBJECT}]}, {"bodies": []}]
    assert [words for _, words in legend_of(rows)] == ["no subject", "annotated face"]
    assert [words for _, words in legend_of([{"bodies": [{}]}])] == ["unlabelled", "annotated face"]


def test_curves_of_a_single_subject_have_whole_ranks_and_named_decades(tmp_path, figures):
    found = SimpleNamespace(roc=np.array([[0.0, 0.5, 1.0], [0.0, 1.0, 1.0]]), cmc=np.ones(1))
    results = {"sface": [found], "trained": [found]}
    recognition.recognition_figure("x", results, tmp_path / "x.png")
    (figure,) = figures
    figure.draw_without_rendering()
    roc, cmc = figure.axes
    assert roc.get_xlim() == pytest.approx((0.1, 1.1))
    assert {tick.get_text() for tick in roc.get_xticklabels(minor=True)} <= {""}
    low, high = cmc.get_xlim()
    ticks = [tick for tick in cmc.get_xticks() if low <= tick <= high]
    assert ticks == [1.0]
    widths = [line.get_linewidth() for line in cmc.lines]
    assert widths == sorted(widths, reverse=True)  # of equal curves the lower one stands out
    (legend,) = figure.legends  # beside the axes: no curve runs below it
    assert [text.get_text() for text in legend.get_texts()] == ["sface", "trained"]
    assert legend.get_window_extent().x0 > cmc.get_window_extent().x1
    assert len(set(widths)) == len(results)


def test_a_training_is_named_and_its_steps_are_whole(tmp_path, figures):
    curve = [{"step": step, "total": 3.0 - step} for step in (1, 2)]
    losses.loss_figure(curve, tmp_path / "train_dmfr" / "filter.png")
    (figure,) = figures
    figure.draw_without_rendering()
    assert figure.get_suptitle().startswith("train_dmfr filter: faint, each step; ")
    assert all(float(tick).is_integer() for tick in figure.axes[0].get_xticks())


def test_a_long_trainings_losses_are_told_to_be_means(tmp_path, figures):
    curve = [{"step": step, "total": 3.0} for step in (3, 6, 7)]
    losses.loss_figure(curve, tmp_path / "train_dmfr" / "filter.png")
    assert "faint, means of 3 steps; strong, mean of 9 of them" in figures[0].get_suptitle()


def test_trainings_side_by_side_have_whole_steps(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(analyse_modality, "save", lambda figure, path: kept.append(figure))
    curve = [{"step": 1.0, "total": 2.0}, {"step": 2.0, "total": 1.0}]
    more = [point | {"total": 200.0, "classify": 3.0} for point in curve]
    analyse_modality.curves_figure({"meta": curve, "disentangle": more}, tmp_path / "x.png")
    kept[0].draw_without_rendering()
    alone, beside = (line.get_ydata() for line in kept[0].axes[0].get_lines())
    assert (list(alone), list(beside)) == ([2.0, 1.0], [3.0, 3.0])  # of classification
    assert all(float(tick).is_integer() for tick in kept[0].axes[0].get_xticks())


def test_the_title_of_a_single_loss_is_whole(tmp_path, figures):
    curve = [{"step": step, "total": 1.0} for step in (1, 2)]
    losses.loss_figure(curve, tmp_path / "pretrain_bodies" / "face_vis.png")
    (figure,) = figures
    figure.draw_without_rendering()
    title, whole = figure._suptitle.get_window_extent(), figure.bbox
    assert 0 <= title.x0 < title.x1 <= whole.x1
