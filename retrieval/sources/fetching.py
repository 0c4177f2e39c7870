"""GET over HTTP for addresses that people type: bounded, and never into the own network.

A name is resolved once, every address that it has is checked, and the connection goes to the
address that was checked, so that a second answer of the name server changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpcore
import idna
from django.conf import settings

from retrieval.sources.interface import LOOK_SECONDS, SourceError, Stop

USER_AGENT = "Countersign (knowledge base import)"
ROBOT = "countersign"
CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
ANSWER_SECONDS = 120.0  # a whole answer, however slowly it drips
MAX_REDIRECTS = 5
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class FetchError(Exception):
    """An address that gave no usable answer, in words; `status` is 0 where there was none."""

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Answer:
    """A whole answer; `status` 304 has no body. `url` is where it came from in the end."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def host_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an http(s) address. Raises `SourceError`."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        raise SourceError(
            f"{url[:200]} is no address that begins with https:// or http://."
        ) from None
    if not parts.hostname:
        raise SourceError(f"{url[:200]} names no host.")
    if parts.username is not None or parts.password is not None:
        raise SourceError("Leave name and password out of the address.")
    return parts.scheme, plain_host(parts.hostname, url), port


def plain_host(host: str, address: str) -> str:
    """The host in ASCII as it is looked up, checked, pinned and asked for: IDNA 2008 by UTS 46,
    without a dot at its end. Raises `SourceError` for what two programs may read as two hosts."""
    host = host.removesuffix(".").lower()
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise SourceError(f"{address[:200]} names no host.") from None
    if re.fullmatch(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?", host) and ".." not in host:
        return host
    try:
        if host.isascii():
            raise idna.IDNAError
        return idna.encode(host, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise SourceError(
            f"{address[:200]} names a host with characters that no host has; write it as it is "
            "looked up (letters, digits, dots and hyphens)."
        ) from None


def with_host(url: str, host: str) -> str:
    """The address with this host in place of its own; port and user stay."""
    parts = urlsplit(url)
    bracketed = f"[{host}]" if ":" in host else host
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(
        (parts.scheme, f"{user}{bracketed}{port}", parts.path, parts.query, parts.fragment)
    )


def public_address(host: str, port: int) -> str:
    """An address of the host, after all were checked. Raises `SourceError` where one is private."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise SourceError(f"There is no host {host}.") from None
    addresses = [str(row[4][0]).split("%")[0] for row in found]
    if host not in settings.SOURCE_PRIVATE_HOSTS:
        for address in addresses:
            if not _is_public(address):
                raise SourceError(
                    f"{host} is at a private address ({address}), which sources may not reach; an "
                    "operator can allow the host in COUNTERSIGN_SOURCE_PRIVATE_HOSTS."
                )
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip.sixtofour is not None or ip.teredo is not None or ip in _NAT64:
            return False  # an IPv4 address in disguise
    return ip.is_global and not ip.is_multicast


class _StoppableStream(httpcore.NetworkStream):
    """A connection whose reading ends soon after the run is to stop."""

    def __init__(self, stream: httpcore.NetworkStream, stop: Stop) -> None:
        self._stream = stream
        self._stop = stop

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        until = time.monotonic() + (READ_SECONDS if timeout is None else timeout)
        while True:
            self._stop.check()
            left = max(0.01, until - time.monotonic())
            try:
                return self._stream.read(max_bytes, min(left, LOOK_SECONDS))
            except httpcore.ReadTimeout:
                if time.monotonic() >= until:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _StoppableStream(
            self._stream.start_tls(ssl_context, server_hostname, timeout), self._stop
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _GuardedNetwork(httpcore.SyncBackend):
    """Connects to addresses that were checked; the host's name stays for TLS."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop = stop

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._stop.check()
        stream = super().connect_tcp(
            public_address(host, port), port, timeout, local_address, socket_options
        )
        return _StoppableStream(stream, self._stop)

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise SourceError("Sources are not read over local sockets.")


class Fetcher:
    """Fetches from one host, within a budget of bytes for the whole run, until `stop`."""

    def __init__(self, url: str, *, budget: int, stop: Stop | None = None) -> None:
        self.origin = host_of(url)
        self._budget = budget
        self._stop = stop or Stop()
        self._pool = httpcore.ConnectionPool(
            network_backend=_GuardedNetwork(self._stop), max_connections=2, keepalive_expiry=30
        )

    def close(self) -> None:
        self._pool.close()

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int) -> Answer:
        """The answer to GET, redirects followed within the host. Raises `FetchError` for any other
        status than 200 and 304, `SourceError` where the run's budget is spent, and `Stopped`."""
        for _ in range(MAX_REDIRECTS + 1):
            self._stop.check()
            if self._elsewhere(url):
                raise FetchError("leads to another host, which is not followed")
            answer = self._once(url, headers or {}, max_bytes)
            if answer.status in {301, 302, 303, 307, 308}:
                url = urljoin(url, answer.headers.get("location", ""))
                continue
            if answer.status not in {200, 304}:
                raise FetchError(f"answers with the status {answer.status}", status=answer.status)
            return answer
        raise FetchError("redirects in a circle")

    def _elsewhere(self, url: str) -> bool:
        """Another host, another port, or a step from https down to http."""
        try:
            scheme, host, port = host_of(url)
        except SourceError:
            return True
        if (scheme, host, port) == self.origin:
            return False
        upgraded = self.origin[0] == "http" and scheme == "https" and port == 443
        return not (upgraded and host == self.origin[1] and self.origin[2] == 80)

    def _once(self, url: str, headers: Mapping[str, str], max_bytes: int) -> Answer:
        parts = urlsplit(with_host(url, host_of(url)[1]))
        asked = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "pool": READ_SECONDS}
        until = time.monotonic() + ANSWER_SECONDS
        try:
            with self._pool.stream(
                "GET", asked, headers=list(sent.items()), extensions={"timeout": timeout}
            ) as response:
                body = bytearray()
                if response.status == 200:
                    for piece in response.iter_stream():
                        body += piece
                        self._budget -= len(piece)
                        if len(body) > max_bytes:
                            raise FetchError(f"has more than {max_bytes:,} bytes")
                        if self._budget < 0:
                            raise SourceError(
                                f"It holds more than {settings.SOURCE_MAX_MB:,} MB "
                                "(COUNTERSIGN_SOURCE_MAX_MB)."
                            )
                        if time.monotonic() > until:
                            raise FetchError("answers too slowly")
                said = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in response.headers
                }
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise FetchError(f"gives no answer ({type(error).__name__})") from error
        except (httpcore.UnsupportedProtocol, UnicodeError) as error:
            raise FetchError("is no usable address") from error
        if said.get("content-encoding", "identity").lower() not in {"", "identity"}:
            raise FetchError("is compressed, though it was asked for plain")
        return Answer(url, response.status, said, bytes(body))
