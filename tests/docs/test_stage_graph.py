"""The image of the stages: arrows as the files say, none that others imply, each box once."""

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "docs/draw_stages.py"))

PIPELINE = """
stages:
  weights: {cmd: x, outs: [weights: {persist: true}]}
  take: {foreach: "${sets}", do: {deps: ["${item.root}"], outs: ["data/${key}/take"]}}
  find: {foreach: "${sets}", do: {deps: ["data/${key}/take", weights], outs: ["data/${key}/find"]}}
  join: {foreach: "${sets}", do: {deps: ["data/${key}/take", "data/${key}/find"], outs: [j]}}
  list: {foreach: "${lists}", do: {deps: ["data/${key}/${item.rows}"], outs: ["l/${key}"]}}
  send: {foreach: "${none}", do: {deps: ["${item.source}"], outs: ["s/${key}"]}}
"""
PARAMS = """
sets: {a: {root: in/a}, b: {root: in/b}}
lists: {a: {rows: take}, b: {rows: find}}
none: {}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def test_a_stage_reads_what_its_entries_read_and_nothing_twice(project):
    assert SCRIPT["read_edges"](project) == {
        "weights": set(),
        "take": set(),
        "find": {"take", "weights"},
        "join": {"find"},  # find has read take
        "list": {"take", "find"},  # one entry each
    }


def test_the_image_has_each_stage_once_and_an_arrow_for_each_edge():
    edges = {"weights": set(), "a": {"weights"}, "b": {"a"}, "c": {"b"}, "d": {"a", "c"}}
    image = ET.fromstring(SCRIPT["draw"](edges))
    space = "{http://www.w3.org/2000/svg}"
    assert sorted(text.text for text in image.iter(f"{space}text")) == ["a", "b", "c", "d"]
    arrows = [path for path in image.iter(f"{space}path") if path.get("marker-end")]
    assert len(arrows) == 4
    frames = {rect.get("stroke-width") for rect in image.iter(f"{space}rect")}
    assert frames == {None, "1", "2.5"}  # the page, stages, the one that opens weights
    heights = [float(rect.get("y")) for rect in image.findall(f"{space}rect")[1:]]
    assert heights == sorted(heights)


def test_the_same_edges_give_the_same_image_whatever_the_order():
    edges = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}
    turned = {name: edges[name] for name in reversed(edges)}
    assert SCRIPT["draw"](edges) == SCRIPT["draw"](turned)


def test_the_picture_in_the_documents_is_the_one_of_now():
    now = SCRIPT["draw"](SCRIPT["read_edges"](ROOT))
    assert (ROOT / "docs/stages.svg").read_text() == now, "run `make graph`"
