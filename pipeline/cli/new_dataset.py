"""``crossband new-dataset``: a reader to start from, with its test."""

import re
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import StageError
from pipeline.store.whole import write_whole

READERS = Path("pipeline/readers")
_SCAFFOLD = Path(__file__).parent / "scaffold"
_END_OF_LIST = re.compile(r"(READERS: dict\[str, str\] = \{\n(?: .*\n)*?)(\}\n)")


def new_dataset(
    name: Annotated[str, typer.Argument(help="name of the reader: lower case, digits, _")],
) -> None:
    """Write a reader of a new layout with its test, and name it in the list of readers.

    The reader takes `<subject>_<band>_<number>.png`, and its test passes: change both to your
    layout. Run this in crossband's sources or in a workspace of them. A folder of people or a CSV
    needs no new reader: take `folder`.

    Example: `crossband new-dataset mugshots && python -m pytest tests/readers/test_mugshots.py`
    """
    registry = READERS / "__init__.py"
    if not registry.is_file():
        raise StageError(
            f"no {registry} in {Path.cwd()}: expected crossband's sources, or a workspace of them "
            "(`crossband workspace DIR`). Images in a folder for each person need no new reader"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or iskeyword(name):
        raise StageError(
            f"{name!r}: expected a name of lower case letters, digits and _, no keyword of Python"
        )
    written = {
        READERS / f"{name}.py": _SCAFFOLD / "reader.py.txt",
        Path("tests/readers") / f"test_{name}.py": _SCAFFOLD / "test_reader.py.txt",
    }
    if there := [str(path) for path in (*written, READERS / name) if path.exists()]:
        raise StageError(f"{' and '.join(there)} exist: expected a name that is not taken")
    listed, count = _END_OF_LIST.subn(
        rf'\g<1>    "{name}": "pipeline.readers.{name}",\n\g<2>',
        registry.read_text(encoding="utf-8"),
    )
    if count != 1:
        raise StageError(f"{registry} has no list READERS: put it back as git has it")
    for path, scaffold in written.items():
        write_whole(path, scaffold.read_text(encoding="utf-8").replace("NAME", name))
        print(path)
    write_whole(registry, listed)
    print(f"{registry}: {name} added. Next: docs/add-a-reader.md")
