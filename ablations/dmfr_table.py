"""One table of DMFR's rows, ours and published: ``python -m ablations.dmfr_table``."""

import json
import sys
from pathlib import Path

from ablations.dmfr_row import ABLATIONS, FOLDER
from pipeline.errors import CrossbandError, StageError
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations_dmfr import dmfr_table
from pipeline.report.analyse_modality import curves_figure


def run() -> None:
    """Write ``dmfr.md`` and the losses of every row, and print the table."""
    ablation = load_section(DmfrAblationParams, ABLATIONS)
    paths = {name: FOLDER / "dmfr_rows" / f"{name}.json" for name in ablation.rows}
    if missing := [name for name, path in paths.items() if not path.is_file()]:
        raise StageError(f"not measured yet: {missing}; run `python -m ablations.dmfr_row` on each")
    results = {name: json.loads(path.read_text()) for name, path in paths.items()}
    table = dmfr_table(ablation, results)
    Path(FOLDER, "dmfr.md").write_text(table)
    curves = {ablation.rows[name].title: seeds[0]["curve"] for name, seeds in results.items()}
    curves_figure(curves, FOLDER / "dmfr.curves.png")
    print(table)


if __name__ == "__main__":
    try:
        run()
    except CrossbandError as error:
        sys.exit(f"error: {error}")
