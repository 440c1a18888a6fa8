"""Everything is lost and put back from a backup: people, the archive, what was granted, what was still under way."""

import stat
from io import BytesIO
from pathlib import Path

import pytest

from ingestion.archiving import moment
from ingestion.models import DeadLetter
from personalization.backup.manifest import Refused
from profiles import keys
from profiles.audit import Act
from profiles.event import derive_profile_id, partition_of
from profiles.models import AuditEntry, Identifier
from segments.lists import store_upload
from tests.backup.safe import Safe, digest_tables
from tests.builds.conftest import define
from tests.faults.town import CODES
from tests.processing.harness import HOUR

BEN, CARL, PHONE = (derive_profile_id(f"a:{who}") for who in ("ben", "carl", "phone"))


def home_of(device: str) -> int:
    return partition_of(derive_profile_id(f"a:{device}"), 4)


def test_everything_is_as_it_was(safe: Safe) -> None:
    town = safe.town
    town.dwell()
    town.log.append({0: [b"nobody can read this"]})
    (safe.place / "media" / "f00.png").write_bytes(b"an image")
    team = define("team", None, kind="list")
    store_upload(team, BytesIO(b"anonymous_id\nben"), name="x", replaces=True, most=99, by=None, at=moment(town.now))
    safe.settle()
    people, tables, outcomes = safe.people(), digest_tables(), town.client.hgetall(keys.OUTCOMES)
    folder = safe.back_up()
    safe.lose()
    (safe.place / "media" / "f00.png").unlink()
    safe.restore(folder)

    assert digest_tables() == tables
    assert tables["segments_member"][0] == 1
    assert safe.people() == people
    assert town.client.hgetall(keys.OUTCOMES) == outcomes
    assert (safe.place / "media" / "f00.png").read_bytes() == b"an image"
    assert DeadLetter.objects.count() == 1
    assert {entry.act for entry in AuditEntry.objects.filter(kind="backup")} == {Act.RESTORED}
    town.send_again()
    safe.settle()
    assert safe.people() == people
    offer = town.decide("u:anna", "footer").slots["footer"].offer
    assert offer is not None and offer.code == CODES[0]
    town.pass_time(town.now + HOUR)
    assert all("lately" not in each.segments for each in town.people().values())


def test_what_was_under_way_arrives(safe: Safe) -> None:
    """Events that wait in the log, others that are applied and not archived, a history on its way to another profile, a
    decision that nobody but Redis knows of, an erasure that was asked for."""
    town = safe.town
    town.dwell()
    tablet, watch = "tablet", next(name for name in ("w1", "w2", "w3") if home_of(name) != home_of("tablet"))
    town.send(town.event(anonymous_id=tablet, user_id="zoe"), town.event(anonymous_id=watch))
    town.work()
    town.send(town.event(anonymous_id="ben"), town.event(anonymous_id="new"))
    town.run()
    assert town.decide("a:ben", "footer").slots["footer"].offer is not None
    town.send(town.event(type="identify", name="Identified", anonymous_id=watch, user_id="zoe"))
    town.processor.drain([home_of(tablet)])
    town.processor.drain([home_of(watch)])
    assert town.client.exists(keys.identifier("p:" + derive_profile_id(f"a:{watch}")))
    assert town.client.xlen(keys.log(home_of(tablet)))
    town.send(town.event(anonymous_id="ben"), town.event(anonymous_id="last"))
    tail = {keys.accepted(number): town.client.xlen(keys.accepted(number)) for number in range(4)}
    assert sum(tail.values()) > 5
    folder = safe.back_up()
    safe.settle()
    people = safe.people()
    assert people["hot"][f"pz:t:{BEN}"] and not people["doubled"]

    safe.lose()
    safe.restore(folder)
    safe.settle()
    assert safe.people() == people
    town.send_again()
    safe.settle()
    assert safe.people() == people


def test_a_backup_is_its_owners_alone_and_says_what_it_holds(safe: Safe) -> None:
    safe.town.send(safe.town.event(anonymous_id="carl"))
    safe.town.work()
    folder = safe.back_up()
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "database.dump", "redis.zst", "media.tar"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert safe.check(folder, replace=True).counts["events"] == 1
    assert AuditEntry.objects.get(kind="backup").act == Act.EXPORTED
    with pytest.raises(Refused, match="there already"):
        safe.town.client.set("pz:x", 1)
        Safe(safe.town, safe.place).back_up()
    assert [path.name for path in safe.place.iterdir() if path.name.startswith(".")] == []


def test_none_is_made_of_a_redis_that_is_not_whole(safe: Safe) -> None:
    safe.town.send(safe.town.event(anonymous_id="carl"))
    safe.town.work()
    safe.town.client.delete(keys.WHOLE)
    with pytest.raises(Refused, match="not whole"):
        safe.back_up()
    assert list(Path(safe.place).glob("*backup*")) == []


def test_what_came_after_it_is_gone(safe: Safe) -> None:
    safe.town.dwell()
    folder = safe.back_up()
    safe.town.send(safe.town.event(anonymous_id="late"))
    safe.settle()
    safe.restore(folder, replace=True)
    safe.settle()
    assert derive_profile_id("a:late") not in safe.town.people()
    assert CARL in safe.town.people() and Identifier.objects.filter(key=f"p:{PHONE}").exists()
