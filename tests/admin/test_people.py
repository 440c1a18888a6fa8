"""A person's rights, from the admin and by commands: everything that is known as a file, erasing, and the receipts."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from profiles.event import derive_profile_id
from profiles.models import Erasure, StoredProfile
from tests.admin.operators import sign_in, sign_in_owner
from tests.builds.conftest import Engine, engine

__all__ = ["engine"]
pytestmark = pytest.mark.django_db

PHONE = UUID(derive_profile_id("a:phone"))
PERSON = f"/admin/profiles/storedprofile/{PHONE}/"
RECEIPTS = "/admin/profiles/erasure/"


@pytest.fixture
def anna(engine: Engine) -> Engine:
    said = {"type": "identify", "user_id": "anna", "traits": {"city": "<b>Utrecht</b>"}}
    engine.send("Identified", people=["phone"], context={"consent": {"categoryPreferences": {"email": False}}}, **said)
    engine.send("Product Viewed", people=["phone", "laptop"])
    engine.send("Identified", people=["laptop"], type="identify", user_id="anna")
    return engine


def read(client: Client, address: str) -> Any:
    answer: Any = client.get(address)

    async def collect() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return answer, async_to_sync(collect)()


def test_everything_that_is_known_is_a_file(anna: Engine) -> None:
    client = sign_in("profiles.view_storedprofile", "profiles.export_person")
    assert f"{PERSON}export/" in client.get(f"{PERSON}change/").content.decode()
    answer, body = read(client, f"{PERSON}export/")
    assert answer["Content-Disposition"] == f'attachment; filename="person-{PHONE}.json"'
    assert answer["Cache-Control"].startswith("max-age=0")
    told = json.loads(body)
    assert (told["profile"]["userId"], len(told["events"]), len(told["merges"])) == ("anna", 4, 1)
    assert told["consent"]["email"]["value"] is False
    assert client.get(f"/admin/profiles/storedprofile/{uuid4()}/export/").status_code == 404
    assert client.post(f"{PERSON}export/").status_code == 405


def test_the_profile_shows_its_consent(anna: Engine) -> None:
    page = sign_in("profiles.view_storedprofile").get(f"{PERSON}change/").content.decode()
    assert "<th>Consent</th><td>email: no, since" in page
    assert StoredProfile.objects.get(pk=PHONE).consent == {"email": False}


def test_both_take_a_permission_of_their_own(anna: Engine) -> None:
    client = sign_in("profiles.view_storedprofile", "profiles.view_erasure")
    page = client.get(f"{PERSON}change/").content.decode()
    for name in ("export", "erase"):
        assert f"{PERSON}{name}/" not in page
        assert client.get(f"{PERSON}{name}/").status_code == 403
        assert Client().get(f"{PERSON}{name}/").status_code == 302
    assert client.post(f"{PERSON}erase/").status_code == 403
    assert not Erasure.objects.exists()


def test_an_operator_is_told_first_and_then_erases(anna: Engine) -> None:
    client = sign_in("profiles.view_storedprofile", "profiles.add_erasure", "profiles.view_erasure")
    page = client.get(f"{PERSON}erase/").content.decode()
    assert "with the 1 profile that became part of this person" in page
    assert not Erasure.objects.exists()
    answer = client.post(f"{PERSON}erase/", follow=True)
    receipt = Erasure.objects.get()
    assert answer.redirect_chain == [(f"{RECEIPTS}{receipt.pk}/change/", 302)]
    assert "The receipt says when it is done." in answer.content.decode()
    anna.run()
    page = client.get(f"{RECEIPTS}{receipt.pk}/change/").content.decode()
    assert "4 events" in page and "done" in page and "anna" not in page and str(PHONE) not in page
    assert str(receipt.pk) in client.get(RECEIPTS).content.decode()
    assert not StoredProfile.objects.exists()
    assert client.get(f"{PERSON}erase/").status_code == 404


def test_receipts_are_to_look_at(anna: Engine) -> None:
    client = sign_in_owner()
    client.post(f"{PERSON}erase/")
    receipt = Erasure.objects.get()
    assert client.get(f"{RECEIPTS}add/").status_code == 403
    assert client.post(f"{RECEIPTS}{receipt.pk}/delete/", {"post": "yes"}).status_code == 403


def test_erasing_takes_a_form_of_our_own(anna: Engine) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("olga"))
    assert client.post(f"{PERSON}erase/").status_code == 403
    assert not Erasure.objects.exists()


def test_by_command(anna: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "anna.json"
    call_command("export_person", "a:laptop", "--to", str(file))
    assert json.loads(file.read_bytes())["profile"]["id"] == str(PHONE)
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="File exists"):
        call_command("export_person", "u:anna", "--to", str(file))
    said = StringIO()
    call_command("erase_person", "u:anna", "--wait", "0", stdout=said)
    assert f"asked for, receipt {Erasure.objects.get().pk}" in said.getvalue()
    monkeypatch.setattr("personalization.management.commands.erase_person.LOOK_S", 0)
    with pytest.raises(CommandError, match="nobody is known as u:ben"):
        call_command("erase_person", "u:ben")
    anna.run()
    for command in ("erase_person", "export_person"):
        with pytest.raises(CommandError, match="nobody is known as u:anna"):
            call_command(command, "u:anna")
        with pytest.raises(CommandError, match="neither an identifier such as u:42"):
            call_command(command, "anna")
