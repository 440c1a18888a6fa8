"""Hostile values and hostile HTML in a real browser: nothing runs, nothing leaves, and the structure stays."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from rules.render import BadBlock, RenderFailed, render_block, render_message
from tests.rules.blocks import answer, make, person, seen
from tests.rules.stage import SITE, show

HERE = Path(__file__).parent
INJECTIONS: dict[str, list[str]] = json.loads((HERE / "injections.json").read_text())
HOSTILE: dict[str, list[str]] = json.loads((HERE / "hostile_html.json").read_text())
VALUES = [value for values in (*INJECTIONS.values(), *HOSTILE.values()) for value in values]
SOURCES = [source for sources in HOSTILE.values() for source in sources]

X = "{{ profile.traits.x | default: 'nobody' }}"
TEMPLATE = (
    f'<article class="a {X}"><h2 title="{X}">{X}</h2><p data-x=\'{X}\'>Hi {{{{ profile.traits.x | upcase | default: '
    f"'' }}}} <b>{X}</b></p><a href=\"{X}\">go</a> <a href=\"/s?q={X}&b=1#{X}\">find</a> <a href='mailto:{X}'>write</a>"
    "{% if profile.traits.x %}<i>{{ profile.traits.x }}</i>{% endif %}"
    "{% capture c %}<em>{{ profile.traits.x | default: '' }}</em>{% endcapture %}{{ c }}"
    "<u title='{{ c }}'>c</u></article>"
)
SAFE = {"http:", "https:", "mailto:", "tel:", ":"}  # the last one is of what is no URL at all


def read(value: str) -> str:
    """A text as a browser reads it."""
    return re.sub(r"\r\n?", "\n", value).replace("\0", "").replace("\ufffd", "")


def drawn(html: str) -> str:
    """What a page draws of an e-mail."""
    return html.partition("<body>")[2].removesuffix("</body></html>")


def test_there_are_as_many_of_them_as_we_say() -> None:
    assert sum(map(len, INJECTIONS.values())) >= 200
    assert len(set(VALUES)) >= 330
    assert len(INJECTIONS) >= 12 and len(HOSTILE) >= 10


def test_a_hostile_value_in_a_block_is_only_a_value(chromium: Browser) -> None:
    block = make(TEMPLATE)
    pieces = [str(answer(block, seen(person(x=value)))["html"]) for value in ["benign", *VALUES]]
    shown = show(chromium, pieces)
    assert (shown.ran, shown.requests) == ([], [])
    benign, *others = shown.pieces
    for value, piece in zip(VALUES, others, strict=True):
        assert piece["outline"] == benign["outline"], value
        assert set(piece["protocols"]) <= SAFE, value
        assert [read(each) for each in piece["bolds"]] == [read(value)], value
        assert read(piece["titles"][0]) == read(value), value
        assert piece["asked"] == [[["q", value], ["b", "1"]]], value


def test_a_hostile_value_in_an_email_is_only_a_value(chromium: Browser) -> None:
    block = make(f"<style>b{{color:red}}</style>{TEMPLATE}", "email", subject=f"Hi {X}", text=f"Hi {X}")
    messages = [render_message(block, seen(person(x=value))) for value in ["benign", *VALUES]]
    shown = show(chromium, [message.html for message in messages])
    assert (shown.ran, shown.requests) == ([], [])
    benign, *others = show(chromium, [drawn(message.html) for message in messages]).pieces
    for value, piece, message in zip(VALUES, others, messages[1:], strict=True):
        assert piece["outline"] == benign["outline"], value
        assert set(piece["protocols"]) <= SAFE, value
        assert [read(each) for each in piece["bolds"]] == [read(value)], value
        assert message.subject.startswith("Hi") and not re.search(
            r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", message.subject
        ), value
        assert message.text.startswith("Hi"), value


def test_a_hostile_value_in_json_stays_inside_its_quotes() -> None:
    block = make(json.dumps({"a": [{"b": X}, 1], "c": "d"}), "json")
    for value in VALUES:
        assert answer(block, seen(person(x=value)))["json"] == {"a": [{"b": value}, 1], "c": "d"}


def test_a_picture_of_a_hostile_address_is_at_most_a_picture(chromium: Browser) -> None:
    block = make(f'<img src="{X}" alt="{X}">')
    shown = show(chromium, [str(answer(block, seen(person(x=value)))["html"]) for value in VALUES])
    assert shown.ran == []
    assert {kind for kind, _ in shown.requests} <= {"image"}
    assert all(url.startswith(("http://", "https://")) for _, url in shown.requests)


def test_of_hostile_html_nothing_is_left_that_runs_or_loads(chromium: Browser) -> None:
    blocks = [str(answer(make(source), seen())["html"]) for source in SOURCES]
    mails = [make(source, "email", subject="Hello") for source in SOURCES if _is_email(source)]
    messages = [render_message(mail, seen()).html for mail in mails]
    slots = make("<p>before</p>{% slot 'x' %}<p>behind</p>", "email", subject="Hello")
    filled = [render_message(slots, seen(slots={"x": source})).html for source in SOURCES]
    assert len(messages) > 0.8 * len(SOURCES)
    shown = show(chromium, [*blocks, *messages, *filled])
    assert shown.ran == []
    assert all(set(piece["protocols"]) <= SAFE for piece in shown.pieces)
    # Pictures are what a block may load.
    assert {kind for kind, _ in shown.requests} <= {"image"}
    wanted = {f"{SITE}x", *(f"http://evil.example/{name}.png" for name in ("a", "b"))}
    assert {url for _, url in shown.requests} <= wanted


def _is_email(source: str) -> bool:
    try:
        return bool(make(source, "email", subject="Hello"))
    except BadBlock:
        return False


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_html_around_a_merge_tag_is_refused_or_harmless(kind: str, chromium: Browser) -> None:
    """What a marketer pastes, with a merge tag of a hostile person behind it, before it, and at every `a` of it."""
    tag = "{{ profile.traits.x | default: '' }}"
    pieces, refused = [], 0
    for source in HOSTILE[kind]:
        places = [0, len(source), *(match.start() for match in re.finditer(r"\ba\b", source[:200]))]
        for at in places:
            try:
                block = make(source[:at] + tag + source[at:])
                pieces.append(_say(block, "x\" onerror='ran(900)' `><img src=x onerror=ran(901)> javascript:ran(902)"))
                pieces.append(_say(block, "javascript:ran(903)"))
            except BadBlock:
                refused += 1
    shown = show(chromium, pieces)
    assert shown.ran == []
    assert all(set(piece["protocols"]) <= SAFE for piece in shown.pieces)
    assert pieces


def _say(block: Any, value: str) -> str:
    try:
        return str(json.loads(bytes(render_block(block, seen(person(x=value)))))["html"])
    except RenderFailed:
        return ""
