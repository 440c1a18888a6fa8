"""PostgreSQL's side of a backup: its own programs, found and run, and a moment of the database, held for them."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

from ingestion.log import Offset
from personalization.backup.manifest import Refused
from personalization.embedded_postgres import find_binaries
from personalization.programs import CannotStart

DUMP, RESTORE = "pg_dump", "pg_restore"
NEWER = 17  # from which on the programs set what older servers do not know
LEAVES_S = 1.0
LOCK_S = 60  # for the transaction of the archiver to end
TELL_S = 2.0
COUNTED: dict[str, LiteralString] = {
    "events": "SELECT count(*) FROM profiles_archivedevent",
    "profiles": "SELECT count(*) FROM profiles_storedprofile",
    "identifiers": "SELECT count(*) FROM profiles_identifier",
    "merges": "SELECT count(*) FROM profiles_mergerecord",
    "decisions": "SELECT count(*) FROM rules_decision",
    "grants": "SELECT count(*) FROM rules_grant",
    "erasures": "SELECT count(*) FROM profiles_erasure",
    "dead letters": "SELECT count(*) FROM ingestion_deadletter",
}
_ANYTHING = """
SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Moment:
    """A moment of the database, as long as its context lasts. Until `let_archiver_go` nobody can move the archive's
    offsets, nor trim what lies beyond them in Redis."""

    def __init__(self, view: "psycopg.Connection[Any]", gate: "psycopg.Connection[Any]") -> None:
        self._view = view
        self._gate = gate
        self.snapshot: str = _ask(view, "SELECT pg_export_snapshot()")[0][0]
        self.offsets: dict[str, Offset] = dict(_ask(view, 'SELECT stream, "offset" FROM ingestion_archiveoffset'))

    def let_archiver_go(self) -> None:
        self._gate.execute("COMMIT")

    def is_whole(self) -> bool:
        """Whether the last rebuild of Redis had come to its end."""
        newest = _ask(self._view, "SELECT finished FROM profiles_rebuild ORDER BY id DESC LIMIT 1")
        return not newest or newest[0][0] is not None

    def list_migrations(self) -> list[str]:
        """Those that were applied."""
        return [f"{app}.{name}" for app, name in _ask(self._view, "SELECT app, name FROM django_migrations")]

    def count(self) -> dict[str, int]:
        return _count(self._view)


@contextmanager
def hold_moment() -> Iterator[Moment]:
    """Raises Refused."""
    with connect() as gate, connect() as view:
        gate.execute("BEGIN")
        gate.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'".encode())
        try:
            gate.execute("LOCK TABLE ingestion_archiveoffset IN SHARE MODE")
        except psycopg.errors.LockNotAvailable as error:
            raise Refused(f"The archiver has been in one transaction for {LOCK_S} s; try again later.") from error
        except psycopg.errors.UndefinedTable as error:
            raise Refused("The database holds no product: there is nothing to back up.") from error
        view.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        view.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        view.execute("SET LOCAL statement_timeout = 0")
        yield Moment(view, gate)


def count_rows() -> dict[str, int]:
    with connect() as view:
        return _count(view)


def is_empty() -> bool:
    with connect() as view:
        return not _ask(view, _ANYTHING)[0][0]


def is_in_use() -> bool:
    """Whether another process is connected as the product is, and stays so: who has just left is seen for a moment."""
    _let_go()
    deadline = time.monotonic() + LEAVES_S
    with connect() as view:
        while is_seen := bool(_ask(view, _OTHERS)[0][0]):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return is_seen


def empty_database() -> None:
    _let_go()
    with connect() as gate:
        gate.execute("DROP SCHEMA public CASCADE")
        gate.execute("CREATE SCHEMA public")


def read_server_version() -> int:
    """The major version of the server."""
    with connect() as view:
        return view.info.server_version // 10_000


def dump(path: Path, snapshot: str, tell: Callable[[int], None]) -> int:
    """Writes the moment of `snapshot`, and returns the version of the program that did: an older one cannot read it.
    `tell` hears of the bytes written. Raises Refused."""
    program = find_program(DUMP, read_server_version())
    words = ("--format", "custom", "--snapshot", snapshot, "--no-owner", "--no-privileges", "--file", str(path))
    _run(program, words, lambda: tell(path.stat().st_size if path.exists() else 0))
    return _read_version(program)


def restore(path: Path, program: Path, tell: Callable[[], None]) -> None:
    """Puts all of it into the database, or nothing. Raises Refused."""
    words = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(path))
    _run(program, words, tell)


def find_program(name: str, server: int, *, least: int = 0) -> Path:
    """The one whose version is the nearest to the server's, not older than that, nor than `least`. Raises Refused."""
    least = max(server, least)
    found = dict(reversed([(_read_version(path), path) for path in _list_programs(name)]))  # the first one of a version
    fitting = [version for version in found if version >= least and (server >= NEWER or version < NEWER)]
    if not fitting:
        wanted = f"{least} or newer" if server >= NEWER else f"{least} to {NEWER - 1}"
        there = ", ".join(map(str, sorted(found))) or "none"
        raise Refused(
            f"{name} of PostgreSQL {wanted} is needed, and there is {there}; install the client programs of that "
            f"version (Debian: postgresql-client-{least})."
        )
    return found[min(fitting)]


def connect() -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection of its own to the product's database: a pool gives back what holds a snapshot. Raises Refused."""
    password, conninfo = _address()
    try:
        return psycopg.connect(conninfo, password=password, autocommit=True)
    except psycopg.OperationalError as error:
        raise Refused("PostgreSQL does not answer; start it, or mend DATABASE_URL.") from error


def _let_go() -> None:
    """Of the connections that this process has: they may know tables by numbers that are about to change."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of the wrapper for PostgreSQL


def _address() -> tuple[str, str]:
    """The password, and everything else that libpq takes."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    said = {name: value for name, value in connection.get_connection_params().items() if name in known and value}
    return str(said.pop("password", "")), make_conninfo(**said)


def _run(program: Path, words: Sequence[str], tell: Callable[[], None]) -> None:
    password, conninfo = _address()
    command = [str(program), "--dbname", conninfo, "--no-password", *words]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PGPASSWORD": password, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        umask=0o077,
    )
    try:
        while True:
            try:
                _, said = process.communicate(timeout=TELL_S)
                break
            except subprocess.TimeoutExpired:
                tell()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise Refused(f"{program.name} ended with {process.returncode}: {lines[0]}")


def _list_programs(name: str) -> Iterator[Path]:
    if on_path := shutil.which(name):
        yield Path(on_path)
    try:
        yield find_binaries() / name
    except CannotStart:
        return


def _read_version(path: Path) -> int:
    try:
        said = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0


def _count(view: "psycopg.Connection[Any]") -> dict[str, int]:
    return {name: _ask(view, question)[0][0] for name, question in COUNTED.items()}


def _ask(view: "psycopg.Connection[Any]", question: LiteralString) -> list[Any]:
    return view.execute(question).fetchall()
