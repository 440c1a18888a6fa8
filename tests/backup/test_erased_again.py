"""Who was erased since the backup was made is erased again after it is restored, by a file that names nobody."""

import stat
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from ingestion.archiving import moment
from personalization.backup.erasures import read_erasures
from personalization.backup.manifest import Refused
from personalization.people import request_erasure
from profiles.erasures import digest_profile
from profiles.event import derive_profile_id
from profiles.models import Erasure, StoredProfile
from tests.backup.safe import Safe

ANNA, BEN, CARL, NEW = (derive_profile_id(f"a:{who}") for who in ("laptop", "ben", "carl", "new"))
PHONE = derive_profile_id("a:phone")


def erase(safe: Safe, id: str) -> UUID:
    town = safe.town
    receipt = request_erasure(UUID(id), by="olga", at=moment(town.now))
    town.now += 1_000
    safe.settle()
    return receipt.pk


def test_who_was_erased_since_is_erased_again(safe: Safe) -> None:
    """Anna was two profiles when the backup was made, Ben is unknown to it, and Carl was erased before."""
    town, file = safe.town, safe.place / "erasures.json"
    for who in ("carl", "phone", "laptop", "dora"):
        town.send(town.event(anonymous_id=who))
    safe.settle()
    before = erase(safe, CARL)
    town.send(town.event(anonymous_id="carl"), town.event(anonymous_id="new"))  # the new one waits in the log
    folder = safe.back_up()
    safe.settle()
    town.send(town.event(type="identify", name="Identified", anonymous_id="laptop", user_id="anna"))
    town.send(town.event(type="identify", name="Identified", anonymous_id="phone", user_id="anna"))
    town.send(town.event(anonymous_id="ben"))
    safe.settle()
    since = {erase(safe, id) for id in (ANNA, BEN, NEW)}
    call_command("export_erasures", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    known = read_erasures(file)
    assert {each.id for each in known} == {before, *since}
    assert not any(id in file.read_text() for id in (ANNA, BEN, CARL, NEW, PHONE, str(UUID(ANNA))))

    again = safe.restore(folder, replace=True, erased=known)
    assert (again.asked, again.left) == (3, [])
    safe.settle()
    safe.settle()
    assert town.people().keys() == {CARL, derive_profile_id("a:dora")}
    assert {each.id.hex for each in StoredProfile.objects.all()} == town.people().keys()
    assert all(receipt.done for receipt in Erasure.objects.all())
    assert set(Erasure.objects.values_list("pk", flat=True)) == {before, *since}
    town.send_again()
    safe.settle()
    assert "Product Viewed" not in town.people()[ANNA].events  # her marks are kept


def test_who_is_part_of_somebody_else_there_is_left_to_people(safe: Safe) -> None:
    """When the backup was made the phone was Anna's; later it was let go, and the phone's owner was erased."""
    town = safe.town
    town.send(town.event(anonymous_id="phone"), town.event(anonymous_id="laptop", user_id="anna"))
    safe.settle()
    town.send(town.event(type="identify", name="Identified", anonymous_id="phone", user_id="anna"))
    safe.settle()
    folder = safe.back_up()
    apart = safe.place / "erasures.json"
    receipt = Erasure.objects.create(
        profile=digest_profile(UUID(PHONE)),
        names=[digest_profile(UUID(PHONE))],
        requested=moment(town.now),
        by="olga",
        done=moment(town.now),
    )
    call_command("export_erasures", str(apart))
    again = safe.restore(folder, replace=True, erased=read_erasures(apart))
    assert (again.asked, again.left) == (0, [(receipt.pk, UUID(ANNA))])
    safe.settle()
    assert town.people()[ANNA].events["Product Viewed"].count == 2
    assert Erasure.objects.get().done is None


def test_a_request_that_no_log_holds_is_asked_again(safe: Safe) -> None:
    town = safe.town
    town.send(town.event(anonymous_id="carl"), town.event(anonymous_id="ben"))
    safe.settle()
    Erasure.objects.create(profile=digest_profile(UUID(CARL)), requested=moment(town.now), by="olga")
    request_erasure(UUID(BEN), by="olga", at=moment(town.now))
    folder = safe.back_up()
    assert safe.restore(folder, replace=True).asked == 1
    safe.settle()
    assert not town.people() and not StoredProfile.objects.exists()


def test_a_file_of_another_key_or_none(safe: Safe, settings: Any) -> None:
    file = safe.place / "erasures.json"
    call_command("export_erasures", str(file))
    settings.SECRET_KEY = "another"
    with pytest.raises(Refused, match="another SECRET_KEY"):
        read_erasures(file)
    file.write_text("{}")
    with pytest.raises(Refused, match="no file of"):
        read_erasures(file)
