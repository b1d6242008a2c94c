"""Reader ``tufts``: Tufts Face Database, visible, near infra-red and thermal faces.

113 subjects (74 women, 39 men, 4–70 years old); here the parts ``TD_RGB`` (VIS, Nikon D3100),
``TD_NIR`` (NIR, two 850 nm lamps) and ``TD_IR`` (LWIR, FLIR Vue Pro). Part ``E`` has five
expressions of a frontal face, part ``A`` views from around the subject. Sketches, light fields,
videos and 3D are not read. Free for research from http://tdface.ece.tufts.edu.

Layout: ``TD_RGB_E_Set1/<subject>/TD_RGB_E_1.jpg``, and so on for ``TD_{RGB,NIR,IR}_{E,A}``, sets
1–4, at any depth; a subject's number may begin with zeros. ``TD_RGB_A_2_7.jpg`` is the second of
four cameras at place 7. The authors give no protocol; lists as Idiap's Bob keeps them
(``readers.bob_lists``), where they lie beside the images, are one.

Reference:
    K. Panetta et al., A comprehensive database for benchmarking imaging systems, PAMI 42(3), 2020.
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
from pipeline.store import Listing
from pipeline.types import Band, Row

EXPECTED = "TD_{RGB,NIR,IR}_{E,A}_Set<n>/<subject>/TD_…_<image>.jpg"
PUBLISHED = {"subjects": 113}
BANDS = {"RGB": Band.VIS, "NIR": Band.NIR, "IR": Band.LWIR}
NOT_READ = {
    "CS": "sketches",
    "LYT": "light fields",
    "3D": "3D",
    "VIDEO": "frames of videos",
}
EXPRESSIONS = {1: "neutral", 2: "smile", 3: "eyes_closed", 4: "shocked", 5: "sunglasses"}

_IMAGE = re.compile(
    r"(?:.*/)?TD_(RGB|NIR|IR)_([AE])(?:_Set\d+)?/(?:.*/)?0*(\d+)/[^/]*?(?:(\d+)_)?(\d+)",
    re.IGNORECASE,
)
_NOT_READ = re.compile(rf"(?:.*/)?TD_({'|'.join(NOT_READ)})(?:_[^/]*)?/.+", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the visible, near infra-red and thermal images.

    Raises:
        ReaderError: the root holds no such images.
    """
    return list_by_path(root, dataset, params, EXPECTED, lambda path: _row(path, dataset, params))


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say what an image of a part is that is not read; None for one of no part."""
    match = _NOT_READ.fullmatch(path)
    return f"{NOT_READ[match[1].upper()]} (TD_{match[1].upper()})" if match else None


def _row(path: str, dataset: str, params: DatasetParams) -> Row | None:
    match = _IMAGE.fullmatch(stem_of(path))
    if not match:
        return None
    band, part, subject, lens = match[1].upper(), match[2].upper(), match[3], match[4]
    number = int(match[5])
    image = f"{number:02d}" if lens is None else f"{lens}_{number:02d}"
    return official_row(
        path,
        dataset,
        params,
        sample_id=f"{band}_{part}/{int(subject):03d}/{image}",
        subject_id=subject,
        session_id=part,
        camera_id=band if lens is None else f"{band}_{lens}",
        band=str(BANDS[band]),
        expression=EXPRESSIONS.get(number) if part == "E" else None,
    )
