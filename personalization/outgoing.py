"""Calls to addresses that somebody else has named, such as a webhook's: to public addresses, bounded in time and size.

The address is looked up once, checked, and that very address is connected to: a name that leads elsewhere the second
time is not asked a second time. Redirects are not followed; whoever calls is given them as they are.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from personalization.public_addresses import Network, is_in, is_public, read_address

MAX_URL = 2_000  # characters
MAX_BODY = 1_000_000  # bytes of a call
DEFAULT_PORTS = {"http": 80, "https": 443}
METHODS = ("GET", "POST", "PUT")

Resolve = Callable[[str, int], Sequence[str]]  # a host name and a port to addresses


class Why(StrEnum):
    """Why a call was not made, or came to nothing."""

    BAD_ADDRESS = "bad_address"  # no address that could be called
    SCHEME = "scheme"
    PORT = "port"
    NOT_PUBLIC = "not_public"
    UNKNOWN_HOST = "unknown_host"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    FAILED = "failed"


class NotCalled(Exception):
    """The call was refused or failed. `why` is for programs; the words name the host, never what it answered."""

    def __init__(self, why: Why, message: str) -> None:
        self.why = why
        super().__init__(message)


class Reply(NamedTuple):
    """What the other side answered, whatever it was. `headers` have small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve(host: str, port: int) -> Sequence[str]:
    """As the system does; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(each[4][0]) for each in found]


@dataclass(frozen=True)
class Outgoing:
    """A client of addresses that others have named. `seconds` are for a whole call, `most_bytes` for a reply's body;
    `allowed` are networks that may be called although they are not public, `ports` all that may be called."""

    ports: frozenset[int] = frozenset({80, 443})
    allowed: tuple[Network, ...] = ()
    seconds: float = 10.0
    most_bytes: int = 1_000_000
    resolve: Resolve = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def check(self, url: str) -> None:
        """Whether it could be called, for the form in which it is named; the call looks again. Raises NotCalled."""
        parts, port = self._read(url)
        self._find_addresses(str(parts.hostname), port, _Deadline(self.seconds))

    def call(self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Raises NotCalled."""
        if method not in METHODS:
            raise ValueError(f"{method} is none of {', '.join(METHODS)}")
        if len(body) > MAX_BODY:
            raise NotCalled(Why.TOO_LARGE, f"a call has at most {MAX_BODY:,} bytes")
        parts, port = self._read(url)
        host = str(parts.hostname)
        deadline = _Deadline(self.seconds)
        addresses = self._find_addresses(host, port, deadline)
        try:
            tls = self.tls if parts.scheme == "https" else None
            with _Connection(host, port, addresses, tls, deadline) as connection:
                said = {"Accept": "*/*", "Connection": "close", "User-Agent": "personalization", **(headers or {})}
                connection.request(method, _target(parts), body=body or None, headers=said)
                with connection.getresponse() as response:
                    reply = self._read_reply(response, host)
            deadline.check()  # a body that was cut off may look as if it had come to its end
            return reply
        except (OSError, http.client.HTTPException, ValueError) as error:
            if deadline.is_over:
                raise NotCalled(Why.TOO_SLOW, f"{host} did not answer whole within {self.seconds:g} s") from None
            raise NotCalled(Why.FAILED, f"{host} could not be called: {type(error).__name__}") from error

    def _read_reply(self, response: http.client.HTTPResponse, host: str) -> Reply:
        body = response.read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise NotCalled(Why.TOO_LARGE, f"{host} answers more than {self.most_bytes:,} bytes")
        if response.length:  # what it promised besides; http.client says so only of a read without a bound
            raise http.client.IncompleteRead(body, response.length)
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def _read(self, url: str) -> tuple[SplitResult, int]:
        """The parts of an address that may be called as far as it can be seen from it."""
        if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or {" ", "\\"} & set(url):
            raise NotCalled(Why.BAD_ADDRESS, "the address is too long, or has characters that none has")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise NotCalled(Why.BAD_ADDRESS, "the address cannot be read") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise NotCalled(Why.SCHEME, "the address begins with http:// or https://")
        if not host or "@" in parts.netloc or "%" in parts.netloc:
            raise NotCalled(Why.BAD_ADDRESS, "the address has a host, and no name, password or interface before it")
        port = DEFAULT_PORTS[parts.scheme] if port is None else port
        if port not in self.ports:
            raise NotCalled(Why.PORT, f"port {port} is not among those that may be called: {self._say_ports()}")
        return parts, port

    def _say_ports(self) -> str:
        return ", ".join(map(str, sorted(self.ports)))

    def _find_addresses(self, host: str, port: int, deadline: "_Deadline") -> Sequence[str]:
        """All addresses of the host, when every one of them may be called: of a host with a private address besides,
        nobody can say which of them a call would come to."""
        found = deadline.wait_for(lambda: self.resolve(host, port), f"{host} was not found within {self.seconds:g} s")
        if not found:
            raise NotCalled(Why.UNKNOWN_HOST, f"nobody knows the host {host}")
        for each in found:
            try:
                address = read_address(each)
            except ValueError:
                raise NotCalled(Why.UNKNOWN_HOST, f"nobody knows the host {host}") from None
            if not is_public(address) and not is_in(address, self.allowed):
                raise NotCalled(Why.NOT_PUBLIC, f"{host} leads into a network that is not public")
        return found


def _target(parts: SplitResult) -> str:
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


class _Deadline:
    """The moment at which a call is over, whatever the other side is doing: its socket is shut under it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._is_cut = False

    @property
    def is_over(self) -> bool:
        return self._is_cut or time.monotonic() >= self._end

    def start(self) -> None:
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def check(self) -> None:
        """Raises TimeoutError once it is over."""
        if self.is_over:
            raise TimeoutError

    def watch(self, watched: socket.socket) -> None:
        """From now on this is the socket that is shut. Raises TimeoutError."""
        with self._lock:
            self.check()
            self._socket = watched
            watched.settimeout(max(self._end - time.monotonic(), 0.001))

    def wait_for(self, look: Callable[[], Sequence[str]], message: str) -> Sequence[str]:
        """What `look` finds; the system's resolver has no bound of its own, and is left alone in its thread."""
        found: list[Sequence[str]] = []

        def run() -> None:
            try:
                found.append(look())
            except (OSError, UnicodeError):
                found.append(())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(max(self._end - time.monotonic(), 0))
        if not found:
            raise NotCalled(Why.TOO_SLOW, message)
        return found[0]

    def _cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with suppress(OSError):  # it has ended by itself
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # not TLS's polite way


class _Connection(http.client.HTTPConnection):
    """Connects to the addresses that were checked, and to nothing else; the certificate has to be the host's."""

    def __init__(
        self, host: str, port: int, addresses: Sequence[str], tls: ssl.SSLContext | None, deadline: _Deadline
    ) -> None:
        super().__init__(host, port)
        self.default_port = 443 if tls else 80  # which the header Host leaves out
        self._addresses = addresses
        self._tls = tls
        self._deadline = deadline

    def __enter__(self) -> "_Connection":
        self._deadline.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._deadline.cancel()
        self.close()

    def connect(self) -> None:
        self.sock = self._connect_to_any()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self._deadline.watch(self.sock)
            self.sock.do_handshake()

    def _connect_to_any(self) -> socket.socket:
        failed: OSError | None = None
        for address in self._addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            one = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._deadline.watch(one)
                one.connect((address, self.port))
            except OSError as error:
                one.close()
                failed = error
            else:
                return one
        raise failed or OSError("no address")
