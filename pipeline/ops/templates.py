"""Named alignment templates: where a face's landmarks shall lie in a crop.

The five landmarks are, in order: the eye on the image's left (the subject's right eye), the eye on
the image's right, the nose tip, the mouth corner on the image's left, the one on its right.
A mismatch of alignment between training and test is the commonest cause of lost accuracy, so every
crop carries the name of its template.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.ops.geometry import similarity_from_points
from pipeline.types import Float32


class PointUse(StrEnum):
    """Which landmarks of a face a template places, and how."""

    FIVE = "five"
    """All five landmarks; least squares."""
    EYES_AND_MOUTH = "eyes_and_mouth"
    """Both eyes and the middle of the mouth corners; least squares."""
    LEVEL_EYES = "level_eyes"
    """Eyes made level; eye-middle placed exactly; the mouth-middle's row placed exactly."""


@dataclass(frozen=True)
class AlignmentTemplate:
    """Where a face's landmarks lie in an aligned crop.

    Attributes:
        name: the template's name, recorded with every crop.
        hw: height and width of the crop, pixels.
        landmarks_xy: k target landmarks, pixels of the crop, pixel centres at integers.
        point_use: which landmarks of the face they stand for.
    """

    name: str
    hw: tuple[int, int]
    landmarks_xy: tuple[tuple[float, float], ...]
    point_use: PointUse = PointUse.FIVE

    def values(self) -> dict[str, Any]:
        """Return the template as plain values: what a fingerprint depends on."""
        return asdict(self)


ARCFACE_112_XY = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""The published ArcFace template (insightface), for a crop of 112 × 112."""


def _dmfr_points() -> tuple[tuple[float, float], ...]:
    """Scale ArcFace's crop to 137 pixels of width and add 16 rows above and below it."""
    five = (np.asarray(ARCFACE_112_XY) + 0.5) * (137 / 112) - 0.5 + (0.0, 16.0)
    three = np.stack([five[0], five[1], five[3:].mean(axis=0)])
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in three)


ALIGNMENT_TEMPLATES: dict[str, AlignmentTemplate] = {
    template.name: template
    for template in (
        AlignmentTemplate("arcface112", (112, 112), ARCFACE_112_XY),
        # Wu et al., LightCNN: a rule for eye-middle and mouth-middle, not a fit of five landmarks.
        AlignmentTemplate(
            "lightcnn144", (144, 144), ((72.0, 48.0), (72.0, 96.0)), PointUse.LEVEL_EYES
        ),
        # ArcFace's landmarks scaled by 1.17977 and shifted to that rule; ours. A centre crop of 128
        # subtracts 8 from x and y.
        AlignmentTemplate(
            "arcface144",
            (144, 144),
            (
                (51.214, 48.115),
                (92.786, 47.885),
                (72.132, 71.758),
                (55.054, 96.095),
                (89.480, 95.905),
            ),
        ),
        # facexlib, FaceRestoreHelper: the context frame that its face parsers expect.
        AlignmentTemplate(
            "facexlib512",
            (512, 512),
            (
                (192.98, 239.95),
                (318.90, 240.19),
                (256.63, 314.02),
                (201.26, 371.41),
                (313.09, 371.15),
            ),
        ),
        # The DMFR paper aligns three landmarks to 137 × 169 and does not publish them: these are
        # ours.
        AlignmentTemplate("dmfr137x169", (169, 137), _dmfr_points(), PointUse.EYES_AND_MOUTH),
    )
}
"""Templates by name. ``dmfr137x169`` is 137 wide and 169 high; its landmarks are ours."""

FIVE_POINT_TEMPLATES = {
    name: template
    for name, template in ALIGNMENT_TEMPLATES.items()
    if template.point_use == PointUse.FIVE
}
"""Those of them that say where all five landmarks of a crop lie."""

CONTEXT = ALIGNMENT_TEMPLATES["facexlib512"]
"""Of the context crop, which parsers see and from which other crops are cut."""
CONTEXT_PX = CONTEXT.hw[0]
"""Its side."""
DMFR = ALIGNMENT_TEMPLATES["dmfr137x169"]
"""Of the crop that DMFR takes."""


def template_from_points(
    name: str, hw: tuple[int, int], landmarks: Sequence[Sequence[float]]
) -> AlignmentTemplate:
    """Make a user's own template of five landmarks.

    Args:
        name: the name to record; may not be one of ``ALIGNMENT_TEMPLATES``.
        hw: height and width of the crop, pixels.
        landmarks: five (x, y), in the order of this module.

    Raises:
        ValueError: the name is taken, the crop is empty, or there are not five landmarks.
    """
    if name in ALIGNMENT_TEMPLATES:
        raise ValueError(f"template {name!r} is built in; choose another name")
    if min(hw) < 1:
        raise ValueError(f"template {name!r} has an empty crop: {hw}")
    if len(landmarks) != 5 or any(len(point) != 2 for point in landmarks):
        raise ValueError(f"template {name!r} needs five (x, y) landmarks")
    return AlignmentTemplate(name, hw, tuple((float(x), float(y)) for x, y in landmarks))


def warp_to_template(landmarks_xy: ArrayLike, template: AlignmentTemplate) -> Float32:
    """Return the similarity that takes a face's image into a template's crop.

    Args:
        landmarks_xy: (5, 2), pixels of the image, in the order of this module.
        template: the template.

    Returns:
        source_to_target, float32 (2, 3).

    Raises:
        ValueError: the landmarks are degenerate; reject the face.
    """
    landmarks = np.asarray(landmarks_xy, dtype=np.float64)
    if landmarks.shape != (5, 2):
        raise ValueError(f"expected five landmarks, got shape {landmarks.shape}")
    match template.point_use:
        case PointUse.FIVE:
            return similarity_from_points(landmarks, template.landmarks_xy)
        case PointUse.EYES_AND_MOUTH:
            three = np.stack([landmarks[0], landmarks[1], landmarks[3:].mean(axis=0)])
            return similarity_from_points(three, template.landmarks_xy)
        case PointUse.LEVEL_EYES:
            return _level_eyes(landmarks, template.landmarks_xy)


def _level_eyes(
    landmarks: NDArray[np.float64], targets: tuple[tuple[float, float], ...]
) -> Float32:
    """LightCNN's rule: rotate by the eye line, scale by the rows from eye- to mouth-middle."""
    (eye_x, eye_y), (_, mouth_y) = targets
    eyes = landmarks[1] - landmarks[0]
    length = float(np.hypot(*eyes))
    if not np.isfinite(landmarks).all() or length == 0.0:
        raise ValueError("the eyes lie in one place")
    cos, sin = eyes / length
    level = np.array([[cos, sin], [-sin, cos]])
    eye_middle, mouth_middle = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    rows = float((level @ (mouth_middle - eye_middle))[1])
    if rows <= 1e-3 * length:
        raise ValueError("the mouth does not lie below the eyes")
    linear = level * ((mouth_y - eye_y) / rows)
    shift = np.array([eye_x, eye_y]) - linear @ eye_middle
    return np.column_stack([linear, shift]).astype(np.float32)
