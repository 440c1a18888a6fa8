"""What is made of a message, by the case tables; and that nothing a stranger sends can upset the parser."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.parse import TYPES, Body, Limits, Parsed, Sender, open_body, parse_messages
from ingestion.parse_body import read_body
from ingestion.parse_schema import read_schema
from ingestion.parse_values import read_time
from ingestion.refusals import Refusal
from profiles.event import pack, unpack

CASES = Path(__file__).parent.parent / "cases" / "parse"
RECEIVED = round(datetime.fromisoformat("2026-11-23T12:00:00Z").timestamp() * 1000)
LIMITS = Limits()
SCHEMAS = {
    "Order Completed": read_schema(
        {
            "type": "object",
            "strict": True,
            "required": ["revenue"],
            "properties": {
                "revenue": {"type": "number", "minimum": 0, "maximum": 1_000_000},
                "currency": {"enum": ["EUR", "USD"]},
                "items": {"type": "integer"},
                "note": {"type": "string", "maxLength": 10},
                "address": {"properties": {"zip": {"type": "string"}}},
            },
        }
    ),
    "Signed Up": read_schema({"properties": {"plan": {"type": "string"}}}),
}
GOOD = b'{"type":"track","event":"Seen","anonymousId":"anna","messageId":"good"}'


def load(table: str) -> list[Any]:
    cases = json.loads((CASES / f"{table}.json").read_text())["cases"]
    return [pytest.param(case, id=case["name"]) for case in cases]


def grow(value: Any) -> Any:
    """Writes out what the tables only name: `repeat`, `nested`, `keys` and `digits`."""
    if isinstance(value, list):
        return [grow(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"repeat": text, "times": times}:
            return text * times
        case {"keys": int(count)}:
            return {f"k{number}": number for number in range(count)}
    return {key: grow(inner) for key, inner in value.items()}


def write(case: dict[str, Any]) -> bytes:
    if "raw_latin" in case:
        return str(case["raw_latin"]).encode("latin-1")
    if "raw" in case:
        return str(case["raw"]).encode()
    message = {"type": "track", "event": "Seen", "anonymousId": "anna", **grow(case["message"])}
    text = json.dumps(message)
    for field in ("properties", "context", "userId"):
        match message.get(field):
            case {"nested": int(depth)}:
                text = text.replace(json.dumps(message[field]), '{"a":' * depth + "1" + "}" * depth)
            case {"digits": int(count)}:
                digits = "9" * count
                text = text.replace(json.dumps(message[field]), digits if field == "userId" else f'{{"n":{digits}}}')
    return text.encode()


def parse(raw: bytes, envelope: str = "") -> Parsed:
    body = open_body(b'{"batch":[' + raw + b"]" + envelope.encode() + b"}", "batch", RECEIVED, LIMITS)
    assert isinstance(body, Body), body
    return parse_messages(
        body.messages,
        sender=Sender("shop"),
        received=RECEIVED,
        limits=LIMITS,
        sent_at=body.sent_at,
        schemas=SCHEMAS,
    )


def test_there_are_as_many_cases_as_we_think() -> None:
    assert (len(load("accepted")), len(load("refused"))) == (52, 53)


@pytest.mark.parametrize("case", load("accepted"))
def test_accepted(case: dict[str, Any]) -> None:
    envelope = "".join(f',"{key}":{json.dumps(value)}' for key, value in case.get("envelope", {}).items())
    parsed = parse(write(case), envelope)
    assert parsed.refusals == []
    (event,) = parsed.events
    expected = grow(case["event"])
    if "at" in expected:
        expected["at"] = round(datetime.fromisoformat(expected["at"]).timestamp() * 1000)
    if "flags" in expected:
        expected["flags"] = tuple(expected["flags"])
    assert {name: getattr(event, name) for name in expected} == expected
    assert unpack(pack(event)) == event


@pytest.mark.parametrize("case", load("refused"))
def test_refused_alone(case: dict[str, Any]) -> None:
    parsed = parse(GOOD + b"," + write(case) + b"," + GOOD)
    assert [event.id for event in parsed.events] == ["good", "good"]
    (refusal,) = parsed.refusals
    assert refusal.reason == case["reason"], refusal.message
    assert case.get("says", "") in refusal.message
    assert refusal.at == RECEIVED
    assert 0 < len(refusal.sample.partition("…".encode())[0]) <= 1024


def test_a_sample_that_is_cut_off_says_whose_it_is() -> None:
    names = b'"userId":"ann\\u00e9@example.com" , "anonymousId": 42'
    raw = b'{"type":"track","timestamp":"never","event":"Seen","properties":{"userId":"x","long":"%b"},%b}'
    (refusal,) = parse(raw % (b"y" * 2_000, names)).refusals
    head, *behind = refusal.sample.split("…".encode())
    assert (head, len(head)) == ((raw % (b"y" * 2_000, names))[:1_024], 1_024)
    assert behind == [b'"userId":"ann\\u00e9@example.com"', b'"anonymousId": 42']
    whole = raw % (b"y", names)
    (refusal,) = parse(whole).refusals
    assert refusal.sample == whole


@pytest.mark.parametrize("kind", TYPES)
def test_a_single_call_has_the_kind_of_its_path(kind: str) -> None:
    raw = b'{"userId":"u1","previousId":"anna","groupId":"g","event":"Seen","type":"whatever"}'
    body = open_body(raw, kind, RECEIVED, LIMITS)
    assert isinstance(body, Body)
    parsed = parse_messages(body.messages, sender=Sender("shop"), received=RECEIVED, limits=LIMITS, kind=body.kind)
    assert [event.type for event in parsed.events] == [kind]


def test_generated_message_ids_differ() -> None:
    message = b'{"type":"page","anonymousId":"anna"}'
    first, second = parse(message + b"," + message).events
    assert first.id != second.id and len(first.id) == 36


@pytest.mark.parametrize(
    ("raw", "id"),
    [
        (b'{"messageId":"m1"}', "m1"),
        (b'{"messageId":12,"type":"x"}', "12"),
        (b'{"messageId":"m1","properties":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "m1"),
        (b'{"messageId":"m1","event":"\xff"}', "m1"),
        (b'{"messageId":["m1"]}', None),
        (b'{"messageId":' + b"9" * 4_000 + b"}", None),
    ],
    ids=lambda value: "raw" if isinstance(value, bytes) else None,
)
def test_a_refusal_names_the_message_so_that_it_is_not_sent_again(raw: bytes, id: str | None) -> None:
    assert [refusal.message_id for refusal in parse(raw).refusals] == [id]


def test_no_message_quotes_what_was_sent() -> None:
    for case in [parameter.values[0] for parameter in load("refused")]:
        for refusal in parse(write(case)).refusals:
            assert "anna" not in refusal.message.replace("anonymousId", "")


def test_a_sender_lends_its_ids() -> None:
    message = b'{"type":"page"}'
    parsed = parse_messages([message, GOOD], sender=Sender("shop", "device", "u1"), received=RECEIVED, limits=LIMITS)
    assert [(event.anonymous_id, event.user_id) for event in parsed.events] == [("device", "u1"), ("anna", None)]


@pytest.mark.parametrize(
    "document",
    [
        {"type": "date"},
        {"pattern": "^a"},
        {"properties": {"a": {"$ref": "#"}}},
        {"minimum": "1"},
        {"required": "a"},
        [],
        None,
    ],
)
def test_a_schema_that_is_not_understood_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_schema(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\0") | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["type", "event", "userId", "anonymousId", "previousId", "messageId", "timestamp", "sentAt", "properties"]
FIELDS += ["traits", "context", "name", "category", "groupId", "originalTimestamp"]
messages = st.dictionaries(st.sampled_from(FIELDS), json_values) | json_values


@settings(max_examples=150, deadline=None)
@given(messages)
def test_no_message_hurts_its_neighbours(message: Any) -> None:
    raw = json.dumps(message).encode()
    body = open_body(b'{"batch":[' + GOOD + b"," + raw + b"," + GOOD + b"]}", "batch", RECEIVED, LIMITS)
    if isinstance(body, Refusal):
        assert b"NaN" in raw or b"Infinity" in raw  # which Python writes and JSON does not know
        return
    parsed = parse_messages(body.messages, sender=Sender("shop"), received=RECEIVED, limits=LIMITS, schemas=SCHEMAS)
    assert [event.id for event in parsed.events].count("good") >= 2
    assert len(parsed.events) + len(parsed.refusals) == 3
    for event in parsed.events:
        assert unpack(pack(event)) == event
        assert b"\\u0000" not in msgspec.json.encode(event)


@settings(max_examples=150, deadline=None)
@given(st.binary() | st.binary().map(lambda raw: b"\x1f\x8b\x08" + raw), st.sampled_from(["", "gzip", "br", "x"]))
def test_no_bytes_hurt(raw: bytes, encoding: str) -> None:
    content = read_body(raw, encoding, LIMITS.batch_bytes, RECEIVED)
    if isinstance(content, Refusal):
        return
    for kind in ("batch", "track"):
        body = open_body(content, kind, RECEIVED, LIMITS)
        if isinstance(body, Body):
            parse_messages(body.messages, sender=Sender("shop"), received=RECEIVED, limits=LIMITS, kind=body.kind)


@settings(max_examples=150, deadline=None)
@given(st.text(), st.datetimes(timezones=st.timezones()), st.floats(), st.integers())
def test_any_time_is_read_or_not(text: str, moment: datetime, number: float, whole: int) -> None:
    assert read_time(moment.isoformat()) == round(moment.timestamp() * 1000)
    for said in (text, number, whole):
        read_time(said)
