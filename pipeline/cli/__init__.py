"""The command ``crossband``: what people do beside ``dvc repro``. A module here is a command."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from ruamel.yaml import YAML

from pipeline.cli.check import check
from pipeline.cli.export import export_command, import_command
from pipeline.cli.mask_template import mask_template
from pipeline.cli.mesh import mesh
from pipeline.errors import CrossbandError, StageError
from pipeline.params.load import check_params, lay_profile_over, load_params, read_yaml
from pipeline.report.contact_sheet import contact_sheet
from pipeline.store import ShardFolder
from pipeline.weights import load_registry, status_table

app = typer.Typer(
    name="crossband",
    help="Prepares cross-spectral face and body data. The pipeline itself runs by `dvc repro`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(check)
app.command("export")(export_command)
app.command("import")(import_command)
app.command("mask-template")(mask_template)
app.command("mesh")(mesh)

PROJECT = (
    *("pipeline", "stages", "models", "ablations"),
    *("dvc.yaml", "weights.yaml", "params", ".dvcignore"),
)


@app.command()
def params(
    path: Annotated[Path, typer.Argument(help="parameter file")] = Path("params.yaml"),
) -> None:
    """Check a parameter file, the whole of it, and do nothing else."""
    load_params(path)
    print(f"{path}: in order")


@app.command()
def weights(
    registry: Annotated[Path, typer.Option(help="list of weight files")] = Path("weights.yaml"),
    folder: Annotated[Path, typer.Option(help="where the files lie")] = Path("weights"),
) -> None:
    """Show the weight files: role, licence, length, whether present, where from."""
    Console().print(status_table(load_registry(registry), folder))


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="a stage's output, e.g. data/sample/align")],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write")],
    subject: Annotated[list[str] | None, typer.Option(help="only this subject; repeatable")] = None,
    band: Annotated[list[str] | None, typer.Option(help="only this band; repeatable")] = None,
    subjects: Annotated[int, typer.Option(min=1, help="how many, where none is named")] = 5,
    per_subject: Annotated[int, typer.Option(min=1, help="images a subject and band")] = 3,
    tile_px: Annotated[int, typer.Option(min=32, max=1024, help="side of a tile")] = 160,
) -> None:
    """Draw a contact sheet of any stage's output."""
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(
        ShardFolder.open(folder),
        out,
        subjects=subject or (),
        bands=band or (),
        most_subjects=subjects,
        per_subject=per_subject,
        tile_px=tile_px,
    )
    print(out)


@app.command()
def workspace(
    target: Annotated[Path, typer.Argument(help="folder to make")],
    profile: Annotated[
        list[Path] | None, typer.Option(help="YAML to lay over params.yaml; repeatable, in order")
    ] = None,
) -> None:
    """Copy this project into a new DVC workspace, with params of its own.

    For trials that leave this workspace's params and data alone: `--profile params/tiny.yaml` is
    the small run of tests and CI. Fetched weight files are found in the user's cache.
    """
    if target.exists() and any(target.iterdir()):
        raise StageError(f"{target} is not empty; name a new folder")
    values = read_yaml(Path("params.yaml"))
    for file in profile or ():
        values = lay_profile_over(values, read_yaml(file))
    check_params(values, Path("params.yaml with the profile"))
    target.mkdir(parents=True, exist_ok=True)
    for name in PROJECT:
        source = Path(name)
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target / name)
    (target / ".dvc").mkdir()
    config = Path(".dvc/config").read_text()
    (target / ".dvc" / "config").write_text(config.replace("[core]", "[core]\n    no_scm = true"))
    with (target / "params.yaml").open("w") as merged:
        YAML().dump(values, merged)
    print(f"{target}: ready; run `dvc repro` there")


def main() -> None:
    """Run the command; an error raised on purpose is one clear message and exit status 1."""
    try:
        app()
    except CrossbandError as error:
        sys.exit(f"error: {error}")
