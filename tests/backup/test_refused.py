"""What is no whole backup, or no place to restore it to, is refused in one sentence, and nothing is changed."""

import json
import os
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from personalization.backup import postgres
from personalization.backup.manifest import Refused
from personalization.embedded_postgres import find_binaries
from profiles import keys
from profiles.models import StoredProfile
from tests.backup.safe import Safe


@pytest.fixture
def folder(safe: Safe) -> Path:
    safe.town.send(safe.town.event(anonymous_id="carl"))
    safe.town.work()
    return safe.back_up()


def change_manifest(folder: Path, **said: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: change_manifest(folder, format=2), "format 2"),
    (lambda folder: change_manifest(folder, format="x"), "damaged"),
    (lambda folder: change_manifest(folder, migrations=["profiles.0099_later"]), "profiles.0099_later"),
    (lambda folder: change_manifest(folder, partitions=5), "set PZ_PARTITIONS to 5"),
    (lambda folder: (folder / "manifest.json").write_bytes(b"{"), "damaged"),
    (lambda folder: (folder / "manifest.json").unlink(), "no backup"),
    (lambda folder: flip_a_bit(folder / "database.dump"), r"database\.dump is damaged"),
    (lambda folder: flip_a_bit(folder / "redis.zst"), r"redis\.zst is damaged"),
    (lambda folder: (folder / "media.tar").unlink(), r"media\.tar cannot be read"),
]


def test_a_backup_that_is_not_whole_or_not_for_us(safe: Safe, folder: Path) -> None:
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    for damage, said in DAMAGES:
        damage(folder)
        with pytest.raises(Refused, match=said):
            safe.check(folder, replace=True)
        for name, content in kept.items():
            (folder / name).write_bytes(content)
    output = StringIO()
    call_command("restore", str(folder), "--check", stdout=output)
    assert "is whole: 1 events" in output.getvalue()


def test_a_place_that_is_not_empty_or_in_use(safe: Safe, folder: Path) -> None:
    client = safe.town.client
    with pytest.raises(CommandError, match="database is not empty"):
        call_command("restore", str(folder))
    client.zadd(keys.PROCESSORS, {"processor-7": int(time.time() * 1000) - 5_000})
    with pytest.raises(Refused, match="processor-7 was at work"):
        safe.check(folder, replace=True)
    client.delete(keys.PROCESSORS)
    client.zadd(keys.SIGNS, {"worker:here": int(time.time() * 1000)})
    with pytest.raises(Refused, match="worker:here was at work"):
        safe.check(folder, replace=True)
    client.delete(keys.SIGNS)
    with postgres.connect(), pytest.raises(Refused, match="connected to the database"):
        safe.check(folder, replace=True)
    assert StoredProfile.objects.count() == 1 and len(safe.town.people()) == 1
    postgres.empty_database()
    with pytest.raises(Refused, match="Redis is not empty"):
        safe.check(folder)
    safe.town.lose()
    safe.restore(folder)
    assert len(safe.town.people()) == 1


def make_program(folder: Path, version: str) -> Path:
    path = folder / "pg_dump"
    path.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
    path.chmod(0o755)
    return path


def test_programs_that_are_older_than_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = find_binaries() / "pg_dump"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    theirs = make_program(tmp_path, "15.2 (Debian 15.2-1)")
    assert postgres.find_program("pg_dump", 18) == ours
    assert postgres.find_program("pg_dump", 15) == theirs
    with pytest.raises(Refused, match="pg_dump of PostgreSQL 16 to 16 is needed, and there is 15, 18"):
        postgres.find_program("pg_dump", 16)  # what 18 writes no server of 16 takes
    make_program(tmp_path, "18.9")
    assert postgres.find_program("pg_dump", 17) == theirs  # of the same version, the one that somebody chose
    with pytest.raises(Refused, match="pg_dump of PostgreSQL 19 or newer is needed, and there is 18"):
        postgres.find_program("pg_dump", 19)
