"""The device decides as the server does: on every case of the language, and on rules of every sort."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from profiles.profile import Profile, Trait
from rules.book import LiveBook, load_book
from rules.bundle import make_bundle
from rules.engine import Facts, choose
from segments.conditions.edge import Device, list_asked, to_facts
from segments.conditions.language import InSegment, list_leaves
from tests.segments import browser
from tests.segments.cases import Case, load_cases
from tests.tracker.peer import TRACKER

ASK = """async text => {
    const { source, asked } = JSON.parse(text);
    const edge = await import('data:text/javascript,' + encodeURIComponent(source));
    return asked.map(
        ({ bundle, profile, context, now }) => edge.open(bundle).decide('hero', profile, context, now));
}"""
NOW = 1_800_000_000_000
NOTHING = Device()


def ask_device(asked: Sequence[dict[str, Any]]) -> list[Any]:
    """What edge.js says of each, in one go."""
    plain = json.loads(msgspec.json.encode(asked))
    answers: list[Any] = browser.evaluate(ASK, {"source": (TRACKER / "edge.js").read_text(), "asked": plain})
    return answers


def ask_server(live: LiveBook, profile: Profile | None, context: dict[str, Any], now: int) -> Any:
    facts = Facts(profile or Profile(id=""), context, now, known=profile is not None)
    choice = choose(live.book, "hero", facts)
    return {"reason": choice.reason, "rule": choice.rule, "block": choice.block}


def tell(answer: Any) -> Any:
    """A device's answer in the words of the server's."""
    block = answer["block"]
    return {"reason": answer["reason"], "rule": answer.get("rule"), "block": None if block is None else block["slug"]}


def book(*rules: dict[str, Any], segments: Sequence[dict[str, Any]] = (), zone: str = "UTC", **more: Any) -> LiveBook:
    blocks = {rule["block"]: {"kind": "html", "source": f"<b>{rule['slug']}</b>"} for rule in rules}
    blocks["standard"] = {"kind": "html", "source": "<b>standard</b>"}
    payload = {
        "v": 1,
        "number": 3,
        "zone": zone,
        "segments": list(segments),
        "slots": {"hero": {"default": "standard"}},
        "rules": list(rules),
        **more,
        "blocks": {**blocks, **more.get("blocks", {})},
    }
    return load_book(json.dumps(payload).encode())


def rule(slug: str, priority: int = 1, condition: Any = None, **more: Any) -> dict[str, Any]:
    said = {"slug": slug, "name": slug, "slot": "hero", "priority": priority, "block": f"{slug}-block"}
    return {**said, "condition": condition, **more}


def context_of(field: str, value: str) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "c", "kind": "context", "field": field, "op": "is", "value": value}}


def trait(name: str, value: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "t", "kind": "trait", "trait": name, "op": "is", "value": value}}


def member_trait(slug: str) -> str:
    return f"in {slug}"


def prepare(case: Case) -> tuple[LiveBook, Profile, Device]:
    """A Book of one rule with the case's condition; who is in a segment has a trait that says so."""
    leaves = list_leaves(case.root)
    asked = [pair for leaf in leaves for pair in list_asked(leaf)]
    slugs = sorted({leaf.segment for leaf in leaves if isinstance(leaf, InSegment)})
    segments = [{"slug": slug, "name": slug, "condition": trait(member_trait(slug), True)} for slug in slugs]
    live = book(rule("case", 5, case.tree), segments=segments, zone=case.calendar.zone)
    carried = {slug: at for slug, at in case.segments.items() if slug in slugs}
    traits = {member_trait(slug): Trait(True, at) for slug, at in carried.items()}
    profile = replace(case.profile, segments=carried, traits={**case.profile.traits, **traits})

    def named(kind: str) -> frozenset[str]:
        return frozenset(name for what, name in asked if what == kind)

    return live, profile, Device(named("trait") | set(map(member_trait, slugs)), named("event"), named("property"))


def test_every_case_of_the_language_is_decided_alike() -> None:
    cases = load_cases()
    asked, expected = [], []
    for case in cases:
        live, profile, device = prepare(case)
        bundle, facts = make_bundle(live, device), to_facts(profile, device)
        asked.append({"bundle": bundle, "profile": facts, "context": case.context, "now": case.now})
        expected.append(ask_server(live, profile, case.context, case.now))
    answers = ask_device(asked)
    for case, answer, said in zip(cases, answers, expected, strict=True):
        if answer is not None:
            assert tell(answer) == said, case.name
    decided = sum(answer is not None for answer in answers)
    assert len(cases) >= 790 and decided >= 0.9 * len(cases)  # the others ask what stays on the server


GOLD = Profile(id="1", traits={"plan": Trait("gold", NOW)})
MAY = Device(frozenset({"plan"}))
SPRING = {"starts": "2027-01-15T08:00:00+00:00", "ends": "2027-01-15T08:00:10+00:00"}  # of which NOW is the start


@pytest.mark.parametrize(
    ("rules", "more", "profile", "context", "answer"),
    [
        ([rule("low", 1), rule("high", 2)], {}, None, {}, "high"),
        ([rule("es", 5, context_of("locale", "es")), rule("all", 1)], {}, None, {"locale": "es"}, "es"),
        ([rule("es", 5, context_of("locale", "es")), rule("all", 1)], {}, None, {"locale": "en"}, "all"),
        ([rule("es", 5, context_of("locale", "es"))], {}, None, {}, "standard"),
        ([rule("gold", 5, trait("plan", "gold")), rule("all", 1)], {}, GOLD, {}, "gold"),
        ([rule("gold", 5, trait("plan", "gold")), rule("all", 1)], {}, Profile(id="2"), {}, "all"),
        ([rule("gold", 5, trait("plan", "gold")), rule("all", 1)], {}, None, {}, "all"),
        ([rule("rich", 5, trait("income", 1)), rule("all", 1)], {}, GOLD, {}, None),
        ([rule("rich", 5, trait("income", 1)), rule("all", 1)], {}, None, {}, "all"),
        ([rule("capped", 5, caps=[{"most": 1, "per": "day"}])], {}, GOLD, {}, None),
        ([rule("letter", 5, purpose="marketing")], {}, GOLD, {}, None),
        ([rule("sale", 5, offer="ten")], {"offers": {"ten": {"kind": "code"}}}, GOLD, {}, None),
        ([rule("a", 5, weight=1), rule("b", 5, weight=2)], {}, GOLD, {}, None),
        ([rule("one", 5, weight=1), rule("all", 1)], {}, GOLD, {}, "one"),
        ([rule("now", 5, **SPRING), rule("all", 1)], {}, None, {}, "now"),
        ([rule("over", 5, ends=SPRING["starts"]), rule("all", 1)], {}, None, {}, "all"),
        ([rule("soon", 5, starts=SPRING["ends"]), rule("all", 1)], {}, None, {}, "all"),
    ],
)
def test_rules_of_every_sort(
    rules: list[Any], more: dict[str, Any], profile: Profile | None, context: dict[str, Any], answer: str | None
) -> None:
    """None: the server is to be asked."""
    live = book(*rules, **more)
    facts = None if profile is None else to_facts(profile, MAY)
    bundle = make_bundle(live, MAY)
    [said] = ask_device([{"bundle": bundle, "profile": facts, "context": context, "now": NOW}])
    if answer is None:
        assert said is None
    else:
        assert said["block"]["html"] == f"<b>{answer}</b>"
        assert tell(said) == ask_server(live, profile, context, NOW)


def test_a_block_made_for_a_person_is_left_to_the_server_once_its_rule_holds() -> None:
    personal = {"es-block": {"kind": "html", "source": "{{ profile.traits.plan | default: 'you' }}"}}
    live = book(rule("es", 5, context_of("locale", "es")), rule("all", 1), blocks=personal)
    bundle = make_bundle(live, NOTHING)
    asked = [{"bundle": bundle, "profile": None, "context": {"locale": each}, "now": NOW} for each in ("es", "en")]
    answers = ask_device(asked)
    assert answers[0] is None and answers[1]["rule"] == "all"
    assert "es-block" not in bundle["blocks"]


def test_a_bundle_says_nothing_of_what_stays_on_the_server() -> None:
    live = book(rule("rich", 5, trait("income", 90_000)), rule("all", 1))
    said = msgspec.json.encode(make_bundle(live, NOTHING)).decode()
    assert "income" not in said and "90000" not in said and "rich-block" not in said
