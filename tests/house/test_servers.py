"""The embedded servers: private, quick to come back, whole after any interruption."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from personalization.embedded_postgres import EmbeddedPostgres, find_home
from personalization.programs import CannotStart
from personalization.servers import CONFIG, Servers, embedded_settings, free_port, is_free
from profiles.clients import Client
from tests.product import ROOT, open_folder, read_command, wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become nobody")


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def data(folder: Path) -> Path:
    return folder / "data"


def open_database(data: Path) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(embedded_settings(data)["DATABASE_URL"], autocommit=True)


def open_redis(data: Path) -> Client:
    return redis.Redis.from_url(embedded_settings(data)["REDIS_URL"])


def write_something(data: Path) -> None:
    with open_database(data) as database:
        database.execute("CREATE TABLE kept (n int)")
        database.execute("INSERT INTO kept VALUES (7)")
    with open_redis(data) as client:
        client.set("kept", "7")


def read_something(data: Path) -> tuple[object, object]:
    with open_database(data) as database, open_redis(data) as client:
        return database.execute("SELECT n FROM kept").fetchone(), client.get("kept")


WRITTEN = ((7,), b"7")


def postgres_pid(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().split()[0])


def redis_pid(data: Path) -> int:
    with open_redis(data) as client:
        return int(client.info("server")["process_id"])


def test_a_second_start_has_the_same_data_ports_and_passwords(data: Path) -> None:
    servers = Servers(data)
    servers.start()
    write_something(data)
    before = embedded_settings(data)
    servers.stop()
    servers = Servers(data)
    servers.start()
    try:
        assert embedded_settings(data) == before
        assert read_something(data) == WRITTEN
    finally:
        servers.stop()


def test_nobody_gets_in_without_the_password_and_nobody_reads_it(data: Path) -> None:
    servers = Servers(data)
    servers.start()
    try:
        config = json.loads((data / CONFIG).read_text())
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host="127.0.0.1", port=config["database_port"], user="app", password="guess")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=config["redis_port"]).ping()
        secrets = [config["database_password"], config["redis_password"], config["secret_key"]]
        commands = [read_command(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")]
        assert not [command for command in commands if any(secret in command for secret in secrets)]
        for path in data.rglob("*"):
            if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets):
                assert path.stat().st_mode & 0o077 == 0, path
        for log in (data / "postgres.log", data / "redis.log"):
            assert log.stat().st_mode & 0o077 == 0
    finally:
        servers.stop()


def test_what_dies_is_healed_with_its_data(data: Path) -> None:
    servers = Servers(data)
    servers.start()
    try:
        write_something(data)
        assert servers.heal() == []
        wait_until(lambda: b"kept" in b"".join(file.read_bytes() for file in data.glob("redis/appendonlydir/*.aof")))
        for pid in (postgres_pid(data), redis_pid(data)):
            os.kill(pid, signal.SIGKILL)
        healed: list[str] = []

        def heals() -> bool:
            healed.extend(servers.heal())
            return len(healed) == 2

        wait_until(heals)
        assert read_something(data) == WRITTEN
    finally:
        servers.stop()


def test_a_killed_run_takes_its_servers_with_it_and_the_next_one_has_the_data(data: Path) -> None:
    script = "import sys, time, pathlib, personalization.servers as s\n"
    script += "s.Servers(pathlib.Path(sys.argv[1])).start(); print('up', flush=True); time.sleep(600)"
    run = subprocess.Popen([sys.executable, "-c", script, str(data)], cwd=ROOT, stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stdout.readline() == b"up\n"
    write_something(data)
    run.kill()
    run.wait()
    run.stdout.close()
    servers = Servers(data)
    servers.start()  # at once: it waits for what is still ending
    try:
        assert read_something(data) == WRITTEN
    finally:
        servers.stop()


def test_a_process_id_left_in_a_file_is_not_believed(data: Path) -> None:
    servers = Servers(data)
    servers.start()
    left = (data / "postgres" / "postmaster.pid").read_text()
    servers.stop()
    stranger = subprocess.Popen(["sleep", "600"], user=(data / "postgres").stat().st_uid if os.geteuid() == 0 else None)
    try:
        # As after a power cut: the file is there, and its number is another program's of the same user by now.
        (data / "postgres" / "postmaster.pid").write_text(left.replace(left.split()[0], str(stranger.pid), 1))
        servers = Servers(data)
        servers.start()
        servers.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_first_start_that_was_interrupted_leaves_no_half_cluster(data: Path) -> None:
    (data / "postgres.new").mkdir(parents=True)
    (data / "postgres.new" / "PG_VERSION").write_text("18\n")
    servers = Servers(data)
    servers.start()
    servers.stop()


def test_a_port_that_was_taken_since_is_chosen_anew(data: Path) -> None:
    servers = Servers(data)
    servers.start()
    servers.stop()
    before = json.loads((data / CONFIG).read_text())
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before["database_port"]))
        other.listen()
        servers = Servers(data)
        servers.start()
        try:
            after = json.loads((data / CONFIG).read_text())
            assert after["database_port"] != before["database_port"]
            assert after["redis_port"] == before["redis_port"]
        finally:
            servers.stop()


def test_a_running_product_is_not_started_twice(data: Path) -> None:
    servers = Servers(data, database=False)
    servers.start()
    try:
        with pytest.raises(CannotStart, match="already runs"):
            Servers(data, database=False).start()
    finally:
        servers.stop()


def test_only_what_is_wanted_is_started(data: Path) -> None:
    servers = Servers(data, database=False)
    servers.start()
    try:
        config = json.loads((data / CONFIG).read_text())
        assert is_free(config["database_port"])
        assert not is_free(config["redis_port"])
    finally:
        servers.stop()


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(CannotStart, match="cannot be written"):
        Servers(folder / "file" / "data").start()


@pytest.mark.parametrize("content", [None, "{"])
def test_a_lost_or_broken_configuration_is_no_new_beginning(data: Path, content: str | None) -> None:
    servers = Servers(data, redis=False)
    servers.start()
    servers.stop()
    (data / CONFIG).unlink() if content is None else (data / CONFIG).write_text(content)
    with pytest.raises(CannotStart, match=CONFIG):
        Servers(data, redis=False).start()


@as_root
def test_a_database_that_outlived_its_configuration_elsewhere_is_named(folder: Path) -> None:
    data, elsewhere = folder / "data", folder / "elsewhere"
    data.mkdir(mode=0o700)
    (find_home(data, elsewhere) / "postgres").mkdir()
    with pytest.raises(CannotStart, match="earlier"):
        find_home(data, elsewhere)


@as_root
def test_root_finds_another_home_when_nobody_cannot_reach_the_data(folder: Path) -> None:
    data = folder / "closed" / "data"
    data.mkdir(parents=True)
    (folder / "closed").chmod(0o700)
    before = [(path, path.stat().st_mode) for path in (folder, folder / "closed", data)]
    home = find_home(data, folder / "elsewhere")
    assert home.parent == folder / "elsewhere"
    assert [(path, path.stat().st_mode) for path, _ in before] == before
    postgres = EmbeddedPostgres(home, data / "postgres.log", port=free_port(), password="p" * 20, durable=False)
    with (data / "alive").open("w") as held:
        postgres.start(held.fileno())
        assert str(home) in read_command(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
        postgres.stop()
