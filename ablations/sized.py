"""A file of rows with others laid over it.

``python -m ablations.sized TARGET FILE [OVER …] [--threads=N]``
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.errors import CrossbandError, ParamsError
from pipeline.params.load import merge_params, read_yaml
from pipeline.store.whole import write_whole

_THREADS = "--threads="


def run(target: Path, file: Path, *over: Path, threads: int | None = None) -> None:
    """Write rows, with what other files change of them; nothing where that stands already.

    Args:
        target: what is written.
        file: of the rows.
        over: files that are laid over it, the last one on top.
        threads: that each row trains with; None leaves what the files say.

    Raises:
        ParamsError: a file changes a row that is not there.
    """
    values = read_yaml(file)
    for each in over:
        changes = read_yaml(each)
        if unknown := sorted(changes.get("rows", {}).keys() - values["rows"].keys()):
            raise ParamsError(f"{each}: {unknown} are none of {file}'s rows {list(values['rows'])}")
        values = merge_params(values, changes)
    if threads is not None:
        rows = {name: {"method": {"threads": threads}} for name in values["rows"]}
        values = merge_params(values, {"rows": rows})
    if not target.is_file() or read_yaml(target) != values:
        yaml = YAML()
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # rows in order
        written = io.StringIO()
        yaml.dump(values, written)
        write_whole(target, written.getvalue())


def main(words: Sequence[str]) -> None:
    """Take the command line.

    Raises:
        ParamsError: the number of threads is none.
    """
    files = [Path(word) for word in words if not word.startswith(_THREADS)]
    asked = [word.removeprefix(_THREADS) for word in words if word.startswith(_THREADS)]
    if asked and (not asked[-1].isdecimal() or not int(asked[-1])):
        raise ParamsError(f"{_THREADS}{asked[-1]}: expected a whole number from 1")
    run(*files, threads=int(asked[-1]) if asked else None)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CrossbandError as error:
        sys.exit(f"error: {error}")
