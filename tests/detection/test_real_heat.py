"""Faces and people in real LWIR images, by labels made by eye."""

from pathlib import Path

import numpy as np
import pytest
from real_heat import FOLDER, labelled_files, labelled_images, point_errors

import crossband
from benchmarks.bench_thermal import ON_THE_FACE, Tally
from pipeline.alignment.rows import doubted
from pipeline.bodies.yolo import YoloDetector
from pipeline.detection.rows import detect_rows
from pipeline.ops.boxes import iou
from pipeline.ops.codec import encode_png
from pipeline.ops.geometry import transform_points
from pipeline.ops.palettes import recognised
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, warp_to_template
from pipeline.params.load import load_params

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found(weight_file):
    images = labelled_images()
    params = load_params(ROOT / "params.yaml").detect
    describe = detect_rows(params, {"yunet": weight_file("yunet")}, weight_file("face_mesh_468"))
    rows = [
        {"sample_id": label["name"], "band": "LWIR", "image": {"bytes": encode_png(rgb)}}
        for label, rgb in images
    ]
    outcomes = [outcome[0] for outcome in describe(rows)]
    return [
        (label, outcome["faces"] if isinstance(outcome, dict) else [])
        for (label, _), outcome in zip(images, outcomes, strict=True)
    ]


def matches(found):
    """Yield each labelled face with the found face on it, or None."""
    for label, faces in found:
        for known in label["faces"]:
            overlap = [float(iou(known["box_xyxy"], face["box_xyxy"])[0, 0]) for face in faces]
            best = int(np.argmax(overlap)) if overlap else -1
            yield label, known, faces[best] if overlap and overlap[best] >= ON_THE_FACE else None


def test_nine_of_ten_real_faces_are_found(found):
    missed = [label["name"] for label, _, face in matches(found) if face is None]
    count = sum(len(label["faces"]) for label, _ in found)
    print(f"{count - len(missed)} of {count} found, missed: {missed}")
    assert len(missed) <= count / 10


def test_there_is_one_false_detection_in_ten_images_or_fewer(found):
    false = [
        (label["name"], float(face["score"]))
        for label, faces in found
        for face in faces
        if max(float(iou(k["box_xyxy"], face["box_xyxy"])[0, 0]) for k in label["faces"]) < 0.25
    ]
    print(f"{len(false)} false in {len(found)} images: {false}")
    assert len(false) <= len(found) / 10


def test_five_points_lie_within_eight_percent_of_the_distance_between_the_eyes(found):
    errors = {
        label["name"]: point_errors(face["landmarks_xy"], known["landmarks_xy"])
        for label, known, face in matches(found)
        if face is not None and known["landmarks_xy"] and "twin_of" not in label
    }
    print({name: each.round().tolist() for name, each in errors.items()})
    assert np.median(np.concatenate(list(errors.values()))) <= 8.0


def test_no_face_whose_points_lie_far_off_is_aligned(found):
    """A fifth of the distance between the eyes is 8 px of the crop of 144."""
    params = load_params(ROOT / "params.yaml").align
    kept, left_out = {}, {}
    for label, known, face in matches(found):
        if face is not None and known["landmarks_xy"] and "twin_of" not in label:
            error = float(point_errors(face["landmarks_xy"], known["landmarks_xy"]).mean())
            place = left_out if doubted(face, "LWIR", params) else kept
            place[label["name"]] = round(error, 1)
    print(f"aligned: {kept}, left out: {left_out}")
    assert max(kept.values()) <= 20.0
    assert len(kept) >= 13


def test_palettes_are_recognised():
    for label, rgb in labelled_files():
        assert recognised(rgb) == label["palette"], label["name"]


def test_all_people_of_a_street_are_found(weight_file):
    ((label, image),) = [each for each in labelled_images() if "bodies_xyxy" in each[0]]
    chosen = load_params(ROOT / "params.yaml").detect_bodies
    detector = YoloDetector(
        weight_file("yolo11n_pose"),
        score_threshold=chosen.score_threshold,
        nms_threshold=chosen.nms_threshold,
        image_px=chosen.image_px,
        precision="float32",
    )
    (people,) = detector.detect([image])
    overlap = iou(label["bodies_xyxy"], people.boxes_xyxy)
    assert overlap.shape == (4, 4)
    assert overlap.max(axis=1).min() > 0.8


def test_a_way_of_looking_is_counted_by_what_it_finds_and_what_is_no_face():
    known = [
        {"box_xyxy": [0, 0, 10, 10], "landmarks_xy": [[2, 4], [8, 4], [5, 6], [3, 8], [7, 8]]},
        {"box_xyxy": [50, 50, 60, 60], "landmarks_xy": None},
    ]
    moved = np.float32([[2, 7], [8, 4], [5, 6], [3, 8], [7, 8]])  # one eye by half their distance
    tally = Tally()
    tally.add([], known)
    tally.add(
        [
            {"box_xyxy": np.float32([0, 0, 10, 9]), "landmarks_xy": moved},
            {"box_xyxy": np.float32([80, 80, 90, 90]), "landmarks_xy": moved},
        ],
        known,
    )
    assert (tally.known, tally.found, tally.false) == (4, 1, 1)
    assert tally.errors == [50.0, 0.0, 0.0, 0.0, 0.0]
    assert tally.words() == "1 of 4 (25 %), 1 false, 0.0"


def test_eyes_and_mouth_of_a_pair_lie_at_one_place_in_the_crops(found):
    """VIS by its mesh, LWIR by labels: half of the points lie within 3 % of the crop's side."""
    template = ALIGNMENT_TEMPLATES["arcface144"]
    heat = {label["name"]: faces[0] for label, faces in found if faces}
    known = {label["name"]: label["faces"][0]["landmarks_xy"] for label, _ in found}
    apart = []
    for path in sorted(FOLDER.glob("*SpeakingFaces*_vis.png")):
        name = path.name.split("__")[1].removesuffix("_vis.png")
        if name not in heat:
            continue
        (seen,) = crossband.open(path).faces
        vis, lwir = (
            transform_points(np.float32(points), warp_to_template(aligned_by, template))
            for points, aligned_by in (
                (seen.landmarks_xy, seen.landmarks_xy),
                (known[name], heat[name]["landmarks_xy"]),
            )
        )
        apart.append(np.hypot(*(vis - lwir)[[0, 1, 3, 4]].T))
    print(f"{len(apart)} pairs, px of 144: {np.round(apart, 1).tolist()}")
    assert len(apart) >= 9
    assert np.median(apart) <= 5.0
