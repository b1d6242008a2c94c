"""Where pip would look: the package index comes from pip's own configuration, never from ours."""

import ast
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import WeightsError

# The sections of pip's configuration that say how to get a package; a later one wins.
_SECTIONS = ("global", "install", "download", ":env:")


@dataclass(frozen=True)
class PipSettings:
    """pip's options about indexes; None for what pip or the environment has by default."""

    index_urls: tuple[str | None, ...] = (None,)
    """The main index first; none where pip may use none."""
    find_links: tuple[str, ...] = ()
    """Pages, and folders that exist."""
    trusted_hosts: tuple[str, ...] = ()
    """Their certificate isn't checked."""
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None


def parse_pip_config(listing: str) -> PipSettings:
    """Read the output of ``pip config list``: lines such as ``global.index-url='https://…'``."""
    lines = [line.partition("=") for line in listing.splitlines()]
    options = {
        key.removeprefix(f"{section}."): str(ast.literal_eval(value))
        for section in _SECTIONS
        for key, equals, value in lines
        if equals and key.rpartition(".")[0] == section
    }
    words = {option: tuple(value.split()) for option, value in options.items()}
    no_index = options.get("no-index", "").lower() in {"1", "true", "yes", "on"}
    links = (
        link if "://" in link else str(Path(link).expanduser())
        for link in words.get("find-links", ())
    )
    return PipSettings(
        () if no_index else (options.get("index-url"), *words.get("extra-index-url", ())),
        tuple(link for link in links if "://" in link or Path(link).exists()),
        words.get("trusted-host", ()),
        *map(options.get, ("cert", "client-cert", "proxy")),
    )


def read_pip_settings() -> PipSettings:
    """Ask the environment's own pip, if it has one, for its files and ``PIP_*`` variables.

    Raises:
        WeightsError: pip refuses its configuration.
    """
    if importlib.util.find_spec("pip") is None:
        return PipSettings()
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WeightsError(f"`python -m pip config list` failed: {done.stderr.strip()}")
    return parse_pip_config(done.stdout)
