"""HTTP for downloads: quick to give up on a dead host, bounded, with progress."""

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from unearth import Link, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import PyPIClient

from pipeline.errors import WeightsError
from pipeline.weights.pip_settings import PipSettings, read_pip_settings

_log = logging.getLogger(__name__)

# A host that a firewall swallows must not hold up `make repro`: five seconds, once a run.
_CONNECT_S = 5.0
_TIMEOUT = httpx2.Timeout(30.0, connect=_CONNECT_S)
_ATTEMPTS = 2
_UNREACHABLE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)


class Web:
    """The connections of one run, set up as pip's are, and the hosts found out of reach."""

    def __init__(self) -> None:
        self._unreachable: dict[str, str] = {}

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
        # It logs every request's URL at INFO, and an index may carry its password there.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        cert = self.settings.cert
        try:
            client = PyPIClient(
                trusted_hosts=self.settings.trusted_hosts,
                verify=ssl.create_default_context(cafile=cert) if cert else True,
                cert=self.settings.client_cert,
                timeout=_TIMEOUT,
                follow_redirects=True,
                proxy=self.settings.proxy,
            )
        except (OSError, ValueError) as error:
            raise WeightsError(f"pip's cert, client-cert or proxy is unusable: {error}") from error
        client.auth = MultiDomainBasicAuth(prompting=False, index_urls=self.indexes)
        return client

    @contextmanager
    def reaching(self, url: str) -> Iterator[None]:
        """Turn network errors into ``WeightsError``; remember the hosts that cannot be reached."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        if host in self._unreachable:
            raise WeightsError(self._unreachable[host])
        try:
            yield
        except _UNREACHABLE as error:
            self._unreachable[host] = f"{host} cannot be reached ({error})"
            _log.info("%s: it is not tried again in this run", self._unreachable[host])
            raise WeightsError(self._unreachable[host]) from error
        except httpx2.HTTPStatusError as error:
            status = f"{error.response.status_code} {error.response.reason_phrase}".strip()
            raise WeightsError(f"{redacted(url)} answers {status}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            detail = str(error) or type(error).__name__
            raise WeightsError(f"{redacted(url)} failed: {detail}") from error

    def check_reachable(self, url: str) -> None:
        """Knock once per address family before the client tries every address of the host.

        A large host has dozens of addresses, and behind a firewall that drops packets each of them
        would cost its own time-out. Behind a proxy nobody here connects directly.

        Raises:
            WeightsError: the host has no address, or none answers.
        """
        if self.settings.proxy or getproxies().keys() & {"http", "https", "all"}:
            return
        with self.reaching(url):
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            found = _addresses(parts.hostname or "", port)
            reason: str | None = "no address"
            for family, address in {each[0]: each[4] for each in reversed(found)}.items():
                reason = _knock(family, address)
                if reason is None:
                    return
            raise httpx2.ConnectError(str(reason))

    def download(self, url: str, target: Path, limit_bytes: int) -> None:
        """Write what an address sends to ``target``.

        Raises:
            WeightsError: it cannot be reached, answers with an error or sends more than
                ``limit_bytes``. ``target`` is then incomplete.
        """
        with self.reaching(url):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    self._stream(url, target, limit_bytes)
                except (httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError):
                    # A connection that broke half-way deserves one more try.
                    if attempt == _ATTEMPTS:
                        raise
                else:
                    return

    def _stream(self, url: str, target: Path, limit_bytes: int) -> None:
        label = urlsplit(url).path.rpartition("/")[2]
        started = time.monotonic()
        with self.client.get_stream(url) as response, _progress() as progress:
            response.raise_for_status()
            length = int(response.headers.get("content-length", 0))
            if length > limit_bytes:
                raise WeightsError(
                    f"{redacted(url)} has {length:,} bytes, more than {limit_bytes:,}: refused"
                )
            task = progress.add_task(label, total=length or None)
            written = 0
            with target.open("wb") as out:
                for chunk in response.iter_bytes():
                    written += len(chunk)
                    if written > limit_bytes:
                        raise WeightsError(
                            f"{redacted(url)} sends more than {limit_bytes:,} bytes: refused"
                        )
                    out.write(chunk)
                    progress.update(task, completed=written)
        seconds = time.monotonic() - started
        _log.info("downloaded %s: %.1f MB in %.1f s", label, written / 1e6, seconds)


def redacted(url: str) -> str:
    """Return a URL for people to read: without the password that an index may carry."""
    return Link(url).redacted if "://" in url else url


def _addresses(host: str, port: int) -> list[Any]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        raise httpx2.ConnectError(str(error)) from error


def _knock(family: socket.AddressFamily, address: tuple[Any, ...]) -> str | None:
    """Return why an address does not take a connection, or None."""
    with socket.socket(family, socket.SOCK_STREAM) as knock:
        knock.settimeout(_CONNECT_S)
        try:
            knock.connect(address)
        except OSError as error:
            return str(error)
    return None


def _progress() -> Progress:
    """A bar on a terminal; elsewhere nothing, for the log says it once it is done."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
