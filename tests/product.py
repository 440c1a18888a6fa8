"""The whole product as `make run` starts it: supervisor, servers and processes, on free ports, with its own data."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from personalization.servers import CONFIG, embedded_settings, free_port
from tests.prepared import lay_out

ROOT = Path(__file__).resolve().parent.parent
READY = "Ctrl-C stops everything."
FROM_TEST_RUN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PZ_TEST_SERVERS", "PZ_DEMO", "HOST")


class Product:
    """A running product. `url` is its front page; `output` is what the supervisor and its processes have said.

    It finds its tables made, which saves most of a start; `brand_new` is for tests of the very first one."""

    def __init__(self, data: Path, *, brand_new: bool = False, **environment: str) -> None:
        self.data = data
        self._brand_new = brand_new
        self.port = int(environment.get("PORT", free_port()))
        self.url = f"http://127.0.0.1:{self.port}"
        clean = {name: value for name, value in os.environ.items() if name not in FROM_TEST_RUN}
        self.environment = {**clean, "PZ_DATA": str(data), "PORT": str(self.port), **environment}
        self._log = data.with_name(f"{data.name}.log")
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Starts it, again too, and returns once its pages answer."""
        self.launch()
        wait_until(lambda: READY in self.output or not self.running, 120)
        if READY not in self.output:
            raise AssertionError(f"the product did not start: {self.output}")

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def launch(self) -> None:
        """Starts the supervisor without waiting for anything."""
        if not self._brand_new and not (self.data / CONFIG).exists():
            lay_out(self.data)
        with self._log.open("wb") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "personalization.supervise"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal, waits for the end, and returns the exit code."""
        assert self._supervisor is not None
        self._supervisor.send_signal(number)
        return self._supervisor.wait(90)

    @property
    def running(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is None

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def login(self) -> tuple[str, str]:
        """Name and password of the demo's operator."""
        name, _, password = (self.data / "demo-login").read_text().strip().partition(" / ")
        return name, password

    @property
    def config(self) -> dict[str, Any]:
        """What is kept of the servers: ports and passwords."""
        found: dict[str, Any] = json.loads((self.data / CONFIG).read_text())
        return found

    @property
    def settings(self) -> dict[str, str]:
        """DATABASE_URL, REDIS_URL and SECRET_KEY of the product."""
        return embedded_settings(self.data)

    def find(self, word: str) -> list[int]:
        """Process ids of the supervisor's own children with `word` in their command."""
        assert self._supervisor is not None
        return [pid for pid in list_children(self._supervisor.pid) if word in read_command(pid)]

    def manage(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a management command beside the running product."""
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that `nobody` can reach, unlike pytest's own: as root, PostgreSQL runs as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="personalization-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(holds: Callable[[], Any], patience: float = 30) -> None:
    """Returns once `holds` answers something true; fails after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("it never came true")
        time.sleep(0.05)


def read_command(pid: int) -> str:
    """The command of a process as everybody on the machine can read it; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def list_children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
