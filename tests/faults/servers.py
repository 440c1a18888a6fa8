"""PostgreSQL and Redis of a running product: found, killed, paused, and looked at from outside."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from tests.product import Product, list_children, wait_until

PATIENCE_S = 60.0
LISTENING = "0A"  # the state of a socket as /proc/net/tcp writes it


def find_redis(product: Product) -> int | None:
    """The process; None while there is none."""
    found = product.find(f"127.0.0.1:{product.config['redis_port']}") or product.find("redis.conf")
    return found[0] if found else None


def find_postgres(product: Product) -> int | None:
    found = product.find("bin/postgres")
    return found[0] if found else None


def does_redis_answer(product: Product) -> bool:
    try:
        with redis.Redis.from_url(product.settings["REDIS_URL"], socket_timeout=2, retry=None) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def does_postgres_answer(product: Product) -> bool:
    try:
        psycopg.connect(product.settings["DATABASE_URL"], connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def kill_redis(product: Product) -> None:
    """Kills it without warning, and waits until the next one answers."""
    pid = find_redis(product)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: find_redis(product) not in (None, pid) and does_redis_answer(product), PATIENCE_S)


def stop_postgres(product: Product, number: signal.Signals) -> None:
    """SIGKILL, or SIGQUIT as `pg_ctl -m immediate` sends it; waits until the next one answers."""
    pid = find_postgres(product)
    assert pid is not None
    os.kill(pid, number)
    wait_until(lambda: find_postgres(product) not in (None, pid) and does_postgres_answer(product), PATIENCE_S)


@contextmanager
def paused(pid: int | None) -> Iterator[None]:
    """A process, with all it has started, that stays where it is and does nothing, as a machine that hangs."""
    assert pid is not None
    stopped: list[int] = []
    try:
        for each in (pid, *list_children(pid)):  # the parent first: it starts no more
            os.kill(each, signal.SIGSTOP)
            stopped.append(each)
        yield
    finally:
        for each in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def read_memory(pid: int) -> float:
    """Resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def count_connections(pid: int, ports: Sequence[int]) -> int:
    """Open TCP connections of a process to `ports` of this machine."""
    wanted = {f"{port:04X}" for port in ports}
    inodes = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, *rest = line.split()
        if state != LISTENING and remote.rpartition(":")[2] in wanted:
            inodes.add(f"socket:[{rest[5]}]")
    mine = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            mine.add(os.readlink(descriptor))
    return len(inodes & mine)
