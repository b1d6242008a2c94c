"""Contrasts of NIR-VIS's rows, from the outcomes and embeddings that those measured left."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from ablations.nir_vis_row import network_of
from ablations.rows import FOLDER
from pipeline.evaluation.contrasts import Contrast, contrast_of_outcomes
from pipeline.evaluation.outcomes import read_embeddings, read_outcomes
from pipeline.evaluation.verification_draws import (
    EER,
    VerificationDraws,
    contrast_of_verification,
    verification_draws,
)
from pipeline.params.ablations import NirVisAblationParams
from pipeline.report.contrasts import MeasuredContrast
from pipeline.store.protocols import Protocol, read_protocol

MEASURE = "macro rank-1"
FARS = {"1e-2": 0.01}


def contrasted(ablation: NirVisAblationParams) -> dict[str, MeasuredContrast]:
    """Contrast the rows that claims name; those that are not measured yet are left out.

    EER and TAR stand beside macro rank-1 where the protocol has one fold.
    """
    return dict(_found(ablation))


def _found(ablation: NirVisAblationParams) -> Iterator[tuple[str, MeasuredContrast]]:
    @cache
    def draws(row: str, probes: str) -> list[VerificationDraws]:
        method = ablation.rows[row].method
        protocol = read_protocol(Path("data", method.dataset, "protocols", ablation.tested))
        return [
            _draws(protocol, network_of(row, seed, 1).with_name(f"{probes}.parquet"))
            for seed in ablation.seeds
        ]

    for name, params in ablation.contrasts.items():
        rows = params.better, params.worse
        paths = [outcomes_path(row, params.probes) for row in rows]
        if not set(rows) <= ablation.rows.keys() or not all(path.is_file() for path in paths):
            continue
        better, worse = (read_outcomes(path) for path in paths)
        outcomes = [[each[seed] for seed in ablation.seeds] for each in (better, worse)]
        secondary: Mapping[str, Contrast | None] = {}
        if {fold for training in outcomes[0] for fold, _ in training} == {1}:
            both = draws(params.better, params.probes), draws(params.worse, params.probes)
            secondary = {
                "EER": contrast_of_verification(*both, EER),
                "TAR @ 1e-2": contrast_of_verification(*both, "1e-2"),
            }
        yield name, MeasuredContrast(params, contrast_of_outcomes(*outcomes), secondary)


def outcomes_path(row: str, probes: str) -> Path:
    """Return where a row leaves the outcomes of its probes."""
    return FOLDER / "outcomes" / row / f"{probes}.parquet"


def _draws(protocol: Protocol, path: Path) -> VerificationDraws:
    return verification_draws(protocol.fold(1), *read_embeddings(path, 1), FARS)
