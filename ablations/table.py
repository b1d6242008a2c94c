"""One table of all rows, ours and published: ``python -m ablations.table``."""

from pathlib import Path

from ablations.measured import FOLDER, read_rows
from ablations.row import ABLATIONS
from pipeline.params.ablations import AblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations import ablation_table, write_ablation
from stages.run import run_guarded


def run() -> None:
    """Write ``results.md`` and ``results.csv`` of every row, and print the table."""
    ablation = load_section(AblationParams, ABLATIONS)
    results = read_rows("rows", ablation.rows, "python -m ablations.row")
    write_ablation(ablation, results, FOLDER / "results.csv")
    table = ablation_table(ablation, results)
    Path(FOLDER, "results.md").write_text(table)
    print(table)


if __name__ == "__main__":
    run_guarded("ablations.table", run)
