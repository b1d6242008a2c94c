"""The command ``crossband``: what people do beside ``dvc repro``. A module here is a command.

Modules import what is slow to import only when a command runs: ``--help`` answers at once.
"""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pipeline.cli.check import check
from pipeline.cli.compare import compare, diff
from pipeline.cli.counterparts import counterparts
from pipeline.cli.doctor import doctor
from pipeline.cli.embed import embed
from pipeline.cli.export import WHAT_FORMATS_HOLD, export_command, import_command
from pipeline.cli.export_model import export_model
from pipeline.cli.lock import check_lock, check_running
from pipeline.cli.mask_design import mask_design
from pipeline.cli.mesh import mesh
from pipeline.cli.new_dataset import new_dataset
from pipeline.cli.projects import init, project_file, workspace
from pipeline.cli.rejected import explain, rejected
from pipeline.cli.show import show
from pipeline.cli.weights import weights
from pipeline.errors import CrossbandError, refusal, want_of_memory
from pipeline.extras import missing_words
from pipeline.params.inputs import check_inputs
from pipeline.params.installed import installed_version
from pipeline.params.load import load_params
from pipeline.params.masks import MasksParams
from pipeline.process import open_streams, print_any_text, take_signals

app = typer.Typer(
    name="crossband",
    help="Prepares cross-spectral face and body data. `dvc repro` runs the pipeline itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"crossband {installed_version()}")
        raise typer.Exit


@app.callback()
def _any_command(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="print the version and exit", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


app.command()(init)
app.command()(workspace)


@app.command()
def params(
    path: Annotated[Path, typer.Argument(help="parameter file")] = Path("params.yaml"),
) -> None:
    """Check every key of a parameter file, and the dvc.lock beside it."""
    file = project_file(str(path))
    checked = load_params(file)
    check_inputs(checked, path)
    _check_designs(checked.masks)
    check_lock(file.with_name("dvc.lock"))
    check_running(file.with_name(".dvc") / "tmp/rwlock")
    print(f"{path}: in order")


def _check_designs(masks: MasksParams) -> None:
    """Refuse mask designs that are none: the stage would, after all that comes before it."""
    from pipeline.synthesis.masks.drawn import BUILTIN
    from pipeline.synthesis.masks.files import load_design

    for name in masks.designs:
        if name in masks.own or name not in BUILTIN:
            load_design(name, masks.own)


app.command()(weights)
app.command()(show)
app.command()(rejected)
app.command()(explain)
app.command()(diff)
app.command()(compare)
app.command()(doctor)
app.command()(check)
app.command()(counterparts)
app.command()(embed)
app.command("export", epilog=WHAT_FORMATS_HOLD)(export_command)
app.command("export-model")(export_model)
app.command("import")(import_command)
app.command("mask-design")(mask_design)
app.command("mesh")(mesh)
app.command("new-dataset")(new_dataset)


_DIFFERING = ("diff", "check")
"""Commands whose exit status 1 says that something differs: an error is 2 there, as of diff(1)."""


def main() -> None:
    """Run the command; an error raised on purpose is one clear message and exit status 1, or 2."""
    take_signals()
    open_streams()
    print_any_text()
    try:
        app()
    except CrossbandError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if (words := missing_words(error)) is None:
            raise
        _fail(words)
    except (MemoryError, RuntimeError) as error:
        if (words := want_of_memory(error)) is None:
            raise
        _fail(words)
    except OSError as error:
        _fail(f"{refusal(error)}: expected a file or folder that is there and may be used")


def _fail(words: str) -> NoReturn:
    """End with an error."""
    print(f"error: {words}", file=sys.stderr)
    sys.exit(2 if sys.argv[1:2] and sys.argv[1] in _DIFFERING else 1)
