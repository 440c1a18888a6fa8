"""Rendering: personal where asked, bounded, and nothing in it can run."""

import msgspec
import pytest

from profiles.profile import Profile, Trait
from rules.definitions import BlockDefinition
from rules.engine import NOBODY
from rules.render import BadBlock, RenderFailed, compile_block, render_block

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


def render(source: str, profile: Profile = NOBODY, context: dict[str, object] | None = None) -> str:
    block = compile_block("b", BlockDefinition("html", source))
    answer = msgspec.json.decode(render_block(block, profile, context or {}))
    assert (answer["slug"], answer["kind"]) == ("b", "html")
    return str(answer["html"])


def test_a_plain_block_is_the_same_for_everybody_and_rendered_once() -> None:
    block = compile_block("b", BlockDefinition("html", "<h1 class='big'>Hello</h1>"))
    assert block.fixed is not None
    assert render_block(block, NOBODY, {}) is block.fixed
    assert render("<h1 class='big'>Hello</h1>") == '<h1 class="big">Hello</h1>'


def test_merge_tags_take_traits_with_their_fallback() -> None:
    source = "Hi {{ profile.traits.first_name | default: 'there' }}, from {{ context.locale | default: 'somewhere' }}"
    anna = Profile(id="1", traits={"first_name": Trait("Anna", 1)})
    assert render(source, anna, {"locale": "nl"}) == "Hi Anna, from nl"
    assert render(source) == "Hi there, from somewhere"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_runs_gets_through(hostile: str) -> None:
    for html in (
        render(f"<p>before</p>{hostile}<p>after</p>"),
        render("{{ profile.traits.name | default: 'x' }}", Profile(id="1", traits={"name": Trait(hostile, 1)})),
    ):
        lowered = html.lower()
        for forbidden in ("<script", "<iframe", "<form", "<style", "<object", "<embed", "<base", "<meta", "<svg"):
            assert forbidden not in lowered
        assert 'href="javascript' not in lowered and 'href="data' not in lowered
        assert '<img src="x" onerror' not in lowered and "<p onclick" not in lowered


@pytest.mark.parametrize(
    "source", ["{{ profile.", "{% if %}", "{% nothing %}", "{{ 'a' | nothing }}", "{% for x in y %}"]
)
def test_broken_liquid_is_refused_when_it_is_saved(source: str) -> None:
    with pytest.raises(BadBlock, match="Liquid"):
        compile_block("b", BlockDefinition("html", source))


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in (1..100000) %}x{% endfor %}",
        "{% for a in (1..1000) %}{% for b in (1..1000) %}x{% endfor %}{% endfor %}",
        "{% for a in (1..2000) %}" + "long " * 100 + "{% endfor %}",
    ],
)
def test_a_template_cannot_spend_without_end(source: str) -> None:
    block = compile_block("b", BlockDefinition("html", source))
    with pytest.raises(RenderFailed):
        render_block(block, NOBODY, {})


def test_templates_cannot_read_files_or_python() -> None:
    for tag in ("include", "render"):
        with pytest.raises(BadBlock, match="Liquid"):
            render(f"{{% {tag} '/etc/passwd' %}}")
    assert render("{{ profile.__class__ }}{{ profile.traits.__class__.__mro__ }}") == ""


def test_a_json_block_is_data() -> None:
    block = compile_block("b", BlockDefinition("json", '{"headline": "<b>raw</b>"}'))
    assert msgspec.json.decode(render_block(block, NOBODY, {})) == {
        "slug": "b",
        "kind": "json",
        "json": {"headline": "<b>raw</b>"},
    }
    with pytest.raises(BadBlock, match="not JSON"):
        compile_block("b", BlockDefinition("json", "{"))
    with pytest.raises(BadBlock, match="unknown kind"):
        compile_block("b", BlockDefinition("video", ""))
