"""What the processes of one machine have counted: files under one folder that each process keeps for itself and every
web process can read. A process that comes back takes over the file of one that ended, and goes on counting in it."""

import fcntl
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

LIVE = "gauge_livesum"  # of processes that are alive, added up
PREFIXES = ("counter", "histogram", LIVE)
BYTES = 262_144  # of one file, taken from the disk at once: a disk that fills up later must not end a process
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the client library looks


class Slots:
    """The name under which this process keeps its files: the first that no living process has (`web-0`, `web-1`). A
    process that was forked takes one of its own."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._pid = 0
        self._lock = -1
        self._name = ""

    def __call__(self) -> str:
        if (pid := os.getpid()) != self._pid:
            if self._lock >= 0:
                os.close(self._lock)  # the parent keeps its own
            self._pid, (self._lock, self._name) = pid, self._take()
        return self._name

    def _take(self) -> tuple[int, str]:
        for number in count():
            name = f"{self._kind}-{number}"
            lock = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            if _lock(lock):
                for prefix in PREFIXES:
                    _prepare(self._folder / f"{prefix}_{name}.db")
                return lock, name
            os.close(lock)
        raise AssertionError


def keep_in(folder: Path, kind: str) -> None:
    """From now on, metrics of this process are kept in files under `folder`; to be called before any is made. Where
    that cannot be, they are kept in memory, where nobody reads them."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[FOLDER] = str(folder)
        values.ValueClass = values.MultiProcessValue(Slots(folder, kind))  # type: ignore[no-untyped-call]
    except OSError as error:
        logger.warning("metrics of this process are not kept: %s", error.strerror)


def read(folder: Path) -> Iterable[Metric]:
    """What all processes have counted, those that ended included; gauges of the living alone."""
    found: Iterable[Metric] = MultiProcessCollector.merge([*_list_files(folder)])  # type: ignore[no-untyped-call]
    return found


def forget_dead(folder: Path) -> None:
    """Removes what processes have left that live no more."""
    for lock in folder.glob("*.lock"):
        with suppress(OSError), lock.open("a") as file:
            if _lock(file.fileno()):
                for path in [*(folder / f"{prefix}_{lock.stem}.db" for prefix in PREFIXES), lock]:
                    path.unlink(missing_ok=True)


def _list_files(folder: Path) -> Iterable[str]:
    for path in folder.glob("*.db"):
        if path.name.startswith(LIVE) and not _is_held(folder / f"{path.stem.rpartition('_')[2]}.lock"):
            continue
        if _is_whole(path):
            yield str(path)


def _prepare(path: Path) -> None:
    """Makes the file, or leaves it as it is when it can be gone on with. May raise OSError."""
    if path.exists() and not _is_whole(path):
        path.unlink()
    with path.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, BYTES)
    if path.name.startswith(LIVE):  # whoever had the name before is dead
        path.write_bytes(bytes(BYTES))


def _is_whole(path: Path) -> bool:
    try:
        for _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
            pass
    except Exception:  # whatever a machine that lost power has left of it
        return False
    return True


def _is_held(lock: Path) -> bool:
    with suppress(OSError), lock.open("a") as file:
        return not _lock(file.fileno())
    return False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
