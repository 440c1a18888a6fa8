"""Any source and any data: refused, failed, or HTML in which everything that opens also closes."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.profile import Profile, Trait
from rules.definitions import BlockDefinition
from rules.render import BadBlock, Block, RenderFailed, Seen, compile_block, render_block
from tests.rules.blocks import NOW

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
FRAGMENTS = [
    *("<", ">", "</", "/>", "<p>", "</p>", "<p ", "<a href=", '<a href="', "'", '"', "=", " ", "\n", "<!--", "-->"),
    *("<style>", "</style>", "<script>", "</script>", "<table>", "<td>", "<title>", " title=", " style=", " onclick="),
    *("javascript:", "https://", "mailto:", "/", "?q=", "&", "&lt;", "\0", "é", "😀", "p{color:red}", "@media x{", "}"),
    *("{{", "}}", "{%", "%}", "{{-", "-%}", "{{ now }}", "{{ profile.traits.a | default: 'x' }}", "{% if now %}"),
    *(
        "{{ profile.traits.a }}",
        "{% if profile.traits.a %}",
        "{{ context.a | default: '' }}",
        "{% else %}",
        "{% endif %}",
    ),
    *("{% for a in context.a %}", "{{ a }}", "{% endfor %}", "{% break %}", "{% capture c %}", "{% endcapture %}"),
    *(
        "{{ c | default: '' }}",
        "{% assign c = profile.traits.a %}",
        "{% case context.a %}",
        "{% when 1 %}",
        "{% endcase %}",
    ),
    *("{% unless offer %}", "{% endunless %}", "{{ offer.code | default: '-' }}", "{% raw %}", "{% endraw %}"),
    *(
        "{% comment %}",
        "{% endcomment %}",
        "{% slot 'x' %}",
        "{{ context.a | date: '%Y' | default: 1 }}",
        "[",
        "]",
        "{",
    ),
    *("{{ context.a | size }}", "{{ context.a | sort | join: '<' | default: 2 }}", "{{ 5 | times: context.a }}", ","),
    *(
        "{{ context.a | url_encode | default: '' }}",
        "{{ context.a | newline_to_br | default: '' }}",
        "{{ forloop.index }}",
    ),
    *("{{ context.a | default: 3 | divided_by: 0 }}", "{{ context.a | map: 'a' | default: '' }}", ":", '"a"', "1"),
]
sources = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=6)), max_size=10).map("".join),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["<b>", '">', "a\r\nb"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
moments = st.one_of(st.just(NOW), st.integers())


class _Balance(HTMLParser):
    """Fails for what is opened and not closed, or closed and not opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_html(html: str) -> None:
    balance = _Balance()
    balance.feed(html)
    balance.close()
    assert balance.open == []
    outside = re.sub(r"</?[a-z][a-z0-9-]*(?: [^\s=<>\"']+=\"[^\"]*\")*>", "", html)
    assert "<" not in outside, html


def compile_or_none(kind: str, source: str, **said: Any) -> Block | None:
    try:
        return compile_block("b", BlockDefinition(kind, source, **said))
    except BadBlock:
        return None


def render_or_none(block: Block, seen: Seen) -> bytes | None:
    try:
        return bytes(render_block(block, seen))
    except RenderFailed:
        return None


def make_seen(trait: Any, value: Any, now: int) -> Seen:
    profile = Profile(id="1", traits={"a": Trait(trait, 1)})
    return Seen(profile, {"a": value}, now, {"name": "o", "kind": "code", "code": "C", "points": 0}, {"x": str(value)})


@settings(max_examples=400, deadline=None)
@given(source=sources, trait=values, value=values, now=moments)
def test_html_is_whole_whatever_it_is_made_of(source: str, trait: Any, value: Any, now: int) -> None:
    block = compile_or_none("html", source)
    if block is not None and (answer := render_or_none(block, make_seen(trait, value, now))) is not None:
        check_html(msgspec.json.decode(answer)["html"])


@settings(max_examples=300, deadline=None)
@given(source=sources, trait=values, value=values, subject=sources, text=sources)
def test_an_email_is_whole_whatever_it_is_made_of(source: str, trait: Any, value: Any, subject: str, text: str) -> None:
    for said in ({"subject": "Hello"}, {"subject": subject, "text": text}):
        block = compile_or_none("email", source, **said)
        if block is not None and (answer := render_or_none(block, make_seen(trait, value, NOW))) is not None:
            message = msgspec.json.decode(answer)
            check_html(message["html"].partition("<body")[2].partition(">")[2].removesuffix("</body></html>"))
            assert len(message["subject"].splitlines()) == 1 and len(message["subject"]) <= 200


@settings(max_examples=200, deadline=None)
@given(source=sources, trait=values, value=values)
def test_json_and_recommendations_are_refused_or_answered(source: str, trait: Any, value: Any) -> None:

    quoted = msgspec.json.encode({"a": [source]}).decode()
    for kind, text in (("json", source), ("json", quoted), ("recommendation", source)):
        block = compile_or_none(kind, text, fallback="x")
        if block is not None:
            answer = render_or_none(block, make_seen(trait, value, NOW))
            assert answer is None or msgspec.json.decode(answer)["kind"] == kind


@settings(max_examples=100, deadline=None)
@given(shape=values, source=values)
def test_any_shape_is_refused_or_checks(shape: Any, source: Any) -> None:

    said = shape if isinstance(shape, dict) else {"properties": {"a": shape}, "items": shape}
    compile_or_none("json", msgspec.json.encode(source).decode(), shape=said)
