"""Reports open a bounded number of images, however many rows there are."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from report_rows import aligned, face, folder, label_maps, make_image

from pipeline.detection.rows import measures_of
from pipeline.face3d.measures import aligned_measures
from pipeline.ops.codec import decode, encode_png
from pipeline.parsing.measures import parsed_measures, part_measures
from pipeline.report.align import align_metrics
from pipeline.report.attributes import attribute_metrics, quality_sheet
from pipeline.report.chosen_rows import pick_frames
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.detect import detection_metrics
from pipeline.report.ingest import ingest_metrics
from pipeline.report.parse import parse_metrics
from pipeline.report.parts import parts_metrics
from pipeline.report.scene_sheet import scene_sheet
from pipeline.schemas.align import ALIGN
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.detect import DETECT
from pipeline.schemas.ingest import INGEST
from pipeline.schemas.parse import PARSE
from pipeline.schemas.parts import PARTS
from pipeline.store import shards

PER_SUBJECT = 24
SUBJECTS = 12
ROWS = PER_SUBJECT * SUBJECTS
MOST = 80
"""More than any sheet shows: five subjects, three images, the parts of each."""

KNOWN, PARSED = label_maps()
BOXES = np.full((4, 4), np.nan, np.float32)


def _scene(name, subject):
    return make_image(name, subject=subject, camera_id=subject)


def _detected(name, subject):
    row = _scene(name, subject) | {"faces": [face()]}
    return row | measures_of(row, row["faces"])


def _aligned(name, subject):
    row = aligned(name, subject_id=subject, truth_labels=KNOWN)
    return row | aligned_measures(row, row)


def _parsed(name, subject):
    row = aligned(name, subject_id=subject, truth_labels=KNOWN, labels=PARSED)
    return row | parsed_measures(row, decode(PARSED["bytes"]))


def _parts(name, subject):
    row = _parsed(name, subject) | {
        "part_boxes_xyxy": BOXES,
        "part_windows_xyxy": BOXES,
        "part_backend": ["none"] * 4,
        "mesh_distance_percent": np.zeros(4, np.float32),
    }
    return row | part_measures(row, BOXES)


def _described(name, subject):
    angles = dict.fromkeys(("yaw_deg", "pitch_deg", "roll_deg"), 0.0)
    light = dict.fromkeys(("sharpness", "illumination", "side_light"), 0.1)
    embedding = np.eye(128, dtype=np.float32)[hash(name) % 128]
    dmfr = {
        "dmfr": {"bytes": encode_png(np.zeros((2, 2), np.uint8)), "path": "i.png"},
        "dmfr_warp_2x3": np.zeros((2, 3), np.float32),
    }
    more = {"quality": 1.0, "embedding": embedding} | dmfr
    return aligned(name, subject_id=subject) | angles | light | more


def _show_scenes(stage, path):
    ingest_metrics(stage)
    scene_sheet(pick_frames(stage), path, "ingest scenes")
    contact_sheet(stage, path)


def _show(metrics, sheet=contact_sheet):
    def show(stage, path):
        metrics(stage)
        sheet(stage, path)

    return show


STAGES = {
    "ingest": (INGEST, _scene, _show_scenes),
    "detect": (DETECT, _detected, _show(lambda stage: detection_metrics(stage, stage))),
    "align": (ALIGN, _aligned, _show(align_metrics)),
    "parse": (PARSE, _parsed, _show(parse_metrics)),
    "parts": (PARTS, _parts, _show(parts_metrics)),
    "attributes": (ATTRIBUTES, _described, _show(attribute_metrics, quality_sheet)),
}


@pytest.mark.parametrize("stage", list(STAGES))
def test_a_report_decodes_and_reads_images_of_a_bounded_sample(stage, tmp_path, monkeypatch):
    schema, make, show = STAGES[stage]
    rows = [make(f"{n // PER_SUBJECT:02d}/{n:04d}", f"{n // PER_SUBJECT:02d}") for n in range(ROWS)]
    made = folder(tmp_path / stage, schema, rows)
    opened, read = [], []
    real_decode, real_rows = cv2.imdecode, shards.rows_from_table
    monkeypatch.setattr(cv2, "imdecode", lambda *a: opened.append(1) or real_decode(*a))

    def rows_from_table(table):
        read.extend([1] * table.num_rows if "image" in table.column_names else [])
        return real_rows(table)

    monkeypatch.setattr(shards, "rows_from_table", rows_from_table)
    show(made, tmp_path / "sheet.png")
    assert 0 < len(opened) <= MOST < ROWS
    assert 0 < len(read) <= MOST
