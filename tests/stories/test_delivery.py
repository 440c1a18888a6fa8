"""What docs/explanation/delivery.md promises, on the running product: events change the answer, and whatever is killed
meanwhile, each acknowledged event is counted once and archived once."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest
import segment.analytics.client

from profiles import keys
from profiles.event import user_key
from profiles.profile import unpack
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside, kill

pytestmark = pytest.mark.story

CONNECTIONS = 4
PEOPLE, EVENTS_EACH = 24, 90  # of one round
CALL = 20  # messages
TWICE = 0.2  # of the calls are sent again though they were answered, as if the answer had got lost
NAME = "Parcel Scanned"

Message = dict[str, Any]


class Delivered(Inside):
    """With what became of the messages of a story."""

    def archived(self, story: str) -> Counter[str]:
        """How often each message of a story is in the archive."""
        rows = self.ask("SELECT message_id FROM profiles_archivedevent WHERE message_id LIKE %s", f"{story}:%")
        return Counter(id for (id,) in rows)

    def profiles(self, people: Sequence[str]) -> Counter[str]:
        """How many events the profile of each person counts."""
        ids: Any = self.redis.mget([keys.identifier(user_key(person)) for person in people])
        states: Any = self.redis.mget([keys.profile(id.decode()) for id in ids])
        return Counter({person: _count(state) for person, state in zip(people, states, strict=True)})

    def stored_profiles(self, story: str) -> Counter[str]:
        """The same of their durable copies."""
        rows = self.ask("SELECT user_id, state FROM profiles_storedprofile WHERE user_id LIKE %s", f"{story}:%")
        counts: Counter[str] = Counter()
        for person, state in rows:
            counts[person] += _count(state)
        return counts


def _count(packed: bytes) -> int:
    return unpack(packed).events[NAME].count


@dataclass
class Load:
    """Calls of one round, each sent until it is acknowledged, over several connections at once."""

    product: Product
    write_key: str
    story: str
    round: int
    acknowledged: set[str] = field(default_factory=set)
    sent_again: int = 0

    @property
    def people(self) -> list[str]:
        return [f"{self.story}:{self.round}-{number}" for number in range(PEOPLE)]

    def is_under_way(self) -> bool:
        return len(self.acknowledged) > PEOPLE * EVENTS_EACH / 3

    def run(self, connection: int) -> None:
        chance = random.Random(f"{self.round} {connection}")
        each = [list(self._live(person, chance)) for person in self.people[connection::CONNECTIONS]]
        messages = [message for together in zip(*each, strict=True) for message in together]
        with httpx.Client(base_url=self.product.url, auth=(self.write_key, ""), timeout=PATIENCE_S) as client:
            for start in range(0, len(messages), CALL):
                call = messages[start : start + CALL]
                for _ in range(2 if chance.random() < TWICE else 1):
                    wait_until(partial(self._is_acknowledged, client, call), PATIENCE_S)

    def _live(self, person: str, chance: random.Random) -> Iterator[Message]:
        """A person with two devices, who signs in on one and later on the other."""
        signs_in = {EVENTS_EACH // 3: "phone", 2 * EVENTS_EACH // 3: "laptop"}
        known: set[str] = set()
        for number in range(EVENTS_EACH):
            if number in signs_in:
                known.add(signs_in[number])
                yield self._message(person, signs_in[number], f"{number}-in", type="identify", userId=person)
            device = chance.choice(("phone", "laptop"))
            user = {"userId": person} if device in known else {}
            yield self._message(person, device, f"{number}", type="track", event=NAME, **user)

    def _message(self, person: str, device: str, number: str, **fields: Any) -> Message:
        return {
            "messageId": f"{person}-{number}",
            "anonymousId": f"{person}-{device}",
            "timestamp": datetime.now(UTC).isoformat(),
            **fields,
        }

    def _is_acknowledged(self, client: httpx.Client, call: Sequence[Message]) -> bool:
        ids = {message["messageId"] for message in call}
        self.sent_again += bool(ids & self.acknowledged)
        try:
            answer = client.post("/v1/batch", json={"batch": call, "sentAt": datetime.now(UTC).isoformat()})
        except httpx.TransportError:
            self.sent_again += 1
            return False
        assert answer.status_code in (200, 429, 503), answer.text
        if answer.status_code == 200:
            self.acknowledged |= ids
        return answer.status_code == 200


def test_events_of_an_sdk_change_the_answer(running_product: Product) -> None:
    inside = Inside(running_product)
    visitor, other = f"visitor-{uuid4()}", f"visitor-{uuid4()}"

    def decide(who: str) -> dict[str, Any]:
        body = {"writeKey": inside.write_key, "anonymousId": who, "slots": ["home-hero"]}
        answer = httpx.post(f"{running_product.url}/api/v1/decide", json=body, timeout=PATIENCE_S)
        slots: dict[str, dict[str, Any]] = answer.json().get("slots", {})  # none while the first Book is on its way
        return slots.get("home-hero", {"reason": answer.json().get("code")})

    wait_until(lambda: decide(visitor)["reason"] == "no_rule_matched")
    errors: list[Any] = []
    sdk = segment.analytics.client.Client(
        inside.write_key, host=running_product.url, on_error=lambda *error: errors.append(error)
    )
    for _ in range(3):
        sdk.track(anonymous_id=visitor, event="Product Viewed", properties={"category": "Outdoor"})
    sdk.flush()
    sdk.join()
    assert errors == []

    wait_until(lambda: decide(visitor)["reason"] == "rule_matched")
    answer = decide(visitor)
    assert (answer["rule"], answer["block"]["slug"]) == ("outdoor-hero", "outdoor-banner")
    assert answer["segments"] == ["likes-outdoor"]
    assert decide(other)["reason"] == "no_rule_matched"


KILLED = {
    "processor and web": ("run_processor", "uvicorn", "run_processor", "run_processor"),
    "archiver": ("run_archiver", "run_archiver", "run_archiver"),
}


@pytest.mark.parametrize("words", KILLED.values(), ids=KILLED)
def test_what_is_acknowledged_counts_once_whatever_is_killed(running_product: Product, words: tuple[str, ...]) -> None:
    inside = Delivered(running_product)
    story = f"story-{uuid4()}"
    loads = [Load(running_product, inside.write_key, story, number) for number in range(len(words))]
    for load, word in zip(loads, words, strict=True):
        with ThreadPoolExecutor(CONNECTIONS) as connections:
            running = [connections.submit(load.run, number) for number in range(CONNECTIONS)]
            wait_until(load.is_under_way, PATIENCE_S)
            kill(running_product, word)
            for each in running:
                each.result()
        assert load.sent_again > 0
        wait_until(inside.is_idle, PATIENCE_S)

    assert inside.archived(story) == Counter(id for load in loads for id in load.acknowledged)
    people = [person for load in loads for person in load.people]
    assert inside.profiles(people) == dict.fromkeys(people, EVENTS_EACH)
    assert inside.stored_profiles(story) == dict.fromkeys(people, EVENTS_EACH)
