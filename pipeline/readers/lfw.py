r"""Reader ``lfw``: Labeled Faces in the Wild.

13,233 images of 5,749 people, 250 × 250. From http://vis-www.cs.umass.edu/lfw (for research).

Layout: ``lfw/<Name>/<Name>_0001.jpg`` (the folder may be called ``lfw-deepfunneled`` or anything)
and, anywhere below the root, ``pairs.txt`` (View 2: header ``10\t300``, then per fold 300 lines
``name i j`` and 300 lines ``name i name j``), ``pairsDevTrain.txt`` and ``pairsDevTest.txt``
(View 1).

Reference:
    G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller, Labeled Faces in the Wild, UMass Amherst
    TR 07-49, 2007.
"""

import re
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import (
    list_by_path,
    official_row,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.store import Listing
from pipeline.types import Band, Row

EXPECTED = "<Name>/<Name>_0001.jpg and pairs.txt"
PUBLISHED = {"images": 13233, "subjects": 5749}

_IMAGE = re.compile(r"(?:.*/)?([^/]+)/\1_(\d{4})")


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all images.

    Raises:
        ReaderError: the root holds no such images.
    """
    return list_by_path(root, dataset, params, EXPECTED, lambda path: _row(path, dataset, params))


def sample_of(name: str, number: int) -> str:
    """Return the sample id of a person's image."""
    return sample_id_of(f"{name}/{number:04d}")


def _row(path: str, dataset: str, params: DatasetParams) -> Row | None:
    match = _IMAGE.fullmatch(stem_of(path))
    if not match:
        return None
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_of(match[1], int(match[2])),
        subject_id=match[1],
        band=str(Band.VIS),
    )
