"""One table of NIR-VIS's rows, ours and published: ``python -m ablations.nir_vis_table``."""

from ablations.nir_vis_contrasts import MEASURE, contrasted
from ablations.nir_vis_row import ABLATIONS
from ablations.nir_vis_zero_shot import read_zero_shot
from ablations.rows import FOLDER, table_main, with_results
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations import ablation_table, write_ablation
from pipeline.report.ablations_figure import ablation_figure
from pipeline.report.contrasts import write_contrasts
from pipeline.store.whole import write_whole


def run(*, partly: bool = False) -> None:
    """Write ``results.md``, ``.csv`` and ``.png`` of every row, and print the table.

    Args:
        partly: whether rows that were not measured yet are left out, and claims about them.

    Raises:
        StageError: a row was not measured, and all were asked for; or none was.
    """
    whole = load_section(NirVisAblationParams, ABLATIONS)
    ablation, results = with_results(
        whole, "rows", "python -m ablations.nir_vis_row", partly=partly
    )
    zero_shot, separation = read_zero_shot()
    write_ablation(ablation, results, zero_shot, FOLDER / "results.csv")
    table = ablation_table(ablation, results, zero_shot, separation)
    found = contrasted(ablation)
    table += "\n" + write_contrasts(MEASURE, found, FOLDER / "contrasts.json")
    write_whole(FOLDER / "results.md", table)
    ablation_figure(ablation, results, FOLDER / "results.png")
    print(table)


if __name__ == "__main__":
    table_main("ablations.nir_vis_table", run)
