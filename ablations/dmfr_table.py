"""One table of DMFR's rows, ours and published: ``python -m ablations.dmfr_table``."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from ablations.dmfr_row import ABLATIONS, network_of, protocol_of
from ablations.dmfr_zero_shot import read_zero_shot
from ablations.rows import FOLDER, table_main, with_results
from pipeline.evaluation.outcomes import read_embeddings
from pipeline.evaluation.verification_draws import (
    EER,
    VerificationDraws,
    contrast_of_verification,
    verification_draws,
)
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations_dmfr import dmfr_table, lowest_far
from pipeline.report.analyse_modality import curves_figure
from pipeline.report.contrasts import MeasuredContrast, write_contrasts
from pipeline.store.whole import write_whole

MEASURE = "TAR at the lowest FAR"
Results = Mapping[str, Sequence[Mapping[str, Any]]]


def run(*, partly: bool = False) -> None:
    """Write ``dmfr.md`` and the losses of every row, and print the table.

    Args:
        partly: whether rows that were not measured yet are left out, and claims about them.

    Raises:
        StageError: a row was not measured, and all were asked for; or none was.
    """
    whole = load_section(DmfrAblationParams, ABLATIONS)
    command = "python -m ablations.dmfr_row"
    ablation, results = with_results(whole, "dmfr_rows", command, partly=partly)
    found = dict(_contrasted(ablation, results))
    table = dmfr_table(ablation, results, read_zero_shot())
    table += "\n" + write_contrasts(MEASURE, found, FOLDER / "dmfr_contrasts.json")
    write_whole(FOLDER / "dmfr.md", table)
    curves = {ablation.rows[name].title: seeds[0]["curve"] for name, seeds in results.items()}
    curves_figure(curves, FOLDER / "dmfr.curves.png")
    print(table)


def _contrasted(
    ablation: DmfrAblationParams, results: Results
) -> Iterator[tuple[str, MeasuredContrast]]:
    """Yield the claims whose rows were measured, by the TAR at the lowest FAR that all have."""

    @cache
    def draws(row: str, tested: str) -> list[VerificationDraws]:
        far, method = lowest_far(results, tested), ablation.rows[row].method
        fold = protocol_of(method.dataset, ablation.tested[tested]).fold(1)
        fars = {far: float(far)} if far else {}
        return [
            verification_draws(
                fold,
                *read_embeddings(network_of(row, seed).with_name(f"{tested}.parquet"), 1),
                fars,
            )
            for seed in ablation.seeds
        ]

    for name, params in ablation.contrasts.items():
        far = lowest_far(results, params.probes)
        if far is None or not {params.better, params.worse} <= results.keys():
            continue
        both = draws(params.better, params.probes), draws(params.worse, params.probes)
        primary = contrast_of_verification(*both, far)
        if primary is not None:
            yield (
                name,
                MeasuredContrast(params, primary, {"EER": contrast_of_verification(*both, EER)}),
            )


if __name__ == "__main__":
    table_main("ablations.dmfr_table", run)
