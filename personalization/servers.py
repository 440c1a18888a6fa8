"""The embedded servers: PostgreSQL and Redis on loopback, with passwords, data under one folder, and no rights changed.

`embedded_settings` tells where they are; `Servers` starts, heals and stops them. Needs nothing of Django.
"""

import fcntl
import json
import os
import secrets
import socket
import time
from pathlib import Path
from typing import IO, Any

from personalization.embedded_postgres import USER, EmbeddedPostgres, find_home
from personalization.embedded_redis import EmbeddedRedis, find_program
from personalization.programs import CannotStart, write_private

CONFIG = "servers.json"
LEFTOVERS_S = 45  # for what an interrupted run left behind to come to its end


def embedded_settings(data: Path) -> dict[str, str]:
    """DATABASE_URL, REDIS_URL and SECRET_KEY of the servers under `data`; {} while there are none."""
    try:
        found: dict[str, Any] = json.loads((data / CONFIG).read_text())
        return {
            "DATABASE_URL": f"postgres://{USER}:{found['database_password']}@127.0.0.1:{found['database_port']}/postgres",
            "REDIS_URL": f"redis://:{found['redis_password']}@127.0.0.1:{found['redis_port']}/0",
            "SECRET_KEY": found["secret_key"],
        }
    except (OSError, ValueError, KeyError):
        return {}


class Servers:
    """PostgreSQL and Redis under `data`. `database` or `redis` False leaves that one to a server outside.

    `durable` False gives up safety against power loss for speed: for tests only.
    """

    def __init__(self, data: Path, *, database: bool = True, redis: bool = True, durable: bool = True) -> None:
        self._data = data
        self._wants = (database, redis)
        self._durable = durable
        self._ours: IO[str] | None = None  # locked while this run lives
        self._alive: IO[str] | None = None  # locked while any program of this run lives
        self._servers: list[EmbeddedPostgres | EmbeddedRedis] = []

    @property
    def held(self) -> int:
        """The descriptor that every program of this run keeps open, so that the next run can wait for its end."""
        assert self._alive is not None, "take_folder() comes first"
        return self._alive.fileno()

    def start(self) -> None:
        """Starts what is wanted and waits until it answers. Raises CannotStart."""
        if self._ours is None:
            self.take_folder()
        self._servers = self._configure()
        for server in self._servers:
            server.start(self.held)

    def take_folder(self) -> None:
        """Makes the folder ours alone; waits for the end of what an interrupted run left. Raises CannotStart."""
        try:
            self._data.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._ours = (self._data / "lock").open("a+")
            self._alive = (self._data / "alive").open("a+")
        except OSError as error:
            raise CannotStart(
                f"{self._data} cannot be written ({error.strerror}); set PZ_DATA to a folder that can."
            ) from error
        if not _lock(self._ours):
            raise CannotStart(f"the product already runs on {self._data}; stop it first, or set PZ_DATA.")
        deadline = time.monotonic() + LEFTOVERS_S
        while not _lock(self._alive):
            if time.monotonic() > deadline:
                raise CannotStart(f"programs of an earlier run on {self._data} are still alive; end them first.")
            time.sleep(0.05)

    def heal(self) -> list[str]:
        """Starts again what has died; returns the names. What cannot be started now is left for the next call."""
        healed = []
        for server in self._servers:
            if not server.is_running():
                try:
                    server.start(self.held)
                    healed.append(server.name)
                except CannotStart:
                    server.stop()
        return healed

    def stop(self) -> None:
        """Stops both in an orderly way, data on disk."""
        for server in reversed(self._servers):
            server.stop()
        for file in (self._alive, self._ours):
            if file is not None:
                file.close()

    def _configure(self) -> list[EmbeddedPostgres | EmbeddedRedis]:
        """The servers wanted, with ports and passwords chosen once; a port taken since then is chosen anew."""
        path = self._data / CONFIG
        config = self._read(path)
        for name in ("database_password", "redis_password", "secret_key"):
            config.setdefault(name, secrets.token_urlsafe(32))
        for name in ("database_port", "redis_port"):
            if name not in config or not is_free(config[name]):
                config[name] = free_port()
        database, redis = self._wants
        servers: list[EmbeddedPostgres | EmbeddedRedis] = []
        if database:
            servers.append(self._make_postgres(config))
        if redis:
            servers.append(self._make_redis(config))
        write_private(path, json.dumps(config, indent=2))
        return servers

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.exists():
            if (self._data / "postgres").exists():
                raise CannotStart(f"{path} with the password of the database is missing; put it back.")
            return {}
        if path.stat().st_uid != os.geteuid():
            raise CannotStart(f"{self._data} belongs to another user; run as that one, or set PZ_DATA.")
        try:
            config: dict[str, Any] = json.loads(path.read_text())
        except ValueError as error:
            raise CannotStart(f"{path} cannot be read ({error}); put a good copy back.") from error
        return config

    def _make_postgres(self, config: dict[str, Any]) -> EmbeddedPostgres:
        if "postgres_home" not in config:
            home = find_home(self._data)
            config["postgres_home"] = None if home == self._data else str(home)  # None moves with the folder
            if home != self._data:
                print(f"PostgreSQL cannot run as root nor reach {self._data} as nobody; its files are in {home}.")
        return EmbeddedPostgres(
            Path(config["postgres_home"] or self._data),
            self._data / "postgres.log",
            port=config["database_port"],
            password=config["database_password"],
            durable=self._durable,
        )

    def _make_redis(self, config: dict[str, Any]) -> EmbeddedRedis:
        program = config.get("redis_program")
        if program is None or not os.access(program, os.X_OK):
            config["redis_program"] = program = find_program()  # kept: another program may not read this one's files
        return EmbeddedRedis(
            self._data / "redis",
            self._data / "redis.log",
            program=program,
            port=config["redis_port"],
            password=config["redis_password"],
            durable=self._durable,
        )


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could take `port` of `host` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
