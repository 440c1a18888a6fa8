"""A merge is undone from its page or by a command: a look at both first, and a word on what has come of it."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.utils.html import escape

from ingestion.undoing import Undoer
from personalization import admin_merges, wiring
from personalization.management.commands import undo_merge as command
from profiles.event import derive_profile_id
from profiles.models import MergeRecord
from tests.admin.operators import sign_in, sign_in_owner
from tests.builds.conftest import Engine, engine

__all__ = ["engine"]
pytestmark = pytest.mark.django_db

MERGES = "/admin/profiles/mergerecord/"
LAPTOP, PHONE = derive_profile_id("a:laptop"), derive_profile_id("a:phone")


@pytest.fixture
def merge(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> MergeRecord:
    """A phone that was taken for Anna's; whoever waits for processor and archiver lets them work."""
    work_while_waiting(monkeypatch, engine.run)
    engine.send("Identified", people=["laptop"], type="identify", user_id="anna")
    engine.send("Product Viewed", "Product Viewed", people=["phone"])
    engine.send("Identified", people=["phone"], type="identify", user_id="anna")
    engine.send("Order Completed", people=["phone"])
    return MergeRecord.objects.get()


def work_while_waiting(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    def make_undoer() -> Undoer:
        return wiring.make_undoer(wait=lambda seconds: work())

    for module in (admin_merges, command):
        monkeypatch.setattr(module, "make_undoer", make_undoer)


def address(merge: MergeRecord) -> str:
    return f"{MERGES}{merge.pk}/undo/"


def test_the_page_shows_what_would_become_of_both(engine: Engine, merge: MergeRecord) -> None:
    client = sign_in("profiles.view_mergerecord", "profiles.change_mergerecord")
    assert address(merge) in client.get(f"{MERGES}{merge.pk}/change/").content.decode()
    page = client.get(address(merge)).content.decode()
    assert "1 event since then goes to the one that was taken over." in page
    assert "a:phone stands for it again." in page
    for shown in (str(merge.loser_id), str(merge.winner_id), "user anna", "<td>Order Completed</td><td>1</td>"):
        assert shown in page
    assert engine.profile("a:phone").id == LAPTOP


def test_it_is_undone_and_noted(engine: Engine, merge: MergeRecord) -> None:
    client = sign_in_owner()
    page = client.post(address(merge), follow=True).content.decode()
    assert "The two are apart again" in page
    assert address(merge) not in page
    assert "owner-0" in page
    phone, laptop = engine.profile("a:phone"), engine.profile("u:anna")
    assert (phone.id, laptop.id) == (PHONE, LAPTOP)
    assert {name: history.count for name, history in phone.events.items()} == {
        "Product Viewed": 2,
        "Order Completed": 1,
    }
    assert {name: history.count for name, history in laptop.events.items()} == {"Identified": 2}
    assert LogEntry.objects.get().change_message == "Undid it."
    again = client.post(address(merge), follow=True).content.decode()
    assert "This merge was undone by owner-0 on" in again
    assert "undone" in client.get(f"{MERGES}?state=undone").content.decode()


def test_what_is_under_way_is_said_to_be(engine: Engine, merge: MergeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    work_while_waiting(monkeypatch, lambda: None)
    page = sign_in_owner().post(address(merge), follow=True).content.decode()
    assert "as soon as a processor is running again" in page
    assert LogEntry.objects.get().change_message == "Asked to undo it."
    engine.run()
    assert engine.profile("a:phone").id == PHONE


def test_who_may_only_look_undoes_nothing(engine: Engine, merge: MergeRecord) -> None:
    client = sign_in("profiles.view_mergerecord")
    assert address(merge) not in client.get(f"{MERGES}{merge.pk}/change/").content.decode()
    assert client.get(address(merge)).status_code == 403
    assert client.post(address(merge)).status_code == 403
    engine.run()
    assert engine.profile("a:phone").id == LAPTOP
    assert client.get(f"{MERGES}999/undo/").status_code == 403
    assert sign_in_owner().get(f"{MERGES}999999/undo/").status_code == 404


def test_a_redis_that_is_away_is_said_to_be(merge: MergeRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_undoer() -> Undoer:
        return wiring.make_undoer(client=redis.Redis(port=1, socket_connect_timeout=0.2))

    for module in (admin_merges, command):
        monkeypatch.setattr(module, "make_undoer", make_undoer)
    assert "Redis is away." in sign_in_owner().get(address(merge), follow=True).content.decode()
    with pytest.raises(CommandError, match="once Redis is back"):
        call_command("undo_merge", str(merge.pk))


def test_a_state_of_another_version_is_said_to_be_so(merge: MergeRecord) -> None:
    MergeRecord.objects.update(before=b"\xff\x00")
    page = sign_in_owner().get(address(merge), follow=True).content.decode()
    assert "cannot be read by this version" in page


def test_the_command(engine: Engine, merge: MergeRecord) -> None:
    def run(*arguments: Any) -> str:
        said = StringIO()
        call_command("undo_merge", str(merge.pk), *arguments, stdout=said)
        return said.getvalue()

    assert run("--dry-run").splitlines() == [
        f"taken over: {PHONE}, user unknown, 3 events",
        f"took over: {LAPTOP}, user anna, 2 events",
        f"1 events since the merge would go to {PHONE}",
    ]
    assert engine.profile("a:phone").id == LAPTOP
    assert f"1 events since the merge went to {PHONE}" in run("--by", "anna")
    assert engine.profile("a:phone").id == PHONE
    with pytest.raises(CommandError, match="This merge was undone by anna on"):
        run()
    with pytest.raises(CommandError, match="there is no merge 999999"):
        call_command("undo_merge", "999999")


def test_the_page_escapes_what_people_said(engine: Engine, merge: MergeRecord) -> None:
    engine.send("<b>Odd</b>", people=["phone"])
    page = sign_in_owner().get(address(merge)).content.decode()
    assert escape("<b>Odd</b>") in page
    assert "<b>Odd" not in page
