"""Mask designs: those in the box, made from a photo, checked."""

from pathlib import Path

import cv2
import numpy as np

from pipeline.cli.projects import project_file
from pipeline.detection import make_detector
from pipeline.errors import ReaderError, StageError
from pipeline.face3d.mesh import FaceMesh, five_landmarks
from pipeline.ops.alignment import align_face
from pipeline.ops.codec import as_rgb, decode_foreign
from pipeline.ops.containers import UndecodableError
from pipeline.ops.geometry import affine_between, transform_mesh, warp_affine
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.report.contact_sheet import write_png
from pipeline.synthesis.masks.design import SIDES_PX
from pipeline.synthesis.masks.drawn import BUILTIN, drawn_design
from pipeline.synthesis.masks.files import read_design
from pipeline.synthesis.masks.maker import (
    near_face,
    region_of_labels,
    region_of_polygon,
    unwrap_mask,
)
from pipeline.types import Float32, UInt8
from pipeline.weights import load_registry, verified_path

_MAX_PIXELS = 100_000_000


def list_designs(out: Path | None) -> None:
    """Print the designs in the box; with ``out`` draw them into a PNG."""
    for name in BUILTIN:
        design = drawn_design(name)
        print(f"{name:18} {design.kind:9} {design.colour:11} {design.material}")
    if out is not None:
        tiles = [_tile(drawn_design(name).rgb, drawn_design(name).alpha) for name in BUILTIN]
        tiles += [np.full_like(tiles[0], 128)] * (-len(tiles) % 6)
        sheet = np.vstack([np.hstack(tiles[i : i + 6]) for i in range(0, len(tiles), 6)])
        write_png(np.ascontiguousarray(sheet), out)
        print(out)


def _tile(rgb: UInt8, alpha: UInt8) -> UInt8:
    share = alpha[..., None] / 255
    laid = (rgb * share + 128 * (1 - share)).astype(np.uint8)
    return np.asarray(cv2.resize(laid, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


def check_design(path: Path) -> None:
    """Say that a design is in order, as the stage ``masks`` reads it: with its YAML beside it.

    Raises:
        CrossbandError: it is not, and why.
    """
    if not path.is_file():
        raise ReaderError(f"there is no design {path}")
    read_design(path, path.stem)
    print(f"{path}: in order")


def refuse_others_image(out: Path) -> None:
    """Refuse to write a design over an image that is none.

    A design has its form, and its YAML beside it: one that was cut out badly is made anew.

    Raises:
        ReaderError: something else of that name is there.
    """
    if not out.exists():
        return
    stored = cv2.imread(str(out), cv2.IMREAD_UNCHANGED) if out.is_file() else None
    has_form = stored is not None and stored.shape in {(side, side, 4) for side in SIDES_PX}
    if not (has_form and out.with_suffix(".yaml").is_file()):
        raise ReaderError(
            f"{out} exists and is not a mask design with its YAML: name another file by -o, "
            "or move it away"
        )


def unwrapped(photo: Path, polygon: str, weights: Path) -> tuple[UInt8, UInt8]:
    """Unwrap the mask that somebody wears.

    Args:
        photo: file of the image.
        polygon: the mask's outline, pixels; found by colour if empty.
        weights: where weight files lie.

    Returns:
        RGB (h, w, 3) and alpha (h, w) of the design.

    Raises:
        ReaderError: there is no such image, or it is none.
        StageError: it shows no face, or no mask was found.
    """
    if not photo.is_file():
        raise ReaderError(f"there is no image {photo}")
    data = photo.read_bytes()
    try:
        image = decode_foreign(data, max_pixels=_MAX_PIXELS, tone_percentiles=(0.5, 99.5)).image
    except UndecodableError as error:
        raise ReaderError(f"{photo}: {error.reason}: {error}") from error
    rgb = as_rgb(image)
    registry = load_registry(project_file("weights.yaml"))
    detector = make_detector("yunet", {"yunet": verified_path("yunet", registry, weights)})
    faces = detector.detect(rgb)
    if not len(faces):
        raise StageError(
            f"the detector found no face in {photo}: expected one seen from the front, with eyes "
            "and brows in sight; take another photo"
        )
    mesh = FaceMesh(verified_path("face_mesh_468", registry, weights))
    xyz, _ = mesh.points(rgb, faces.landmarks_xy[:1])
    try:
        part, to_part = near_face(rgb, xyz[0])
        near = transform_mesh(xyz[0], to_part)
        hw = part.shape[0], part.shape[1]
        if polygon:
            whole = region_of_polygon(_points(polygon), rgb.shape[:2]).astype(np.uint8)
            region = warp_affine(whole, to_part, hw, interpolation="nearest") > 0
        else:
            parser = verified_path("bisenet_r18", registry, weights)
            labels = _labels(rgb, five_landmarks(xyz)[0], to_part, hw, parser)
            region = region_of_labels(part, labels, near)
        return unwrap_mask(part, region, near)
    except ValueError as error:
        raise StageError(f"{photo}: {error}") from error


def _points(text: str) -> np.ndarray:
    try:
        points = np.array([[float(value) for value in pair.split(",")] for pair in text.split()])
        if not (np.abs(points) <= _MAX_PIXELS).all():
            raise ValueError("a point lies far outside")
    except ValueError as error:
        raise ValueError(f'--polygon: expected "x,y x,y x,y", got {text!r}') from error
    return points


def _labels(
    rgb: UInt8, landmarks_xy: Float32, to_part: Float32, hw: tuple[int, int], weights: Path
) -> UInt8:
    """Parse the face; the label map, (h, w), lies in the frame of the image's part."""
    from pipeline.parsing.bisenet import FaceParser  # brings torch

    context = align_face(rgb, landmarks_xy, ALIGNMENT_TEMPLATES["facexlib512"])
    parser = FaceParser(weights, precision="float32")
    stay = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], np.float32)
    side = context.crop.shape[0], context.crop.shape[1]
    labels = parser.labels(parser.logits(context.crop[None]), stay, side)[0]
    back = affine_between(context.warp_2x3, to_part)
    return np.asarray(warp_affine(labels, back, hw, interpolation="nearest"), np.uint8)
