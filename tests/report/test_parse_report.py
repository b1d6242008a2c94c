"""What ``parse`` and ``parts`` show, on label maps made by hand."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from report_rows import aligned, folder, label_maps

from pipeline.ops.codec import decode, decode_rgb, encode_png
from pipeline.parsing.measures import parsed_measures, part_measures
from pipeline.report.parse import parse_metrics
from pipeline.report.parts import parts_metrics
from pipeline.schemas.parse import PARSE
from pipeline.schemas.parts import PARTS


def test_parsing_is_measured_by_overlap_in_the_crop(tmp_path):
    known, parsed = label_maps()
    # the image is the crop moved by (5, 3): the known map is warped as the image was
    shift = np.array([[1, 0, 5], [0, 1, 3]], np.float32)
    moved = np.roll(decode_rgb(parsed["bytes"])[..., 0], (3, 5), axis=(0, 1))
    rows = [
        aligned("1", labels=parsed, truth_labels=known, parse_backend="parser"),
        aligned(
            "2",
            labels={"bytes": encode_png(moved), "path": "m"},
            parse_backend="parser",
            truth_labels=known,
            warp_2x3=shift,
        ),
        aligned("3", labels=parsed, parse_backend="parser"),
    ]
    rows = [row | parsed_measures(row, decode(row["labels"]["bytes"])) for row in rows]
    metrics = parse_metrics(folder(tmp_path / "parse", PARSE, rows))
    assert metrics["present"]["VIS"]["nose"] == 1.0
    assert metrics["present"]["VIS"]["right_eye"] == 1.0
    assert metrics["present"]["VIS"]["left_eye"] == 0.0
    overlap = metrics["iou"]
    assert (overlap["nose"]["mean"], overlap["nose"]["n"]) == (0.5, 2)
    assert overlap["eyes"]["by_band"]["VIS"]["mean"] == 0.5
    assert overlap["mouth"]["n"] == 0


def test_part_boxes_are_measured_and_a_part_not_found_counts_as_no_overlap(tmp_path):
    known, parsed = label_maps()
    boxes = np.full((4, 4), np.nan, np.float32)
    boxes[1] = (35.5, 37.5, 43.5, 41.5)  # the right eye's outer edges
    boxes[2] = (44.5, 44.5, 54.5, 49.5)  # the upper half of the nose
    more = {
        "part_boxes_xyxy": boxes,
        "part_windows_xyxy": boxes,
        "parse_backend": "parser",
        "part_backend": ["none", "parser", "parser", "none"],
        "mesh_distance_percent": np.zeros(4, np.float32),
    }
    row = aligned("1", labels=parsed, truth_labels=known, **more)
    row |= part_measures(row, boxes)
    found = parts_metrics(folder(tmp_path / "parts", PARTS, [row]))["box_iou"]
    assert [found[part]["mean"] for part in ("left_eye", "right_eye", "nose")] == [0.0, 1.0, 0.5]
    assert found["mouth"]["n"] == 0
