"""Events from a back end: stored when they are answered, each told what it came to, none lost and none twice."""

from typing import Any

import pytest
from django.test import override_settings

from ingestion.models import EventType
from personalization import wiring
from personalization.wiring import blocking_appender, make_processor, make_store
from profiles import keys
from profiles.clients import Client
from profiles.event import derive_profile_id
from tests.rest.conftest import BackEnd
from tests.rest.test_profiles import read_log


def tracked(event: str = "Order Completed", **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "userId": "u1", **more}


def test_one_event_is_in_the_log_when_it_is_answered(back_end: BackEnd, redis_client: Client) -> None:
    answer = back_end.post("events", tracked(messageId="m1", properties={"revenue": 59}))
    assert (answer.status, answer.body) == (
        202,
        {"stored": 1, "items": [{"outcome": "stored", "messageId": "m1"}]},
    )
    [event] = read_log(redis_client)
    assert (event.id, event.name, event.user_id, event.source, event.value) == (
        *("m1", "Order Completed", "u1", "shop"),
        59.0,
    )


def test_a_batch_goes_to_the_partitions_of_its_people_and_changes_them(back_end: BackEnd, redis_client: Client) -> None:
    people = [f"u{number}" for number in range(20)]
    answer = back_end.post("events", {"batch": [tracked(userId=each) for each in people]})
    assert answer.body["stored"] == 20
    make_processor("test").drain(range(8))
    loaded = make_store().load([derive_profile_id(f"u:{each}") for each in people])
    assert [profile.events["Order Completed"].count for profile in loaded.values()] == [1] * 20


def test_what_is_in_order_is_stored_whatever_stands_beside_it(back_end: BackEnd, redis_client: Client) -> None:
    alias = {"type": "alias", "userId": "u1", "previousId": "u1"}
    batch = [tracked(messageId="m1"), {"type": "track", "userId": "u1", "messageId": "m2"}, alias, tracked("B")]
    answer = back_end.post("events", {"batch": batch})
    assert (answer.status, answer.body["stored"]) == (207, 2)
    assert [each["outcome"] for each in answer.body["items"]] == ["stored", "refused", "left_out", "stored"]
    assert (answer.body["items"][1]["messageId"], answer.body["items"][1]["reason"]) == ("m2", "missing_event")
    assert len(read_log(redis_client)) == 2
    counted = {name.decode().split("|")[2] for name in redis_client.hkeys(keys.OUTCOMES)}
    assert counted == {"missing_event", "alias_to_self"}


def test_nothing_in_order_is_an_error_with_places(back_end: BackEnd, redis_client: Client) -> None:
    answer = back_end.post("events", {"batch": [{"type": "track"}, {"type": "dance", "userId": "u1"}]})
    assert (answer.status, answer.errors) == (422, [("/batch/0", "missing_identity"), ("/batch/1", "bad_type")])
    assert back_end.post("events", {"type": "track", "userId": "u1"}).errors == [("", "missing_event")]
    assert read_log(redis_client) == []


def test_what_is_left_out_alone_is_no_error(back_end: BackEnd) -> None:
    answer = back_end.post("events", {"type": "alias", "userId": "u1", "previousId": "u1"})
    assert (answer.status, answer.body["stored"]) == (202, 0)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"{", 400, "bad_json"),
        (b"\xff", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b'{"batch": {}}', 400, "bad_json"),
        (b'{"batch": []}', 422, "invalid"),
        (b'{"batch": [' + b"{}," * 5_001 + b"{}]}", 413, "too_large"),
        (b'{"batch": ["' + b"x" * 600_000 + b'"]}', 413, "too_large"),
        (b"[" * 100_000, 400, "bad_json"),
    ],
)
def test_a_body_that_is_none_is_refused_whole(back_end: BackEnd, body: bytes, status: int, code: str) -> None:
    answer = back_end.post("events", body)
    assert (answer.status, answer.code) == (status, code)


def test_an_event_against_its_schema_is_refused(back_end: BackEnd, connect: Any) -> None:
    from ingestion.actions import save_event_type

    save_event_type(EventType(name="Order Completed", schema={"strict": True, "required": ["revenue"]}))
    back_end = connect("events")  # announces the directory anew
    assert back_end.post("events", tracked()).errors == [("", "schema_mismatch")]
    assert back_end.post("events", tracked(properties={"revenue": 5})).status == 202


def test_a_full_log_is_no_acknowledgement(back_end: BackEnd, redis_client: Client) -> None:
    blocking_appender.cache_clear()
    with override_settings(PZ_LOG_MAX_LENGTH=2):
        answers = [back_end.post("events", tracked()) for _ in range(3)]
    blocking_appender.cache_clear()
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert (answers[2].code, answers[2].headers["Retry-After"]) == ("server_busy", "2")
    assert len(read_log(redis_client)) == 2


def test_events_are_taken_by_what_postgresql_knows_when_redis_has_forgotten_it(
    back_end: BackEnd, redis_client: Client
) -> None:
    redis_client.delete(keys.DIRECTORY)
    wiring.gate.cache_clear()
    assert back_end.post("events", tracked()).status == 202
    assert len(read_log(redis_client)) == 1
