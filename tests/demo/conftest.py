"""The running shop (database, web process, processor) and a visitor's Chromium."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, sync_playwright

from personalization.announcing import announce_newest
from personalization.seeding import seed_shop
from personalization.servers import free_port
from personalization.wiring import make_builder
from profiles.clients import Client
from tests.browser import CHROMIUM, FLAGS

ROOT = Path(__file__).resolve().parents[2]
START_S = 60


@dataclass(frozen=True)
class Shop:
    url: str
    write_key: str


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PZ_DATA with the static files in it, as `prepare` leaves it."""
    data = tmp_path_factory.mktemp("data")
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, env={**os.environ, "PZ_DATA": str(data)}, check=True)
    return data


@pytest.fixture
def shop(transactional_db: None, redis_client: Client, collected: Path) -> Iterator[Shop]:
    """The demo shop as `make run` brings it up, on the test run's own servers."""
    source = seed_shop(at=timezone.now())
    announce_newest(redis_client)
    make_builder().work(5)
    settings = connection.settings_dict
    port = free_port()
    environment = {
        **os.environ,
        "PZ_DATA": str(collected),
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{settings['NAME']}",
    }
    web = (
        *(sys.executable, "-m", "uvicorn", "personalization.asgi:application", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--log-level", "warning"),
    )
    commands = (web, (sys.executable, "manage.py", "run_processor", "--name", "story"))
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment) for command in commands]
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/demo/", processes)
        yield Shop(url, source.write_key)
    finally:
        for process in processes:
            process.terminate()
        late = [process.args for process in processes if not _ends(process)]
        assert not late, f"did not end within 30 s of being asked to: {late}"


def _ends(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()  # the test run's database cannot be dropped under it
        process.wait()
        return False
    return True


def _wait_for(url: str, processes: "list[subprocess.Popen[bytes]]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for process in processes:
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert answer.status == 200
                return
        except ConnectionError:
            time.sleep(0.05)
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within {START_S} s")


@pytest.fixture
def browser_page(shop: Shop) -> Iterator[Page]:
    """A page whose console must stay clean. It comes after the shop: Django's database and a running Playwright do not
    mix in one thread."""
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        yield page
        browser.close()
    assert problems == []
