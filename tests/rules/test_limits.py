"""What a template may spend: a bomb is stopped, and costs its own block only."""

import pytest

from rules.liquid import MAX_SOURCE, MAX_TAGS
from rules.render import BadBlock, RenderFailed, render_block, render_message
from tests.rules.blocks import html, make, person, seen

BOMBS = {
    "a long loop": "{% for a in (1..100000) %}x{% endfor %}",
    "an endless loop": "{% for a in (1..999999999999) limit: 3 %}x{% endfor %}",
    "an endless loop, backwards": "{% for a in (1..999999999) reversed %}x{% endfor %}",
    "loops in loops": "{% for a in (1..1000) %}{% for b in (1..1000) %}x{% endfor %}{% endfor %}",
    "more than fits": "{% for a in (1..2000) %}" + "long " * 100 + "{% endfor %}",
    "loop behind loop": ("{% for a in (1..2000) %}{% assign b = a %}{% endfor %}" * 300),
    "empty loops": ("{% for a in (1..2000) %}{% endfor %}" * 450),
    "conditions in loops": ("{% for a in (1..2000) %}{% if 1 == 2 " + "or 1 == 2 " * 90 + "%}x{% endif %}{% endfor %}")
    * 20,
    "doubling text": "{% assign s = 'xxxxxxxx' %}{% for a in (1..30) %}{% assign s = s | append: s %}{% endfor %}",
    "multiplied text": "{% assign s = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' %}{{ s"
    + " | replace: 'x', s | replace: 'x', s" * 3
    + " }}",
    "joined text": "{% assign l = 'x x x x x x x x x x x x' | split: ' ' %}{% assign s = 'y' %}"
    "{% for a in (1..9) %}{% assign s = l | join: s %}{% endfor %}",
    "a list of letters": "{% assign s = 'xy' %}{% for a in (1..12) %}{% assign s = s | append: s %}{% endfor %}"
    "{{ s | split: '' | uniq | size }}",
    "filters that take long": "{% assign s = 'x ' %}{% for a in (1..15) %}{% assign s = s | append: s %}{% endfor %}"
    + ("{% assign t = s" + " | squish" * 20 + " %}") * 300,
    "a huge number": "{% assign n = 99 %}{% for a in (1..20) %}{% assign n = n | times: n %}{% endfor %}{{ n }}",
    "much that is kept": "{% assign c = '' %}{% for a in (1..1500) %}{% capture c %}{{ c }}"
    + "y" * 90
    + "{% endcapture %}{% endfor %}",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_template_cannot_spend_without_end(source: str) -> None:
    block = make(source)
    with pytest.raises(RenderFailed):
        render_block(block, seen())


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_in_any_part_of_an_email_stops_that_email(source: str) -> None:
    for part in ({"text": source}, {}):
        block = make(source if not part else "<p>Hello</p>", "email", subject="Hello", **part)
        with pytest.raises(RenderFailed):
            render_message(block, seen())


def test_a_bomb_in_json_stops_that_block() -> None:
    source = ", ".join(['"{% for a in (1..2000) %}long long long long {% endfor %}"'] * 8)
    block = make(f"[{source}]", "json")
    with pytest.raises(RenderFailed):
        render_block(block, seen())


def test_a_bomb_in_the_data_stops_that_block() -> None:
    twice = "{% if profile.traits.x %}{{ profile.traits.x | append: profile.traits.x }}{% endif %}"
    assert html(twice, person(x="y" * 40_000)) == "y" * 80_000
    with pytest.raises(RenderFailed):
        html(twice, person(x="y" * 60_000))
    with pytest.raises(RenderFailed):
        html("{% for a in context.x %}{{ a }}{% endfor %}", context={"x": list(range(2_001))})
    with pytest.raises(RenderFailed):
        html("{{ context.x | sort | join: '' | default: '' }}", context={"x": list(range(1_001))})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x" * (MAX_SOURCE + 1), f"{MAX_SOURCE} is the most"),
        ("{{ now }}" * (MAX_TAGS + 1), f"{MAX_TAGS} is the most"),
        ("{% for a in (1..2) %}" * 7 + "x" + "{% endfor %}" * 7, "at most 6 deep"),
        ("{{ now" + " | squish" * 21 + " }}", "at most 20 filters"),
        ("{% if now %}" * 40 + "x" + "{% endif %}" * 40, "nesting limit"),
        ("{% if now" + " and now" * 4_000 + " %}x{% endif %}", "nested too deep"),
        ("{{ " + "9" * 5_000 + " }}", "Liquid"),
        ("{{ (1..5) | join: '' }}", "a range is for loops"),
        ("{% assign r = (1..999999999) %}", "a range is for loops"),
        ("{% if (1..999999999) contains 'x' %}x{% endif %}", "a range is for loops"),
        ("{{ now | date: '%10000000d' }}", "date needs its format"),
    ],
)
def test_what_could_only_be_a_bomb_is_refused_when_it_is_saved(source: str, said: str) -> None:
    with pytest.raises(BadBlock, match=said):
        make(source)


def test_json_is_nested_so_deep_and_no_deeper() -> None:
    assert make("[" * 31 + "]" * 31, "json").fixed
    with pytest.raises(BadBlock, match="nested too deep"):
        make("[" * 60 + "]" * 60, "json")


@pytest.mark.parametrize(
    "name", ["join", "split", "replace", "upcase", "times", "date", "sort", "sum", "slice", "uniq"]
)
def test_filters_take_any_data_or_refuse_it(name: str) -> None:
    values = [None, "", "x", 0, -1, 1.5, True, [], [1, "a", None], [[1], {"a": 2}], {"a": 1}, {}, float("inf"), 2**70]
    filters = {"split": "split: ','", "replace": "replace: 'x', 'y'", "times": "times: 3", "slice": "slice: 0, 2"}
    source = f"{{{{ context.x | {filters.get(name, name)} | default: '-' }}}}"
    block = make(source.replace("| date", "| date: '%Y'"))
    for value in values:
        try:
            assert render_block(block, seen(context={"x": value}))
        except RenderFailed as error:
            assert "b: " in str(error)
