"""What a row of the bodies' ablations is measured by: identification between bands."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.evaluation.band_rows import BandRow, band_rows
from pipeline.evaluation.band_templates import (
    band_matrix,
    filmed_in_bands,
    identification,
    ranks_of,
)
from pipeline.evaluation.outcomes import Outcomes
from pipeline.params.ablations_bodies import ALL_BANDS
from pipeline.params.train_bodies import TrainFaceParams
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.bodies import check_cut
from pipeline.training.embed_people import (
    FACE,
    TRAINED,
    Networks,
    bodies_by,
    faces_by,
    open_tested,
    starts,
    tested_ids,
)


def rows_by(
    networks: Networks,
    folder: ShardFolder,
    protocols: Sequence[Protocol],
    *,
    sface: Path | None,
    unit: bool,
) -> dict[str, BandRow]:
    """Embed everybody by a trained network and what stands beside it.

    Args:
        networks: of bodies or of faces.
        folder: output of ``crop_bodies``.
        protocols: of band templates.
        sface: its weights, which faces stand beside; None for bodies.
        unit: as of ``band_rows``.

    Returns:
        By variant; the trained network's is ``trained`` or ``face``.
    """
    ids = tested_ids(protocols)
    if sface is None:
        method = networks.method(1)
        tested = open_tested(method, folder, ids)
        check_cut(tested.samples, networks.pretrained)
        found = starts(networks, tested) | bodies_by(method, tested)
    else:
        found = faces_by(networks, folder, ids, sface)
    return band_rows(filmed_in_bands(protocols), found, unit=unit)


def trained_of(networks: Networks) -> str:
    """Return the variant that is the trained network."""
    return FACE if isinstance(networks.params, TrainFaceParams) else TRAINED


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
