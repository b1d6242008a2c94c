"""The sheet of the hardest probes: what stands under each image, its size, its bytes."""

import numpy as np
import pytest

from pipeline.evaluation.recognition import recognise
from pipeline.ops.codec import decode
from pipeline.report import draw, hardest
from pipeline.report.page import MOST_PX
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    match_table,
    template_table,
    train_table,
)


class Given:
    """Images as an evaluation embeds them, each of one grey."""

    def __init__(self, band, simulated):
        self.band, self.simulated = band, simulated

    def shown(self, wanted):
        return {
            name: {
                "image": np.full((169, 137, 3), 60, np.uint8),
                "band": self.band,
                "simulated": self.simulated,
                "sample_id": f"photos/{name}#mask000",
            }
            for name in wanted
        }


TESTED = Given("VIS", False), Given("NIR", True)


def protocol(probes, folds=(None,), match=None):
    enroll = [(None, s, s, f"{s}.png", None, None) for s in "ab"]
    probe = [(fold, n, "a", f"{n}.png", None, None) for fold in folds for n in probes]
    tables = map(template_table, (enroll, probe))
    return Protocol("p", Provenance.DERIVED, "", *tables, match, train_table([]))


def embeddings(probes, lead=0.5):
    """Gallery a and b at right angles; every probe is of a, and nearer to b by so much."""
    gallery = {f"{s}.png": v for s, v in zip("ab", np.eye(2, dtype=np.float32), strict=True)}
    return gallery, {f"{n}.png": np.float32([1.0, 1.0 + lead]) for n in probes}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A function that draws a sheet; returns its title, the captions and the picture."""

    def sheet(made, folds):
        said, titles = [], []
        captioned, page = draw.captioned, hardest.page

        def noted(image, lines, wh):
            said.append(tuple(lines))
            return captioned(image, lines, wh)

        def titled(title, *rest):
            titles.append(title)
            return page(title, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(draw, "captioned", noted)
            patch.setattr(hardest, "page", titled)
            first = made.folds()[0]
            best = None if made.match else recognise(made.fold(first), *folds[first]).best
            given = made, folds, best, TESTED
            hardest.hardest_sheet("hsst on mine", *given, tmp_path / "sheet.png")
        return titles[0], said, decode((tmp_path / "sheet.png").read_bytes())

    return sheet


def test_a_line_is_a_probe_its_own_and_whom_it_was_taken_for(drawn):
    title, said, _ = drawn(protocol("p"), {1: embeddings("p")})
    assert title == "hsst on mine: the 1 worst of 1 failures, 1 probes compared"
    # (1, 1.5) is 1.803 long
    assert said == [
        ("probe", "a  NIR simulated", "p.png#mask000"),
        ("best own  0.555", "a  VIS", "a.png#mask000"),
        ("best other  0.832", "b  VIS", "b.png#mask000"),
    ]


def test_of_several_folds_the_first_one_is_shown_and_named(drawn):
    title, said, _ = drawn(
        protocol("p", folds=(2, 3)), {2: embeddings("p", -0.5), 3: embeddings("p")}
    )
    assert title == "hsst on mine, fold 2: no failure, 1 probes compared: the closest to one"
    assert said[1][0] == "best own  0.894"  # (1, 0.5)


def test_a_shorter_list_of_pairs_leaves_tiles_empty(drawn):
    match = match_table([(None, "a", "p", True), (None, "a", "q", True), (None, "b", "p", False)])
    _, said, _ = drawn(protocol("pq", match=match), {1: embeddings("pq")})
    assert [lines[0].split("  ")[0] for lines in said] == [
        *("probe", "same person", "probe", "other person"),
        *("probe", "same person", "", ""),
    ]


def test_where_nothing_was_compared_the_sheet_says_so(drawn):
    title, said, _ = drawn(protocol("p"), {1: ({"b.png": np.float32([0, 1])}, embeddings("p")[1])})
    assert title.endswith(": no failure, 0 probes compared")
    assert said == [("nothing to show", "", "")]


def test_a_sheet_of_many_failures_is_no_larger_than_a_page_and_the_same_each_time(drawn):
    probes = [f"p{n:02}" for n in range(40)]
    given = protocol(probes), {1: embeddings(probes)}
    title, said, image = drawn(*given)
    assert title.startswith("hsst on mine: the 12 worst of 40 failures")
    assert len(said) == 3 * 12
    assert max(image.shape) <= MOST_PX
    assert np.array_equal(image, drawn(*given)[2])
