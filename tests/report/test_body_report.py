"""Metrics of the body stages on hand-worked frames, and the tiles that show them."""

import numpy as np
import pytest

from pipeline.bodies.body_regions import BodyRegion
from pipeline.bodies.label_rows import labelled_bodies
from pipeline.bodies.labelling import MEASURES, LabelOutcome
from pipeline.bodies.measures import CHOSEN, detected_measures, labelled_measures
from pipeline.ops.codec import encode_png
from pipeline.report.body_tiles import AREA_COLOURS, OUTCOME_COLOURS, crop_tile, scene_tile, strips
from pipeline.report.contact_sheet import lines_of
from pipeline.report.detect_bodies import detect_bodies_metrics
from pipeline.report.evaluate_bodies import _spread
from pipeline.report.label_bodies import label_bodies_metrics
from pipeline.schemas.detect_bodies import DETECT_BODIES
from pipeline.schemas.label_bodies import LABEL_BODIES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.shards import ShardWriter

A, B = [0, 0, 40, 100], [30, 0, 70, 100]
FACE_A, FACE_B = [12, 2, 24, 14], [46, 2, 58, 14]
POINTLESS = {"keypoints_xy": None, "keypoint_scores": None}


def person(subject, face, body):
    boxes = {"face_xyxy": np.float32(face), "body_xyxy": np.float32(body)}
    return {"subject_id": subject, "split": None, **boxes}


def frame(sample_id, bodies, people, **columns):
    return {
        "sample_id": sample_id,
        "dataset": "d",
        "band": "VIS",
        "region": "scene",
        "simulated": False,
        "media_id": "m",
        "content_sha256": None,
        "fingerprint": "f",
        "truth_people": people,
        "bodies": bodies,
        **image_columns(encode_png(np.full((100, 200, 3), 60, np.uint8)), (100, 200), "x"),
        **columns,
    }


def found(box, outcome, subject=None, score=0.9, track=None):
    label = {"outcome": outcome, "subject_id": subject, "face_xyxy": None, "overlap": 1.0}
    return {"box_xyxy": np.float32(box), "score": score, "track_id": track, **POINTLESS, **label}


def folder(tmp_path, schema, rows):
    made = ShardFolder(tmp_path / "stage", 1)
    with ShardWriter(made.shard(0).path, schema) as writer:
        writer.write(rows)
    return made


BOTH = [person("a", FACE_A, A), person("b", FACE_B, B)]


@pytest.fixture
def labelled(tmp_path):
    hidden = [BOTH[0], BOTH[1] | {"face_xyxy": None}]
    rows = [
        frame("1", [found(A, "labelled", "a", track=1), found(B, "labelled", "a", track=2)], BOTH),
        frame("2", [found([0, 0, 70, 100], "ambiguous")], BOTH),
        frame("3", [], hidden),
        frame("4", [found([150, 0, 190, 99], "unmatched", track=1)], [], band="LWIR"),
    ]
    chosen = [row["bodies"] for row in rows]
    by_measure = {
        measure: labelled_bodies(rows, measure=measure, ambiguous_above=0.75, min_overlap=0.0)
        for measure in MEASURES
    }
    measured = [
        row
        | labelled_measures(
            row, {CHOSEN: bodies} | {name: found[index] for name, found in by_measure.items()}
        )
        for index, (row, bodies) in enumerate(zip(rows, chosen, strict=True))
    ]
    return folder(tmp_path, LABEL_BODIES, measured)


def test_labels_are_scored_against_the_annotated_bodies(labelled):
    metrics = label_bodies_metrics(labelled, "intersection_over_face", "none")
    # Of six bodies, frame 1 finds two, frame 2 finds both with one box (IoU 40 / 70), frame 3 none.
    visible = metrics["VIS"]
    assert visible["bodies"] == 6
    assert visible["detection_recall"] == round(4 / 6, 4)
    assert visible["precision"] == 0.5  # b's body was given to a
    assert visible["recall"] == round(1 / 6, 4)
    assert visible["recall_of_faces"] == round(1 / 5, 4)
    counts = ("detections", "labelled", "ambiguous", "unmatched")
    assert [visible[name] for name in counts] == [3, 2, 1, 0]
    assert metrics["LWIR"]["unmatched"] == 1
    assert "precision" not in metrics["LWIR"]
    assert metrics["tracks"] == 2


def test_every_measure_is_shown_beside_the_chosen_one(labelled):
    tables = label_bodies_metrics(labelled, "intersection_over_face", "none")["by_measure"]
    right = tables["intersection_over_face"]["VIS"]
    assert (right["precision"], right["ambiguous"]) == (1.0, 1)
    # Under IoU the box over both people is not told apart: it gets a name.
    assert tables["iou"]["VIS"]["ambiguous"] == 0
    assert tables["iou"]["VIS"]["labelled"] == 3


def test_detection_counts_people_and_images_without(tmp_path):
    body = {"box_xyxy": np.float32(A), "score": 0.5, **POINTLESS}
    rows = [frame("1", [body], BOTH), frame("2", [], BOTH), frame("3", [body], None)]
    rows = [row | detected_measures(row, row["bodies"]) for row in rows]
    bands = detect_bodies_metrics(folder(tmp_path, DETECT_BODIES, rows))["bands"]
    assert bands["VIS"]["detection_recall"] == 0.25
    assert (bands["VIS"]["images"], bands["VIS"]["nobody_found"]) == (3, 1)
    assert bands["VIS"]["height_px"]["median"] == 100.0


@pytest.mark.parametrize("outcome", list(LabelOutcome))
def test_a_frame_shows_each_outcome_in_its_own_colour(outcome):
    row = frame("1", [found([20, 20, 60, 90], str(outcome), "a")], None)
    tile = scene_tile(row, np.full((100, 200, 3), 60, np.uint8), 200)
    assert tile[60, 20].tolist() == list(OUTCOME_COLOURS[outcome])
    assert len(set(OUTCOME_COLOURS.values())) == len(OUTCOME_COLOURS) == len(LabelOutcome)


def test_boxes_and_keypoints_lie_on_what_they_mark_in_an_enlarged_frame():
    points = {"keypoints_xy": np.float32([[4, 5]] * 17), "keypoint_scores": np.ones(17)}
    body = found([2, 3, 7, 8], "labelled", "a") | points
    row = frame("1", [body], [person("a", [11, 2, 17, 7], A)])
    tile = scene_tile(row, np.zeros((10, 20, 3), np.uint8), 200)
    green = (tile == OUTCOME_COLOURS["labelled"]).all(axis=2)
    # A pixel is 10 wide: the middle of pixel 2 lies at 24.5, between two of the tile's.
    assert np.flatnonzero(green[60:80].all(axis=0)).tolist() == [25, 74]
    assert np.argwhere(green[40:70, 30:60]).mean(axis=0) == pytest.approx([14.5, 14.5], abs=0.51)
    white = (tile == 245).all(axis=2)
    assert np.flatnonzero(white[40:60].all(axis=0)).tolist() == [115, 174]


def test_boxes_that_are_none_do_not_stop_the_drawing():
    bodies = [found([np.nan, 0, 1, 1], "invalid_box"), found([-50, -50, 900, 900], "unmatched")]
    row = frame("1", bodies, [person("a", [500, 0, 510, 10], A)])
    assert scene_tile(row, np.full((100, 200, 3), 60, np.uint8), 100).shape == (50, 100, 3)


def crop(subject, band):
    labels = np.zeros((96, 32), np.uint8)
    labels[:20], labels[20:50], labels[50:] = (
        BodyRegion.FACE,
        BodyRegion.TORSO,
        BodyRegion.LOWER_BODY,
    )
    boxes = [[4, 0, 28, 19], [4, 20, 28, 49], [np.nan] * 4]
    return {
        "subject_id": subject,
        "band": band,
        "simulated": band != "VIS",
        "body_region_boxes_xyxy": np.float32(boxes),
        "body_region_labels": {"bytes": encode_png(labels), "path": "x"},
        **image_columns(encode_png(np.full((96, 32), 100, np.uint8)), (96, 32), "x"),
    }


def test_a_crop_shows_its_areas_tinted_and_outlined():
    tile = crop_tile(crop("a", "VIS"), np.full((96, 32, 3), 100, np.uint8), 96)
    assert tile[10, 4].tolist() == list(AREA_COLOURS[BodyRegion.FACE])
    tint = np.array(AREA_COLOURS[BodyRegion.LOWER_BODY]) * 0.35 + 65
    np.testing.assert_allclose(tile[80, 16], tint, atol=1)


def test_areas_of_an_enlarged_crop_are_outlined_where_they_lie():
    tile = crop_tile(crop("a", "VIS"), np.full((96, 32, 3), 100, np.uint8), 960)
    outlined = (tile == AREA_COLOURS[BodyRegion.FACE]).all(axis=2)
    assert np.flatnonzero(outlined[50:150].all(axis=0)).tolist() == [45, 284]


def test_strips_are_lines_of_subjects_and_columns_of_bands():
    rows = [crop("b", "LWIR"), crop("a", "VIS"), crop("a", "VIS"), crop("a", "LWIR")]
    image = np.vstack(strips(rows, 96))
    line = 96 + 18
    assert image.shape == (2 * line, (64 + 4) + (32 + 4), 3)
    lower = np.array(AREA_COLOURS[BodyRegion.LOWER_BODY]) * 0.35 + 65
    np.testing.assert_allclose(image[90, 18], lower, atol=1)
    assert (image[line : line + 96, :68] < 40).all()  # b has no image in VIS
    assert lines_of([], 96)[0].shape[1] == 96


def test_the_colours_of_a_matrix_of_cosines_span_those_of_different_templates():
    """A network hardly trained gives cosines that all lie close to one."""
    cosines = np.array([[1, 0.98, np.nan], [0.98, 1, 0.99], [np.nan, 0.99, 1]], np.float32)
    assert _spread(cosines) == pytest.approx((0.98, 0.99))
    assert _spread(np.ones((1, 1), np.float32)) == (-1.0, 1.0)
