"""The rows of a table between bands: networks beside each other, on the same people.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, tables I and III to V; "neither feature-fusion nor score-based fusion provides any
    improvement over using body-embeddings alone", section IV-C.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.band_templates import (
    BandTemplates,
    Filmed,
    Scores,
    band_matrix,
    chance,
    compared,
    cosines,
    fused,
    identification,
    joined,
    templates_of,
)
from pipeline.evaluation.templates import Embeddings
from pipeline.types import Band

GALLERY = Band.VIS
FUSED_SCORES, JOINED_FEATURES = "fusion_of_scores", "fusion_of_features"


@dataclass(frozen=True)
class BandRow:
    """One row.

    Attributes:
        templates: by band; None where only scores were made.
        scores: by probe band, against the gallery of ``GALLERY``.
    """

    templates: Mapping[Band, BandTemplates] | None
    scores: Mapping[Band, Scores]


def band_row(templates: Mapping[Band, BandTemplates]) -> BandRow:
    """Compare the templates of all other bands with the gallery's."""
    probes = {band: each for band, each in templates.items() if band != GALLERY}
    gallery = templates[GALLERY]
    return BandRow(templates, {band: cosines(each, gallery) for band, each in probes.items()})


def band_rows(
    filmed: Mapping[Band, Filmed], embeddings: Mapping[str, Embeddings], *, unit: bool
) -> dict[str, BandRow]:
    """Make the rows of some networks.

    Args:
        filmed: who was filmed in each band.
        embeddings: by row, by sample.
        unit: whether embeddings are brought to unit length before a template's mean.
    """
    return {
        name: band_row({band: templates_of(who, found, unit=unit) for band, who in filmed.items()})
        for name, found in embeddings.items()
    }


def fusions(body: BandRow, face: BandRow) -> dict[str, BandRow]:
    """Fuse body and face: by their scores, and by their features."""
    if body.templates is None or face.templates is None:
        raise ValueError("expected rows with templates")
    scores = {band: fused(each, face.scores[band]) for band, each in body.scores.items()}
    features = {band: joined(each, face.templates[band]) for band, each in body.templates.items()}
    return {FUSED_SCORES: BandRow(None, scores), JOINED_FEATURES: band_row(features)}


def measured_rows(
    rows: Mapping[str, BandRow],
    filmed: Mapping[Band, Filmed],
    against: Iterable[tuple[str, str]],
    matrices: Iterable[str],
) -> dict[str, Any]:
    """Return the metrics of all rows.

    Args:
        rows: by name.
        filmed: who was filmed in each band.
        against: pairs of rows that are compared subject by subject; one that is missing is skipped.
        matrices: rows whose rank-1 is measured between all bands.

    Returns:
        Of each row by probe band what ``identification`` gives; ``differences`` by ``<row> -
        <row>`` and band; ``matrix`` by row, gallery and probe; ``chance``; and how many were
        ``filmed`` and ``enrolled`` in each band, by row.
    """
    found: dict[str, Any] = {
        name: {str(band): identification(scores) for band, scores in row.scores.items()}
        for name, row in rows.items()
    }
    found["differences"] = {
        f"{one} - {other}": {
            str(band): compared(rows[one].scores[band], rows[other].scores[band])
            for band in rows[one].scores
        }
        for one, other in against
        if one in rows and other in rows
    }
    found["matrix"] = {
        name: band_matrix(templates)
        for name in matrices
        if name in rows and (templates := rows[name].templates) is not None
    }
    found["chance"] = {"rank1": {"value": round(chance(filmed[GALLERY]), 4)}}
    found["filmed"] = {str(band): len(who.subjects) for band, who in filmed.items()}
    found["enrolled"] = {
        name: {str(band): int(each.enrolled.sum()) for band, each in row.templates.items()}
        for name, row in rows.items()
        if row.templates is not None
    }
    return found
