"""Loaded before everything else by pytest: one PostgreSQL and one Redis of the run's own, named in the environment."""

import gc
import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from personalization.servers import Servers, embedded_settings

STARTED_HERE = "PZ_TEST_SERVERS" not in os.environ  # the processes of pytest-xdist share the servers of the first one

if STARTED_HERE:
    _folder = Path(tempfile.mkdtemp(prefix="personalization-test-"))
    _folder.chmod(0o711)
    _servers = Servers(_folder, durable=False)
    _servers.start()
    os.environ["PZ_TEST_SERVERS"] = str(_folder)
    os.environ.update(embedded_settings(_folder))

# Every further process of pytest-xdist has a Redis of its own: channels know no databases, and a test that pauses its
# server would pause all of them.
_own: Servers | None = None
if "PYTEST_XDIST_WORKER" in os.environ:
    _own_folder = Path(tempfile.mkdtemp(prefix="personalization-test-"))
    _own_folder.chmod(0o711)
    _own = Servers(_own_folder, database=False, durable=False)
    _own.start()
    os.environ["REDIS_URL"] = embedded_settings(_own_folder)["REDIS_URL"]
os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/1"


# Those that take longest, in that order. They come first: a process that begins one while the others have nothing left
# makes everybody wait for it.
LONG = (
    "tests/studio/test_gates.py",
    "tests/retail/test_chance.py",
    "tests/retail/test_outdoor_gear.py",
    "tests/house/test_supervise.py",
    "tests/stories/test_studio.py",
    "tests/faults/test_full.py",
    "tests/stories/test_publish_segment.py",
    "tests/importers/test_real_file.py",
    "tests/faults/test_kills.py",
    "tests/faults/test_erasures.py",
    "tests/backup/test_story.py",
    "tests/observing/test_logs.py",
    "tests/faults/test_servers_pause.py",
    "tests/faults/test_stops.py",
    "tests/faults/test_rebuild_at_length.py",
    "tests/faults/test_floods.py",
    "tests/reconcile/test_reconcile.py",
    "tests/importers/test_killed_import.py",
    "tests/archive/test_archiver_process.py",
)


@pytest.hookimpl(trylast=True)  # after pytest-django's own order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Next come those about the running product, together: each process of the run that has one starts its own."""

    def rank(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        if file in LONG:
            return LONG.index(file)
        return len(LONG) + ("running_product" not in getattr(item, "fixturenames", ()))

    items.sort(key=rank)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Thousands of tests stay until the end: a garbage collector that looks at all of them again and again takes longer
    than some of what is timed here, such as a block that is given 50 ms to be rendered."""
    gc.collect()
    gc.freeze()


# The faults of `make faults` come by chance, and by the same chance in every process of the run.
if os.environ.get("FAULTS") and not os.environ.get("FAULTS_SEED"):
    os.environ["FAULTS_SEED"] = str(random.SystemRandom().randrange(1, 1_000_000))


def pytest_report_header(config: pytest.Config) -> str:
    from tests.faults.sizes import LONG, SEED  # once the seed is there

    return f"faults: {'long' if LONG else 'short'} form, FAULTS_SEED={SEED}"


def pytest_unconfigure(config: pytest.Config) -> None:
    if _own is not None:
        _own.stop()
        shutil.rmtree(_own_folder, ignore_errors=True)
    if STARTED_HERE:
        _servers.stop()
        shutil.rmtree(_folder, ignore_errors=True)
