"""Designs: those in the box, wear, files and their faults, and making one from an image."""

import cv2
import numpy as np
import pytest

from pipeline.errors import ReaderError
from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.ops.geometry import transform_points
from pipeline.synthesis.masks.bands import LOOKS
from pipeline.synthesis.masks.drawn import BUILTIN, drawn_design
from pipeline.synthesis.masks.files import (
    design_faults,
    load_design,
    own_digests,
    read_design,
    write_design,
)
from pipeline.synthesis.masks.fit import choose_fit, place
from pipeline.synthesis.masks.maker import (
    near_face,
    region_of_labels,
    region_of_polygon,
    unwrap_mask,
)
from pipeline.synthesis.masks.render import composite, draw_mask
from pipeline.types import Band, FaceClass


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_a_design_of_the_box_passes_its_own_check(name):
    design = drawn_design(name)
    stored = np.dstack([design.rgb[..., ::-1], design.alpha])
    assert design_faults(stored) == []
    assert LOOKS[design.material].keys() == set(Band)
    assert design.name == name
    assert np.isfinite(design.relief_cm).all()


def test_the_box_holds_a_dozen_of_all_kinds():
    assert len(BUILTIN) >= 12
    kinds = {drawn_design(name).kind for name in BUILTIN}
    assert kinds == {"surgical", "kn95", "ffp2", "valve", "cloth"}


def good():
    stored = np.zeros((256, 256, 4), np.uint8)
    stored[120:230, 60:196] = (90, 120, 200, 255)
    return stored


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda t: t[..., :3], "no alpha channel"),
        (lambda t: t[..., 0], "no alpha channel"),
        (lambda t: t[:200], "its size is 256 × 200"),
        (lambda t: t[:100, :100], "its size is 100 × 100"),
        (lambda t: t.astype(np.uint16), "16 bits"),
        (lambda t: np.maximum(t, np.uint8(0)) * 0, "almost none"),
        (lambda t: np.full_like(t, 255), "border is opaque"),
        (lambda t: np.roll(t, 120, 0), "border is opaque"),
    ],
)
def test_a_bad_design_is_told_what_is_wrong(spoil, fault, tmp_path):
    spoiled = spoil(good())
    assert any(fault in found for found in design_faults(spoiled))
    cv2.imwrite(str(tmp_path / "bad.png"), spoiled)
    with pytest.raises(ReaderError, match=r"bad\.png"):
        read_design(tmp_path / "bad.png", "bad")


def test_a_design_beside_the_face_is_refused():
    stored = np.zeros((256, 256, 4), np.uint8)
    stored[2:30, 2:250, 3] = 255
    assert "outside the face" in design_faults(stored)[0]


@pytest.mark.parametrize("unseen", [0, 255])
def test_what_is_transparent_has_the_colour_of_the_mask_beside_it(unseen, tmp_path):
    """What an editor writes there, black or white, would be a rim: pixels lie between texels."""
    stored = good()
    stored[stored[..., 3] == 0] = (unseen, unseen, unseen, 0)
    stored[120:230, 128:196, :3] = (10, 250, 20)
    stored[119, 60:196] = (70, 80, 90, 100)  # half transparent: seen, as it is
    cv2.imwrite(str(tmp_path / "mine.png"), stored)
    read = read_design(tmp_path / "mine.png", "mine")
    assert (read.alpha == stored[..., 3]).all()
    left, right = (200, 120, 90), (20, 250, 10)
    assert (read.rgb[119:230, [59, 195, 196, 255]][1:] == (left, right, right, right)).all()
    assert (read.rgb[230, [100, 150]] == (left, right)).all()
    assert (read.rgb[119, 60:196] == (90, 80, 70)).all()


def test_a_design_survives_its_file_with_its_metadata(tmp_path):
    design = drawn_design("cloth_red")
    metadata = {"kind": "cloth", "colour": "red", "material": "cotton", "loops": True}
    write_design(tmp_path / "mine.png", design.rgb, design.alpha, metadata)
    read = load_design("mine", {"mine": str(tmp_path / "mine.png")})
    assert (read.rgb == design.rgb).all()
    assert (read.alpha == design.alpha).all()
    assert (read.kind, read.colour, read.material, read.loops) == ("cloth", "red", "cotton", True)


def test_wrong_metadata_and_unknown_names_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "mine.png"), good())
    (tmp_path / "mine.yaml").write_text("material: wool\n")
    with pytest.raises(ReaderError, match="wool"):
        read_design(tmp_path / "mine.png", "mine")
    (tmp_path / "mine.yaml").write_text("price: 3\n")
    with pytest.raises(ReaderError, match="price"):
        read_design(tmp_path / "mine.png", "mine")
    with pytest.raises(ReaderError, match="none of"):
        load_design("paisley", {})


def test_what_is_in_the_files_of_ones_own_designs_counts_not_where_they_lie(tmp_path):
    for folder in ("here", "there"):
        write_design(tmp_path / folder / "mine.png", good()[..., :3], good()[..., 3], {"kind": "x"})
    own = {"mine": str(tmp_path / "here" / "mine.png"), "unused": str(tmp_path / "none.png")}
    before = own_digests(["mine", "surgical_blue"], own)
    assert before.keys() == {"mine"}
    assert own_digests(["mine"], {"mine": str(tmp_path / "there" / "mine.png")}) == before
    (tmp_path / "here" / "mine.yaml").write_text("kind: y\n")
    assert own_digests(["mine"], own) != before


def test_a_mask_without_jitter_lies_exactly_in_place():
    design = drawn_design("valve_white")
    placed = place(design, "proper", 0.0, np.random.default_rng(0)).texture_to_design
    middle_top = placed[:, :2] @ (0.5, design.extent_uv[1]) + placed[:, 2]
    np.testing.assert_allclose(middle_top, [0.5, design.extent_uv[1]], atol=1e-9)
    with pytest.raises(ValueError, match="none of"):
        place(design, "sideways", 0.0, np.random.default_rng(0))


def test_wear_is_drawn_as_often_as_its_weight_says():
    random = np.random.default_rng(0)
    drawn = [choose_fit({"proper": 3, "chin": 1}, random) for _ in range(4000)]
    assert drawn.count("below_nose") == 0
    assert drawn.count("proper") / len(drawn) == pytest.approx(0.75, abs=0.03)


def test_a_design_made_of_a_masked_face_looks_like_the_mask():
    mesh = (canonical_vertices() * 18 + (256, 240, 0)).astype(np.float32)
    skin = np.full((512, 512, 3), (190, 150, 130), np.uint8)
    design = drawn_design("cloth_red")
    placed = place(design, "proper", 0.0, np.random.default_rng(0))
    layer = draw_mask(skin, mesh, design, placed, loops=False)
    worn = composite(skin, layer)
    outline, _ = cv2.findContours(
        (layer.region > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    region = region_of_polygon(outline[0][:, 0].astype(float), (512, 512))
    rgb, alpha = unwrap_mask(worn, region, mesh)
    assert design_faults(np.dstack([rgb[..., ::-1], alpha])) == []
    both = (alpha > 127) & (design.alpha > 127)
    either = (alpha > 127) | (design.alpha > 127)
    assert both.sum() / either.sum() > 0.85
    red, green, blue = np.median(rgb[both], axis=0)
    assert red > 2 * green
    assert red > 2 * blue


def test_a_bare_mouth_is_no_mask_and_a_mask_that_is_taken_for_skin_is_one():
    mesh = (canonical_vertices() * 18 + (256, 240, 0)).astype(np.float32)
    skin = np.full((512, 512, 3), (190, 150, 130), np.uint8)
    design = drawn_design("cloth_red")
    layer = draw_mask(
        skin, mesh, design, place(design, "proper", 0.0, np.random.default_rng(0)), loops=False
    )
    labels = np.full((512, 512), FaceClass.SKIN, np.uint8)
    found, worn = region_of_labels(composite(skin, layer), labels, mesh), layer.region > 127
    assert (found & worn).sum() / (found | worn).sum() > 0.7
    uv, _ = canonical_texture()
    x, y = np.rint(mesh[np.hypot(*(uv - (0.5, 0.70)).T).argmin(), :2]).astype(int)
    cv2.ellipse(labels, (int(x), int(y)), (40, 16), 0, 0, 360, int(FaceClass.UPPER_LIP), -1)
    with pytest.raises(
        ValueError, match=r"no mask was found, as the mouth is uncovered: .*--polygon"
    ):
        region_of_labels(skin, labels, mesh)


def test_a_large_photograph_is_reduced_to_the_face_by_means():
    mesh = (canonical_vertices() * 72 + (900, 850, 0)).astype(np.float32)  # 1,200 px high
    columns = np.arange(2000)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 30, (1900, 2000, 1))
    photo = np.clip(columns / 10 + 20 + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)
    part, to_part = near_face(photo, mesh)
    assert max(part.shape) < 2 * 640 + 9
    near = transform_points(mesh[:, :2], to_part)
    assert np.ptp(near, axis=0).max() == pytest.approx(640, abs=2)
    x, y = np.rint(near).astype(int).T
    # Means of two pixels and a bit each way: of the noise half is left, and no shift.
    apart = part[y, x, 0] - (mesh[:, 0] / 10 + 20)
    assert abs(apart.mean()) < 2.0
    assert apart.std() < 0.65 * 30


def test_of_a_small_photograph_every_pixel_near_the_face_is_kept():
    mesh = (canonical_vertices() * 18 + (256, 240, 0)).astype(np.float32)
    photo = np.random.default_rng(0).integers(0, 255, (900, 1100, 3), np.uint8)
    part, to_part = near_face(photo, mesh)
    left, top = -to_part[:, 2].astype(int)
    assert (to_part[:, :2] == np.eye(2)).all()
    assert (part == photo[top : top + part.shape[0], left : left + part.shape[1]]).all()
    assert max(part.shape) < 700


@pytest.mark.parametrize("shift", [(-900, 0, 0), (0, 3000, 0)])
def test_of_a_face_beyond_the_photograph_nothing_is_near(shift):
    mesh = (canonical_vertices() * 18 + (256, 240, 0) + shift).astype(np.float32)
    with pytest.raises(ValueError, match="no extent in the image"):
        near_face(np.zeros((512, 512, 3), np.uint8), mesh)


def test_a_polygon_needs_three_points_inside_the_image():
    with pytest.raises(ValueError, match="three"):
        region_of_polygon(np.zeros((2, 2)), (9, 9))
    with pytest.raises(ValueError, match="no pixel"):
        region_of_polygon(np.array([[50, 50], [60, 50], [60, 60]]), (9, 9))


def test_a_polygon_holds_the_pixels_whose_centres_lie_inside():
    outline = np.array([[10.4, 20.4], [40.6, 20.4], [40.6, 60.6], [10.4, 60.6]])
    expected = np.zeros((80, 50), bool)
    expected[21:61, 11:41] = True
    np.testing.assert_array_equal(region_of_polygon(outline, (80, 50)), expected)
