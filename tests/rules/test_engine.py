"""The choice of what to show: by priority, with its reason."""

from typing import Any

import msgspec
import pytest

from profiles.profile import Profile, Trait
from rules.definitions import BookPayload
from rules.engine import NOBODY, Choice, Facts, Reason, choose, compile_book
from segments.conditions.language import BadCondition

NOW = 1_800_000_000_000


def facts(profile: Profile, context: dict[str, Any]) -> Facts:
    return Facts(profile, context, NOW)


def trait(name: str, value: object) -> dict[str, Any]:
    return {"v": 1, "root": {"id": name, "kind": "trait", "trait": name, "op": "is", "value": value}}


def member(slug: str) -> dict[str, Any]:
    return {"v": 1, "root": {"id": slug, "kind": "segment", "segment": slug}}


def rule(slug: str, priority: int, condition: dict[str, Any] | None, slot: str = "hero") -> dict[str, Any]:
    return {
        "slug": slug,
        "name": slug,
        "slot": slot,
        "priority": priority,
        "block": f"{slug}-block",
        "condition": condition,
    }


def book(rules: list[dict[str, Any]], default: str | None = None) -> Any:
    raw = {
        "v": 1,
        "number": 7,
        "slots": {"hero": {"default": default}, "bar": {"default": None}},
        "blocks": {},
        "rules": rules,
    }
    return compile_book(msgspec.convert(raw, BookPayload))


GOLD = Profile(id="1", traits={"plan": Trait("gold", NOW), "country": Trait("GB", NOW)}, segments={"vips": NOW})


def test_the_highest_priority_that_holds_wins() -> None:
    chosen = choose(book([rule("low", 1, None), rule("high", 5, trait("plan", "gold"))]), "hero", facts(GOLD, {}))
    assert chosen == Choice(Reason.RULE_MATCHED, "high-block", "high")


def test_a_rule_that_does_not_hold_gives_way_to_the_next() -> None:
    chosen = choose(book([rule("low", 1, None), rule("high", 5, trait("plan", "gold"))]), "hero", facts(NOBODY, {}))
    assert chosen.rule == "low"


def test_equal_priorities_are_decided_by_slug_so_that_every_process_agrees() -> None:
    assert choose(book([rule("b", 1, None), rule("a", 1, None)]), "hero", facts(GOLD, {})).rule == "a"


def test_the_reason_names_the_segments_relied_on() -> None:
    chosen = choose(book([rule("vip", 1, member("vips"))]), "hero", facts(GOLD, {}))
    assert chosen.segments == ("vips",)


def test_nothing_holds() -> None:
    empty = book([rule("gold", 1, trait("plan", "gold"))], default="standard")
    assert choose(empty, "hero", facts(NOBODY, {})) == Choice(Reason.NO_RULE_MATCHED, "standard")
    assert choose(empty, "bar", facts(GOLD, {})) == Choice(Reason.NO_RULE_MATCHED, None)


def test_an_unknown_slot_is_told() -> None:
    assert choose(book([]), "nowhere", facts(GOLD, {})) == Choice(Reason.UNKNOWN_SLOT, None)


def test_context_only_rules_serve_somebody_unknown() -> None:
    node = {"id": "c", "kind": "context", "field": "campaign.source", "op": "is", "value": "newsletter"}
    campaign = book([rule("news", 1, {"v": 1, "root": node})])
    assert choose(campaign, "hero", facts(NOBODY, {"campaign": {"source": "newsletter"}})).rule == "news"
    assert choose(campaign, "hero", facts(NOBODY, {"campaign": "newsletter"})).rule is None


def test_a_book_with_a_bad_condition_is_not_compiled() -> None:
    with pytest.raises(BadCondition):
        book([rule("bad", 1, {"v": 1, "root": {}})])
