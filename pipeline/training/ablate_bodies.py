"""What a row of the bodies' ablations is measured by: identification between bands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.evaluation.band_rows import BandRow, band_rows
from pipeline.evaluation.band_templates import (
    Filmed,
    band_matrix,
    filmed_in_bands,
    identification,
    ranks_of,
)
from pipeline.evaluation.outcomes import Outcomes
from pipeline.params.ablations_bodies import ALL_BANDS
from pipeline.params.body_training import AdaFaceParams
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.bodies import check_cut
from pipeline.training.embed_people import (
    FACE,
    Networks,
    bodies_by,
    face_starts,
    faces_by,
    open_tested,
    starts,
    tested_ids,
)
from pipeline.training.methods.people import PeopleMethod
from pipeline.training.tested import TRAINED, TestedSamples
from pipeline.types import Band


@dataclass(frozen=True)
class PeopleTested:
    """Whom a row is tested on, and what stands beside its networks.

    Attributes:
        filmed: who was filmed in each band.
        people: opened once, for all of the row's networks.
        starts: by variant, of bodies ``untrained`` and ``pretrained``: no training changes them.
        unit: as of ``band_rows``.
    """

    filmed: Mapping[Band, Filmed]
    people: TestedSamples
    starts: Mapping[str, BandRow]
    unit: bool


def open_rows(
    networks: Networks,
    folder: ShardFolder,
    protocols: Sequence[Protocol],
    *,
    sface: Path | None,
    unit: bool,
) -> PeopleTested:
    """Open the people of protocols, and embed them by what the trainings start from.

    Args:
        networks: of bodies or of faces; none has to be trained yet.
        folder: output of ``crop_bodies``.
        protocols: of band templates.
        sface: its weights, which faces stand beside; None for bodies.
        unit: as of ``band_rows``.
    """
    start = networks.start(with_weights=True)
    people = open_tested(start, folder, tested_ids(protocols))
    check_cut(people.samples, networks.pretrained)
    filmed = filmed_in_bands(protocols)
    found = starts(networks, people) if sface is None else face_starts(networks, people, sface)
    return PeopleTested(filmed, people, band_rows(filmed, found, unit=unit), unit)


def rows_by(method: PeopleMethod, tested: PeopleTested) -> dict[str, BandRow]:
    """Embed everybody by a trained network.

    Returns:
        By variant, with those of ``tested.starts``; the trained network's is ``trained`` or
        ``face``.
    """
    embeds = faces_by if isinstance(method.params, AdaFaceParams) else bodies_by
    return dict(tested.starts) | band_rows(
        tested.filmed, embeds(method, tested.people), unit=tested.unit
    )


def trained_of(method: PeopleMethod) -> str:
    """Return the variant that is the trained network."""
    return FACE if isinstance(method.params, AdaFaceParams) else TRAINED


def outcomes_by_band(row: BandRow) -> dict[str, Outcomes]:
    """Return whether each person was found in each band, and in all bands together."""
    found: dict[str, Outcomes] = {ALL_BANDS: {}}
    for band, scores in row.scores.items():
        ranks = zip(scores.probes, ranks_of(scores).tolist(), strict=True)
        mine: Outcomes = {
            (1, f"{person} {band}"): (person, rank == 1) for person, rank in ranks if rank >= 0
        }
        found[str(band)] = mine
        found[ALL_BANDS].update(mine)
    return found


def measured(row: BandRow) -> dict[str, Any]:
    """Return identification by band, and the matrix of bands."""
    bands: Mapping[str, Any] = {
        str(band): identification(scores) for band, scores in row.scores.items()
    }
    return {"bands": bands, "matrix": band_matrix(row.templates or {})}
