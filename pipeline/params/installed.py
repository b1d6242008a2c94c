"""What comes with the installed crossband, and which one a project was made with.

The stages of a project of one's own depend on the version in place of the code.
"""

from importlib.metadata import files, version
from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.params.load import read_yaml

MADE_WITH = Path("crossband.yaml")
"""File of a project of one's own that holds the version; a copy of the code has none."""


def installed_version() -> str:
    """Return the version of the crossband that runs."""
    return version("crossband")


def shipped(name: str) -> Path:
    """Return a file that comes with crossband: beside the sources, or installed from a wheel.

    Args:
        name: as it is called in the repository, for example ``params.yaml``.

    Raises:
        ParamsError: the installation lacks it.
    """
    beside = Path(__file__).parents[2] / name
    if beside.is_file():
        return beside
    for file in files("crossband") or ():
        if file.as_posix().endswith(f"share/crossband/{name}"):
            return Path(str(file.locate())).resolve()
    raise ParamsError(f"this installation lacks {name}: install crossband again")


def check_installed(folder: Path = Path()) -> None:
    """Refuse to run a project with another version than its results are of.

    Args:
        folder: the project's.

    Raises:
        ParamsError: ``crossband.yaml`` names another one, or is no YAML.
    """
    path = folder / MADE_WITH
    if not path.is_file():
        return
    wanted = read_yaml(path).get("version")
    if str(wanted) != installed_version():
        raise ParamsError(
            f"{path}: this project was made by crossband {wanted}, but {installed_version()} is "
            f"installed: install {wanted}, or upgrade the project: `crossband init --upgrade .`"
        )
