"""Reader ``cfp``: Celebrities in Frontal-Profile in the Wild.

500 people, 10 frontal and 4 profile images each. From http://www.cfpw.io (free for research).

Layout: ``Data/Images/001/{frontal,profile}/01.jpg``; ``Protocol/Pair_list_{F,P}.txt`` number the
images (``1 ../Data/Images/001/frontal/01.jpg``), and
``Protocol/Split/{FF,FP}/01…10/{same,diff}.txt`` have 350 pairs ``i,j`` each: in FF both count in
list F, in FP i counts in F and j in P.

Reference:
    S. Sengupta, J.-C. Chen, C. Castillo, V. M. Patel, R. Chellappa, D. W. Jacobs, Frontal to
    profile face verification in the wild, WACV 2016.
"""

import re
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import is_image, list_official, make_listing, official_row, stem_of
from pipeline.store import Listing
from pipeline.types import Band, Row

EXPECTED = "Data/Images/<subject>/{frontal,profile}/<image>.jpg and Protocol/"
PUBLISHED = {"images": 7000, "subjects": 500}

_IMAGE = re.compile(r"(?:.*/)?(\d{3})/(frontal|profile)/(\d+)", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all images.

    Raises:
        ReaderError: the root holds no such images.
    """
    rows = [
        _row(path, key, dataset, params)
        for path in list_official(root, dataset, EXPECTED)
        if is_image(path) and (key := sample_of(path))
    ]
    return make_listing(root, dataset, params, EXPECTED, rows)


def sample_of(path: str) -> str | None:
    """Return the sample id of an image's path."""
    match = _IMAGE.fullmatch(stem_of(path))
    return f"{match[1]}/{match[2].lower()}/{match[3]}" if match else None


def _row(path: str, sample_id: str, dataset: str, params: DatasetParams) -> Row:
    subject, view, _ = sample_id.split("/")
    # A profile shows the left or the right side; which, the data set doesn't say.
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_id,
        subject_id=subject,
        band=str(Band.VIS),
        view="front" if view == "frontal" else None,
    )
