"""Reader ``arl_vtf``: ARL-VTF, visible and thermal faces taken at the same moment.

395 subjects, over 500,000 images: LWIR (FLIR Boson, 640 × 512) beside three visible cameras, in
sequences of a neutral face (``baseline``), while counting (``expression``) and while turning the
head (``pose``), some with glasses. Ask the DEVCOM Army Research Laboratory.

Layout, as public training code reads it:
``<folder>/{dev,test}/<subject>/<sequence>/<camera>_<frame>.png``, with the condition in the
sequence's name and ``FLIR_USB``, ``BAS_RGB1``, ``BAS_RGB2`` or ``BAS_MONO`` as camera;
``splits/dev/{train,val}0.txt`` list subjects of ``dev``. Of several folders ``cropped_images`` is
read, else the first by name: others hold resampled copies (``16_bicubic``). Landmarks of
``metadata.csv`` are not: nobody publishes their columns.

Reference:
    D. Poster et al., A large-scale, time-synchronized visible and thermal face dataset, WACV 2021.
"""

import logging
import re
from collections.abc import Collection
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import (
    find_list,
    is_image,
    list_official,
    make_listing,
    official_row,
    read_some_lines,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.readers.unmatched import report_unmatched
from pipeline.store import Listing
from pipeline.types import Band, Row, Split

log = logging.getLogger(__name__)

EXPECTED = "<folder>/{dev,test}/<subject>/<sequence>/{FLIR_USB,BAS_RGB2}_<frame>.png"
PUBLISHED = {"subjects": 395}
CONDITIONS = ("baseline", "expression", "pose")

_FIRST = "cropped_images/"

_IMAGE = re.compile(
    r"((?:.*/)?)(dev|test)/([^/]+)/([^/]*(?:baseline|expression|pose)[^/]*)/"
    r"((?:FLIR|BAS)_[A-Z]+\d?)_([^/]+)",
    re.IGNORECASE,
)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images.

    Raises:
        ReaderError: the root holds no such images.
    """
    files = list_official(root, dataset, EXPECTED)
    found = {path: match for path in filter(is_image, files) if (match := _match(path))}
    folders = {match[1] for match in found.values()}
    folder = min(folders, key=lambda name: (not name.endswith(_FIRST), name), default="")
    if len(folders) > 1:
        log.info(
            "%s: of %d folders only %s is read; images in %s are left out",
            *(dataset, len(folders), folder or ".", ", ".join(sorted(folders - {folder}))),
        )
    validation = _validation(root, files, {match[3] for match in found.values()})
    rows = (
        _row(path, match, validation, dataset, params)
        for path, match in found.items()
        if match[1] == folder
    )
    return make_listing(root, dataset, params, EXPECTED, rows)


def condition_of(sequence: str) -> str:
    """Return what a subject does in a sequence, by its name."""
    return next(name for name in CONDITIONS if name in sequence.lower())


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is in a folder that is not read, else None."""
    return "images of other folders" if _match(path) else None


def _match(path: str) -> re.Match[str] | None:
    return _IMAGE.fullmatch(stem_of(path))


def _validation(root: Path, files: list[str], there: set[str]) -> set[str]:
    """Return the subjects of the list, if there is one; those that are not there are told."""
    path = find_list(files, "splits/dev/val0.txt")
    if path is None:
        return set()
    named = {line for _, line in read_some_lines(root / path, "a subject")}
    report_unmatched(root / path, sorted(named - there), match="name subjects that are not on disk")
    return named


def _row(
    path: str, match: re.Match[str], validation: set[str], dataset: str, params: DatasetParams
) -> Row:
    _, part, subject, sequence, camera, frame = match.groups()
    split = Split.TEST if part.lower() == "test" else Split.TRAIN
    if split == Split.TRAIN and subject in validation:
        split = Split.VALIDATION
    thermal = camera.upper().startswith("FLIR")
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_id_of(f"{subject}/{sequence}/{camera}_{frame}"),
        subject_id=subject,
        session_id=sequence,
        camera_id=camera.upper(),
        media_id=sample_id_of(f"{subject}/{sequence}/{camera}"),
        expression=condition_of(sequence),
        band=str(Band.LWIR if thermal else Band.VIS),
        split=str(split),
    )
