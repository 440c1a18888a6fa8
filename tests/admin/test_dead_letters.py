"""Dead letters: readable whatever they are, and put back to where their consumer finds them."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ingestion.accepted import Applied
from ingestion.accepted import pack as pack_accepted
from ingestion.models import DeadLetter
from personalization.wiring import make_processor
from profiles import keys
from profiles.clients import Client
from profiles.event import Event, derive_profile_id, pack, partition_of
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db
LETTERS = "/admin/ingestion/deadletter/"
EVENT = Event(id="m1", source="shop", type="track", name="Odd <b>Thing</b>", at=1, received=1, anonymous_id="anna")
PROFILE = derive_profile_id("a:anna")
HOME = partition_of(PROFILE, 8)


def set_aside(raw: bytes = pack(EVENT), **fields: Any) -> DeadLetter:
    whole = {"partition": HOME, "offset": f"1-{DeadLetter.objects.count()}", "reason": "failed", "tries": 3, **fields}
    return DeadLetter.objects.create(raw=raw, at=timezone.now(), **whole)


def replay(*letters: DeadLetter, client: Any = None) -> str:
    form = {"action": "replay_letters", "_selected_action": [letter.pk for letter in letters]}
    page: str = (client or sign_in_owner()).post(LETTERS, form, follow=True).content.decode()
    return page


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Odd &lt;b&gt;Thing&lt;/b&gt;"),
        ({"raw": b"\xc1not msgpack"}, "not msgpack"),
        ({"raw": b""}, "b&#x27;&#x27;"),
        ({"raw": pack_accepted(Applied(profile=PROFILE, event=EVENT)), "log": "accepted"}, PROFILE),
        ({"log": "accepted"}, "m1"),
    ],
)
def test_a_letter_is_readable_whatever_it_is(fields: dict[str, Any], says: str) -> None:
    letter = set_aside(**fields)
    page = sign_in("ingestion.view_deadletter").get(f"{LETTERS}{letter.pk}/change/").content.decode()
    assert says in page
    assert "<b>Thing" not in page


def test_fields_have_names_and_the_page_has_a_button() -> None:
    letter = set_aside()
    page = sign_in_owner().get(f"{LETTERS}{letter.pk}/change/").content.decode()
    assert "&quot;anonymous_id&quot;: &quot;anna&quot;" in page
    assert 'name="_selected_action"' in page
    viewer = sign_in("ingestion.view_deadletter").get(f"{LETTERS}{letter.pk}/change/").content.decode()
    assert 'name="_selected_action"' not in viewer


def test_a_replayed_event_is_applied_once(redis_client: Client) -> None:
    from tests.doors.conftest import put_in_force

    put_in_force(redis_client)
    letter = set_aside()
    assert "1 put back" in replay(letter)
    letter.refresh_from_db()
    assert letter.replayed is not None
    replay(letter)
    processor = make_processor("test")
    assert processor.drain(range(8)) == 1
    outcomes = {key.split(b"|")[2]: int(count) for key, count in redis_client.hgetall(keys.OUTCOMES).items()}
    assert outcomes == {b"accepted": 1}


def test_an_accepted_record_goes_back_to_the_archiver(redis_client: Client) -> None:
    raw = pack_accepted(Applied(profile=PROFILE, event=EVENT))
    replay(set_aside(raw, log="accepted"))
    [(_, fields)] = redis_client.xrange(keys.accepted(HOME))
    assert fields == {b"r": raw}
    assert redis_client.xlen(keys.log(HOME)) == 0


def test_a_letter_of_a_partition_that_is_no_more_is_not_lost(redis_client: Client) -> None:
    replay(set_aside(partition=HOME + 8))
    assert redis_client.xlen(keys.log(HOME)) == 1


def test_who_may_only_look_replays_nothing(redis_client: Client) -> None:
    replay(set_aside(), client=sign_in("ingestion.view_deadletter"))
    assert redis_client.xlen(keys.log(HOME)) == 0
    assert DeadLetter.objects.get().replayed is None


def test_the_command(redis_client: Client) -> None:
    first, second = set_aside(), set_aside()
    said = StringIO()
    call_command("replay_dead_letters", "--all", "--dry-run", stdout=said)
    assert "2 would be replayed" in said.getvalue()
    assert redis_client.xlen(keys.log(HOME)) == 0
    call_command("replay_dead_letters", "--id", str(first.pk), stdout=said)
    call_command("replay_dead_letters", "--all", stdout=said)
    assert redis_client.xlen(keys.log(HOME)) == 2
    second.refresh_from_db()
    assert second.replayed is not None
    with pytest.raises(CommandError, match=r"there is no dead letter 999; nothing was replayed"):
        call_command("replay_dead_letters", "--id", str(first.pk), "999")


def test_the_list_asks_no_more_for_more_letters(django_assert_max_num_queries: Any) -> None:
    for _ in range(30):
        set_aside(b"x" * 10_000)
    owner = sign_in_owner()
    with django_assert_max_num_queries(6):
        owner.get(LETTERS)
