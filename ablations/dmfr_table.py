"""One table of DMFR's rows, ours and published: ``python -m ablations.dmfr_table``."""

import json
import sys
from pathlib import Path

from ablations.dmfr_row import ABLATIONS, FOLDER
from pipeline.errors import CrossbandError, StageError
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_section
from pipeline.report.ablations_dmfr import dmfr_table


def run() -> None:
    """Write ``dmfr.md`` of every row, and print it."""
    ablation = load_section(DmfrAblationParams, ABLATIONS)
    paths = {name: FOLDER / "dmfr_rows" / f"{name}.json" for name in ablation.rows}
    if missing := [name for name, path in paths.items() if not path.is_file()]:
        raise StageError(f"not measured yet: {missing}; run `python -m ablations.dmfr_row` on each")
    results = {name: json.loads(path.read_text()) for name, path in paths.items()}
    table = dmfr_table(ablation, results)
    Path(FOLDER, "dmfr.md").write_text(table)
    print(table)


if __name__ == "__main__":
    try:
        run()
    except CrossbandError as error:
        sys.exit(f"error: {error}")
