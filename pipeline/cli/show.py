"""``crossband show``: a contact sheet of any stage's output."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import StageError
from pipeline.types import Band

if TYPE_CHECKING:
    from pipeline.store import ShardFolder
    from pipeline.store.files import Place


def show(
    folder: Annotated[
        str, typer.Argument(help="a stage's output, e.g. data/sample/align, or s3://…")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="PNG to write; by default <data set>-<stage>.png here"),
    ] = None,
    subject: Annotated[list[str] | None, typer.Option(help="only this subject; repeatable")] = None,
    band: Annotated[
        list[Band] | None,
        typer.Option(help="only this band; repeatable", case_sensitive=False),
    ] = None,
    subjects: Annotated[int, typer.Option(min=1, help="how many subjects, if none is named")] = 5,
    per_subject: Annotated[int, typer.Option(min=1, help="images of each subject and band")] = 3,
    tile_px: Annotated[int, typer.Option(min=32, max=1024, help="side of a tile")] = 160,
) -> None:
    """Draw a contact sheet of any stage's output.

    An earlier sheet is replaced; any other file of that name stays.
    """
    from pipeline.report.chosen_rows import count_subjects
    from pipeline.report.contact_sheet import contact_sheet

    if out is not None:
        check_sheet(out)
    shards = output_of(folder)
    if out is None:
        out = Path(f"{'-'.join(shards.path.absolute().parts[-2:])}.png")
        check_sheet(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(
        shards,
        out,
        subjects=subject or (),
        bands=band or (),
        most_subjects=subjects,
        per_subject=per_subject,
        tile_px=tile_px,
    )
    print(out)
    if not subject:
        there = count_subjects(shards, band or ())
        print(
            f"{min(there, subjects)} of {there} subjects (--subjects), at most {per_subject} "
            "images of each in a band (--per-subject)"
        )


def check_png(out: Path) -> None:
    """Refuse a name that is another format's than what is written.

    Raises:
        StageError: it does not end in ``.png``.
    """
    if out.suffix.lower() != ".png":
        raise StageError(f"{out}: expected the extension .png, as a PNG is written")


def check_sheet(out: Path) -> None:
    """Refuse to write a sheet under another format's name, or over what is no sheet.

    Raises:
        StageError: the name does not end in ``.png``, or something else of that name is there.
    """
    from pipeline.report.contact_sheet import is_ours

    check_png(out)
    if out.exists() and not (out.is_file() and is_ours(out)):
        raise StageError(
            f"{out} exists and is not a sheet of crossband's: name another file by -o, "
            "or move it away"
        )


def output_of(folder: "Place | str") -> "ShardFolder":
    """Open a stage's output that a command names, on a disk or in an object store.

    Raises:
        StageError: there is none; it says where was looked, and whether that is a project.
    """
    from pipeline.store import ShardFolder
    from pipeline.store.files import place_of

    place = place_of(str(folder))
    try:
        shards = ShardFolder.open(place)
    except StageError as error:
        here = Path.cwd()
        hint = "" if (here / "dvc.yaml").is_file() else f"; {here} is not a crossband project"
        raise StageError(f"{error}. Looked in {place.absolute()}{hint}") from error
    if place.name == "rejected":
        raise StageError(
            f"{place} holds what a stage rejected: `crossband rejected {place.parent}` shows it"
        )
    return shards
