"""Calls to addresses that others name: public ones only, the one that was checked, bounded in time and in size."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from personalization import wiring
from personalization.outgoing import NotCalled, Outgoing, Why
from personalization.public_addresses import is_public, read_address

LOOPBACK = (ip_network("127.0.0.0/8"),)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Said: yes\r\n\r\nhi"

NOT_PUBLIC = [
    # This machine, its neighbours, nobody.
    *("127.0.0.1", "127.255.1.2", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.0.1", "100.64.0.1", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.0.8"),
    *("224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
    # Clouds tell a machine its secrets here.
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    # The same in IPv6, and IPv4 wrapped in it.
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "100::1", "5f00::1"),
    *("2001:db8::1", "2001:10::1", "3fff::1", "4000::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1"),
    *("::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::"),
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo, to 10.0.0.1
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "223.255.255.1"),
    *("2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_everybodys_is_not_public(address: str) -> None:
    assert not is_public(read_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_that_is_everybodys_is_public(address: str) -> None:
    assert is_public(read_address(address))


def refuse(outgoing: Outgoing, url: str) -> Why:
    """Why it is neither taken nor called."""
    with pytest.raises(NotCalled) as checked:
        outgoing.check(url)
    with pytest.raises(NotCalled) as called:
        outgoing.call("POST", url, body=b"{}")
    assert checked.value.why is called.value.why
    return called.value.why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://shop.example/", Why.SCHEME),
        ("file:///etc/passwd", Why.SCHEME),
        ("gopher://shop.example/", Why.SCHEME),
        ("javascript:alert(1)", Why.SCHEME),
        ("//shop.example/", Why.SCHEME),
        ("", Why.SCHEME),
        ("https://", Why.BAD_ADDRESS),
        ("https:///path", Why.BAD_ADDRESS),
        ("https://name:password@shop.example/", Why.BAD_ADDRESS),
        ("https://public.example@127.0.0.1/", Why.BAD_ADDRESS),
        ("https://[fe80::1%25eth0]/", Why.BAD_ADDRESS),
        ("https://[::1", Why.BAD_ADDRESS),
        ("https://shop.example:99999/", Why.BAD_ADDRESS),
        ("https://shop.example/\r\nHost: other", Why.BAD_ADDRESS),
        ("https://shop.example\\@127.0.0.1/", Why.BAD_ADDRESS),
        ("https://shop.example/a b", Why.BAD_ADDRESS),
        ("https://ⓛocalhost/", Why.BAD_ADDRESS),
        ("https://shop.example/" + "a" * 2_000, Why.BAD_ADDRESS),
        ("https://shop.example:22/", Why.PORT),
        ("http://shop.example:6379/", Why.PORT),
    ],
)
def test_what_is_no_address_to_be_called_is_refused_before_anybody_is_asked(url: str, why: Why) -> None:
    assert refuse(Outgoing(resolve=ask_nobody), url) is why


def ask_nobody(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    """By the system's own resolver, which takes all of them for an address."""
    assert refuse(Outgoing(), f"http://{host}/") in (Why.NOT_PUBLIC, Why.UNKNOWN_HOST)


def test_a_host_with_one_private_address_among_public_ones_is_refused() -> None:
    assert refuse(Outgoing(resolve=lambda host, port: ["93.184.215.14", "10.0.0.1"]), "https://mixed.example/") is (
        Why.NOT_PUBLIC
    )


def fail(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror("no such host")


@pytest.mark.parametrize("resolve", [fail, lambda host, port: [], lambda host, port: ["no address"]])
def test_a_host_that_nobody_knows_is_refused(resolve: Callable[[str, int], Sequence[str]]) -> None:
    assert refuse(Outgoing(resolve=resolve), "https://nowhere.example/") is Why.UNKNOWN_HOST


# --- Calls, to a server of the test's own -----------------------------------------------------------------------------


class Receiver:
    """A server on loopback that does with each connection what it is told, and keeps what it was sent."""

    def __init__(self, act: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._act = act
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytes] = []
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with suppress(OSError), connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        self.heard.append(read_call(connection))
        self._act(connection)

    def stop(self) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


def read_call(connection: socket.socket) -> bytes:
    """A whole call: what is not read when a connection is closed would take the answer with it."""
    said = b""
    while part := connection.recv(65_536):
        said += part
        head, end, body = said.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and len(body) >= int(length[1] if length else 0):
            break
    return said


@contextmanager
def receiving(act: Callable[[socket.socket], None] | bytes, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver((lambda one: one.sendall(act)) if isinstance(act, bytes) else act, tls)
    try:
        yield receiver
    finally:
        receiver.stop()


class Names:
    """A resolver that answers what it was given, one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


def open_to(receiver: Receiver, **more: object) -> Outgoing:
    """A client that may call the server of the test."""
    said: dict[str, object] = {"ports": frozenset({receiver.port}), "allowed": LOOPBACK, "seconds": 20.0}
    said["resolve"] = Names(["127.0.0.1"])
    return Outgoing(**{**said, **more})  # type: ignore[arg-type]


def test_a_call_comes_to_the_address_that_was_checked_under_its_own_name() -> None:
    with receiving(OK) as receiver:
        outgoing = open_to(receiver)
        reply = outgoing.call("POST", f"http://hook.example:{receiver.port}/in?a=1", body=b"{}", headers={"X-Key": "k"})
        assert (reply.status, reply.headers["x-said"], reply.body) == (200, "yes", b"hi")
        [heard] = receiver.heard
        assert heard.startswith(b"POST /in?a=1 HTTP/1.1\r\n")
        assert f"host: hook.example:{receiver.port}".encode() in heard.lower()
        assert b"x-key: k" in heard.lower() and heard.endswith(b"\r\n\r\n{}")


def test_a_name_that_leads_elsewhere_the_second_time_is_not_asked_a_second_time() -> None:
    """Rebinding: what is looked up first is allowed here, and what comes next would not be reached."""
    with receiving(OK) as receiver:
        names = Names(["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"])
        assert open_to(receiver, resolve=names).call("GET", f"http://re.example:{receiver.port}/").status == 200
        assert names.asked == 1


def test_without_being_allowed_the_same_server_is_never_connected_to() -> None:
    with receiving(OK) as receiver:
        with pytest.raises(NotCalled) as refused:
            open_to(receiver, allowed=()).call("GET", f"http://hook.example:{receiver.port}/")
        assert refused.value.why is Why.NOT_PUBLIC
        assert receiver.heard == []


def test_a_redirect_is_told_and_not_followed() -> None:
    with receiving(OK) as inside:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside.port}/\r\nContent-Length: 0\r\n\r\n".encode()
        with receiving(moved) as receiver:
            reply = open_to(receiver).call("GET", f"http://hook.example:{receiver.port}/")
            assert (reply.status, reply.headers["location"]) == (302, f"http://127.0.0.1:{inside.port}/")
        assert inside.heard == []


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["says so", "says nothing"],
)
def test_an_endless_answer_is_cut_at_its_bound(start: bytes) -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"x" * 65_536)

    with receiving(pour) as receiver:
        with pytest.raises(NotCalled) as refused:
            open_to(receiver, most_bytes=100_000).call("GET", f"http://hook.example:{receiver.port}/")
        assert refused.value.why is Why.TOO_LARGE


def test_a_body_that_is_too_large_is_not_sent() -> None:
    with receiving(OK) as receiver:
        with pytest.raises(NotCalled) as refused:
            open_to(receiver).call("POST", f"http://hook.example:{receiver.port}/", body=b"x" * 1_000_001)
        assert refused.value.why is Why.TOO_LARGE and receiver.heard == []


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["none", "head", "body"]
)
def test_who_answers_drop_by_drop_is_left_in_time(said: bytes) -> None:
    """Each drop would begin a time-out anew; the whole call has one."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(said)
        while not receiver.over.wait(0.05):
            connection.sendall(b"x")

    with receiving(drip) as receiver:
        begun = time.monotonic()
        with pytest.raises(NotCalled) as refused:
            open_to(receiver, seconds=0.6).call("GET", f"http://hook.example:{receiver.port}/")
        assert refused.value.why is Why.TOO_SLOW
        assert time.monotonic() - begun < 15


def test_a_resolver_that_does_not_answer_is_left_in_time() -> None:
    over = threading.Event()

    def wait(host: str, port: int) -> Sequence[str]:
        over.wait(30)
        return ["93.184.215.14"]

    assert refuse(Outgoing(resolve=wait, seconds=0.2), "https://slow.example/") is Why.TOO_SLOW
    over.set()


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"])
def test_an_answer_that_is_none_is_a_failed_call(said: bytes) -> None:
    with receiving(said) as receiver:
        with pytest.raises(NotCalled) as failed:
            open_to(receiver).call("GET", f"http://hook.example:{receiver.port}/")
        assert failed.value.why is Why.FAILED


def test_nobody_at_the_port_is_a_failed_call() -> None:
    with receiving(OK) as receiver:
        gone = open_to(receiver)
    with pytest.raises(NotCalled) as failed:
        gone.call("GET", f"http://hook.example:{receiver.port}/")
    assert failed.value.why is Why.FAILED


def test_headers_cannot_be_made_of_line_breaks() -> None:
    with receiving(OK) as receiver:
        with pytest.raises(NotCalled):
            url = f"http://hook.example:{receiver.port}/"
            open_to(receiver).call("GET", url, headers={"X-Key": "k\r\nX-Other: o"})
        assert receiver.heard == []


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of `hook.example` in one file, trusted by whoever is given it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.example")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path_factory.mktemp("tls") / "hook.pem"
    path.write_bytes(pem + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("host", "is_trusted", "why"),
    [("hook.example", True, None), ("other.example", True, Why.FAILED), ("hook.example", False, Why.FAILED)],
)
def test_the_certificate_has_to_be_the_hosts(certificate: Path, host: str, is_trusted: bool, why: Why | None) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=str(certificate) if is_trusted else None)
    with receiving(OK, server) as receiver:
        outgoing = open_to(receiver, tls=client)
        if why is None:
            assert outgoing.call("GET", f"https://{host}:{receiver.port}/").body == b"hi"
            return
        with pytest.raises(NotCalled) as failed:
            outgoing.call("GET", f"https://{host}:{receiver.port}/")
        assert failed.value.why is why
        assert receiver.heard == []


def test_a_handshake_that_never_ends_is_left_in_time() -> None:
    def say_nothing(connection: socket.socket) -> None:
        receiver.over.wait(30)

    with receiving(say_nothing) as receiver:
        with pytest.raises(NotCalled) as refused:
            open_to(receiver, seconds=0.4).call("GET", f"https://hook.example:{receiver.port}/")
        assert refused.value.why is Why.TOO_SLOW


def test_the_settings_are_those_of_the_client(settings: object) -> None:
    settings.PZ_OUTGOING_PORTS, settings.PZ_OUTGOING_NETWORKS = [443], [ip_network("10.1.0.0/16")]  # type: ignore[attr-defined]
    made = wiring.outgoing.__wrapped__()
    assert refuse(made, "http://shop.example/") is Why.PORT
    made.check("https://10.1.2.3/")
    assert ip_address("10.1.2.3") in made.allowed[0]
    assert refuse(made, "https://10.2.0.1/") is Why.NOT_PUBLIC
