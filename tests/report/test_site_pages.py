"""The report's pages: counts, cards, tables, what is escaped, what is bounded, the same bytes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from site_project import HOSTILE, make_project, report_of, write

from pipeline.ops.codec import decode_rgb

REGISTRY = Path(__file__).resolve().parents[2] / "weights.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    make_project(root, registry=REGISTRY)
    return root


def page(project, name):
    return (project / "reports" / name).read_text()


def files(project):
    reports = project / "reports"
    paths = [reports / "index.html", *(reports / "site").rglob("*")]
    return {path.relative_to(reports): path.read_bytes() for path in paths if path.is_file()}


def row_of(text, stage):
    line = next(line for line in text.splitlines() if f">{stage}</a></td>" in line)
    return re.findall(r"<td[^>]*>(?:<a[^>]*>)?([^<]*)", line)


def test_the_overview_counts_what_stages_took_and_left(project):
    text = page(project, "index.html")
    row = ["detect", "d", "11", "8", "3", "0", "–", "no_face 2, too_dark 1"]
    assert row_of(text, "detect") == row
    assert row_of(text, "align")[2:6] == ["8", "8", "0", "0"]
    assert "11 → 8, −3" in text
    assert 'href="site/detect.d.html"' in text


def test_what_the_params_leave_out_is_not_counted_as_rejected(tmp_path):
    make_project(tmp_path, registry=REGISTRY)
    counts = {"in": 11, "out": 8, "rejected": {"band_left_out": 2, "too_dark": 1}}
    (tmp_path / "reports/metrics/d/detect.json").write_text(json.dumps(counts))
    report_of(tmp_path, REGISTRY)
    text = page(tmp_path, "index.html")
    assert row_of(text, "detect")[4:6] == ["1", "2"]
    assert "11 → 8, −1" in text
    assert "<b>1</b>rows rejected" in text
    said = "11 rows in, 8 out, 2 left out by params (band_left_out 2), 1 rejected (too_dark 1)."
    assert said in page(tmp_path, "site/detect.d.html")


def test_every_link_and_image_is_there(project):
    for path in [project / "reports/index.html", *(project / "reports/site").glob("*.html")]:
        for target in re.findall(r'(?:href|src)="([^"#]+)"', path.read_text()):
            if not target.startswith("data:"):
                assert "//" not in target
                assert (path.parent / target).exists(), (path.name, target)


def test_a_stage_shows_bands_and_yaws_and_what_it_rejected(project):
    text = page(project, "site/detect.d.html")
    assert len(re.findall('data-reason="accepted"', text)) == 8
    assert {*re.findall('data-yaw="([^"]*)"', text)} == {"0-20", "20-40", ""}
    assert len(re.findall('data-reason="no_face"', text)) == 2
    assert "All rows shown are <b>simulated</b>" in text
    assert '<small title="a/5.VIS">5.VIS</small>' in text
    # An image of 100 × 100 beside the same with the face drawn, each 224 pixels wide.
    strip = decode_rgb((project / "reports/site/images/detect.d/0000.jpg").read_bytes())
    assert strip.shape == (224, 448, 3)
    assert np.abs(strip[:, :200].astype(int)).max() < 20
    assert strip[:, 224:].max() > 100


def test_a_rejected_part_has_the_image_that_it_was_made_of(project):
    assert (project / "reports/site/images/detect.d/rejected-0002.jpg").exists()
    assert "no image" not in page(project, "site/rejected.html")


def test_names_from_outside_are_words_and_no_markup(project):
    for name in ("site/detect.d.html", "site/rejected.html", "site/results.html"):
        assert HOSTILE not in page(project, name)
        assert "<script>alert" not in page(project, name)
    listed = page(project, "site/rejected.js").removeprefix("window.crossbandRejected = ")
    rows = json.loads(listed.rstrip(";\n"))
    assert rows[0][:5] == ["detect@d", "a/5.VIS#r00002", HOSTILE, "VIS", "no_face"]


def test_results_show_the_table_the_curve_and_the_worst_pairs(project):
    text = page(project, "site/results.html")
    assert "<td><b>trained</b></td><td>50.0 [1.0, 99.0] n 2</td>" in text
    assert "What is compared." in text
    assert text.count("<svg") == 2  # ROC and DET
    assert "<summary>Contact sheet, <code>reports/contact/d/evaluate_faces/e.png</code>" in text
    assert 'src="../contact/d/evaluate_faces/e.png"' in text
    least = text.index("Same person, least alike")
    most = text.index("Different people, most alike")
    # a·a = 0.6, b·b = 1; a's probe with b's gallery = 0.8, b's probe with a's = 0.
    assert re.findall(r"<small>(\d\.\d+) ·", text[least:most]) == ["0.600", "1.000"]
    assert re.findall(r"<small>(\d\.\d+) ·", text[most:]) == ["0.800", "0.000"]


def test_the_data_card_counts_and_names_licences(project):
    text = page(project, "site/data.html")
    assert "8 images of 2 subjects" in text
    card = page(project, "site/cards/d.md")
    assert "license: mit\n" in card
    assert "| NIR | 4 |" in card
    assert "**100.0 % are simulated**" in card
    assert "## Whom it shows\n" in card


def test_the_data_card_says_what_came_with_the_images(project):
    """Its faces lie on the landmarks of the data set, as ``detect.backend: truth`` takes them."""
    card = page(project, "site/cards/d.md")
    assert "boxes of faces (8), five landmarks (8), head poses (8)" in card
    assert "The programs that made the images wrote them." in card
    assert "in 8 of 8 rows of `align` came with the images" in card


def test_numbers_of_a_sample_have_their_units(project):
    units = re.findall(r"data-units='(.*?)'", page(project, "site/align.d.html"))
    told = json.loads(units[0])
    assert told["interocular_px"] == "px"
    assert told["score"] == "(0..1)"
    assert "band" not in told


def test_the_croissant_card_is_valid_and_answers_by_the_rai_vocabulary(project):
    mlcroissant = pytest.importorskip("mlcroissant")
    path = project / "reports/site/cards/d.croissant.json"
    told = json.loads(path.read_text())
    read = mlcroissant.Dataset(jsonld=told)
    assert read.metadata.issues.errors == set()
    assert read.metadata.data_limitations == [told["rai:dataLimitations"]]
    assert "100.0 % of the images are simulated" in told["rai:dataLimitations"]
    assert "NIR 4" in told["rai:dataBiases"]
    assert "Programs made all images" in told["rai:personalSensitiveInformation"]
    assert told["license"] == ["MIT"]


def test_the_same_outputs_give_the_same_bytes(project):
    before = files(project)
    report_of(project, REGISTRY)
    assert files(project) == before


def test_so_many_samples_are_shown_at_most(tmp_path):
    make_project(tmp_path, registry=REGISTRY)
    report_of(tmp_path, REGISTRY, images=4, rejected=1)
    text = page(tmp_path, "site/detect.d.html")
    cells = re.findall('data-band="(.*?)" data-yaw="(.*?)" data-reason="accepted"', text)
    assert len(cells) == 4
    assert len({*cells}) == 4  # one of each band and yaw
    assert text.count('data-reason="') - 4 == 1
    assert len([*(tmp_path / "reports/site/images/detect.d").iterdir()]) == 5


def test_times_and_changes_stand_beside_the_outputs(tmp_path):
    make_project(tmp_path, registry=REGISTRY)

    def run():
        text = page(tmp_path, "runs/report.js").removeprefix("window.crossbandRun = ")
        return json.loads(text.rstrip(";\n"))

    assert run() == {"seconds": {"align@d": 125.0}, "changes": None}
    counts = {"in": 8, "out": 7, "rejected": {"too_small": 1}}
    write(tmp_path / "reports/metrics/d/align.json", json.dumps(counts))
    changed = [["align@d", "out", 8, 7], ["align@d", "rejected", 0, 1]]
    for _ in range(2):  # a run without any change keeps what changed last
        report_of(tmp_path, REGISTRY)
        assert run()["changes"] == changed
