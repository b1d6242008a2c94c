"""Reader ``llcm``: LLCM, low-light cross-modality pedestrians, visible and near infra-red.

1,064 people before nine cameras, 46,767 body images: 713 people train (16,946 VIS, 13,975 NIR),
351 test (8,680 VIS, 7,166 NIR). Ask the authors: https://github.com/ZYK100/LLCM.

Layout: ``idx/train_vis.txt`` and ``idx/train_nir.txt`` with lines ``vis/0001/0001_c01_s…_vis.jpg
0``; ``idx/test_id.txt``, one line of ids with commas; ``test_vis/cam1…9/0007/*.jpg`` and
``test_nir/cam{1,2,4…9}/0007/*.jpg``. ``vis/`` and ``nir/`` hold all images, ``test_…/`` copies of
those that test. Labels of the training lists count anew; the subject is the folder's name.

Reference:
    Y. Zhang, H. Wang, Diverse embedding expansion network and low-light cross-modality benchmark
    for visible-infrared person re-identification, CVPR 2023.
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
    read_entries,
    read_lines,
    report_absent,
    require_list,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.readers.unmatched import report_unmatched
from pipeline.store import Listing
from pipeline.types import Band, Region, Row, Split

EXPECTED = "idx/{train_vis,train_nir,test_id}.txt, vis/, nir/, test_vis/cam<n>/, test_nir/cam<n>/"
PUBLISHED = {
    "images": 46767,
    "subjects": 1064,
    "train VIS": 16946,
    "train NIR": 13975,
    "test VIS": 8680,
    "test NIR": 7166,
}
_BANDS = {"vis": Band.VIS, "nir": Band.NIR}
_TEST = re.compile(r"(?:.*/)?test_(vis|nir)/cam(\d)/(\d+)/([^/]+)", re.IGNORECASE)
_TRAIN = re.compile(r"(?:.*/)?(vis|nir)/(\d+)/([^/]*?_c0*(\d+)_[^/]+)", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the training images of the lists and the test images of the test subjects.

    Raises:
        ReaderError: a list is missing or malformed, or the root holds no such images.
    """
    files = list_official(root, dataset, EXPECTED)
    test_list = require_list(root, dataset, files, "idx/test_id.txt")
    test_ids = read_ids(test_list)
    on_disk = {stem_of(path): path for path in files if is_image(path)}
    rows = []
    absent = []
    for band in _BANDS:
        listed = require_list(root, dataset, files, f"idx/train_{band}.txt")
        base = listed.parent.parent.relative_to(root).as_posix()
        lines = read_entries(listed, train_path, "<vis or nir>/<subject>/<image> <label>")
        paths = {line: stem_of(line if base == "." else f"{base}/{line}") for line in lines}
        absent += [line for line, stem in paths.items() if stem not in on_disk]
        rows += [
            _train_row(on_disk.get(stem, line), dataset, params) for line, stem in paths.items()
        ]
    report_absent(dataset, absent)
    found = set()
    for path in filter(is_image, files):  # two files of one stem are told, not one of them taken
        if (match := _TEST.fullmatch(stem_of(path))) and int(match[3]) in test_ids:
            rows.append(_test_row(path, match, dataset, params))
            found.add(int(match[3]))
    report_unmatched(
        test_list,
        [str(n) for n in sorted(test_ids - found)],
        match="name subjects that are not on disk",
    )
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, used: Collection[str]) -> str | None:
    """Say that an image of ``vis/`` or ``nir/`` is what ``test_…/`` holds a copy of, else None."""
    match = _TRAIN.fullmatch(stem_of(path))
    if not match:
        return None
    band, subject, name, camera = match.groups()
    before = stem_of(path).removesuffix(f"{band}/{subject}/{name}")
    copy = f"{before}test_{band}/cam{camera}/{subject}/{name}"
    return "images that are also in test_vis or test_nir" if copy in used else None


def train_path(line: str) -> str | None:
    """Return the path of a training list's line."""
    *before, label = line.rsplit(None, 1)
    path = before[0] if before else ""
    return path if label.isdecimal() and _TRAIN.fullmatch(stem_of(path)) else None


def read_ids(file: Path) -> set[int]:
    """Read a list of subjects: numbers with commas, in one line or several.

    Raises:
        ReaderError: something else stands there, or nothing.
    """
    words = [word.strip() for _, line in read_lines(file) for word in line.split(",")]
    if not any(words) or not all(word.isdecimal() for word in words if word):
        raise ReaderError(f"{file}: expected subject numbers with commas, found {words[:5]}")
    return {int(word) for word in words if word}


def _train_row(path: str, dataset: str, params: DatasetParams) -> Row:
    match = _TRAIN.fullmatch(stem_of(path))
    if match is None:
        raise ReaderError(f"{path}: expected <vis or nir>/<subject>/<image with _c<camera>_>")
    band, subject, name, camera = match.groups()
    return _row(path, ("train", band, camera, subject, name), Split.TRAIN, dataset, params)


def _test_row(path: str, match: re.Match[str], dataset: str, params: DatasetParams) -> Row:
    band, camera, subject, name = match.groups()
    return _row(path, ("test", band, camera, subject, name), Split.TEST, dataset, params)


def _row(
    path: str,
    parts: tuple[str, str, str, str, str],
    split: Split,
    dataset: str,
    params: DatasetParams,
) -> Row:
    _, band, camera, subject, _ = parts
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_id_of("/".join(parts)),
        subject_id=f"{int(subject):04d}",
        camera_id=camera,
        band=str(_BANDS[band.lower()]),
        region=str(Region.BODY),
        split=str(split),
    )
