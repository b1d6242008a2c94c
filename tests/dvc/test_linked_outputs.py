"""DVC may link outputs to its cache (``cache.type``): who runs a stage without it writes beside."""

import re
from pathlib import Path

import pytest

from pipeline.report.evaluate_bodies import write_band_cmc
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.report.hard_pairs import write_hard_pairs
from pipeline.report.losses import write_curve
from pipeline.report.recognition import write_cmc, write_roc
from pipeline.report.site.pages import Pages

ROOT = Path(__file__).parents[2]
CURVE = [{"step": 1.0, "total": 0.5}]
NO_TRUTH = {name: {"by_band_and_yaw": {}} for name in ("wrong_face", "nme_percent")}
GRAPH = {"width": 0, "height": 0, "arrows": [], "boxes": []}
WRITERS = {
    "roc.csv": lambda path: write_roc({}, path),
    "cmc.csv": lambda path: write_cmc({}, path),
    "loss.csv": lambda path: write_curve(CURVE, path),
    "pairs.csv": lambda path: write_hard_pairs(CURVE, path),
    "bands.csv": lambda path: write_band_cmc({}, path),
    "truth.md": lambda path: ground_truth_figure("align", NO_TRUTH, path.with_suffix(".png")),
    "index.html": lambda path: Pages(path.parent).index(path, numbers=[], graph=GRAPH, entries=[]),
}
ELSEWHERE = ("stages/wiring.py", "pipeline/report/site")  # the code; a folder that takes its place


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to], ids=["symlink", "hardlink"])
@pytest.mark.parametrize("name", WRITERS)
def test_what_stands_in_the_cache_stays(tmp_path, name, link):
    cached, path = tmp_path / "cached", tmp_path / "out" / name
    path.parent.mkdir()
    cached.write_text("of another commit")
    link(path, cached)
    WRITERS[name](path)
    assert cached.read_text() == "of another commit"
    assert path.read_text() != "of another commit"


def test_no_other_report_is_written_in_place():
    found = [
        f"{name}: {line.strip()}"
        for folder in ("stages", "pipeline/report")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not (name := path.relative_to(ROOT).as_posix()).startswith(ELSEWHERE)
        for line in path.read_text().splitlines()
        if re.search(r"\.write_(text|bytes)\(|open\(\"[wax]", line)
        if "written_whole(" not in line
    ]
    assert found == []
