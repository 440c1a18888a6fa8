"""Runs the whole product on one machine: servers, migrations, processes; keeps them running until told to stop."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from honcho.printer import Message, Printer

from personalization.servers import CannotStart, Servers, is_free

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PZ_DATA", ROOT / ".data")).resolve()
PORT = int(os.environ.get("PORT", "8000"))
HOST = os.environ.get("HOST", "127.0.0.1")
READY_S = 60
STOP_S = 20  # for a process to end by itself after SIGTERM
PAUSES_S = (
    0.2,
    0.5,
    1,
    2,
    5,
)  # before a process that died is started again; it has earned the first one after a minute
COLOURS = ("36", "33", "35", "32", "34")

MANAGE = (sys.executable, "manage.py")
PROCESSES: dict[str, Sequence[str]] = {
    "web": (
        *(sys.executable, "-m", "uvicorn", "personalization.asgi:application", "--host", HOST, "--port", str(PORT)),
        *("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--ws-max-size", "1000000"),
        *("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "10"),
    ),
    "processor": (*MANAGE, "run_processor", "--name", "processor-1"),
    "archiver": (*MANAGE, "run_archiver"),
    "worker": (
        *(sys.executable, "-m", "celery", "-A", "personalization.celery", "worker", "--concurrency", "1"),
        *("--loglevel", "WARNING", "--without-gossip", "--without-mingle"),
    ),
    "beat": (
        *(sys.executable, "-m", "celery", "-A", "personalization.celery", "beat", "--loglevel", "WARNING"),
        *("--schedule", str(DATA / "beat-schedule"), "--pidfile", ""),
    ),
}


class Child(threading.Thread):
    """One process, started again when it dies, its output passed on line by line."""

    def __init__(self, name: str, command: Sequence[str], printer: Printer, colour: str) -> None:
        super().__init__(name=name, daemon=True)
        self._command = command
        self._printer = printer
        self._colour = colour
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - started > 60 else failures + 1
            pause = PAUSES_S[min(failures, len(PAUSES_S)) - 1] if failures else 0.0
            self._say(f"ended with {code}; starting it again in {pause} s\n")
            self._stopping.wait(pause)

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def finish(self) -> None:
        """Waits for the process to end; what does not listen is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _run_once(self) -> int:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C comes to us alone; we stop the others in order
        )
        if self._stopping.is_set():
            self._process.terminate()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._say(line)
        return self._process.wait()

    def _say(self, line: str) -> None:
        self._printer.write(Message(type="line", data=line, time=None, name=self.name, colour=self._colour))


class Stopped(Exception):
    """Somebody asked us to stop."""


def main() -> int:
    servers = Servers(DATA, database="DATABASE_URL" not in os.environ, redis="REDIS_URL" not in os.environ)
    children: list[Child] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        if not is_free(PORT):
            raise CannotStart(f"port {PORT} is taken; stop what uses it, or set PORT.")
        servers.start()
        _prepare()
        printer = Printer(output=sys.stdout, width=max(map(len, PROCESSES)), colour=sys.stdout.isatty())
        children = [
            Child(name, command, printer, colour)
            for (name, command), colour in zip(PROCESSES.items(), COLOURS, strict=True)
        ]
        for child in children:
            child.start()
        _greet()
        while True:
            signal.pause()
    except Stopped:
        return 0
    except CannotStart as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # once is enough; what follows is bounded
        for child in children:
            child.stop()
        for child in children:
            child.finish()
        servers.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _prepare() -> None:
    """Checks that the servers answer, brings the database up to date, and makes the demo organisation once."""
    for command in (("check_servers",), ("migrate", "--verbosity", "0"), ("seed_demo",)):
        done = subprocess.run([*MANAGE, *command], cwd=ROOT, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise CannotStart(said[-1] if said else f"manage.py {command[0]} failed.")


def _greet() -> None:
    """Waits until the pages answer, then says where they are and how to log in."""
    url = f"http://{'127.0.0.1' if HOST == '0.0.0.0' else HOST}:{PORT}"  # noqa: S104  # compared, not bound
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/demo/", timeout=5):  # noqa: S310  # our own address
                break
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)
    else:
        raise CannotStart(f"the pages did not answer on port {PORT} within {READY_S} s; the lines above say why.")
    login = DATA / "demo-login"
    print(f"\n  Open   {url}/demo/")
    if login.exists():
        print(f"  Log in {url}/admin/ with {login.read_text().strip()}")
    print("  Ctrl-C stops everything.\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
