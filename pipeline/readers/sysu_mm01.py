"""Reader ``sysu_mm01``: SYSU-MM01, pedestrians before four visible and two infra-red cameras.

30,071 VIS and 15,792 NIR images. 491 people are in a list: 395 train (296, and 99 for validation:
22,258 VIS, 11,909 NIR), 96 test (3,803 NIR queries); people whom one camera alone saw are in none.
Ask the authors: https://github.com/wuancong/SYSU-MM01.

Layout: ``cam1…6/0001/0001.jpg``, cameras 1, 2, 4, 5 visible, 3 and 6 near infra-red, 1–3 indoors
and 2 and 3 in one place; ``exp/{train,val,test}_id.txt``, each one line of ids with commas;
optionally ``exp/rand_perm_cam.mat``, the authors' ten draws of the gallery. Their second archive,
``cam{1,2}_video_{train,test}/``, is not read.

Reference:
    A. Wu, W.-S. Zheng, H.-X. Yu, S. Gong, J. Lai, RGB-infrared cross-modality person
    re-identification, ICCV 2017.
"""

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import (
    is_image,
    list_official,
    make_listing,
    official_row,
    require_list,
    stem_of,
)
from pipeline.readers.llcm import read_ids
from pipeline.readers.unmatched import report_unmatched
from pipeline.store import Listing
from pipeline.types import Band, Region, Row, Split

EXPECTED = "cam1…cam6/<4-digit subject>/<image>.jpg and exp/{train,val,test}_id.txt"
PUBLISHED = {
    "VIS": 30071,
    "NIR": 15792,
    "train VIS + validation VIS": 22258,
    "train NIR + validation NIR": 11909,
    "test NIR": 3803,
}
INFRARED = ("3", "6")
LISTS = {"train": Split.TRAIN, "val": Split.VALIDATION, "test": Split.TEST}

_IMAGE = re.compile(r"(?:.*/)?cam([1-6])/(\d{4})/(\d+)", re.IGNORECASE)
_VIDEO = re.compile(r"(?:.*/)?cam[12]_video_(?:train|test)/.+", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all images; a subject that no list names has no split.

    Raises:
        ReaderError: a list is missing or malformed, or the root holds no such images.
    """
    files = list_official(root, dataset, EXPECTED)
    lists = {name: require_list(root, dataset, files, f"exp/{name}_id.txt") for name in LISTS}
    listed = {name: read_ids(file) for name, file in lists.items()}
    splits = _splits(listed)
    rows = [
        _row(path, match, splits.get(int(match[2])), dataset, params)
        for path in files
        if is_image(path) and (match := _IMAGE.fullmatch(stem_of(path)))
    ]
    there = {int(row["subject_id"]) for row in rows}
    for name, file in lists.items():
        absent = [str(number) for number in sorted(listed[name] - there)]
        report_unmatched(file, absent, match="name subjects that are not on disk")
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is of the videos of cameras 1 and 2, else None."""
    return "frames of the videos of cameras 1 and 2" if _VIDEO.fullmatch(path) else None


def _splits(listed: dict[str, set[int]]) -> dict[int, Split]:
    """Return each subject's split.

    Raises:
        ReaderError: a subject stands in two lists.
    """
    splits: dict[int, Split] = {}
    for name, found in listed.items():
        if twice := sorted(found & splits.keys()):
            raise ReaderError(
                f"exp/{name}_id.txt: {len(twice)} subjects are in another list too, among them "
                f"{twice[0]:04d}: expected each in one of train, val and test"
            )
        splits |= dict.fromkeys(found, LISTS[name])
    return splits


def sample_of(camera: str, subject: str, image: str) -> str:
    """Return the sample id of an image."""
    return f"cam{camera}/{subject}/{image}"


def _row(
    path: str, match: re.Match[str], split: Split | None, dataset: str, params: DatasetParams
) -> Row:
    camera, subject, image = match.groups()
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_of(camera, subject, image),
        subject_id=subject,
        camera_id=camera,
        band=str(Band.NIR if camera in INFRARED else Band.VIS),
        region=str(Region.BODY),
        split=str(split) if split else None,
    )
