"""One table of all rows, ours and published: ``python -m ablations.table``."""

import json
import sys
from pathlib import Path

from ablations.row import ABLATIONS, FOLDER
from pipeline.errors import CrossbandError, StageError
from pipeline.params.ablations import AblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations import ablation_table, write_ablation


def run() -> None:
    """Write ``results.md`` and ``results.csv`` of every row, and print the table."""
    ablation = load_section(AblationParams, ABLATIONS)
    paths = {name: FOLDER / "rows" / f"{name}.json" for name in ablation.rows}
    if missing := [name for name, path in paths.items() if not path.is_file()]:
        raise StageError(f"not measured yet: {missing}; run `python -m ablations.row` on each")
    results = {name: json.loads(path.read_text()) for name, path in paths.items()}
    write_ablation(ablation, results, FOLDER / "results.csv")
    table = ablation_table(ablation, results)
    Path(FOLDER, "results.md").write_text(table)
    print(table)


if __name__ == "__main__":
    try:
        run()
    except CrossbandError as error:
        sys.exit(f"error: {error}")
