"""A decision is recorded, and answered again from the archive it is the same, whatever has happened since."""

import random
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import pytest

from personalization.answering import Answered
from personalization.decide import Answer
from personalization.replaying import NotExplainable, explain_decision, read_book
from profiles.event import derive_profile_id
from profiles.models import MergeRecord
from rules.models import Book, Decision, DecisionOutcome
from tests.decisions.conftest import SLOTS, Deciding, cap, in_segment, rule
from tests.processing.harness import HOUR, MEMORY

ROUNDS, DECISIONS = 8, 130  # together more than a thousand


def test_what_is_recorded_says_who_when_where_and_why(deciding: Deciding) -> None:
    deciding.publish([rule("welcome", 5, root=in_segment("viewers")), rule("usual")])
    deciding.send(deciding.event(), deciding.event())
    deciding.run()
    answer = deciding.decide("a:anna", "hero", context={"locale": "en"}, door="rest", source="shop")
    stored = deciding.stored(answer)
    assert (stored.door, stored.source, stored.book, stored.context) == ("rest", "shop", 1, {"locale": "en"})
    assert stored.profile_id is not None and stored.profile_id.hex == derive_profile_id("a:anna")
    assert (stored.facts["members"], stored.position > 0) == ([["viewers", deciding.now]], True)
    assert stored.answers == [
        {
            "slot": "hero",
            "reason": "rule_matched",
            "block": "welcome-block",
            "rule": "welcome",
            "segments": ["viewers"],
            "suppressed": [],
            "held": False,
        }
    ]


def test_the_explanation_says_of_every_rule_why_it_was_or_was_not_shown(deciding: Deciding) -> None:
    trait = {"id": "plan", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}
    deciding.publish(
        [
            rule("gold", 9, root=trait),
            rule("letter", 8, purpose="marketing"),
            rule("welcome", 5, root=in_segment("viewers")),
            rule("usual", 1),
        ]
    )
    deciding.send(deciding.event(), deciding.event())
    deciding.run()
    explained = explain_decision(deciding.stored(deciding.decide("a:anna", "hero")), MEMORY)
    rules = explained.slots["hero"].rules
    assert [(each.rule, each.held, each.shown, each.kept) for each in rules] == [
        ("gold", False, False, None),
        ("letter", True, False, "no_consent"),
        ("welcome", True, True, None),
        ("usual", True, False, "lower_priority"),
    ]
    assert rules[0].condition is not None and rules[0].condition.matched is False
    assert rules[2].condition is not None and rules[2].condition.matched is True


def test_what_came_of_a_decision_is_attached_to_it_once(deciding: Deciding) -> None:
    deciding.publish([rule("usual")])
    answer = deciding.decide("a:anna", "hero")
    said = {"decisionId": answer.decision_id, "slot": "hero", "rule": "usual"}
    viewed = deciding.event("Block Viewed", properties=said)
    order = {**said, "revenue": 20.0}
    deciding.send(viewed, deciding.event("Block Clicked", properties=said), viewed)
    deciding.send(
        deciding.event("Order Completed", properties=order), deciding.event(properties={"decisionId": "nonsense"})
    )
    deciding.work()
    found = DecisionOutcome.objects.filter(decision_id=answer.decision_id).order_by("pk")
    assert [(each.kind, each.rule, each.value) for each in found] == [
        ("impression", "usual", 0.0),
        ("click", "usual", 0.0),
        ("conversion", "usual", 20.0),
    ]
    assert DecisionOutcome.objects.count() == 3


def test_a_decision_of_a_book_that_is_gone_says_so(deciding: Deciding) -> None:
    deciding.publish([rule("usual")])
    stored = deciding.stored(deciding.decide("a:anna", "hero"))
    Book.objects.all().delete()
    with pytest.raises(NotExplainable, match="Book 1"):
        explain_decision(stored, MEMORY)


@dataclass
class Life:
    """Chance: people who view, order, tell of themselves and turn out to be one; Books that come after each other."""

    deciding: Deciding
    chance: random.Random
    answers: list[Answer] = field(default_factory=list)

    def live(self) -> None:
        self._publish()
        for _ in range(DECISIONS):
            for _ in range(self.chance.randrange(4)):
                self._act()
            if self.chance.random() < 0.6:
                self.deciding.run()  # else the decision knows less than the log
            if self.chance.random() < 0.05:
                self._publish()
            if self.chance.random() < 0.1:
                self.deciding.archive()
            self._decide()
            self.deciding.now += self.chance.choice((1, 500, HOUR, 5 * HOUR))
        self.deciding.work()

    def _act(self) -> None:
        person = f"p{self.chance.randrange(9)}"
        name = self.chance.choice(("Product Viewed", "Product Viewed", "Order Completed", "identify"))
        if name == "identify":
            traits = {"plan": self.chance.choice(("gold", "silver")), "firstName": self.chance.choice(("Ann", "Bo"))}
            user = self.chance.choice(("u1", "u2", f"u-{person}"))
            event = self.deciding.event(
                type="identify", name="Identified", anonymous_id=person, user_id=user, traits=traits
            )
        else:
            said = {"category": self.chance.choice(("Outdoor", "Home")), "revenue": self.chance.randrange(50)}
            late = self.chance.choice((0, 0, HOUR, 90 * HOUR))
            event = self.deciding.event(name, anonymous_id=person, properties=said, at=self.deciding.now - late)
        self.deciding.send(event)

    def _decide(self) -> None:
        identifier = self.chance.choice((*(f"a:p{number}" for number in range(9)), "u:u1", "u:u2", "a:nobody", None))
        slots = self.chance.sample(SLOTS, self.chance.randrange(1, 4))
        context = {"locale": self.chance.choice(("en", "es")), "page": {"path": "/", "depth": 1.5}}
        held = {"hero": self.chance.choice(("r1", "r2", "r3"))} if self.chance.random() < 0.2 else {}
        self.answers.append(self.deciding.decide(identifier, *slots, context=context, held=held))

    def _publish(self) -> None:
        conditions: list[Any] = [
            None,
            in_segment("viewers"),
            {"id": "n", "kind": "not", "children": [in_segment("golden")]},
            {"id": "t", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"},
            {"id": "c", "kind": "context", "field": "locale", "op": "is", "value": "es"},
            _did("Product Viewed", 2, hours=24),
            _did("Order Completed", 1, hours=300),
        ]
        rules = []
        for number in range(12):
            more: dict[str, Any] = {}
            if self.chance.random() < 0.5:
                more["caps"] = [cap(self.chance.randrange(1, 6), *self._kind_of_cap())]
            if self.chance.random() < 0.3:
                more["offer"] = self.chance.choice(("codes", "points"))
            if self.chance.random() < 0.3:
                more["weight"] = self.chance.randrange(1, 4)
            root = self.chance.choice(conditions)
            rules.append(rule(f"r{number}", self.chance.randrange(6), self.chance.choice(SLOTS), root, **more))
        segments = "{{ profile.segments | join: ', ' | default: '-' }}"
        said = f"<p>{{{{ profile.traits.firstName | default: 'you' }}}} of {segments}</p>"
        blocks = {f"r{number}-block": {"kind": "html", "source": f"{said} {number}"} for number in range(12)}
        offers = {"codes": {"kind": "code", "every": "day"}, "points": {"kind": "points", "points": 3, "every": "week"}}
        self.deciding.publish(rules, blocks=blocks, offers=offers)
        self.deciding.add_codes("codes", *(f"C{self.chance.randrange(10**9)}" for _ in range(5)))

    def _kind_of_cap(self) -> tuple[str, str]:
        return self.chance.choice(("hour", "day", "week", "campaign")), self.chance.choice(("person", "everybody"))


def _did(event: str, value: int, *, hours: int) -> dict[str, Any]:
    window = {"last": hours, "unit": "hours"}
    return {"id": "d", "kind": "event", "event": event, "op": "at_least", "value": value, "window": window}


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random_decisions_are_answered_the_same_from_the_archive(deciding: Deciding, seed: int) -> None:
    life = Life(deciding, random.Random(seed))
    life.live()
    stored = {each.id.hex: each for each in Decision.objects.all()}
    assert len(stored) == DECISIONS
    books = lru_cache(read_book)
    for answer in life.answers:
        explained = explain_decision(stored[answer.decision_id], MEMORY, books)
        again = {slot: each.answer for slot, each in explained.slots.items()}
        assert _plain(again) == _plain(answer.slots)
        assert explained.same
    assert MergeRecord.objects.exists()


def _plain(slots: dict[str, Answered]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(slots))
