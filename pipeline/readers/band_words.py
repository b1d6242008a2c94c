"""Words in the names of folders and files that people mean a band by.

Of ``anna/thermal/1.jpg`` or ``anna/1_nir.jpg`` nothing says the band but a word. It is not taken
for one, as a name may hold it by chance; who meant it is told. Only a folder that stands where
people's folders do, and is called by such a word alone, may be one of a band.
"""

import re
from collections.abc import Iterable

from pipeline.readers.layout import stem_of
from pipeline.types import HEAT_BANDS, Band

_MEANT: dict[str, tuple[Band, ...]] = {
    **{band: (band,) for band in Band},
    "RGB": (Band.VIS,),
    "VISIBLE": (Band.VIS,),
    "IR": tuple(band for band in Band if band != Band.VIS),
    "INFRARED": tuple(band for band in Band if band != Band.VIS),
    "THERMAL": HEAT_BANDS,
    "FLIR": HEAT_BANDS,
}
"""Bands that each word may mean."""

_WORD = re.compile(
    rf"(?<![^\W\d_])({'|'.join(_MEANT)}|infra[ _-]red)\d*(?![^\W\d_])", re.IGNORECASE
)
"""A whole word, with a number or none: of ``NIR1``, ``1_nir``, ``near-infrared``, not ``Irina``."""


def bands_of_folder(name: str) -> tuple[Band, ...]:
    """Return the bands that a folder's whole name may mean, none where it is no such word."""
    found = _WORD.fullmatch(name)
    return _meant(found) if found else ()


def misleading(paths: Iterable[str], band: Band) -> tuple[int, list[str]]:
    """Count the paths in which a word means another band than the one that was taken.

    Args:
        paths: of images, with their extensions.
        band: what all of them were taken as.

    Returns:
        How many they are; the words as they are written, each once in whatever case.
    """
    count = 0
    words: dict[str, str] = {}
    for path in paths:
        others = [found[0] for found in _WORD.finditer(stem_of(path)) if band not in _meant(found)]
        count += bool(others)
        for word in others:
            words.setdefault(word.upper(), word)
    return count, list(words.values())


def _meant(found: re.Match[str]) -> tuple[Band, ...]:
    return _MEANT[re.sub(r"[ _-]", "", found[1]).upper()]
