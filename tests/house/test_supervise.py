"""The running product: it heals, answers commands, ends whole, and says in one sentence why it cannot start."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from tests.product import FROM_TEST_RUN, ROOT, Product, open_folder, read_command, wait_until

PROCESSES = ("uvicorn", "run_processor", "run_archiver", "celery --quiet -A personalization.celery worker", "beat")


@pytest.fixture
def data() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder / "data"


@pytest.fixture
def idle(data: Path) -> Iterator[Product]:
    """A product that a test launches itself; ended in any case."""
    product = Product(data, brand_new=True)
    yield product
    if product.running:
        product.stop()


def answers(product: Product) -> bool:
    try:
        with urllib.request.urlopen(f"{product.url}/admin/login/", timeout=20) as answer:
            return int(answer.status) == 200
    except OSError:  # not yet
        return False


def everything_of(product: Product) -> list[int]:
    """All processes on the machine that were given the product's data folder, by command or environment."""
    mark = f"PZ_DATA={product.data}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes() or str(product.data) in read_command(int(entry.name)):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def refused(**environment: str) -> str:
    """What the supervisor says to an environment it cannot work with."""
    clean = {name: value for name, value in os.environ.items() if name not in FROM_TEST_RUN}
    done = subprocess.run(
        [sys.executable, "-m", "personalization.supervise"],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout == ""
    [line] = done.stderr.strip().splitlines()
    return line


def test_it_says_where_it_is_and_how_to_log_in(running_product: Product) -> None:
    name, password = running_product.login
    assert f"{running_product.url}/demo/" in running_product.output
    assert f"{name} / {password}" in running_product.output
    assert answers(running_product)


def test_as_for_production_it_says_where_to_log_in(data: Path) -> None:
    proxied = {"X-Forwarded-Proto": "https"}
    nowhere = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}  # not for our own address
    outside = {"PZ_HTTPS": "on", "ALLOWED_HOSTS": "engine.example", **nowhere}
    with Product(data, brand_new=True, PZ_DEMO="off", **outside) as product:
        assert f"{product.url}/studio/" in product.output
        assert "/demo/" not in product.output
        assert not (data / "demo-login").exists()
        asked = httpx.post(
            f"{product.url}/v1/track", auth=("none", ""), content=b"{}", headers=proxied, trust_env=False
        )
        assert asked.status_code == 401  # it knows that there is no such source, from its first moment on
        assert len(product.output.splitlines()) < 15  # it is quiet


def test_it_keeps_secrets(running_product: Product) -> None:
    assert not [secret for secret in running_product.settings.values() if secret in running_product.output]
    kept = [value for value in running_product.config.values() if isinstance(value, str)]  # not the ports
    assert kept and not [value for value in kept if value in running_product.output]


@pytest.mark.parametrize("word", PROCESSES)
def test_a_process_that_is_killed_comes_back(running_product: Product, word: str) -> None:
    [pid] = running_product.find(word)
    others = {other: running_product.find(other) for other in PROCESSES if other != word}
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (found := running_product.find(word)) and found != [pid])
    wait_until(lambda: answers(running_product))
    assert {other: running_product.find(other) for other in others} == others


def test_commands_find_the_running_servers(running_product: Product) -> None:
    done = running_product.manage("check_servers")
    assert done.returncode == 0, done.stderr
    assert "No planned migration" in running_product.manage("migrate", "--plan").stdout


def test_a_second_one_on_the_same_data_is_refused(running_product: Product) -> None:
    assert "already runs" in refused(PZ_DATA=str(running_product.data), PORT="1024")


def test_a_taken_port_is_named(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"port {port} is taken" in refused(PZ_DATA=str(data), PORT=port)


def test_a_port_that_is_no_port_is_named(data: Path) -> None:
    assert "PORT" in refused(PZ_DATA=str(data), PORT="http")


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_server_that_does_not_answer_is_named(idle: Product, name: str) -> None:
    scheme = "postgres" if name == "DATABASE_URL" else "redis"
    line = refused(**{"PZ_DATA": str(idle.data), "PORT": str(idle.port), name: f"{scheme}://u:hidden@127.0.0.1:1/0"})
    assert name in line
    assert "127.0.0.1:1" in line
    assert "hidden" not in line


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_wrong_password_is_named(running_product: Product, idle: Product, name: str) -> None:
    url = urlsplit(running_product.settings[name])
    wrong = urlunsplit(url._replace(netloc=f"{url.username}:hidden@{url.hostname}:{url.port}"))
    line = refused(**{"PZ_DATA": str(idle.data), "PORT": str(idle.port), name: wrong})
    assert name in line
    assert "password" in line
    assert "hidden" not in line


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_server_that_says_nothing_is_not_waited_for(idle: Product, name: str) -> None:
    scheme = "postgres" if name == "DATABASE_URL" else "redis"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        url = f"{scheme}://u:hidden@{place}/0"
        line = refused(**{"PZ_DATA": str(idle.data), "PORT": str(idle.port), name: url})
    assert name in line
    assert place in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "192.0.2.1"),
        ("HOST", "nowhere.invalid"),
        ("PZ_DEMO", "maybe"),
        ("PZ_PARTITIONS", "abc"),
        ("PZ_HISTORY_LIMIT", "5"),
        ("DATABASE_URL", "mysql://u:hidden@127.0.0.1/x"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(idle: Product, name: str, value: str) -> None:
    line = refused(**{"PZ_DATA": str(idle.data), "PORT": str(idle.port), name: value})
    assert line.startswith(f"Cannot start: {name} ")
    assert "hidden" not in line


def test_a_folder_that_cannot_be_made_is_named(data: Path) -> None:
    data.write_text("a file stands here")
    assert str(data) in refused(PZ_DATA=str(data))


def test_a_command_alone_says_what_is_missing(idle: Product) -> None:
    done = idle.manage("prepare")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_leaves_nothing_running(data: Path, number: signal.Signals) -> None:
    with Product(data) as product:
        assert product.stop(number) == 0
    assert everything_of(product) == []


def test_stopped_while_it_starts_it_leaves_nothing_running(idle: Product) -> None:
    idle.launch()
    wait_until((idle.data / "redis").exists)
    assert idle.stop() == 0
    assert everything_of(idle) == []


def test_killed_it_takes_everything_with_it_and_starts_again(data: Path) -> None:
    with Product(data, brand_new=True) as first:
        first.stop(signal.SIGKILL)
        with Product(data, PORT=str(first.port)) as second:  # at once, on the same port
            assert answers(second)
            assert second.login == first.login
