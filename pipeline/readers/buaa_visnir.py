"""Reader ``buaa_visnir``: BUAA-VisNir, faces in near infra-red and visible light.

150 subjects; 9 VIS and 9 NIR images of each in the protocol of the papers, 287 × 287, taken at
the same time in nine poses and expressions (neutral, four turns of the head, happiness, anger,
sorrow, surprise). Ask the IRIP laboratory of Beihang University (irip.buaa.edu.cn) for the data.

Layout: ``<subject>/<n>.bmp`` with odd n VIS and even n NIR, or ``{VIS,NIR}/<subject>/<n>.bmp``.
Some public code has it the other way round: ``ingest`` says where NIR images have colour. The first
layout's folders hold up to 40 images. Which nine pairs the papers take is unpublished; here they
are the nine that each subject has, n = 1 … 10 and 21 … 28, and the rest stays out: public lists of
test images (https://github.com/yoqim/PR-HFR) have no 12 … 18 of subjects 2, 4, 5 and 10.

The papers train on 50 subjects and test on 100, without saying which: ``split`` comes from
``splits/buaa_visnir_v1.csv``. (PR-HFR's lists have 100 of its own.)

Reference:
    D. Huang, J. Sun, Y. Wang, The BUAA-VisNir face database instructions, IRIP-TR-12-FR-001, 2012.
"""

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import (
    list_by_path,
    official_row,
    stem_of,
)
from pipeline.readers.splits import load_split
from pipeline.store import Listing
from pipeline.types import Band, Region, Row

EXPECTED = "<subject>/<n>.bmp (odd n VIS, even n NIR) or {VIS,NIR}/<subject>/<n>.bmp"
PUBLISHED = {"images": 2700, "subjects": 150, "VIS": 1350, "NIR": 1350}
SPLIT = "splits/buaa_visnir_v1.csv"

_BY_BAND = re.compile(r"(?:.*/)?(VIS|NIR)/0*(\d+)/(\d+)", re.IGNORECASE)
_BY_NUMBER = re.compile(r"(?:.*/)?0*(\d+)/(\d+)")
_PAIRS = frozenset((*range(1, 11), *range(21, 29)))
_SUBJECTS = 150


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images of the protocol.

    Raises:
        ReaderError: the root holds no such images.
    """
    splits = load_split(Path(__file__).parent / SPLIT)
    return list_by_path(
        root, dataset, params, EXPECTED, lambda path: _row(path, dataset, params, splits)
    )


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say what an image of the data set is that the protocol leaves out; None for a stranger's."""
    match = _BY_NUMBER.fullmatch(stem_of(path))
    beyond = match and 1 <= int(match[1]) <= _SUBJECTS and int(match[2]) not in _PAIRS
    return "images of a subject beyond its nine pairs" if beyond else None


def _row(path: str, dataset: str, params: DatasetParams, splits: dict[str, str]) -> Row | None:
    stem = stem_of(path)
    if match := _BY_BAND.fullmatch(stem):
        band, subject, number = match[1].upper(), match[2], int(match[3])
    elif (match := _BY_NUMBER.fullmatch(stem)) and int(match[2]) in _PAIRS:
        subject, number = match[1], int(match[2])
        band = str(Band.VIS if number % 2 else Band.NIR)
    else:
        return None
    return official_row(
        path,
        dataset,
        params,
        sample_id=f"{int(subject):03d}/{band}/{number:02d}",
        subject_id=subject,
        band=band,
        split=splits.get(subject),
        region=str(Region.FACE),
        frame_index=number,
    )
