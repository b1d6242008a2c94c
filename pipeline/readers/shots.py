"""What images of one shot have in common: an id, but for the words that name a band."""

import re

from pipeline.readers.layout import is_image, stem_of
from pipeline.types import Band

_WORDS = {"VIS": ("visible", "rgb", "colou?r"), "IR": ("ir", "infra_?red", "thermal", "thr")}
"""What people call images of a band, besides its name."""
_SEPARATORS = "._~+-"


def without_band(path: str, band: str) -> str:
    """Return an id without the words that name its band, in any case, and without an extension.

    A word ends where no letter follows, or where small letters begin or end: ``a/nir/1.png``,
    ``annaNIR1``; that of ``elvis/1.png`` is none. What separated it goes, too, because often one
    band alone is named: ``anna/001.jpg`` beside ``anna/001_nir.jpg`` or ``anna/NIR/001.jpg``.
    """
    words = "|".join((band, *_WORDS["VIS" if band == Band.VIS else "IR"]))
    word = rf"(?<![A-Za-z])(?i:{words})(?![A-Za-z])|(?<![A-Z]){band}(?![A-Z])"
    bare = re.sub(word, "", stem_of(path) if is_image(path) else path)
    bare = re.sub(rf"([{_SEPARATORS}])[{_SEPARATORS}]+", r"\1", bare)
    return "/".join(part for each in bare.split("/") if (part := each.strip(_SEPARATORS)))
