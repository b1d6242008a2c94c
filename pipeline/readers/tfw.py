"""Reader ``tfw``: TFW, thermal faces in the wild, with boxes and five points.

9,982 LWIR images (FLIR T540, 464 × 348) with 16,509 faces of 147 subjects: ``c-indoor`` (5,112
images, from SpeakingFaces), ``s-indoor`` (780 images, 1,748 faces), ``u-outdoor`` (4,090 images,
9,649 faces). MIT, from https://huggingface.co/datasets/issai/TFW; nobody is asked.

Layout: ``{train,val,test}/<set>.csv`` and ``{train,val,test}/<set>_gray/<image>`` or ``<set>/``
(false colours); ``<set>`` is one of the above, or ``indoor`` and ``outdoor`` in the first release.
A line of a list is a face: image, box ``x0,y0,x1,y1``, then the points of eye on the image's left,
other eye, nose tip, mouth corners, in whole pixels.

A sample is one face in an image; those of an image share its ``media_id``. So the stage ``detect``
measures each of them, found or not, and its points. Only names in ``c-indoor`` say who it is.

Reference:
    A. Kuzdeuov, D. Aubakirova, D. Koishigarina, H. A. Varol, TFW: annotated thermal faces in the
    wild dataset, TIFS 17, 2022.
"""

import logging
import re
from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.boxes import box_of_corner, number_of
from pipeline.readers.layout import (
    is_image,
    list_official,
    make_listing,
    numbered_lists,
    official_row,
    refuse_root,
    report_absent,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.readers.speaking_faces import name_of
from pipeline.readers.tables import read_cells
from pipeline.store import Listing
from pipeline.types import Band, Row, Split

log = logging.getLogger(__name__)

EXPECTED = "{train,val,test}/<set>.csv and {train,val,test}/<set>_gray/<image>.png"
PUBLISHED = {"images": 16509, "media": 9982, "subjects": 142}
SPLITS = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}

_LIST = r"(train|val|test)/((?:[csu]-)?(?:in|out)door)\.csv"
_SET = re.compile(r"(?:.*/)?(?:train|val|test)/(?:[csu]-)?(?:in|out)door[^/]*", re.IGNORECASE)
_FOLDERS = ("_gray", "", "_iron")
"""What a set's folder is called behind its name: grey is read before false colours."""


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the faces.

    Raises:
        ReaderError: the root holds no such lists, or a list is malformed.
    """
    files = list_official(root, dataset, EXPECTED)
    lists = numbered_lists(files, _LIST)
    if not lists:
        raise refuse_root(root, dataset, EXPECTED, files)
    on_disk = {stem_of(path): path for path in files if is_image(path)}
    rows: list[Row] = []
    absent = set()
    boxless = 0
    for (split, name), path in sorted(lists.items()):
        folder = _folder(path, on_disk)
        faces: Counter[str] = Counter()
        for image, truth in read_faces(root / path):
            faces[image] += 1
            stem = f"{folder}/{stem_of(image)}"
            if stem not in on_disk:
                absent.add(f"{folder}/{image}")
            boxless += "truth_box_xyxy" not in truth
            media = sample_id_of(f"{split}/{name}/{stem_of(image)}")
            known = _known(stem, f"{media}/{faces[image]:02d}", media, SPLITS[split])
            rows.append(
                official_row(
                    on_disk.get(stem, f"{folder}/{image}"), dataset, params, **known, **truth
                )
            )
    report_absent(dataset, sorted(absent))
    if boxless:
        log.warning(
            "%s: %d faces have an empty box, and are taken without ground truth", dataset, boxless
        )
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, used: Collection[str]) -> str | None:
    """Say that an image is in a folder of its set that is not read, else None."""
    folder = path.rpartition("/")[0]
    if not _SET.fullmatch(folder) or folder in _folders(frozenset(used)):
        return None
    return "images in false colours, visible images"


@lru_cache(maxsize=1)
def _folders(stems: frozenset[str]) -> frozenset[str]:
    """Return the folders of stems; asked for each of thousands of images, looked up once."""
    return frozenset(stem.rpartition("/")[0] for stem in stems)


def _known(stem: str, sample_id: str, media: str, split: Split) -> Row:
    name = name_of(stem)
    return {
        "sample_id": sample_id,
        "media_id": media,
        "subject_id": str(name.subject) if name else None,
        "session_id": f"trial_{name.trial}" if name else None,
        "band": str(Band.LWIR),
        "split": str(split),
    }


def _folder(path: str, on_disk: dict[str, str]) -> str:
    """Return the folder of a list's images: the first of its folders that holds any."""
    folders = {stem.rpartition("/")[0] for stem in on_disk}
    names = [f"{stem_of(path)}{ending}" for ending in _FOLDERS]
    return next((name for name in names if name in folders), names[0])


def read_faces(file: Path) -> list[tuple[str, Row]]:
    """Read a list of faces.

    Returns:
        Image and columns of truth of each; none where a box has no extent.

    Raises:
        ReaderError: a line is no image with 14 numbers, or there is none.
    """
    found: list[tuple[str, Row]] = []
    for number, cells in read_cells(file):
        numbers = [number_of(cell) for cell in cells[1:]]
        if not found and not np.isfinite(numbers).any():
            continue  # the header
        if len(numbers) != 14 or not np.isfinite(numbers).all():
            raise ReaderError(
                f"{file}, line {number}: expected an image, four numbers of its box and ten of its "
                f"points, found {cells}"
            )
        x0, y0, x1, y1 = numbers[:4]
        box = box_of_corner(x0, y0, x1 - x0, y1 - y0)
        points = np.array(numbers[4:], np.float32).reshape(5, 2)
        truth = {} if box is None else {"truth_box_xyxy": box, "truth_landmarks_xy": points}
        found.append((cells[0].replace("\\", "/"), truth))
    if not found:
        raise ReaderError(f"{file}: expected a line for each face, found none")
    return found
