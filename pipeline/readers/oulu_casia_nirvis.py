"""Reader ``oulu_casia_nirvis``: Oulu-CASIA NIR&VIS, expressions in two bands.

80 subjects (P001–P050 from Oulu, P051–P080 from CASIA) show six expressions, filmed by a NIR and a
VIS camera at 320 × 240 in three lights: 1,440 sequences in each band, from neutral to apex.
Ask the Center for Machine Vision of the University of Oulu for the data (research only).

Layout: ``{NI,VL}/{Dark,Weak,Strong}/P001/Anger/000.jpeg``, also as flat names with ``_`` for ``/``;
the expressions are Anger, Disgust, Fear, Happiness, Sadness and Surprise. Faces cut out of them,
``{NI,VL}_Acropped/…``, are not read.

Papers on NIR-VIS recognition train on 20 subjects and test on 20 and take eight frames of each
expression in strong light; which, they don't say. ``split`` comes from
``splits/oulu_casia_nirvis_v1.csv`` (40 subjects; the other 40 have none). Public code has lists of
20 subjects and their frames of its own (https://github.com/yoqim/PR-HFR).

Reference:
    G. Zhao, X. Huang, M. Taini, S. Z. Li, M. Pietikäinen, Facial expression recognition from
    near-infrared videos, Image and Vision Computing 29(9), 2011.
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
from pipeline.types import Band, Row

EXPRESSIONS = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
EXPECTED = "{NI,VL}/{Dark,Weak,Strong}/P001/<expression>/<frame>.jpeg"
PUBLISHED = {"subjects": 80, "media": 2880}
SPLIT = "splits/oulu_casia_nirvis_v1.csv"
BANDS = {"NI": Band.NIR, "VL": Band.VIS}

_FRAME = re.compile(
    rf"(?:.*/)?(NI|VL)[/_](Dark|Weak|Strong)[/_](P\d{{3}})[/_]({'|'.join(EXPRESSIONS)})[/_](\d+)",
    re.IGNORECASE,
)
_CROPPED = re.compile(r"(?:.*/)?(?:NI|VL)_Acropped/.+", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all frames.

    Raises:
        ReaderError: the root holds no such images.
    """
    splits = load_split(Path(__file__).parent / SPLIT)
    return list_by_path(
        root, dataset, params, EXPECTED, lambda path: _row(path, dataset, params, splits)
    )


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is of the cropped copies beside the frames; None for a stranger's."""
    return "cropped copies of the frames" if _CROPPED.fullmatch(path) else None


def _row(path: str, dataset: str, params: DatasetParams, splits: dict[str, str]) -> Row | None:
    match = _FRAME.fullmatch(stem_of(path))
    if not match:
        return None
    camera, light, subject = match[1].upper(), match[2].capitalize(), match[3].upper()
    expression, frame = match[4].capitalize(), match[5]
    sequence = f"{camera}/{light}/{subject}/{expression}"
    return official_row(
        path,
        dataset,
        params,
        sample_id=f"{sequence}/{frame}",
        subject_id=subject,
        session_id=light,
        camera_id=camera,
        media_id=sequence,
        frame_index=int(frame),
        band=str(BANDS[camera]),
        expression=expression.lower(),
        split=splits.get(subject),
    )
