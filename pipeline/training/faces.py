"""Faces in memory: decoded once from the shards, then handed out by index."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.errors import StageError
from pipeline.ops.codec import decode, decode_rgb
from pipeline.parsing import PARTS
from pipeline.store import ShardFolder
from pipeline.types import Band, FaceClass, Row, Split, UInt8

FACE_CLASSES = (
    *range(FaceClass.SKIN, FaceClass.GLASSES + 1),
    FaceClass.NOSE,
    FaceClass.MOUTH_INNER,
    FaceClass.UPPER_LIP,
    FaceClass.LOWER_LIP,
)
"""Label classes whose union is the mask of the component ``face``."""

_COLUMNS = ["sample_id", "subject_id", "band", "split", "image"]
_PART_COLUMNS = ["labels", *PARTS, *(f"{part}_mask" for part in PARTS)]


@dataclass(frozen=True)
class FaceSet:
    """Aligned faces of known subjects.

    Attributes:
        sample_ids: (n,), sorted.
        subjects: (n,), subject ids.
        bands: (n,).
        images: uint8 (n, h, w, 3), aligned crops, RGB.
    """

    sample_ids: tuple[str, ...]
    subjects: tuple[str, ...]
    bands: tuple[str, ...]
    images: UInt8

    def __len__(self) -> int:
        return len(self.sample_ids)


@dataclass(frozen=True)
class Components:
    """The parts of a ``FaceSet``'s faces and the masks of all five components.

    Attributes:
        parts: uint8 (n, 4, s, s), grey crops in the order left eye, right eye, nose, mouth; black
            where a face has none.
        masks: bool (n, 5, h, w), in the frame of the aligned crop: face, then the four parts.
    """

    parts: UInt8
    masks: np.ndarray


def load_faces(
    folder: ShardFolder, *, splits: Collection[Split], bands: Collection[Band]
) -> FaceSet:
    """Decode the aligned faces of some splits and bands.

    Args:
        folder: rows with an aligned ``image``: of ``align`` or any stage after it.
        splits: which to take.
        bands: which to take.

    Raises:
        StageError: nothing is left, or the crops differ in size.
    """
    rows = list(_chosen(folder, _COLUMNS, splits, bands))
    if not rows:
        raise StageError(
            f"{folder.path} holds no face of a known subject in {sorted(splits)} and "
            f"{sorted(bands)}: expected some; check the bands, or run the stages before"
        )
    images = [decode_rgb(row["image"]["bytes"]) for row in rows]
    if len({image.shape for image in images}) > 1:
        raise StageError(
            f"{folder.path} holds crops of several sizes {sorted({i.shape for i in images})}: "
            "expected one; run `align` again"
        )
    return FaceSet(
        tuple(row["sample_id"] for row in rows),
        tuple(row["subject_id"] for row in rows),
        tuple(row["band"] for row in rows),
        np.stack(images),
    )


def load_components(
    folder: ShardFolder, faces: FaceSet, *, splits: Collection[Split], bands: Collection[Band]
) -> Components:
    """Decode the parts of the same faces.

    Args:
        folder: rows of ``parts``, or of a stage after it.
        faces: what ``load_faces`` returned for the same arguments.
        splits: which to take.
        bands: which to take.

    Raises:
        StageError: the folder holds other faces.
    """
    parts, masks, ids = [], [], []
    for row in _chosen(folder, [*_COLUMNS[:4], *_PART_COLUMNS], splits, bands):
        ids.append(row["sample_id"])
        hw = faces.images.shape[1:3]
        labels = decode(row["labels"]["bytes"])
        shown = [_grey(row[f"{part}_mask"], hw) > 0 for part in PARTS]
        masks.append(np.stack([np.isin(labels, FACE_CLASSES), *shown]))
        parts.append([None if row[part] is None else _grey(row[part], hw) for part in PARTS])
    if tuple(ids) != faces.sample_ids:
        raise StageError(f"{folder.path} holds other faces than expected: run `parts` again")
    side = next((p.shape[0] for row in parts for p in row if p is not None), 1)
    black = np.zeros((side, side), dtype=np.uint8)
    crops = np.stack([np.stack([black if p is None else p for p in row]) for row in parts])
    return Components(crops, np.stack(masks))


def _chosen(
    folder: ShardFolder, columns: list[str], splits: Collection[Split], bands: Collection[Band]
) -> Iterator[Row]:
    """Yield rows of known subjects, sorted by id over all shards."""
    wanted = [
        row
        for row in folder.rows(columns)
        if row["subject_id"] is not None and row["split"] in splits and row["band"] in bands
    ]
    yield from sorted(wanted, key=lambda row: str(row["sample_id"]))


def _grey(image: Row | None, hw: tuple[int, int]) -> UInt8:
    """Decode to grey; black of the crop's size where there is no picture."""
    if image is None:
        return np.zeros(hw, dtype=np.uint8)
    pixels = decode(image["bytes"])
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
