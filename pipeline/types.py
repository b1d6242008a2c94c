"""The vocabulary shared by every layer: bands, regions, splits, face classes, rejections."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
UInt8 = NDArray[np.uint8]
Row = dict[str, Any]


class Band(StrEnum):
    """Spectral band of an image, with the wavelengths the field means by it."""

    VIS = "VIS"
    """0.4–0.7 µm, reflected light."""
    NIR = "NIR"
    """0.7–1.0 µm, reflected light."""
    SWIR = "SWIR"
    """1.0–2.5 µm, reflected light."""
    MWIR = "MWIR"
    """3–5 µm, emitted heat with some reflection."""
    LWIR = "LWIR"
    """8–14 µm, emitted heat."""


HEAT_BANDS = (Band.MWIR, Band.LWIR)
"""Bands of emitted heat."""


class Region(StrEnum):
    """What an image shows."""

    SCENE = "scene"
    FACE = "face"
    BODY = "body"


class Split(StrEnum):
    """Subject-disjoint part of a data set."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class FaceClass(IntEnum):
    """Class index of a face label map: the one order used everywhere in crossband.

    It is the order of the released BiSeNet weights (zllrunning/face-parsing.PyTorch), which differs
    from CelebAMask-HQ's own ``g_mask`` order. ``LEFT`` and ``RIGHT`` are the *subject's*: the
    subject's left eye lies at larger x in an upright image that is not mirrored.
    """

    BACKGROUND = 0
    SKIN = 1
    LEFT_BROW = 2
    RIGHT_BROW = 3
    LEFT_EYE = 4
    RIGHT_EYE = 5
    GLASSES = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    EARRING = 9
    NOSE = 10
    MOUTH_INNER = 11
    UPPER_LIP = 12
    LOWER_LIP = 13
    NECK = 14
    NECKLACE = 15
    CLOTH = 16
    HAIR = 17
    HAT = 18


EYES = (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE)
NOSE = (FaceClass.NOSE,)
MOUTH = (FaceClass.MOUTH_INNER, FaceClass.UPPER_LIP, FaceClass.LOWER_LIP)
"""What parts of a face are made up of."""

FACE_PARTS = ("left_eye", "right_eye", "nose", "mouth")
"""The parts in their order on every axis of parts; left and right are the subject's."""


UNREADABLE = "unreadable"
"""Reason of a file that could not be read, maybe for a moment: each run tries it again."""


@dataclass(frozen=True)
class Rejected:
    """Why a sample left the pipeline: it goes to the stage's ``rejected`` table.

    Attributes:
        reason: one word of the stage's closed vocabulary, snake_case, counted in the metrics.
        detail: one sentence for the person who looks into it.
        part: what of the sample it was, where a sample gives several rows: the end of the id that
            the row would have had.
    """

    reason: str
    detail: str = ""
    part: str = ""
