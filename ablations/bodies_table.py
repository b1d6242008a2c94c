"""One table of the bodies' rows, ours and published: ``python -m ablations.bodies_table``."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ablations.bodies_row import ABLATIONS, outcomes_path
from ablations.rows import FOLDER, table_main, with_results
from pipeline.evaluation.contrasts import contrast_of_outcomes
from pipeline.evaluation.outcomes import read_outcomes
from pipeline.params.ablations_bodies import BodyAblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations_bodies import bodies_table
from pipeline.report.contrasts import MeasuredContrast, write_contrasts
from pipeline.report.published import published_between_bands
from pipeline.store.whole import write_whole

MEASURE = "rank-1"


def run(*, partly: bool = False) -> None:
    """Write ``bodies.md``, and print the table.

    Args:
        partly: whether rows that were not measured yet are left out, and claims about them.

    Raises:
        StageError: a row was not measured, and all were asked for; or none was.
    """
    whole = load_section(BodyAblationParams, ABLATIONS)
    command = "python -m ablations.bodies_row"
    ablation, results = with_results(whole, "bodies_rows", command, partly=partly)
    found = dict(contrasted(ablation, outcomes_path))
    table = bodies_table(ablation, results, published_between_bands())
    table += "\n" + write_contrasts(MEASURE, found, FOLDER / "bodies_contrasts.json")
    write_whole(FOLDER / "bodies.md", table)
    print(table)


def contrasted(
    ablation: BodyAblationParams, path: Callable[[str, str, str], Path]
) -> Iterator[tuple[str, MeasuredContrast]]:
    """Yield the claims whose rows were measured.

    Args:
        ablation: with these rows alone.
        path: of outcomes, by row, what was measured with it, and band.
    """
    row_of = ablation.measured()
    for name, params in ablation.contrasts.items():
        if not {params.better, params.worse} <= row_of.keys():
            continue
        better, worse = (
            read_outcomes(path(row_of[each], each, params.probes))
            for each in (params.better, params.worse)
        )
        outcomes = [[each[seed] for seed in ablation.seeds] for each in (better, worse)]
        yield name, MeasuredContrast(params, contrast_of_outcomes(*outcomes), {})


if __name__ == "__main__":
    table_main("ablations.bodies_table", run)
