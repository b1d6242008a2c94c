"""Reader ``regdb``: RegDB (DBPerson-Recog-DB1), pedestrians in visible light and heat (LWIR).

412 people, 10 visible and 10 thermal images each: 8,240. Ask the Dongguk University (Image
Processing Laboratory) for the data.

Layout: ``Visible/12/male_back_v_00024_12.bmp`` and ``Thermal/12/male_back_t_00024_12.bmp``;
``idx/{train,test}_{visible,thermal}_{1…10}.txt``, ten random halves of 206 people, with lines
``Visible/12/male_back_v_00024_12.bmp 3`` (labels count anew in each list; the subject is the
folder). A trial's halves differ from another's, so ``split`` stays empty.

Reference:
    D. T. Nguyen, H. G. Hong, K. W. Kim, K. R. Park, Person recognition system based on a
    combination of body images from visible light and thermal cameras, Sensors 17(3), 2017; the ten
    trials: M. Ye et al., AAAI 2018.
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
from pipeline.types import Band, Region, Row

EXPECTED = "{Visible,Thermal}/<subject>/<image>.bmp and idx/{train,test}_{visible,thermal}_<n>.txt"
PUBLISHED = {"images": 8240, "subjects": 412, "VIS": 4120, "LWIR": 4120}
BANDS = {"visible": Band.VIS, "thermal": Band.LWIR}

_IMAGE = re.compile(r"(?:.*/)?(visible|thermal)/(\d+)/([^/]+)", re.IGNORECASE)
_LIST = r"(train|test)_(visible|thermal)_(\d+)\.txt"


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
    match = _IMAGE.fullmatch(stem_of(path))
    return sample_id_of(f"{match[1].lower()}/{match[2]}/{match[3]}") if match else None


def official_lists(root: Path, files: list[str]) -> dict[tuple[str, str, str], list[str]]:
    """Read all official lists.

    Returns:
        Sample ids by (``train`` or ``test``, ``visible`` or ``thermal``, trial).
    """
    return {
        (use, camera, trial): read_entries(
            root / path, lambda line: sample_of(line.rsplit(None, 1)[0]), "a path and a label"
        )
        for (use, camera, trial), path in numbered_lists(files, _LIST).items()
    }


def _row(path: str, sample_id: str, dataset: str, params: DatasetParams) -> Row:
    camera, subject, _ = sample_id.split("/")
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_id,
        subject_id=subject,
        camera_id=camera,
        band=str(BANDS[camera]),
        region=str(Region.BODY),
    )
