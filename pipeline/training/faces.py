"""Faces in memory: decoded once from the shards, then handed out by index."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.ops.codec import decode, decode_rgb
from pipeline.store import ShardFolder
from pipeline.types import FACE_PARTS, Band, FaceClass, Float32, Row, Split, UInt8

FACE_CLASSES = (
    *range(FaceClass.SKIN, FaceClass.GLASSES + 1),
    FaceClass.NOSE,
    FaceClass.MOUTH_INNER,
    FaceClass.UPPER_LIP,
    FaceClass.LOWER_LIP,
)
"""Label classes whose union is the mask of the component ``face``."""

_COLUMNS = ["sample_id", "parent_id", "subject_id", "band", "split", "content_sha256"]
_FLAGS = ["simulated", "image"]
_PART_COLUMNS = ["labels", *FACE_PARTS, *(f"{part}_mask" for part in FACE_PARTS)]

Choice = Callable[[Row], bool]
"""Says of a row's identity columns whether it is wanted."""


@dataclass(frozen=True)
class FaceSet:
    """Aligned faces of known subjects.

    Attributes:
        sample_ids: (n,), sorted.
        parents: (n,), ids of what each was made of.
        subjects: (n,), subject ids.
        bands: (n,).
        images: uint8 (n, h, w, 3), aligned crops, RGB.
        digest: sha256 of the rows' content.
        simulated: whether a program made any of the images.
    """

    sample_ids: tuple[str, ...]
    parents: tuple[str, ...]
    subjects: tuple[str, ...]
    bands: tuple[str, ...]
    images: UInt8
    digest: str
    simulated: bool

    def __len__(self) -> int:
        return len(self.sample_ids)

    def made_of(self, samples: Collection[str]) -> tuple[str, ...]:
        """Return the sample that each face is, or was made of."""
        pairs = zip(self.sample_ids, self.parents, strict=True)
        return tuple(own if own in samples else parent for own, parent in pairs)

    @property
    def crop_px(self) -> int:
        """Side of the crops.

        Raises:
            StageError: they are not square.
        """
        height, width = self.images.shape[1:3]
        if height != width:
            raise StageError(
                f"aligned crops of {height}×{width} pixels: expected square ones; choose another "
                "align.template"
            )
        return int(width)


@dataclass(frozen=True)
class Components:
    """The parts of a ``FaceSet``'s faces and the masks of all five components.

    Attributes:
        parts: uint8 (n, 4, s, s), grey crops in the order left eye, right eye, nose, mouth; black
            where a face has none.
        masks: bool (n, 5, h, w), in the frame of the aligned crop: face, then the four parts.
    """

    parts: UInt8
    masks: NDArray[np.bool_]


def of_split(split: Split, *bands: Band) -> Choice:
    """Choose by split and band."""
    return lambda row: row["split"] == split and row["band"] in bands


def of_samples(ids: Collection[str], *bands: Band) -> Choice:
    """Choose what was made of these samples, in these bands."""
    wanted = frozenset(ids)
    return lambda row: (
        row["band"] in bands and (row["sample_id"] in wanted or row["parent_id"] in wanted)
    )


def load_faces(folder: ShardFolder, choice: Choice) -> FaceSet:
    """Decode aligned faces; those of unknown subjects are left out.

    Args:
        folder: rows with an aligned ``image``: of ``align`` or any stage after it.
        choice: which to take.

    Raises:
        StageError: nothing is left, or the crops differ in size.
    """
    rows = _chosen(folder, [*_COLUMNS, *_FLAGS], choice)
    if not rows:
        raise StageError(
            f"{folder.path} holds no face of a known subject that is wanted here: expected some; "
            "check the bands, the splits and the protocol, or run the stages before"
        )
    images = [decode_rgb(row["image"]["bytes"]) for row in rows]
    if len({image.shape for image in images}) > 1:
        raise StageError(
            f"{folder.path} holds crops of several sizes {sorted({i.shape for i in images})}: "
            "expected one; run `align` again"
        )
    return FaceSet(
        tuple(row["sample_id"] for row in rows),
        tuple(row["parent_id"] for row in rows),
        tuple(row["subject_id"] for row in rows),
        tuple(row["band"] for row in rows),
        np.stack(images),
        hashlib.sha256("".join(row["content_sha256"] for row in rows).encode()).hexdigest(),
        any(row["simulated"] for row in rows),
    )


def load_components(folder: ShardFolder, faces: FaceSet, choice: Choice) -> Components:
    """Decode the parts of the same faces.

    Args:
        folder: rows of ``parts``, or of a stage after it.
        faces: what ``load_faces`` returned for the same choice.
        choice: which to take.

    Raises:
        StageError: the folder holds other faces.
    """
    rows = _chosen(folder, [*_COLUMNS, *_PART_COLUMNS], choice)
    if tuple(row["sample_id"] for row in rows) != faces.sample_ids:
        raise StageError(f"{folder.path} holds other faces than expected: run `parts` again")
    hw = faces.images.shape[1:3]
    masks = np.zeros((len(rows), 1 + len(FACE_PARTS), *hw), bool)
    for row, shown in zip(rows, masks, strict=True):
        shown[0] = np.isin(decode(row["labels"]["bytes"]), FACE_CLASSES)
        for place, part in enumerate(FACE_PARTS, start=1):
            if row[f"{part}_mask"] is not None:
                shown[place] = _grey(row[f"{part}_mask"]) > 0
    crops = [
        [None if row[part] is None else _grey(row[part]) for part in FACE_PARTS] for row in rows
    ]
    side = next((crop.shape[0] for row in crops for crop in row if crop is not None), 1)
    parts = np.zeros((len(rows), len(FACE_PARTS), side, side), np.uint8)
    for found, of_face in zip(parts, crops, strict=True):
        for place, crop in enumerate(of_face):
            if crop is not None:
                found[place] = crop
    return Components(parts, masks)


def crop_side(folder: ShardFolder) -> int:
    """Return the side of a folder's aligned crops, by its first row.

    Raises:
        StageError: there is no row.
    """
    for row in folder.rows(["width_px"]):
        return int(row["width_px"])
    raise StageError(f"{folder.path} holds no face: expected some; run the stages before")


def load_embeddings(folder: ShardFolder, faces: FaceSet) -> Float32:
    """Read what SFace makes of the same faces, float32 (n, 128).

    Args:
        folder: rows of ``attributes``.
        faces: whose they are.

    Raises:
        StageError: the folder lacks one.
    """
    rows = folder.rows(["sample_id", "embedding"])
    known = {row["sample_id"]: row["embedding"] for row in rows}
    if missing := [name for name in faces.sample_ids if name not in known]:
        raise StageError(
            f"{folder.path} lacks {len(missing)} faces, among them {missing[0]}: expected all that "
            "train; run `attributes` again"
        )
    return np.array([known[name] for name in faces.sample_ids], np.float32)


def _chosen(folder: ShardFolder, columns: list[str], choice: Choice) -> list[Row]:
    """Return the wanted rows of known subjects, sorted by id over all shards."""
    rows = folder.rows(columns)
    wanted = [row for row in rows if row["subject_id"] is not None and choice(row)]
    return sorted(wanted, key=lambda row: str(row["sample_id"]))


def _grey(image: Row) -> UInt8:
    pixels = decode(image["bytes"])
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
