"""What images of one shot share: an id, but for the words that name their bands."""

import re

from pipeline.types import Band

IMAGE_KINDS = (
    *("bmp", "gif", "jp2", "jpe", "jpeg", "jpg", "pbm"),
    *("pgm", "png", "ppm", "tif", "tiff", "webp"),
)
"""Extensions of image files."""

_EXTENSION = re.compile(rf"(?<=[^/])\.({'|'.join(IMAGE_KINDS)})$", re.IGNORECASE)

_WORDS = {"VIS": ("visible", "rgb", "colou?r"), "IR": ("ir", "infra_?red", "thermal", "thr")}
"""What people call images of a band, besides its name."""

_APART = re.compile(r"(?:%2[0-9A-F]|[._~+-])+")
"""What sets words apart in an id, blanks and brackets as they are encoded there."""


def without_band(path: str, band: str) -> str:
    """Return an id without the words that name its band, in any case, and without an extension.

    What set a word apart goes with it, as where only one of two bands is named: ``anna/1.png`` and
    ``anna/nir/1.png`` or ``anna/1_nir.png``. A word ends where no letter follows, or where small
    letters begin or end: ``a/nir/1.png``, ``annaNIR1``; that of ``elvis/1.png`` is none.
    """
    words = "|".join((band, *_WORDS["VIS" if band == Band.VIS else "IR"]))
    word = rf"(?<![A-Za-z])(?i:{words})(?![A-Za-z])|(?<![A-Z]){band}(?![A-Z])"
    bare = re.sub(word, "", _EXTENSION.sub("", path))
    parts = (_APART.sub("_", part).strip("_") for part in bare.split("/"))
    return "/".join(filter(None, parts))
