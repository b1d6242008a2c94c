"""The command ``crossband check``: is this copy of a data set what was published?"""

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import ParamsError, ReaderError
from pipeline.params.load import load_params
from pipeline.readers import CHECKED, READERS

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.protocols.check import Finding, Verdict
    from pipeline.store.progress import Advance

EXAMPLES = 5


def check(
    dataset: Annotated[
        str, typer.Argument(help=f"one of {', '.join(CHECKED)}; or a data set of params.yaml")
    ],
    root: Annotated[
        Path | None, typer.Option(help="folder of the copy; by default as in params.yaml")
    ] = None,
    decode: Annotated[bool, typer.Option("--decode", help="decode every image")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="name every file, not only the first few")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, not a table")] = False,
) -> None:
    """Verify a copy of a data set: counts, missing and extra files, lists, subjects in two splits.

    Exit status: 0 if it is in order, 1 if anything differs, 2 on an error.
    """
    from rich.console import Console

    from pipeline.protocols.check import check_dataset
    from pipeline.store.progress import progress

    reader, folder = _resolve(dataset, root)
    with ExitStack() as stack:

        def start(total: int) -> "Advance":
            return stack.enter_context(progress(f"check {dataset}", total))

        try:
            verdict = check_dataset(reader, folder, name=dataset, decode=decode, start=start)
        except ReaderError as error:
            if root and str(error).endswith(f"datasets.{dataset}.root"):
                raise ReaderError(f"{error} (here: --root)") from error
            raise
    if as_json:
        print(json.dumps(asdict(verdict) | {"in_order": verdict.in_order}, indent=2))
    else:
        Console().print(_table(dataset, verdict))
        for finding in verdict.findings:
            print(_sentence(finding, everything))
        print(f"{dataset}: {'in order' if verdict.in_order else 'differs from what was published'}")
    if not verdict.in_order:
        raise typer.Exit(1)


def _resolve(dataset: str, root: Path | None) -> tuple[str, Path]:
    """Return the reader and the root that are meant; with a root, a reader may be named."""
    reader = dataset
    if root is None or dataset not in READERS:
        params = Path("params.yaml")
        datasets = load_params(params).datasets if params.exists() else {}
        if dataset not in datasets:
            raise ParamsError(
                f"{dataset!r} is not a data set of {params}: name one of {sorted(datasets)}, "
                f"or one of {list(CHECKED)} with --root. Looked in {Path.cwd()}"
            )
        reader, root = str(datasets[dataset].reader), root or Path(datasets[dataset].root)
    if reader not in CHECKED:
        raise ParamsError(
            f"reader {reader!r} can't be checked, as no counts are published for it: expected one "
            f"of {list(CHECKED)}. For files of your own see the metrics of `ingest`"
        )
    return reader, root


def _table(dataset: str, verdict: "Verdict") -> "Table":
    from rich.table import Table

    table = Table("what", "found", "published", "", title=dataset)
    for count in verdict.counts:
        sign = "" if count.published is None else "differs" if count.differs else "ok"
        published = "" if count.published is None else f"{count.published:,}"
        table.add_row(count.what, f"{count.found:,}", published, sign)
    return table


def _sentence(finding: "Finding", everything: bool) -> str:
    if not finding.items:
        return finding.what
    shown = finding.items if everything else finding.items[:EXAMPLES]
    rest = len(finding.items) - len(shown)
    lines = [f"{len(finding.items)} {finding.what}:", *(f"  {item}" for item in shown)]
    return "\n".join([*lines, f"  … and {rest} more (--all)"] if rest else lines)
