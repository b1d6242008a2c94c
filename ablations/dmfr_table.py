"""One table of DMFR's rows, ours and published: ``python -m ablations.dmfr_table``."""

from pathlib import Path

from ablations.dmfr_row import ABLATIONS
from ablations.measured import FOLDER, read_rows
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations_dmfr import dmfr_table
from pipeline.report.analyse_modality import curves_figure
from stages.run import run_guarded


def run() -> None:
    """Write ``dmfr.md`` and the losses of every row, and print the table."""
    ablation = load_section(DmfrAblationParams, ABLATIONS)
    results = read_rows("dmfr_rows", ablation.rows, "python -m ablations.dmfr_row")
    table = dmfr_table(ablation, results)
    Path(FOLDER, "dmfr.md").write_text(table)
    curves = {ablation.rows[name].title: seeds[0]["curve"] for name, seeds in results.items()}
    curves_figure(curves, FOLDER / "dmfr.curves.png")
    print(table)


if __name__ == "__main__":
    run_guarded("ablations.dmfr_table", run)
