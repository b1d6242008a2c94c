r"""Reader ``casia_nir_vis2``: CASIA NIR-VIS 2.0, faces in near infra-red and visible light.

725 subjects in four recording sessions, 17,580 images: 1–22 VIS and 5–50 NIR of each subject.
For application see http://www.cbsr.ia.ac.cn/english/NIR-VIS-2.0-Database.html (CBSR, CASIA).

Layout of the raw release, 640 × 480::

    s1 … s4/{NIR,VIS}/00001/001.{bmp,jpg}      session, band, subject, image
    protocols/{nir,vis}_{train,gallery,probe}_{dev,1…10}.txt

with the crops that come with it, 128 × 128, ``s1 … s4/{NIR,VIS}_128x128/00001/001.bmp``; others
hand crops round as ``VIS/s1_VIS_00001_001.jpg``, ``NIR/s1_NIR_00001_001.bmp``. All give the same
sample ids, ``s1/VIS/00001/001``, and crops are read where no raw image is there; of some subjects
NIR images are called ``01-B``, of some beside ``001``. The lists have lines such as
``s1\VIS\00001\001.jpg`` with CRLF; their extension may differ from the file's, so images are
matched by stem. Eye positions are taken from a ``.pos`` or ``.txt`` beside an image or below
``annotations/`` (``x y x y``, two eyes), named as the images of its release are; nose and mouth are
then placed as in the ArcFace template.

Lists of the same names lie in ``HFB-Supplemental-Protocol/HFB_protocols/``. They are of HFB, the
older database that session ``s1`` is, and are not read.

View 1 (``*_dev.txt``) is for tuning; View 2 has ten folds, each trained on its own lists, and is
reported as mean and standard deviation of the ten. So ``split`` stays empty here.

Reference:
    S. Z. Li, D. Yi, Z. Lei, S. Liao, The CASIA NIR-VIS 2.0 face database, CVPR Workshops 2013.
"""

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.boxes import box_around_landmarks, landmarks_from_eyes, number_of
from pipeline.readers.layout import (
    is_image,
    list_by_sample,
    list_official,
    numbered_lists,
    official_row,
    read_entries,
    stem_of,
)
from pipeline.readers.tables import read_text
from pipeline.store import Listing
from pipeline.types import Float32, Region, Row

EXPECTED = (
    "s1…s4/{NIR,VIS}[_128x128]/<5-digit subject>/<image> or "
    "{NIR,VIS}/<session>_<band>_<subject>_<image>"
)
PUBLISHED = {"images": 17580, "subjects": 725}

_IMAGE = r"\d+(?:-[A-Z])?"
_RAW = re.compile(rf"(?:.*/)?(s[1-4])/(NIR|VIS)/(\d{{5}})/({_IMAGE})", re.IGNORECASE)
_CROPPED = re.compile(
    rf"(?:.*/)?(s[1-4])[/_](NIR|VIS)(?:_128x128/|_)(\d{{5}})[/_]({_IMAGE})", re.IGNORECASE
)
_LIST = r"(nir|vis)_(train|gallery|probe)_(dev|\d+)\.txt"
_OF_HFB = re.compile(r"(?:.*/)?HFB[^/]*/.*", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images on disk, raw ones or else their crops, and those that lists name besides.

    Raises:
        ReaderError: the root holds no image of either sort, or a list is malformed.
    """
    files = list_official(root, dataset, EXPECTED)
    eyes = {
        (key, _is_cropped(path)): path
        for path in files
        if path.lower().endswith((".pos", ".txt")) and (key := sample_of(path))
    }
    raw = any(is_image(path) and _RAW.fullmatch(stem_of(path)) for path in files)

    def row_of(path: str, key: str) -> Row:
        file = eyes.get((key, _is_cropped(path)))
        return _row(path, key, dataset, params, _landmarks(root / file) if file else None)

    return list_by_sample(
        root,
        dataset,
        params,
        EXPECTED,
        sample_of=lambda path: None if raw and _is_cropped(path) else sample_of(path),
        lists_of=official_lists,
        row_of=row_of,
    )


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is a crop of one that is read, else None."""
    return "cropped copies of the images" if _is_cropped(path) else None


def sample_of(path: str) -> str | None:
    """Return the sample id of an image's path or a list's line, of a raw image or a crop."""
    stem = stem_of(path)
    if match := _RAW.fullmatch(stem) or _CROPPED.fullmatch(stem):
        session, band, subject, image = match.groups()
        return f"{session.lower()}/{band.upper()}/{subject}/{image.upper()}"
    return None


def _is_cropped(path: str) -> bool:
    return _CROPPED.fullmatch(stem_of(path)) is not None


def official_lists(root: Path, files: list[str]) -> dict[tuple[str, str, str], list[str]]:
    """Read all official lists; those of HFB are none.

    Returns:
        Sample ids by (``nir`` or ``vis``, ``train``, ``gallery`` or ``probe``, ``dev`` or ``1`` …).
    """
    own = [path for path in files if not _OF_HFB.fullmatch(path)]
    return {
        (band, use, fold): read_entries(root / path, sample_of, r"a path like s1\VIS\00001\001.jpg")
        for (band, use, fold), path in numbered_lists(own, _LIST).items()
    }


def _row(
    path: str, sample_id: str, dataset: str, params: DatasetParams, landmarks: Float32 | None
) -> Row:
    session, band, subject, _ = sample_id.split("/")
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_id,
        subject_id=subject,
        session_id=session,
        band=band,
        region=str(Region.FACE if _is_cropped(path) else Region.SCENE),
        truth_landmarks_xy=landmarks,
        truth_box_xyxy=None if landmarks is None else box_around_landmarks(landmarks),
    )


def _landmarks(file: Path) -> Float32 | None:
    """Read two eyes and complete them to five landmarks; None where they are not two places."""
    numbers = [number_of(word) for word in re.split(r"[\s,;]+", read_text(file).strip())[:4]]
    return landmarks_from_eyes((numbers[:2], numbers[2:])) if len(numbers) == 4 else None
