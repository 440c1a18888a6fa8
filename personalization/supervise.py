"""Runs the whole product on one machine: servers, migrations, processes; keeps them running until told to stop."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured
from honcho.colour import get_colours
from honcho.printer import Message, Printer

from personalization.environment import LOG_FORMATS, read_choice, read_flag, read_number, read_text
from personalization.programs import CannotStart, start_program
from personalization.servers import Servers

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60
STOP_S = 20  # for all processes to end by themselves after SIGTERM
LOOK_S = 0.3  # between looks at the servers
PAUSES_S = (0.2, 0.5, 1, 2, 5)  # before a process that died is started again
SAID_AT_EVERY_STOP = "worker: Warm shutdown (MainProcess)"  # Celery prints it past every log level
STEADY_S = 60  # a process that ran so long before it died is not failing again and again

MANAGE = (sys.executable, "manage.py")
QUIET = ("-W", "ignore:You're running the worker with superuser")  # said at every start; its messages are JSON only
BOUNDED = ("--http", "ingestion.bounded_http:BoundedHttp", "--ws", "ingestion.bounded_socket:BoundedSocket")
CELERY = (sys.executable, *QUIET, "-m", "celery", "--quiet", "-A", "personalization.celery")


def list_processes(data: Path, host: str, port: int) -> dict[str, Sequence[str]]:
    """The product's processes by name."""
    return {
        "web": (
            *(sys.executable, "-m", "uvicorn", "personalization.asgi:application", "--host", host, "--port", str(port)),
            *("--loop", "uvloop", *BOUNDED, "--ws-max-size", "1000000"),
            *("--no-access-log", "--no-server-header", "--log-level", "warning", "--timeout-graceful-shutdown", "10"),
        ),
        "processor": (*MANAGE, "run_processor", "--name", "processor-1"),
        "archiver": (*MANAGE, "run_archiver"),
        "worker": (
            *(*CELERY, "worker", "--concurrency", "2", "--loglevel", "WARNING"),
            *("--without-gossip", "--without-mingle"),
        ),
        "beat": (*CELERY, "beat", "--loglevel", "WARNING", "--schedule", str(data / "beat-schedule"), "--pidfile", ""),
    }


class Child(threading.Thread):
    """One process, started again when it dies, its output passed on line by line."""

    def __init__(
        self, name: str, command: Sequence[str], *, printer: Printer, colour: str, held: int, as_json: bool = False
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._command = command
        self._printer = printer
        self._colour = colour
        self._held = held
        self._as_json = as_json
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            failures = 1 if time.monotonic() - started > STEADY_S else failures + 1
            pause = PAUSES_S[min(failures, len(PAUSES_S)) - 1]
            self._say(f"ended with {code}; starting it again in {pause} s")
            self._stopping.wait(pause)

    def stop(self) -> None:
        """Asks the process to end; returns at once."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()

    def finish(self, deadline: float) -> None:
        """Waits for the end; what does not listen by then is killed with all it started."""
        self.join(max(0.0, deadline - time.monotonic()))
        if self.is_alive() and self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.join()

    def _run_once(self) -> int:
        self._process = start_program(self._command, held=self._held, output=subprocess.PIPE, folder=ROOT)
        if self._stopping.is_set():  # stop() came before there was something to stop
            self._process.terminate()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._say(line.decode(errors="replace"))
        code = self._process.wait()
        with suppress(ProcessLookupError):  # what it started and left behind
            os.killpg(self._process.pid, signal.SIGKILL)
        return code

    def _say(self, line: str) -> None:
        if line.strip() in ("", SAID_AT_EVERY_STOP):
            return
        if self._as_json:  # for programs: as the process says it
            print(line.strip() if line.startswith("{") else _make_line(self.name, line.strip()), flush=True)
            return
        self._printer.write(Message(type="line", data=line, time=datetime.now(), name=self.name, colour=self._colour))


def _make_line(process: str, event: str) -> str:
    """What is no line of the log yet."""
    at = datetime.now(UTC).isoformat()
    return json.dumps({"at": at, "level": "info", "process": process, "event": event}, ensure_ascii=False)


class Stopped(Exception):
    """Somebody asked us to stop."""


def main() -> int:
    data = Path(read_text("PZ_DATA", str(ROOT / ".data"))).resolve()
    os.environ["PZ_DATA"] = str(data)  # the same folder for processes that start elsewhere
    host = read_text("HOST", "127.0.0.1")
    embedded = not read_text("DATABASE_URL", "")
    servers = Servers(data, database=embedded, redis=not read_text("REDIS_URL", ""))
    children: list[Child] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        port = read_number("PORT", 8_000, most=65_535)
        demo = read_flag("PZ_DEMO", embedded)
        as_json = read_choice("LOG_FORMAT", "auto", LOG_FORMATS) == "json"
        os.environ["LOG_FORMAT"] = "json" if as_json else "text"  # what they say is shown to people here
        servers.take_folder()
        _check_address(host, port)
        servers.start()
        _prepare(demo=demo)
        children = _start_children(list_processes(data, host, port), servers.held, as_json=as_json)
        _greet(f"http://{_visited(host)}:{port}", data, demo=demo, as_json=as_json)
        while True:
            for name in servers.heal():
                said = f"{name} had ended; it runs again."
                print(_make_line("supervisor", said) if as_json else said, file=sys.stderr)
            time.sleep(LOOK_S)
    except Stopped:
        return 0
    except (CannotStart, ImproperlyConfigured) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # once is enough; what follows is bounded
        for child in children:
            child.stop()
        deadline = time.monotonic() + STOP_S
        for child in children:
            child.finish(deadline)
        servers.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _check_address(host: str, port: int) -> None:
    """Raises CannotStart unless the web process could take the address now."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} is taken; stop what uses it, or set PORT.") from error
        if error.errno == errno.EACCES:
            raise CannotStart(f"port {port} is for root alone; set PORT to one above 1023.") from error
        raise CannotStart(f"HOST {host!r} is no address of this machine ({error.strerror}); mend it.") from error


def _visited(host: str) -> str:
    """The host as it is written in an address to visit."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"[{host}]" if ":" in host else host


def _prepare(*, demo: bool) -> None:
    """Checks that the servers answer, brings the database up to date, and makes the demo organisation once."""
    command = [*MANAGE, "prepare", *(["--demo"] if demo else [])]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = said[-1] if said else "the database could not be prepared."
        raise CannotStart(reason.removeprefix("CommandError: ").removeprefix("A setting is missing or wrong: "))


def _start_children(processes: dict[str, Sequence[str]], held: int, *, as_json: bool) -> list[Child]:
    printer = Printer(output=sys.stdout, width=max(map(len, processes)))
    children = [
        Child(name, command, printer=printer, colour=colour, held=held, as_json=as_json)
        for (name, command), colour in zip(processes.items(), get_colours(), strict=False)  # colours never end
    ]
    for child in children:
        child.start()
    return children


def _greet(url: str, data: Path, *, demo: bool, as_json: bool) -> None:
    """Waits until the web process answers, then says where the pages are and how to log in."""
    deadline = time.monotonic() + READY_S
    while not _answers(f"{url}/static/tracker/pz.js"):
        if time.monotonic() > deadline:
            raise CannotStart(f"the pages did not answer at {url} within {READY_S} s; the lines above say why.")
        time.sleep(0.1)
    if as_json:
        print(_make_line("supervisor", f"ready at {url}; Ctrl-C stops everything."), flush=True)
        return
    login = data / "demo-login"
    print(f"\n  Open   {url}/demo/" if demo else f"\n  Log in {url}/studio/ (manage.py createsuperuser makes a login)")
    if demo and login.exists():
        print(f"  Log in {url}/studio/ with {login.read_text().strip()}")
    print("  Ctrl-C stops everything.\n", flush=True)


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names
    try:
        with direct.open(url, timeout=5):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
