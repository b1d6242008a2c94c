"""A file of rows with others laid over it.

``python -m ablations.laid_over TARGET FILE [OVER …] [--threads=N]``
"""

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
        ParamsError: the file has no rows, or another one changes a row that is not there.
    """
    values = read_yaml(file)
    if not _rows_of(values, file):
        raise ParamsError(f"{file} has no rows: expected one of ablations, for example params.yaml")
    for each in over:
        changes = read_yaml(each)
        if unknown := sorted(_rows_of(changes, each).keys() - values["rows"].keys()):
            raise ParamsError(f"{each}: {unknown} are none of {file}'s rows {list(values['rows'])}")
        values = merge_params(values, changes)
    if threads is not None:
        rows = {name: {"method": {"threads": threads}} for name in values["rows"]}
        values = merge_params(values, {"rows": rows})
    if not target.is_file() or read_yaml(target) != values:
        yaml = YAML()
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # rows in order
        written = io.StringIO()
        written.write(
            f"# Made from {' and '.join(map(str, (file, *over)))}, and made again when they\n"
        )
        written.write("# or this file change: edit them, not this.\n")
        yaml.dump(values, written)
        write_whole(target, written.getvalue())


def _rows_of(values: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    """Return the rows that a file has, none where it has no key of that name.

    Raises:
        ParamsError: it has something else there.
    """
    rows = values.get("rows", {})
    if not isinstance(rows, Mapping):
        raise ParamsError(f"{file}: rows: expected a name for each row, found {rows!r}")
    return rows


def main(words: Sequence[str]) -> None:
    """Take the command line.

    Raises:
        ParamsError: the number of threads is none.
    """
    files = [Path(word) for word in words if not word.startswith("--")]
    asked = [word.removeprefix(_THREADS) for word in words if word.startswith(_THREADS)]
    if len(files) < 2 or len(files) + len(asked) < len(words):
        sys.exit(f"usage: python -m ablations.laid_over TARGET FILE [OVER …] [{_THREADS}N]")
    if asked and (not asked[-1].isdecimal() or not int(asked[-1])):
        raise ParamsError(f"{_THREADS}{asked[-1]}: expected a whole number from 1")
    run(*files, threads=int(asked[-1]) if asked else None)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CrossbandError as error:
        sys.exit(f"error: {error}")
