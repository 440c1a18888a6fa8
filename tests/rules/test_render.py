"""Rendering: personal where asked, the same for the same moment, and nothing in it can run."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from profiles.profile import Profile, Trait
from rules.definitions import BlockDefinition
from rules.engine import NOBODY
from rules.render import BadBlock, RenderFailed, compile_block, compile_blocks, render_block, render_html
from tests.rules.blocks import NOW, answer, data, html, make, person, seen

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe src='https://example.org'></iframe>",
    "<form action='/x'><input name=a></form>",
    "<style>body{display:none}</style>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "<object data='x'></object><embed src='x'>",
    "<base href='https://example.org/'>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<p onclick=alert(1)>x</p>",
    "<scr<script>ipt>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
]


def test_a_plain_block_is_the_same_for_everybody_and_rendered_once() -> None:
    block = make("<h1 class='big'>Hello</h1>")
    assert block.fixed is not None
    assert render_block(block, seen()) is block.fixed
    assert answer(block, seen()) == {"slug": "b", "kind": "html", "html": '<h1 class="big">Hello</h1>'}


def test_merge_tags_take_traits_and_context_with_their_fallback() -> None:
    source = "Hi {{ profile.traits.first_name | default: 'there' }}, from {{ context.locale | default: 'somewhere' }}"
    assert html(source, person(first_name="Anna"), {"locale": "nl"}) == "Hi Anna, from nl"
    assert html(source) == "Hi there, from somewhere"


@pytest.mark.parametrize("empty", ["", "  ", None, "\n"])
def test_what_is_empty_is_as_unknown_as_what_is_not_there(empty: object) -> None:
    assert html("Hi {{ profile.traits.name | default: 'you' }}", person(name=empty)) == "Hi you"
    assert html(
        "{% if profile.traits.name %}{{ profile.traits.name }}{% else %}you{% endif %}", person(name=empty)
    ) == ("you")


def test_values_print_as_people_read_them() -> None:
    profile = Profile(
        id="1",
        user_id="u-7",
        segments={"b": 2, "a": 1},
        traits={name: Trait(value, 1) for name, value in {"vip": True, "n": 3, "sum": 2.5, "size": "XL"}.items()},
    )
    source = (
        "{{ profile.user_id | default: '-' }} {{ profile.traits.vip | default: '' }}"
        " {{ profile.traits.n | default: 0 }}"
        " {{ profile.traits.sum | default: 0 }} {{ profile.traits.size | default: 'none' }}"
        " {{ profile.segments | join: '+' | default: '' }}"
    )
    assert html(source, profile) == "u-7 true 3 2.5 XL a+b"


def test_an_offer_is_there_when_it_is_granted() -> None:
    source = "{% if offer %}{{ offer.name }}: {{ offer.code }}{% else %}No code today{% endif %}"
    offer = {"name": "Summer", "kind": "code", "code": "SUN-1", "points": 0}
    assert html(source, offer=offer) == "Summer: SUN-1"
    assert html(source) == "No code today"


def test_a_code_that_an_offer_does_not_have_is_never_a_gap_in_a_sentence() -> None:
    block = make("{% if offer %}Use {{ offer.code }}{% endif %}")
    with pytest.raises(RenderFailed, match=r"offer\.code is not known"):
        render_block(block, seen(offer={"name": "Points", "kind": "points", "code": "", "points": 5}))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ now | date: '%Y-%m-%d %H:%M' }}", "2026-07-01 12:00"),
        ("{{ 'now' | date: '%A, %-d %B' }}", "Wednesday, 1 July"),
        ("{{ 'today' | date: '%j' }}", "182"),
        ("{{ now }}", "2026-07-01T12:00:00+02:00"),
        ("{{ '2026-12-24' | date: '%d %b %H:%M' | default: '-' }}", "24 Dec 00:00"),
        ("{{ '2026-12-24T23:30:00Z' | date: '%d %b %H:%M' | default: '-' }}", "25 Dec 00:30"),
        ("{{ 1782900000 | date: '%H:%M' | default: '-' }}", "12:00"),
        ("{{ 1782900000000 | date: '%H:%M' | default: '-' }}", "12:00"),
        ("{{ 'soon' | date: '%H:%M' | default: 'one day' }}", "one day"),
        ("{{ '10' | date: '%H:%M' | default: 'one day' }}", "one day"),
    ],
)
def test_time_is_the_moment_of_the_question_in_the_zone_of_the_book(source: str, said: str) -> None:
    assert html(source, zone="Europe/Vienna") == said


def test_the_same_moment_gives_the_same_bytes() -> None:
    source = "{{ now }} {% for t in profile.traits %}{{ t | first | default: '' }}{% endfor %}{{ 'now' | date: '%S' }}"
    one = Profile(id="1", traits={"b": Trait(1, 1), "a": Trait(2, 2)}, segments={"y": 1, "x": 2})
    other = Profile(id="1", traits={"a": Trait(2, 2), "b": Trait(1, 1)}, segments={"x": 2, "y": 1})
    block = make(source)
    assert bytes(render_block(block, seen(one))) == bytes(render_block(block, seen(other)))
    assert bytes(render_block(block, seen(one))) != bytes(render_block(block, seen(one)._replace(now=NOW + 1_000)))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_runs_gets_through(hostile: str) -> None:
    for said in (
        html(f"<p>before</p>{hostile}<p>after</p>"),
        html("{{ profile.traits.name | default: 'x' }}", person(name=hostile)),
    ):
        lowered = said.lower()
        for forbidden in ("<script", "<iframe", "<form", "<style", "<object", "<embed", "<base", "<meta", "<svg"):
            assert forbidden not in lowered
        assert 'href="javascript' not in lowered and 'href="data' not in lowered
        assert '<img src="x" onerror' not in lowered and "<p onclick" not in lowered


@pytest.mark.parametrize(
    "source", ["{{ profile.", "{% if %}", "{% nothing %}", "{{ 'a' | nothing }}", "{% for x in y %}", "{{ y | date }}"]
)
def test_broken_liquid_is_refused_when_it_is_saved(source: str) -> None:
    with pytest.raises(BadBlock, match="Liquid"):
        make(source)


@pytest.mark.parametrize("tag", ["include", "render", "echo", "liquid", "tablerow", "increment", "cycle", "slot"])
def test_only_the_tags_of_the_page_are_there(tag: str) -> None:
    with pytest.raises(BadBlock, match="unexpected tag"):
        make(f"{{% {tag} 'x' %}}")


@pytest.mark.parametrize(
    "path", ["profile.__class__", "now.year", "offer.secret", "profile.id", "self", "environ.HOME"]
)
def test_templates_see_what_they_are_given_and_nothing_of_python(path: str) -> None:
    with pytest.raises(BadBlock, match="Liquid"):
        make(f"{{{{ {path} | default: 'x' }}}}")
    assert html("{{ profile.traits.__class__ | default: 'x' }}{{ context.__class__.__mro__ | default: 'y' }}") == "xy"


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [None]])
def test_an_object_is_never_printed_as_one(value: object) -> None:
    for source in ("{{ context.x | default: '' }}", "{{ context.x | default: '' | upcase }}"):
        with pytest.raises(RenderFailed):
            html(source, context={"x": value})


def test_a_json_block_is_data() -> None:
    assert answer(make('{"headline": "<b>raw</b>"}', "json"), seen()) == {
        "slug": "b",
        "kind": "json",
        "json": {"headline": "<b>raw</b>"},
    }
    with pytest.raises(BadBlock, match="not JSON"):
        make("{", "json")
    with pytest.raises(BadBlock, match="unknown kind"):
        make("", "video")


@pytest.mark.parametrize("name", ["Anna", '"}, "admin": true, {"', "\\", "\n", "\u2028", "{{ now }}", "<b>", "]]"])
def test_a_value_in_json_stays_inside_its_quotes(name: str) -> None:
    source = (
        """{"hello": "Hi {{ profile.traits.name | default: 'you' }}", "list": [1, "{{ offer.code | default: '-' }}"]}"""
    )
    assert data(source, person(name=name)) == (
        {"hello": f"Hi {name}", "list": [1, "-"]}
        if name.strip()
        else {
            "hello": "Hi you",
            "list": [1, "-"],
        }
    )


def test_names_in_json_are_the_same_for_everybody() -> None:
    with pytest.raises(BadBlock, match="at a: the name"):
        make('{"a": {"{{ now }}": 1}}', "json")
    with pytest.raises(BadBlock, match=r"at a\.1: Liquid: line 1, column 4: profile\.traits\.x is not known"):
        make('{"a": [1, "{{ profile.traits.x }}"]}', "json")


RECOMMENDATION = BlockDefinition("recommendation", '{"limit": 4, "from": "bought-together"}', fallback="usual")


def test_recommendations_that_are_not_to_be_had_are_their_fallback_and_say_so() -> None:
    usual = BlockDefinition("html", "<p>Hi {{ profile.traits.name | default: 'you' }}</p>")
    fixed = BlockDefinition("json", '{"a": 1}')
    more = BlockDefinition("recommendation", "{}", fallback="fixed")
    blocks = compile_blocks({"for-you": RECOMMENDATION, "usual": usual, "fixed": fixed, "more": more})
    assert answer(blocks["for-you"], seen(person(name="Anna"))) == {
        "slug": "usual",
        "kind": "html",
        "html": "<p>Hi Anna</p>",
        "fallbackFor": "for-you",
    }
    assert answer(blocks["more"], seen()) == {"slug": "fixed", "kind": "json", "json": {"a": 1}, "fallbackFor": "more"}
    assert render_html(blocks["for-you"], seen()) == "<p>Hi you</p>"


def test_a_recommendation_without_its_fallback_is_no_book() -> None:
    with pytest.raises(BadBlock, match="there is no block usual to fall back to"):
        compile_blocks({"for-you": RECOMMENDATION})
    with pytest.raises(BadBlock, match="there is no block usual"):
        compile_blocks(
            {"for-you": RECOMMENDATION, "usual": BlockDefinition("recommendation", "{}", fallback="for-you")}
        )


@pytest.mark.parametrize(
    "source", ["", "[]", '{"limit": 0}', '{"limit": 51}', '{"limit": true}', '{"from": 1}', '{"a": 1}']
)
def test_a_recommendation_says_how_many_and_from_what(source: str) -> None:
    with pytest.raises(BadBlock):
        make(source, "recommendation", fallback="usual")
    with pytest.raises(BadBlock, match="needs a block to fall back to") as refusal:
        make("{}", "recommendation")
    assert refusal.value.field == "fallback"


def test_many_threads_render_the_same_block_at_once() -> None:
    block = make("{% for n in (1..50) %}<b>{{ profile.traits.n | default: 0 }}</b>{% endfor %}")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: answer(block, seen(person(n=n)))["html"], range(1, 200)))
    assert answers == [f"<b>{n}</b>" * 50 for n in range(1, 200)]


def test_somebody_unknown_gets_every_kind_of_block() -> None:
    assert msgspec.json.decode(render_block(compile_block("x", BlockDefinition("html", "{{ now }}")), seen(NOBODY)))
