"""A Book puts no block where it does not fit, and says in words what would."""

from typing import Any

import pytest

from rules.definitions import BlockDefinition, BookPayload, RuleDefinition, SlotDefinition
from rules.fitting import find_misfits
from rules.review import find_problems

BLOCKS = {
    "banner": BlockDefinition("html", "<p>Hello</p>"),
    "teaser": BlockDefinition("json", "{}"),
    "news": BlockDefinition("email", "<p>News</p>{% slot 'mail-top' %}", subject="News"),
    "for-you": BlockDefinition("recommendation", "{}", fallback="banner"),
}
SLOTS = {
    "hero": SlotDefinition(default="banner"),
    "feed": SlotDefinition(channel="json", default="teaser"),
    "mail-top": SlotDefinition(channel="email", default="banner"),
    "campaign": SlotDefinition(channel="email", kinds=("email",), default="news"),
}


def book(rules: tuple[RuleDefinition, ...] = (), **more: Any) -> BookPayload:
    return BookPayload(
        1, 1, slots={**SLOTS, **more.get("slots", {})}, blocks={**BLOCKS, **more.get("blocks", {})}, rules=rules
    )


def show(block: str, slot: str) -> RuleDefinition:
    return RuleDefinition("r", "R", slot, 1, block)


@pytest.mark.parametrize(
    ("block", "slot"),
    [
        *(("banner", slot) for slot in ("hero", "mail-top")),
        *(("teaser", slot) for slot in ("hero", "feed")),
        *(("for-you", slot) for slot in ("hero", "mail-top")),
        ("news", "campaign"),
    ],
)
def test_what_fits_is_published(block: str, slot: str) -> None:
    assert find_problems(book((show(block, slot),))) == []


@pytest.mark.parametrize(
    ("block", "slot", "said"),
    [
        ("news", "hero", "the block news is an e-mail, and the slot hero takes HTML or JSON or recommendations"),
        ("banner", "feed", "the block banner is HTML, and the slot feed takes JSON or recommendations"),
        ("for-you", "feed", "the block banner is HTML, and the slot feed takes JSON or recommendations"),
        ("teaser", "mail-top", "the block teaser is JSON, and the slot mail-top takes HTML or an e-mail or recomm"),
        ("banner", "campaign", "the block banner is HTML, and the slot campaign takes an e-mail"),
        ("nothing", "hero", "the block nothing is not there"),
        ("banner", "nowhere", "the slot nowhere is not there"),
    ],
)
def test_a_block_of_a_kind_that_the_slot_does_not_take_is_refused(block: str, slot: str, said: str) -> None:
    problems = find_problems(book((show(block, slot),)))
    assert [line for line in problems if line.startswith(f"Rule r: {said}")]


def test_a_default_block_has_to_fit_as_well() -> None:
    wrong = {"foot": SlotDefinition(default="news"), "bar": SlotDefinition(kinds=("json",), default="banner")}
    assert find_misfits(book(slots=wrong)) == [
        "Slot foot: the block news is an e-mail, and the slot foot takes HTML or JSON or recommendations",
        "Slot bar: the block banner is HTML, and the slot bar takes JSON",
    ]


def test_the_kinds_of_a_slot_are_those_of_its_channel() -> None:
    assert find_misfits(book(slots={"x": SlotDefinition(channel="json", kinds=("html", "json"))})) == [
        "Slot x: is for JSON and cannot take HTML; take it out of its kinds"
    ]


def test_a_fallback_is_there_and_can_stand_for_itself() -> None:
    def fall_back_to(slug: str | None) -> list[str]:
        return find_problems(book(blocks={"new": BlockDefinition("recommendation", "{}", fallback=slug)}))

    assert fall_back_to("banner") == []
    assert fall_back_to(None) == ["Block new: a recommendation needs a block to fall back to"]
    assert fall_back_to("gone") == ["Block new: falls back to gone, which is not there; choose another block"]
    assert fall_back_to("for-you") == [
        "Block new: falls back to for-you, which is recommendations; choose HTML or JSON"
    ]
    assert fall_back_to("news") == ["Block new: falls back to news, which is an e-mail; choose HTML or JSON"]


def test_the_places_of_an_email_are_slots_for_emails_that_show_html() -> None:
    def place(slot: str, *rules: RuleDefinition) -> list[str]:
        mail = BlockDefinition("email", f"{{% slot '{slot}' %}}", subject="x")
        return find_misfits(book(rules, blocks={"mail": mail}))

    assert place("mail-top") == []
    assert place("gone") == ["Block mail: has a place for the slot gone, which is not there; make it, or mend the name"]
    assert place("hero") == ["Block mail: has a place for the slot hero, which is not for e-mails; choose another"]
    assert place("campaign") == [
        "Block mail: its slot campaign shows news, which is an e-mail; inside an e-mail is only HTML"
    ]
    assert "Block mail: its slot mail-top shows news, which is an e-mail; inside an e-mail is only HTML" in place(
        "mail-top", show("news", "mail-top")
    )
