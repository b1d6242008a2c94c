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
    """pip's options about indexes.

    Attributes:
        index_urls: the main index first; empty when pip is told to use none. None inside stands
            for pip's default index.
        find_links: local folders or pages that list packages; those that exist.
        trusted_hosts: hosts whose certificate is not checked.
        cert: bundle of certificate authorities, or None for the system's.
        client_cert: the client's own certificate, or None.
        proxy: address of the proxy, or None for the environment's.
    """

    index_urls: tuple[str | None, ...] = (None,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None


def parse_pip_config(listing: str) -> PipSettings:
    """Read the output of ``pip config list``: lines such as ``global.index-url='https://…'``."""
    merged: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if equals and section in merged:
            merged[section][option] = str(ast.literal_eval(value))
    options = {key: value for section in _SECTIONS for key, value in merged[section].items()}

    def words(option: str) -> tuple[str, ...]:
        return tuple(options.get(option, "").split())

    indexes: tuple[str | None, ...] = (options.get("index-url"), *words("extra-index-url"))
    if options.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        indexes = ()
    links = (
        link if "://" in link else str(Path(link).expanduser()) for link in words("find-links")
    )
    return PipSettings(
        index_urls=indexes,
        find_links=tuple(link for link in links if "://" in link or Path(link).exists()),
        trusted_hosts=words("trusted-host"),
        cert=options.get("cert"),
        client_cert=options.get("client-cert"),
        proxy=options.get("proxy"),
    )


def read_pip_settings() -> PipSettings:
    """Ask the environment's own pip for its configuration: files and ``PIP_*`` variables.

    An environment without pip has no such configuration: then the defaults hold.

    Raises:
        WeightsError: pip refuses its configuration.
    """
    if importlib.util.find_spec("pip") is None:
        return PipSettings()
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise WeightsError(f"`python -m pip config list` failed: {complaint[0]}")
    return parse_pip_config(done.stdout)
