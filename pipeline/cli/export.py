"""Commands ``export`` and ``import``: prepared data to the formats of others, and back."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.show import output_of
from pipeline.exporters import EXPORTERS, HOLDS
from pipeline.types import Split

FORMATS = ", ".join(EXPORTERS)
WHAT_FORMATS_HOLD = "\n\n".join(f"{name}: {what}" for name, what in HOLDS.items())


def export_command(
    source: Annotated[
        str, typer.Argument(help="a stage's output, e.g. data/sample/align, or s3://…")
    ],
    form: Annotated[str, typer.Option("--format", help=FORMATS)],
    to: Annotated[str, typer.Option(help="folder to make: a path, s3://…, gs://…")],
    where: Annotated[
        str | None, typer.Option(help="SQL condition, e.g. \"band = 'NIR' and yaw_deg < 30\"")
    ] = None,
    split: Annotated[
        list[Split] | None,
        typer.Option(help="only this split; repeatable", case_sensitive=False),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="only these columns, separated by commas")
    ] = None,
    image: Annotated[str, typer.Option(help="column of the images to write")] = "image",
    pairs: Annotated[int, typer.Option(min=2, max=1_000_000, help="pairs in lfw_bin")] = 6000,
    seed: Annotated[int, typer.Option(min=0, help="draws pairs (lfw_bin), order (dali)")] = 0,
    mix: Annotated[
        list[str] | None,
        typer.Option(help="allow pairs of two bands or splits: band, split (lfw_bin); repeatable"),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="replace an export that is there")] = False,
    verify: Annotated[bool, typer.Option(help="read the export back and compare")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be written")] = False,
) -> None:
    """Write a stage's output in the format of another tool, with a manifest, and read it back.

    Columns for --where: those of the stage, and yaw_deg, pitch_deg, roll_deg, interocular_px.
    """
    from pipeline.exporters.format import Request
    from pipeline.exporters.running import export, plan_export
    from pipeline.process import limit_threads
    from pipeline.store import executor_from_environment
    from pipeline.store.files import place_of

    place = place_of(source)
    output_of(source)
    limit_threads()
    request = Request(
        source=place,
        format=form,
        to=to,
        where=where,
        splits=tuple(split or ()),
        columns=tuple(name.strip() for name in columns.split(",")) if columns else (),
        image=image,
        pairs=pairs,
        seed=seed,
        mix=tuple(mix or ()),
    )
    if dry_run:
        plan = plan_export(request, overwrite=overwrite)
        print(
            f"would write {plan.rows} rows in {plan.units} parts to {to}: "
            f"about {plan.files} files, {plan.bytes / 1e6:.1f} MB"
        )
        return
    export(request, executor=executor_from_environment(), overwrite=overwrite, verify=verify)


def import_command(
    url: Annotated[str, typer.Argument(help="an export: a path, s3://…, gs://…")],
    to: Annotated[Path, typer.Option(help="folder of shards to make")],
    shards: Annotated[
        int | None,
        typer.Option(
            min=1, max=4096, help="number of shards; by default as many as the source had"
        ),
    ] = None,
) -> None:
    """Turn an export back into shards. Every row is the same as the one that was exported."""
    from pipeline.exporters.importing import import_export

    folder = import_export(url, to, shards)
    rows = sum(folder.shard(index).rows() for index in range(folder.count))
    print(f"{to}: {rows} rows in {folder.count} shards")
