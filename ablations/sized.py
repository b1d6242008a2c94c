"""A file of rows with others laid over it: ``python -m ablations.sized TARGET FILE [OVER …]``."""

import io
import sys
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.errors import CrossbandError, ParamsError
from pipeline.params.load import merge_params, read_yaml
from pipeline.store.whole import write_whole


def run(target: Path, file: Path, *over: Path) -> None:
    """Write rows, with what other files change of them; nothing where that stands already.

    Raises:
        ParamsError: a file changes a row that is not there.
    """
    values = read_yaml(file)
    for each in over:
        changes = read_yaml(each)
        if unknown := sorted(changes.get("rows", {}).keys() - values["rows"].keys()):
            raise ParamsError(f"{each}: {unknown} are none of {file}'s rows {list(values['rows'])}")
        values = merge_params(values, changes)
    if not target.is_file() or read_yaml(target) != values:
        yaml = YAML()
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # rows in order
        written = io.StringIO()
        yaml.dump(values, written)
        write_whole(target, written.getvalue())


if __name__ == "__main__":
    try:
        run(*map(Path, sys.argv[1:]))
    except CrossbandError as error:
        sys.exit(f"error: {error}")
