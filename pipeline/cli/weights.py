"""``crossband weights``: the weight files, with licence and presence."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.projects import project_file


def weights(
    registry: Annotated[Path, typer.Option(help="list of weight files")] = Path("weights.yaml"),
    folder: Annotated[Path, typer.Option(help="folder of the files")] = Path("weights"),
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, not a table")] = False,
) -> None:
    """Show the weight files: role, licence, size, whether present, where from."""
    from rich.console import Console

    from pipeline.weights import load_registry, status_rows, status_table

    entries = load_registry(project_file(str(registry)))
    if as_json:
        import json

        print(json.dumps(status_rows(entries, folder), indent=2))
    else:
        Console().print(status_table(entries, folder))
