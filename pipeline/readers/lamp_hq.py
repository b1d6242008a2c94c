"""Reader ``lamp_hq``: LAMP-HQ, large-scale multi-pose high-quality NIR-VIS faces.

573 subjects, 56,788 NIR and 16,828 VIS images in three views, five lights, with and without
glasses. Ask the authors (CRIPAC, CASIA) for the data; see https://arxiv.org/abs/1912.07809.

Layout, as public training code reads it: images below a folder named ``NIR`` or ``VIS``, as
``VIS/FP0002/<image>`` or flat as ``VIS/VIS_FP0002_1_a.jpg``, ``NIR/NIR_P0569_2_LEFT_c.jpg`` (band,
subject, light, view), whose ids are as if a folder ``FP0002`` lay around them;
``Protocols/train/{train_vis,train_nir}<fold>.txt`` and
``Protocols/test/{gallery_vis,probe_nir}<fold>.txt``, folds 1–10, with lines ``<path> <label>``.
Labels may count from 0 anew in each list, so the subject is taken from the path.

Reference:
    A. Yu, H. Wu, H. Huang, Z. Lei, R. He, LAMP-HQ: a large-scale multi-pose high-quality database
    and benchmark for NIR-VIS face recognition, IJCV 129, 2021.
"""

import re
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import (
    list_by_sample,
    numbered_lists,
    official_row,
    read_entries,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.store import Listing
from pipeline.types import Row

EXPECTED = (
    "{NIR,VIS}/<subject>/<image> or {NIR,VIS}/<band>_<subject>_<image>, and "
    "Protocols/{train,test}/*<fold>.txt"
)
PUBLISHED = {"images": 73616, "subjects": 573, "NIR": 56788, "VIS": 16828}

_IMAGE = re.compile(r"(?:.*/)?(NIR|VIS)/([^/]+)/(.+)", re.IGNORECASE)
_FLAT = re.compile(r"(?:.*/)?(NIR|VIS)/((?:NIR|VIS)_([A-Z]*\d+)_[^/]+)", re.IGNORECASE)
_LIST = r"(train_vis|train_nir|gallery_vis|probe_nir)_?(\d+)\.txt"


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images on disk, and those that the lists name besides.

    Raises:
        ReaderError: the root holds no such images, or a list is malformed.
    """
    return list_by_sample(
        root,
        dataset,
        params,
        EXPECTED,
        sample_of=sample_of,
        lists_of=official_lists,
        row_of=lambda path, key: _row(path, key, dataset, params),
    )


def sample_of(path: str) -> str | None:
    """Return the sample id of an image's path."""
    stem = stem_of(path)
    if match := _IMAGE.fullmatch(stem):
        band, subject, image = match.groups()
    elif match := _FLAT.fullmatch(stem):
        band, image, subject = match.groups()
    else:
        return None
    return sample_id_of(f"{band.upper()}/{subject}/{image}")


def official_lists(root: Path, files: list[str]) -> dict[tuple[str, str], list[str]]:
    """Read all official lists.

    Returns:
        Sample ids by (``train_vis``, ``train_nir``, ``gallery_vis`` or ``probe_nir``, fold).
    """
    return {
        (use, fold): read_entries(
            root / path, lambda line: sample_of(line.rsplit(None, 1)[0]), "a path and a label"
        )
        for (use, fold), path in numbered_lists(files, _LIST).items()
    }


def _row(path: str, sample_id: str, dataset: str, params: DatasetParams) -> Row:
    band, subject = sample_id.split("/")[:2]
    return official_row(path, dataset, params, sample_id=sample_id, subject_id=subject, band=band)
