"""Dead letters in the Studio: readable as granted, put back one by one or a whole reason, and in the trail."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.accepted import Applied
from ingestion.accepted import pack as pack_accepted
from ingestion.models import DeadLetter
from personalization.dead_letters import AT_ONCE
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, derive_profile_id, pack
from profiles.models import AuditEntry
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db
LETTERS = "/studio/live/dead-letters/"
EVENT = Event(
    id="m1",
    source="shop",
    type="track",
    name="Odd <b>Thing</b>",
    at=1,
    received=1,
    anonymous_id="anna",
    properties={"email": "anna@example.com", "name": "Anna", "price": 3},
)


def set_aside(raw: bytes = pack(EVENT), **fields: Any) -> DeadLetter:
    whole = {"partition": 0, "offset": f"1-{DeadLetter.objects.count()}", "reason": "failed", "tries": 3, **fields}
    return DeadLetter.objects.create(raw=raw, at=timezone.now(), **whole)


def replay(client: Any, **said: Any) -> Any:
    return client.post(f"{LETTERS}replay/", said, headers={"HX-Request": "true"})


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_letter_is_masked_unless_it_was_granted(is_nested: bool) -> None:
    applied = pack_accepted(Applied(profile=derive_profile_id("a:anna"), event=EVENT))
    letter = set_aside(applied, log="accepted") if is_nested else set_aside()
    masked = sign_in("developer").get(f"{LETTERS}{letter.pk}/").content.decode()
    assert "anna" not in masked and "Anna" not in masked and "a•••@e•••" in masked
    assert "Odd &lt;b&gt;Thing" in masked and "shop" in masked and "Personal data is masked" in masked
    whole = sign_in("developer", personal=True).get(f"{LETTERS}{letter.pk}/").content.decode()
    assert "anna@example.com" in whole and "<b>Thing" not in whole


@pytest.mark.parametrize("raw", [b"\xc1not msgpack anna", b""])
def test_bytes_that_cannot_be_read_cannot_be_masked(raw: bytes) -> None:
    letter = set_aside(raw)
    masked = sign_in("developer").get(f"{LETTERS}{letter.pk}/").content.decode()
    assert "cannot be read" in masked and "anna" not in masked
    assert "Cannot be decoded" in sign_in("owner").get(f"{LETTERS}{letter.pk}/").content.decode()


def test_the_chosen_are_put_back_once(redis_client: Client) -> None:
    first, second, other = set_aside(), set_aside(), set_aside()
    developer = sign_in("developer")
    answer = developer.post(f"{LETTERS}replay/", {"letter": [first.pk, second.pk]}, follow=True)
    assert "2 put back" in answer.content.decode()
    assert redis_client.xlen(keys.log(0)) == 2
    other.refresh_from_db()
    assert other.replayed is None
    replay(developer, letter=[first.pk])
    assert redis_client.xlen(keys.log(0)) == 2
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.after) == ("replayed", "dead_letter", {"letters": 2})
    assert entry.subject == f"{first.pk}, {second.pk}"


def test_all_of_a_reason_go_back_slice_by_slice(redis_client: Client) -> None:
    for _ in range(AT_ONCE + 5):
        set_aside()
    other = set_aside(reason="other")
    developer = sign_in("developer")
    page = replay(developer, reason="failed").content.decode()
    assert f"{AT_ONCE} of {AT_ONCE + 5} put back" in page and "Stop" in page
    last = DeadLetter.objects.filter(reason="failed").order_by("-pk")[0].pk
    late = set_aside()  # failed again meanwhile: it waits for somebody to look
    answer = replay(developer, reason="failed", last=last, total=AT_ONCE + 5)
    assert answer.status_code == 204 and answer["HX-Refresh"] == "true"
    assert f"{AT_ONCE + 5} put back" in developer.get(LETTERS).content.decode()
    assert set(DeadLetter.objects.filter(replayed=None)) == {other, late}
    assert [entry.after["letters"] for entry in AuditEntry.objects.order_by("pk")] == [AT_ONCE, 5]


def test_everything_goes_back_and_a_second_time_nothing(redis_client: Client) -> None:
    set_aside(reason="a")
    set_aside(reason="b")
    developer = sign_in("developer")
    replay(developer, reason="all")
    assert not DeadLetter.objects.filter(replayed=None).exists()
    replay(developer, reason="all")
    assert "Nothing waits there" in developer.get(LETTERS).content.decode()
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("said", [{}, {"letter": "x"}, {"letter": "9" * 30}, {"reason": ""}])
def test_nothing_chosen_is_nothing_done(said: Any, redis_client: Client) -> None:
    set_aside()
    answer = sign_in("developer").post(f"{LETTERS}replay/", said, follow=True)
    assert "Choose letters first" in answer.content.decode()
    assert redis_client.xlen(keys.log(0)) == 0


def test_while_redis_is_away_nothing_is_marked(monkeypatch: Any) -> None:
    from ingestion.log import LogUnavailable

    def fail(letters: Any) -> int:
        raise LogUnavailable("away")

    monkeypatch.setattr("personalization.dead_letters.replay", fail)
    set_aside()
    developer = sign_in("developer")
    replay(developer, reason="all")
    assert "Redis is away" in developer.get(LETTERS).content.decode()
    assert DeadLetter.objects.filter(replayed=None).count() == 1 and not AuditEntry.objects.exists()


def test_the_list_filters_and_asks_no_more_for_more_letters(django_assert_num_queries: Any) -> None:
    set_aside(reason="odd one", log="accepted")
    set_aside(replayed=timezone.now())
    set_aside()
    developer = sign_in("developer")
    assert "odd one" in developer.get(LETTERS, {"log": "accepted"}).content.decode().partition("<tbody")[2]
    assert "odd one" not in developer.get(LETTERS, {"state": "replayed"}).content.decode().partition("<tbody")[2]
    with CaptureQueriesContext(connection) as few:
        developer.get(LETTERS)
    for _ in range(22):
        set_aside(b"x" * 10_000)
    with django_assert_num_queries(len(few)):
        developer.get(LETTERS)
