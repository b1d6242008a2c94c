"""Parts of the report's pages by themselves: Markdown, charts, heat maps, pairs, bands."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jinja2 import Environment, FileSystemLoader
from report_rows import BOX, IDENTITY, IMAGE, POINTS, aligned, folder, make_image

from pipeline.evaluation.comparison import compare
from pipeline.evaluation.curve import eer
from pipeline.evaluation.measures import measure
from pipeline.face3d.measures import aligned_measures
from pipeline.report.evaluate_bodies import write_band_cmc
from pipeline.report.query import Tables
from pipeline.report.site import card as card_module
from pipeline.report.site.card import (
    DataCard,
    data_card,
    hub_card,
    in_order_of_bands,
    own_rows,
)
from pipeline.report.site.changes import differences
from pipeline.report.site.failures import _eer, band_matrix, worst_pairs
from pipeline.report.site.markdown import html_of
from pipeline.report.site.plots import det_of, heat_map, line_chart, read_curves
from pipeline.report.site.responsible import answers
from pipeline.report.site.results import charts
from pipeline.report.site.runs import StageOutput
from pipeline.report.site.samples import Shown, counts_of, rows_of, shown_rows
from pipeline.report.site.write import _shown_card
from pipeline.report.stage_graph import Sizes, StageEntry, layout
from pipeline.schemas.align import ALIGN
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder
from pipeline.store.columns import field
from pipeline.store.shards import ShardWriter, shard_of
from pipeline.training.embed_faces import EMBEDDINGS


def test_markdown_becomes_blocks_and_nothing_gets_through():
    text = (
        "# title\n\nOne <b>line</b>\nand `two`.\n\n## Head\n\n| a | **b** |\n|---|---|\n| 1 | <i> |"
    )
    words, head, table = html_of(text)
    assert words == "<p>One &lt;b&gt;line&lt;/b&gt; and <code>two</code>.</p>"
    assert head == "<h3>Head</h3>"
    assert "<th scope=col><b>b</b></th>" in table
    assert "<tr><td>1</td><td>&lt;i&gt;</td></tr>" in table


def test_curves_are_read_by_row_and_drawn_to_scale(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("row,far,tar\na,0.01,0.0\na,1,1\nb,0.1,0.5\n")
    curves = read_curves(path, "far", "tar")
    assert curves == {"a": [(0.01, 0.0), (1.0, 1.0)], "b": [(0.1, 0.5)]}
    assert det_of(curves)["a"] == [(0.01, 1.0)]  # no miss at the end has no logarithm
    drawn = line_chart(curves, "far", "tar", log_x=True)
    (start, end), (middle,) = (
        [tuple(map(float, pair.split())) for pair in line.split("L")]
        for line in re.findall(r'class="line c\d" d="M([^"]+)"', drawn)
    )
    assert middle == ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    assert start[1] > end[1]  # up is more


def test_curves_of_several_bands_are_charts_of_their_own(tmp_path, monkeypatch):
    """Of three rows and three bands, nine lines, each would have the colour of another."""
    monkeypatch.chdir(tmp_path)
    path = Path("reports/curves/scenes/evaluate_bodies/full.cmc.csv")
    path.parent.mkdir(parents=True)
    rows, bands = ("untrained", "trained", "face", "trained_without_face"), ("SWIR", "LWIR")
    rates = {row: {band: {"cmc": [0.5, 1.0]} for band in bands} for row in rows}
    write_band_cmc(rates, path)
    axes = {str(path): ("rank", "rate")}
    entry = StageEntry("evaluate_bodies", "full", (), (), (str(path),), axes)
    drawn = charts(StageOutput(entry, {}))
    assert [re.findall(r"<li class=c\d>(\w+)", chart) for chart in drawn] == [
        ["untrained", "trained", "face"]
    ] * 2
    for chart, band in zip(drawn, bands, strict=True):
        assert f"rank, VIS → {band}" in chart
        assert len(set(re.findall(r'class="line (c\d)"', chart))) == 3


def test_rows_of_an_evaluation_have_their_colours_and_others_take_turns():
    points = [(0.0, 1.0), (1.0, 2.0)]
    drawn = line_chart(dict.fromkeys(["sface", "trained", "fold 1"], points), "x", "y")
    assert re.findall(r'class="line (c\d)"', drawn) == ["c3", "c2", "c2"]
    assert re.findall(r"<li class=(c\d)>(\w+)", drawn)[:2] == [("c3", "sface"), ("c2", "trained")]


def test_bands_stand_in_the_order_of_the_spectrum():
    found = in_order_of_bands({"LWIR": {}, "MWIR": {}, "NIR": {}, "VIS": {}})
    assert [band for band, _ in found] == ["VIS", "NIR", "MWIR", "LWIR"]


def test_a_sheet_of_many_cut_outs_leaves_room_for_the_next_one(tmp_path):
    names = [*(f"a/sheet#{number}.VIS" for number in range(20)), "b/sheet#0.VIS"]
    made = folder(tmp_path / "d", IMAGES, [make_image(name, known=False) for name in names])
    shown = {one.facts["sample_id"] for one in shown_rows(made, rows_of(made), [], 5)}
    assert len(shown) == 5
    assert "b/sheet#0.VIS" in shown


def scattered(path, schema, rows, count):
    """Write rows into the shards that their ids say."""
    made = ShardFolder(path, count)
    for index in range(count):
        own = [row for row in rows if shard_of(row["sample_id"], count) == index]
        with ShardWriter(made.shard(index).path, schema) as writer:
            known = [{k: v for k, v in row.items() if k in schema.names} for row in own]
            writer.write(sorted(known, key=lambda row: row["sample_id"]))
    return made


def test_a_card_says_what_the_table_says(tmp_path):
    """DuckDB reads the table; a card's facts are read with its images."""
    rows = [
        aligned(f"{n:03d}", subject_id="ab"[n % 2], score=n / 7)
        | {"pose_deg": np.array([n, 0, 0], np.float32)}
        for n in range(60)
    ]
    rows = [row | aligned_measures(row, row) for row in rows]
    made = scattered(tmp_path / "d", ALIGN, rows, 4)
    read = Tables.of(made, "*, yaw_bucket(pose_deg[1]) AS yaw")
    told = {row["sample_id"]: row for row in read.records("SELECT * FROM rows")}
    shown = list(shown_rows(made, rows_of(made), [], 20))
    assert len(shown) == 20
    for one in shown:
        assert {"score", "interocular_px", "subject_id", "yaw"} <= one.facts.keys()
        assert one.facts == {name: told[one.facts["sample_id"]][name] for name in one.facts}


def test_rows_whose_pose_nobody_knows_are_counted_as_such(tmp_path):
    rows = [make_image(f"{n}", yaw=30.0, known=n > 1) for n in range(5)]
    made = scattered(tmp_path / "d", IMAGES, rows, 3)
    assert counts_of(rows_of(made)) == {"VIS": {"20-40": 3, "unknown": 2}}


def test_few_files_are_read_all_bands_of_a_shot_and_subjects_as_they_come(tmp_path):
    """Ids are spread over shards at random: so are the subjects of each."""
    rows = [
        make_image(f"{n % 10:02d}/{n:03d}.{band}", subject=f"{n % 10}", band=band, known=False)
        for n in range(400)
        for band in ("VIS", "LWIR")
    ]
    made = scattered(tmp_path / "d", IMAGES, rows, 16)
    facts = [one.facts for one in shown_rows(made, rows_of(made), [], 40)]
    shots = [
        {one["sample_id"].removesuffix(f".{band}") for one in facts if one["band"] == band}
        for band in ("VIS", "LWIR")
    ]
    assert shots[0] == shots[1]
    assert len(shots[0]) == 20
    assert len({one["subject_id"] for one in facts}) > 6
    first = {shard_of(f"{shot}.VIS", 16) for shot in shots[0]}
    either = [{shard_of(f"{shot}.{band}", 16) for band in ("VIS", "LWIR")} for shot in shots[0]]
    assert len(first) > 1  # of some shots it is the other band that lies in the first shard
    assert all(0 in shards for shards in either)


def test_a_chart_of_nothing_says_so():
    assert "No b over a" in line_chart({"x": [(0.0, 1.0)]}, "a", "b", log_x=True)


def test_people_whose_names_differ_in_case_alone_are_two_choices():
    templates = Path(card_module.__file__).parent / "templates"
    filters = Environment(loader=FileSystemLoader(templates), autoescape=True).get_template(
        "cards.html"
    )
    cards = [{"subject_id": name} for name in ("anna", "Anna", "bob")]
    drawn = filters.module.filters(cards, [("subject", "subject")])
    assert sorted(re.findall('value="(.+?)"', drawn)) == ["Anna", "anna", "bob"]


def test_a_bar_in_a_licence_stays_in_its_cell_of_the_card():
    card = DataCard(
        "d", 1, 1, 0, ("train",), [("VIS", {"train": 1})], {"train": 1}, [("CC | mine", 1)], []
    )
    assert "| CC \\| mine | 1 |" in hub_card(card, [])


def test_a_card_parts_what_came_with_the_images_from_what_networks_made(tmp_path):
    real = {"simulated": False, "generator": None}
    person = {"subject_id": "a", "split": None, "face_xyxy": BOX, "body_xyxy": None}
    images = [
        make_image("boxed", **real),
        make_image("plain", known=False, **real),
        make_image("scene", known=False, truth_people=[person], **real),
    ]
    counted = data_card("d", folder(tmp_path / "ingest", IMAGES, images))
    assert counted.annotated == [("boxes of faces", 2), ("five landmarks", 1), ("head poses", 1)]
    faces = [aligned("boxed"), aligned("plain", detected_xy=POINTS + 1)]
    own = own_rows("align", folder(tmp_path / "align", ALIGN, faces))
    assert own == (1, 2)
    assert own_rows("parse", folder(tmp_path / "parse", ALIGN, faces)) is None
    told = answers(replace(counted, own={"align": own}), {})
    words = told["dataAnnotationProtocol"]
    assert "came boxes of faces (2), five landmarks (1), head poses (1). Who made them is" in words
    assert "in 1 of 2 rows of `align` came with the images: no network placed them" in words
    assert "All other boxes" in words
    assert told["dataCollection"] == "3 were taken from the files of the data set's owner."


def test_a_card_of_bare_images_says_that_networks_made_all(tmp_path):
    images = folder(tmp_path / "ingest", IMAGES, [make_image("plain", known=False)])
    card = replace(data_card("d", images), own={"align": (0, 1)})
    words = answers(card, {})["dataAnnotationProtocol"]
    assert "No boxes, landmarks, head poses or label maps came with the images. All boxes" in words
    assert "no network placed" not in words


def test_3d_shapes_of_the_data_set_are_its_own(tmp_path):
    schema = pa.schema([field("sample_id", pa.string()), field("reconstruction", pa.string())])
    rows = [{"sample_id": f"{n}", "reconstruction": ("truth", "mesh")[n % 2]} for n in range(3)]
    assert own_rows("reconstruct", folder(tmp_path / "d", schema, rows)) == (2, 3)


def test_a_heat_map_names_each_cell_in_percent():
    drawn = heat_map(
        ["VIS", "NIR"], {("VIS", "VIS"): 0.125, ("VIS", "NIR"): 1.0}, "rows", "columns"
    )
    cells = re.findall(r'fill-opacity="([\d.]+)"/><text[^>]*>([^<]+)', drawn)
    assert [words for _, words in cells] == ["12.5", "100.0", "–", "–"]
    assert [float(shade) for shade, _ in cells][1] == 1.0


def test_the_worst_pairs_leave_out_a_sample_with_itself_and_nobody(tmp_path):
    table = [
        (2, "gallery", "late", "a", [1.0, 0.0]),  # another fold
        (1, "gallery", "g", "a", [1.0, 0.0]),
        (1, "gallery", "p", "a", [0.0, 1.0]),  # the probe itself
        (1, "gallery", "n", "", [0.0, 1.0]),  # a distractor
        (1, "probe", "p", "a", [0.0, 1.0]),
    ]
    rows = [dict(zip(EMBEDDINGS.names, row, strict=True)) for row in table]
    pq.write_table(pa.Table.from_pylist(rows, EMBEDDINGS), tmp_path / "e.parquet")
    genuine, impostor = worst_pairs(tmp_path / "e.parquet")
    assert [(pair.probe, pair.gallery, pair.score) for pair in genuine] == [("p", "g", 0.0)]
    assert impostor == []


def test_templates_of_bands_have_no_worst_pairs(tmp_path):
    rows = pa.table({"subject_id": ["a"], "band": ["VIS"], "embedding": [[1.0, 0.0]]})
    pq.write_table(rows, tmp_path / "e.parquet")
    assert worst_pairs(tmp_path / "e.parquet") == ([], [])


def test_bands_that_agree_and_bands_that_do_not(tmp_path):
    """VIS tells both people apart; NIR shows each as the other."""
    right, wrong = {"a": (1, 0), "b": (0, 1)}, {"a": (0, 1), "b": (1, 0)}
    rows = []
    for subject in "ab":
        for band, where in (("VIS", right), ("NIR", wrong)):
            for shot in range(2):
                vector = np.zeros(128, np.float32)
                vector[:2] = where[subject]
                name = f"{subject}{shot}.{band}"
                scalars = dict.fromkeys(
                    ("yaw_deg", "pitch_deg", "roll_deg", "sharpness", "illumination"), 0.0
                )
                rows.append(
                    aligned(name)
                    | make_image(name, subject=subject, band=band)
                    | scalars
                    | {"side_light": 0.0, "quality": 1.0, "embedding": vector}
                    | {"dmfr": IMAGE, "dmfr_warp_2x3": IDENTITY}
                )
    found = band_matrix(folder(tmp_path / "attributes", ATTRIBUTES, rows))
    assert found == {
        ("VIS", "VIS"): 0.0,
        ("VIS", "NIR"): 1.0,
        ("NIR", "VIS"): 1.0,
        ("NIR", "NIR"): 0.0,
    }


def test_bands_compared_by_few_scores_have_the_equal_error_rate_of_many():
    """The page sorts all scores, the evaluations count them: to compile that takes longer."""
    rng = np.random.default_rng(0)
    subjects = np.array([*"aaabbbcccd", ""])
    for _ in range(20):
        probes, gallery = rng.normal(size=(2, len(subjects), 4))
        cameras = rng.integers(0, 3, (2, len(subjects))).astype(str)
        comparison = compare(
            probes,
            gallery,
            subjects,
            subjects,
            probe_cameras=cameras[0],
            gallery_cameras=cameras[1],
        )
        assert _eer(comparison) == eer(measure(comparison, fars=()).curve)


def test_differences_name_what_came_what_went_and_what_moved():
    before = {"a": {"x": 1, "y": 2}, "gone": {"x": 1}}
    now = {"a": {"x": 1, "y": 3}, "new": {"z": 0}}
    assert differences(before, now) == [
        ("a", "y", 2, 3),
        ("gone", "x", 1, None),
        ("new", "z", None, 0),
    ]


def test_boxes_of_the_graph_stand_below_what_they_read_without_touching():
    sizes = Sizes(box_width=100, box_height=40, column=110, row=60)
    placed = layout({"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}, sizes)
    heights = {name: y for name, (_, y) in placed.centres.items()}
    assert heights["a"] < heights["b"] == heights["c"] < heights["d"]
    assert abs(placed.centres["b"][0] - placed.centres["c"][0]) >= 100
    assert len(placed.arrows) == 4


def test_what_a_page_tells_of_a_row_is_json_that_browsers_read(tmp_path):
    """A face whose landmarks are degenerate has a mesh of NaN, and so a yaw of NaN."""
    entry = StageEntry("detect", "mine", (), (), (), {})
    facts = {
        "sample_id": "a",
        "subject_id": None,
        "band": "VIS",
        "yaw": "unknown",
        "score": 0.912345,
    }
    shown = Shown(facts | {"yaw_deg": math.nan, "ratio": math.inf, "n": 3}, ("image",), b"")
    card = _shown_card(StageOutput(entry, {}), shown, tmp_path, 0)
    told = json.loads(json.dumps(card["facts"]), parse_constant=pytest.fail)
    assert told == {"band": "VIS", "yaw": "unknown", "score": 0.9123, "n": 3}
