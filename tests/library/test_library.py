"""``import crossband``: arrays in, arrays out, and the notebook that shows it."""

import json
import pickle
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import skimage.transform
from PIL.Image import fromarray

import crossband
from crossband import networks
from pipeline.errors import ReaderError, StageError
from pipeline.ops.codec import encode_png
from pipeline.ops.sharpness import sharpness
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.types import FACE_PARTS, FaceClass

ROOT = Path(__file__).resolve().parents[2]
PIXELS = np.ascontiguousarray(skimage.data.astronaut()[:300, 80:400])


@pytest.fixture(scope="module")
def face():
    (found,) = crossband.open(PIXELS).faces
    return found


def test_a_face_is_found_where_it_is(face):
    x0, y0, x1, y1 = face.box_xyxy
    assert 80 < x0 < 120 < 160 < x1 < 220
    assert 40 < y0 < 90 < 170 < y1 < 230
    assert face.landmarks_xy.shape == (5, 2)
    assert face.mesh_xyz.shape == (468, 3)
    assert abs(face.pose_deg[0]) < 25
    assert 0.7 < face.score <= 1


@pytest.mark.parametrize("template", ["arcface144", "arcface112"])
def test_the_crop_has_the_landmarks_where_the_template_says(face, template):
    wanted = ALIGNMENT_TEMPLATES[template]
    crop = face.align(template)
    assert crop.shape == (*wanted.hw, 3)
    similarity = skimage.transform.SimilarityTransform()
    assert similarity.estimate(face.landmarks_xy, np.array(wanted.landmarks_xy))
    other = cv2.warpAffine(PIXELS, similarity.params[:2], (wanted.hw[1], wanted.hw[0]))
    assert np.abs(crop.astype(int) - other).mean() < 4


def test_the_label_map_has_the_face_and_the_parts_are_cut_out(face):
    labels = face.parse()
    assert labels.shape == (144, 144)
    eyes = np.isin(labels, (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE))
    mouth = np.isin(labels, (FaceClass.UPPER_LIP, FaceClass.LOWER_LIP))
    assert 0 < np.nonzero(eyes)[0].mean() < np.nonzero(mouth)[0].mean()
    parts = face.parts()
    assert tuple(parts) == FACE_PARTS
    assert {crop.shape for crop in parts.values()} == {(128, 128, 3)}


def test_a_mask_hides_the_lower_half_and_nothing_else(face):
    masked, bare = face.mask("surgical_blue"), face.align()
    changed = (masked != bare).any(axis=2)
    assert changed[100:120, 60:84].mean() > 0.95  # mouth
    assert not changed[:50].any()  # brow and eyes
    np.testing.assert_array_equal(
        face.mask("surgical_blue", jitter=1.0, seed=3),
        face.mask("surgical_blue", jitter=1.0, seed=3),
    )
    assert (face.mask("surgical_blue", jitter=1.0, seed=3) != masked).any()


def test_a_head_turned_by_nothing_stays_and_one_turned_shows_another_side(face):
    bare = face.align().astype(float)
    middle = np.s_[40:120, 40:104]
    same = np.abs(face.turn()[middle] - bare[middle]).mean()
    turned = np.abs(face.turn(yaw_deg=30)[middle] - bare[middle]).mean()
    assert same < 6
    assert turned > 2 * same


def test_lower_quality_is_less_sharp_and_repeats_by_its_seed(face):
    worse = face.degrade(seed=1)
    assert sharpness(worse) < sharpness(face.align())
    np.testing.assert_array_equal(worse, face.degrade(seed=1))


def test_embeddings_of_one_face_are_alike(face):
    brighter = np.clip(PIXELS * 1.2, 0, 255).astype(np.uint8)
    (again,) = crossband.open(brighter).faces
    one, two = face.embed(), again.embed()
    assert one.shape == (128,)
    assert one @ two / np.linalg.norm(one) / np.linalg.norm(two) > 0.9


def test_an_aligned_crop_is_taken_as_it_is_and_embedded_as_opencv_does(face):
    crop = face.align("arcface112")
    known = crossband.open(crop).face("arcface112")
    np.testing.assert_array_equal(known.align("arcface112"), crop)
    theirs = cv2.FaceRecognizerSF.create(str(networks.weight("sface")), "")
    wanted = theirs.feature(np.ascontiguousarray(crop[..., ::-1]))
    assert theirs.match(wanted, known.embed()[None], cv2.FaceRecognizerSF_FR_COSINE) > 0.999
    other = theirs.feature(np.ascontiguousarray(crop[:, ::-1, ::-1]))
    mirrored = crossband.open(crop[:, ::-1].copy()).face("arcface112")
    cosine = theirs.match(wanted, other, cv2.FaceRecognizerSF_FR_COSINE)
    assert known.similarity(mirrored) == pytest.approx(cosine, abs=0.02)


def test_an_aligned_crop_is_masked_without_a_detection(face, monkeypatch):
    monkeypatch.setattr(networks, "detect", None)
    known = crossband.open(face.align("arcface112")).face("arcface112")
    changed = (known.mask(template="arcface112") != known.align("arcface112")).any(axis=2)
    assert changed[78:93, 47:65].mean() > 0.95  # mouth
    assert not changed[:39].any()  # brow and eyes


def test_a_face_whose_landmarks_are_known_is_the_one_that_is_detected(face):
    known = crossband.open(PIXELS).face(face.landmarks_xy.tolist())
    np.testing.assert_array_equal(known.align(), face.align())
    x0, y0, x1, y1 = known.box_xyxy
    assert (known.landmarks_xy > [x0, y0]).all()
    assert (known.landmarks_xy < [x1, y1]).all()


def test_type_checkers_are_told_that_the_library_has_types():
    """PEP 561."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packed = settings["tool"]["setuptools"]["package-data"]
    for package in ("crossband", "pipeline"):
        assert (ROOT / package / "py.typed").is_file()
        assert "py.typed" in packed[package]


def test_a_face_goes_to_another_process(face):
    face.align()
    again = pickle.loads(pickle.dumps(face))
    np.testing.assert_array_equal(again.mesh_xyz, face.mesh_xyz)
    np.testing.assert_array_equal(again.align("arcface112"), face.align("arcface112"))


def test_threads_find_what_one_finds_alone(face):
    images = [crossband.Image(np.roll(PIXELS, 9 * turn, axis=1)) for turn in range(4)]
    places = [face.landmarks_xy + np.array([9 * turn, 0]) for turn in range(4)]

    def mesh(number):
        return images[number % 4].face(places[number % 4]).mesh_xyz

    alone = [mesh(number) for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for number, found in enumerate(threads.map(mesh, range(64))):
            np.testing.assert_array_equal(found, alone[number % 4])


def test_people_are_found_and_cut_out():
    found = crossband.bodies(skimage.data.astronaut())
    assert [body.score for body in found] == sorted((body.score for body in found), reverse=True)
    x0, y0, x1, y1 = found[0].box_xyxy
    assert x1 - x0 > 250
    assert y1 - y0 > 400
    assert found[0].crop().shape == (384, 128, 3)
    assert found[0].keypoints_xy.shape == (17, 2)
    assert crossband.bodies(np.full((64, 64, 3), 127, np.uint8)) == []


def test_files_and_arrays_are_opened_alike(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(PIXELS))
    image = crossband.open(tmp_path / "a.png", "NIR")
    np.testing.assert_array_equal(image.pixels, PIXELS)
    assert image.band == "NIR"


@pytest.mark.parametrize(("band", "least"), [("VIS", "0.7"), ("LWIR", "0.5")])
def test_where_nothing_is_nothing_is_found_and_it_says_why(band, least):
    image = crossband.open(np.full((200, 200, 3), 127, np.uint8), band)
    assert image.faces == []
    assert image.rejected == f"no_face: yunet found no face with a score of {least} or more in it"


def test_an_image_with_a_face_was_not_rejected():
    assert crossband.open(PIXELS).rejected is None


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda face: crossband.open("nowhere.jpg"), ReaderError, "nowhere.jpg: No such file"),
        (lambda face: crossband.open("/dev/zero"), ReaderError, "zero: it is not a regular file"),
        (lambda face: crossband.open(np.zeros((4, 4))), ReaderError, "expected uint8"),
        (lambda face: crossband.open(fromarray(PIXELS)), ReaderError, r"numpy\.asarray\(image\."),
        (lambda face: crossband.bodies(PIXELS.tolist()), ReaderError, "or an array, found list"),
        (lambda face: crossband.open(PIXELS, "UV"), StageError, "band 'UV' is none of"),
        (lambda face: face.mask(fit="loose"), StageError, "fit 'loose' is none of"),
        (lambda face: face.align("square"), StageError, "template 'square' is none of"),
        (lambda face: face.mask("veil"), ReaderError, "mask design 'veil' is none of"),
        (lambda face: crossband.open(PIXELS[..., :2]), ReaderError, r"found uint8 \(300, 320, 2\)"),
        (lambda face: crossband.open(PIXELS[..., [0, 1, 2, 0]]), ReaderError, "expected uint8"),
        (lambda face: face.mask(template="square"), StageError, "template 'square' is none of"),
        (lambda face: face.parse("square"), StageError, "template 'square' is none of"),
        (lambda face: face.turn(template="square"), StageError, "template 'square' is none of"),
        (lambda face: face.mask(jitter=3.5), StageError, "jitter 3.5: expected 0 to 3"),
        (lambda face: face.mask(jitter=float("nan")), StageError, "jitter nan: expected 0 to 3"),
        (lambda face: face.degrade(seed=-1), StageError, "seed -1: expected 0 or more"),
        (lambda face: face.mask(jitter=1.0, seed=-1), StageError, "seed -1: expected 0 or more"),
        (lambda face: crossband.Image(PIXELS * 1.0), ReaderError, "found float64"),
        (lambda face: crossband.Image(PIXELS, "UV"), StageError, "band 'UV' is none of"),
        (lambda face: crossband.open(PIXELS).face("arcface112"), StageError, "expected 112×112"),
        (
            lambda face: crossband.open(PIXELS).face("lightcnn144"),
            StageError,
            "place five points",
        ),
        (
            lambda face: crossband.open(PIXELS).face([[1, 2]] * 4),
            StageError,
            r"expected five \(x, y",
        ),
        (lambda face: crossband.open(PIXELS).face([[9, 9]] * 5), StageError, "that span a face"),
        (lambda face: crossband.open(PIXELS).face([[9], [9, 9]]), StageError, "that span a face"),
        (lambda face: face.turn(91), StageError, "yaw_deg 91: expected -90 to 90"),
        (lambda face: face.turn(0, -100), StageError, "pitch_deg -100: expected -90 to 90"),
    ],
)
def test_what_cannot_be_is_one_clear_error(face, call, error, says):
    with pytest.raises(error, match=says):
        call(face)


def test_importing_the_library_does_not_import_torch():
    code = "import sys, crossband; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout == "False\n"


def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "docs/library.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(len(cell.splitlines()) <= 5 for cell in code)
    names: dict[str, object] = {}
    for number, cell in enumerate(code):
        exec(compile(cell, f"cell {number}", "exec"), names)
    assert names["face"].align().shape == (144, 144, 3)
    assert len(names["people"]) >= 1
