"""Downloads by unearth's client, set up as pip's: bounded, and quick to give up on a dead host."""

import functools
import logging
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from rich.console import Console
from rich.progress import Progress
from unearth import Link, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.errors import UnpackError
from unearth.fetchers import Fetcher, PyPIClient

from pipeline.errors import WeightsError
from pipeline.weights.pip_settings import PipSettings, read_pip_settings

_log = logging.getLogger(__name__)

# A host that a firewall swallows must not hold up `make repro`: five seconds, once a run.
_CONNECT_S = 5.0
_BROKEN = (httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError)


class Web:
    """The connections of one run, and the hosts found out of reach.

    Args:
        scratch: folder for what is downloaded; the caller removes it.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._knock = functools.cache(_knock)  # a dead host is asked nothing more in this run

    def close(self) -> None:
        """Close what was opened; nothing was if nothing was asked of the network."""
        if "client" in self.__dict__:
            self.client.close()

    @cached_property
    def settings(self) -> PipSettings:
        """Pip's own configuration."""
        return read_pip_settings()

    @cached_property
    def indexes(self) -> list[str]:
        """Addresses of the package indexes, the main one first."""
        # unearth knows the default index by itself; asking for it writes no host here.
        default = str(PackageFinder().sources[0]["url"])
        return [default if index is None else index for index in self.settings.index_urls]

    @cached_property
    def client(self) -> PyPIClient:
        """The one client, with pip's certificates, proxy and credentials.

        Raises:
            WeightsError: pip is configured with a certificate or proxy that cannot be used.
        """
        # They log every URL at INFO, and an index may carry its password there.
        for noisy in ("httpx2", "unearth"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        cert = self.settings.cert
        try:
            client = PyPIClient(
                trusted_hosts=self.settings.trusted_hosts,
                verify=ssl.create_default_context(cafile=cert) if cert else True,
                cert=self.settings.client_cert,
                timeout=httpx2.Timeout(30.0, connect=_CONNECT_S),
                follow_redirects=True,
                proxy=self.settings.proxy,
            )
        except (OSError, ValueError) as error:
            raise WeightsError(f"pip's cert, client-cert or proxy is unusable: {error}") from error
        client.auth = MultiDomainBasicAuth(prompting=False, index_urls=self.indexes)
        return client

    def find(self, location: str, requirement: str, file: str, *, is_index: bool) -> Link:
        """Look up exactly the named file, whatever Python or platform runs this.

        One location at a time: unearth gives up on all of them as soon as one does not answer.

        Raises:
            WeightsError: the location cannot be reached, or does not list the file.
        """
        finder = PackageFinder(
            cast(Fetcher, self.client),
            index_urls=[location] if is_index else [],
            find_links=[] if is_index else [location],
            trusted_hosts=self.settings.trusted_hosts,
            ignore_compatibility=True,
        )
        with self._reaching(location):
            for package in finder.find_matches(requirement, allow_yanked=True):
                if package.link.filename == file:
                    return package.link
        raise WeightsError(f"{_redacted(location)} does not list {file}")

    def download(self, link: Link, limit_bytes: int) -> Path:
        """Return the file that a link leads to: a local one itself, else a download of its own.

        Raises:
            WeightsError: it cannot be reached, answers with an error or sends more than
                ``limit_bytes``.
        """
        with self._reaching(link.normalized):
            try:
                return self._download(link, limit_bytes)
            except _BROKEN:
                # A connection that broke half-way deserves one more try.
                return self._download(link, limit_bytes)

    def _download(self, link: Link, limit_bytes: int) -> Path:
        # A bar on a terminal; elsewhere nothing, for the log says where a file came from.
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(link.filename)

            def report(link: Link, completed: int, total: int | None) -> None:
                if max(completed, total or 0) > limit_bytes:
                    raise WeightsError(
                        f"{link.redacted} is longer than {limit_bytes:,} bytes: refused"
                    )
                progress.update(task, completed=completed, total=total)

            # A folder each: unearth takes what lies there already for what it was to fetch.
            folder = tempfile.mkdtemp(dir=self.scratch)
            finder = PackageFinder(cast(Fetcher, self.client))
            return finder.download(link, folder, download_reporter=report)

    @contextmanager
    def _reaching(self, url: str) -> Iterator[None]:
        """Raise at once if nobody is there; turn network errors into ``WeightsError``."""
        try:
            nearest = urlsplit(self._proxy_of(url) or url)
            port = nearest.port or (443 if nearest.scheme == "https" else 80)
            if nearest.hostname and (dead := self._knock(nearest.hostname, port)):
                raise WeightsError(dead)
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL, UnpackError, OSError, ValueError) as error:
            reason = str(error).partition("\nFor more")[0] or type(error).__name__
            raise WeightsError(f"{_redacted(url)}: {reason.replace(url, 'it')}") from error

    def _proxy_of(self, url: str) -> str | None:
        """Return the proxy between here and an address, or None."""
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
        if not host or (not self.settings.proxy and proxy_bypass(host)):
            return None
        found = getproxies()
        return self.settings.proxy or found.get(scheme) or found.get("all")


def _redacted(url: str) -> str:
    """Return a URL for people to read: without the password that an index may carry."""
    return Link(url).redacted if "://" in url else url


def _knock(host: str, port: int) -> str | None:
    """Return why a host takes no connection, or None.

    One address a family, before the client tries them all: a large host has dozens, and behind a
    firewall that drops packets each would cost its own time-out.
    """
    reason: object = "it has no address"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for address in {each[0]: each[4] for each in reversed(found)}.values():
            try:
                socket.create_connection((str(address[0]), address[1]), _CONNECT_S).close()
            except OSError as error:
                reason = error
            else:
                return None
    except OSError as error:
        reason = error
    dead = f"{host}:{port} cannot be reached ({reason})"
    _log.info("%s: it is not tried again in this run", dead)
    return dead
