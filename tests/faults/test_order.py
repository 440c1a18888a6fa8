"""In whatever order events come, and whatever their senders' clocks say: the same person in the same segments."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ingestion.parse import BATCH, Limits, Sender, open_body, parse_messages
from ingestion.refusals import Refusal
from ingestion.steps import Definitions
from profiles.event import Event
from profiles.profile import Profile
from segments.membership import compile_segments
from tests.faults.hot import Hot
from tests.faults.sizes import SEED, sized
from tests.processing.harness import HOUR, MEMORY, START, Harness
from tests.processing.lives import SEGMENTS

MINUTE = 60_000
LATEST = 180  # minutes that an event comes late
LOOKS = (0, 1, 29, 61, 121, 181, 301, 24 * 60)  # minutes after the last event at which segments are compared
DEFINITIONS = Definitions(MEMORY, compile_segments(SEGMENTS))


@dataclass(frozen=True)
class Deed:
    """So many minutes after the deed before, heard of `late` minutes after it was done."""

    after: int
    person: str
    name: str
    detail: str
    late: int

    def fields(self) -> dict[str, Any]:
        if self.name != "Identified":
            return {"properties": {"category": self.detail, "value": len(self.detail) * 2.5}}
        consent = {"categoryPreferences": {"email": self.detail == "gold"}}
        traits = {"plan": self.detail}
        return {"type": "identify", "user_id": f"user-{self.person}", "traits": traits, "context": {"consent": consent}}


deeds = st.builds(
    Deed,
    st.sampled_from((0, 0, 1, 7, 30, 61, 125)),
    st.sampled_from(("anna", "bert")),
    st.sampled_from(("Product Viewed", "Product Viewed", "Order Completed", "Identified")),
    st.sampled_from(("Outdoor", "Garden", "gold")),
    st.sampled_from((0, 0, 1, 30, 90, LATEST)),
)


def make_events(harness: Harness, did: Sequence[Deed]) -> list[Event]:
    """In the order in which it was done; `received` is when it comes in."""
    at, events = START, []
    for number, deed in enumerate(did):
        at += deed.after * MINUTE
        event = harness.event(deed.name, id=f"m{number}", at=at, anonymous_id=deed.person, **deed.fields())
        events.append(replace(event, received=at + deed.late * MINUTE))
    return events


def live(harness: Harness, events: Sequence[Event]) -> None:
    """Each event comes in when it is received, segments turn by the clock in between."""
    for event in events:
        harness.pass_time(max(harness.now, event.received))
        harness.send(event)
        harness.run()


def look(harness: Harness, at: int) -> dict[str, tuple[Profile, set[str]]]:
    """Everybody, and their segments; since when they are in those depends on what was known when."""
    harness.pass_time(at)
    return {id: (replace(each, segments={}), set(each.segments)) for id, each in harness.people().items()}


def compare(late: Harness, in_order: Harness) -> None:
    end = max(late.now, in_order.now)
    for minutes in LOOKS:
        assert look(late, end + minutes * MINUTE) == look(in_order, end + minutes * MINUTE), f"{minutes} minutes after"


def in_time(events: Sequence[Event]) -> list[Event]:
    return [replace(event, received=event.at) for event in events]


def as_they_come(events: Sequence[Event], chance: random.Random) -> list[Event]:
    """By when they come in, those of one moment in any order."""
    return sorted(events, key=lambda event: (event.received, chance.random()))


@given(did=st.lists(deeds, min_size=2, max_size=25), chance=st.randoms(use_true_random=False))
@settings(max_examples=sized(150, 3_000))
def test_late_events_make_the_same_people(did: list[Deed], chance: random.Random) -> None:
    late, in_order = Harness(), Harness()
    late.definitions = in_order.definitions = DEFINITIONS
    events = make_events(late, did)
    live(late, as_they_come(events, chance))
    live(in_order, in_time(events))
    compare(late, in_order)


def test_late_events_make_the_same_people_in_redis(redis_client: Any) -> None:
    chance = random.Random(SEED)
    names = ("Product Viewed", "Product Viewed", "Order Completed", "Identified")
    did = [
        Deed(
            chance.choice((0, 0, 0, 1, 2)),
            f"p{chance.randrange(40)}",
            chance.choice(names),
            chance.choice(("Outdoor", "Garden", "gold")),
            chance.randint(0, LATEST),
        )
        for _ in range(sized(800, 20_000))
    ]
    late, in_order = Hot(redis_client), Harness()
    late.definitions = in_order.definitions = DEFINITIONS
    events = make_events(in_order, did)
    for event in in_time(events):
        in_order.now = event.at
        in_order.send(event)
    in_order.run()
    coming = as_they_come(events, chance)
    while coming:
        some, coming = coming[: (size := chance.randint(1, 100))], coming[size:]
        late.now = some[-1].received
        late.send(*some)
        late.run()
    compare(late, in_order)


# --- Clocks -----------------------------------------------------------------------------------------------------------

HOW_TIMES_ARE_SAID: dict[str, Callable[[int], str | float]] = {
    "iso": lambda at: datetime.fromtimestamp(at / 1000, UTC).isoformat(),
    "zulu": lambda at: datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
    "milliseconds": lambda at: at,
    "seconds": lambda at: at / 1000,
}


def say(did: Sequence[Event], *, wrong: int, way: str, in_each: bool) -> bytes:
    """A body as a client sends it whose clock is `wrong` by so many milliseconds, all of `did` at once."""
    tell = HOW_TIMES_ARE_SAID[way]
    sent = tell(did[-1].received + wrong)
    batch = [
        {
            "type": event.type,
            "messageId": event.id,
            "anonymousId": event.anonymous_id,
            "userId": event.user_id,
            "timestamp": tell(event.at + wrong),
            "traits": event.traits,
            "context": event.context,
            "properties": event.properties,
            **({"event": event.name} if event.type == "track" else {}),
            **({"sentAt": sent} if in_each else {}),
        }
        for event in did
    ]
    return json.dumps({"batch": batch} if in_each else {"batch": batch, "sentAt": sent}).encode()


def hear(body: bytes, received: int) -> list[Event]:
    opened = open_body(body, BATCH, received, Limits())
    assert not isinstance(opened, Refusal)
    parsed = parse_messages(
        opened.messages, sender=Sender("shop"), received=received, limits=Limits(), sent_at=opened.sent_at
    )
    assert not parsed.refusals
    return parsed.events


@given(
    did=st.lists(deeds, min_size=1, max_size=12),
    wrong=st.integers(-48 * HOUR, 48 * HOUR) | st.sampled_from((-48 * HOUR, -23 * HOUR, 23 * HOUR + 1, 48 * HOUR)),
    way=st.sampled_from(sorted(HOW_TIMES_ARE_SAID)),
    in_each=st.booleans(),
)
@settings(max_examples=sized(150, 3_000))
def test_a_wrong_clock_that_says_when_it_sent_changes_nothing(
    did: list[Deed], wrong: int, way: str, in_each: bool
) -> None:
    right, off = Harness(), Harness()
    right.definitions = off.definitions = DEFINITIONS
    events = make_events(right, did)
    received = max(event.received for event in events)
    events = [replace(event, received=received) for event in events]
    heard = hear(say(events, wrong=wrong, way=way, in_each=in_each), received)
    assert [(event.at, event.flags) for event in heard] == [(event.at, ()) for event in events]
    for harness, said in ((right, events), (off, heard)):
        harness.now = received
        harness.send(*said)
        harness.run()
    compare(off, right)


@pytest.mark.parametrize("ahead", [23 * HOUR + 1, 48 * HOUR])
def test_what_is_ahead_counts_when_its_time_has_come(ahead: int) -> None:
    """A clock that runs ahead and does not say when it sent."""
    harness = Harness()
    harness.definitions = DEFINITIONS
    body = {
        "batch": [
            {"type": "track", "event": "Product Viewed", "anonymousId": "anna", "timestamp": harness.now + ahead + step}
            for step in (0, 10)
        ]
    }
    events = hear(json.dumps(body).encode(), harness.now)
    assert {event.flags for event in events} == {("future",)}
    came = harness.now + ahead + 10
    harness.send(*events)
    harness.run()
    assert "keen" not in harness.profile("a:anna").segments
    harness.pass_time(came - 1)
    assert "keen" not in harness.profile("a:anna").segments
    harness.pass_time(came)
    assert harness.profile("a:anna").segments["keen"] == came
    harness.pass_time(came + 2 * HOUR - 10)
    assert "keen" in harness.profile("a:anna").segments
    harness.pass_time(came + 2 * HOUR - 9)
    assert "keen" not in harness.profile("a:anna").segments


def test_what_is_hardly_ahead_is_no_flagged_event() -> None:
    at = START + 23 * HOUR
    body = {"batch": [{"type": "track", "event": "Product Viewed", "anonymousId": "anna", "timestamp": at}]}
    [event] = hear(json.dumps(body).encode(), START)
    assert (event.at, event.flags) == (at, ())
