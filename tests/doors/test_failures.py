"""PostgreSQL goes away and comes back: pages say so, hot doors do not notice, nothing has to be restarted."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.db import connection

from personalization.servers import free_port
from profiles.clients import Client
from tests.doors.conftest import WRITE_KEY, put_in_force, viewed, wait_until_ready
from tests.product import ROOT, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def forwarding(port: int, host: str, to: int) -> Iterator[None]:
    """The database becomes reachable at `port`; at the end every connection is cut."""
    open_sockets: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", port))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        cut(source, target)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, to))
                open_sockets.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        cut(listener, *open_sockets)


def cut(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def test_the_database_is_away_and_comes_back(redis_client: Client) -> None:
    put_in_force(redis_client)
    parts, reached, port = urlsplit(os.environ["DATABASE_URL"]), free_port(), free_port()
    address, path = f"{parts.netloc.rpartition(':')[0]}:{reached}", f"/{connection.settings_dict['NAME']}"
    url = urlunsplit(parts._replace(netloc=address, path=path))
    web = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "personalization.asgi:application", "--port", str(port), "--no-access-log"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stderr=subprocess.DEVNULL,  # it logs what it cannot reach, as it should
    )
    try:
        wait_until_ready(port)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            check_away(client)
            with forwarding(reached, parts.hostname or "", parts.port or 5432):
                wait_until(lambda: client.get("/demo/").status_code == 200)
            check_away(client)
    finally:
        web.terminate()
        web.wait(30)


def check_away(client: httpx.Client) -> None:
    page = client.get("/demo/")
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert "tries again by itself" in page.text
    assert "psycopg" not in page.text
    assert client.post("/v1/track", json=viewed(), auth=(WRITE_KEY, "")).status_code == 200
    decided = client.post("/api/v1/decide", json={"anonymousId": "anna", "slots": ["hero"], "writeKey": WRITE_KEY})
    assert decided.status_code == 200
