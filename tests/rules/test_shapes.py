"""The declared shape of a JSON block: checked when it is saved, and again with what was put in."""

from typing import Any

import pytest

from rules.render import BadBlock, RenderFailed, render_block
from tests.rules.blocks import data, make, person, seen

TEASER = {
    "type": "object",
    "required": ["headline"],
    "additionalProperties": False,
    "properties": {
        "headline": {"type": "string", "minLength": 1, "maxLength": 20},
        "tone": {"enum": ["calm", "loud"]},
        "links": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/link"}},
    },
    "$defs": {"link": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}},
}


def test_what_fits_is_shown() -> None:
    source = '{"headline": "Hi {{ profile.traits.name | default: \'you\' }}", "tone": "calm", "links": [{"url": "/a"}]}'
    said = data(source, person(name="Anna"), shape=TEASER)
    assert said == {"headline": "Hi Anna", "tone": "calm", "links": [{"url": "/a"}]}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{}", "the whole: 'headline' is a required property"),
        ('{"headline": 3}', "headline: 3 is not of type 'string'"),
        ('{"headline": ""}', "headline: "),
        ('{"headline": "a", "tone": "shrill"}', "tone: 'shrill' is not one of"),
        ('{"headline": "a", "more": 1}', "'more' was unexpected"),
        ('{"headline": "a", "links": [{}]}', "links.0: 'url' is a required property"),
        ('{"headline": "{{ now }}", "links": ["{{ now }}"]}', "links.0: '{{ now }}' is not of type 'object'"),
        ('{"headline": "{{ now }}", "tone": 1}', "tone: 1 is not one of"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_saved(source: str, said: str) -> None:
    with pytest.raises(BadBlock) as refusal:
        make(source, "json", shape=TEASER)
    assert said in str(refusal.value)


def test_what_was_put_in_has_to_fit_too() -> None:
    block = make('{"headline": "{{ profile.traits.name | default: \'you\' }}"}', "json", shape=TEASER)
    assert b'"you"' in bytes(render_block(block, seen()))
    with pytest.raises(RenderFailed, match="does not fit its shape: headline:"):
        render_block(block, seen(person(name="Maximiliana Alexandra")))


def test_a_choice_of_texts_is_open_until_it_is_made() -> None:
    shape = {"properties": {"tone": {"anyOf": [{"const": "calm"}, {"const": "loud"}]}}}
    block = make('{"tone": "{{ profile.traits.tone | default: \'calm\' }}"}', "json", shape=shape)
    assert b"loud" in bytes(render_block(block, seen(person(tone="loud"))))
    with pytest.raises(RenderFailed, match="does not fit"):
        render_block(block, seen(person(tone="shrill")))


NESTED: dict[str, Any] = {"type": "object"}
for _ in range(5_000):
    NESTED = {"items": NESTED}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"type": "strnig"}, "shape: "),
        ({"required": "a"}, "shape: "),
        ([], "shape: "),
        (True, "the shape is an object"),
        ({"properties": {"a": {"$ref": "https://evil.example/schema.json"}}}, "leads nowhere"),
        ({"$ref": "file:///etc/passwd"}, "leads nowhere"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"$ref": "#"}, "leads nowhere"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "refers to itself"),
        ({"$dynamicRef": "#x"}, "$dynamicRef cannot be used"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, "shape.properties.a: the keyword pattern cannot be used"),
        ({"format": "regex"}, "the keyword format cannot be used"),
        ({"allOf": [{"title": "x"}] * 600}, "more than 500 parts"),
        (NESTED, "shape: "),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": {"allOf": [{"$ref": "#/$defs/b"}] * 20},
                    "b": {"allOf": [{"$ref": "#/$defs/c"}] * 20},
                    "c": {"allOf": [{"type": "object"}] * 20},
                },
            },
            "more than 500 parts",
        ),
    ],
)
def test_a_shape_that_says_nothing_sensible_is_refused_itself(shape: Any, said: str) -> None:
    with pytest.raises(BadBlock) as refusal:
        make("{}", "json", shape=shape)
    assert refusal.value.field == "shape"
    assert said in str(refusal.value)


def test_a_large_shape_and_many_values_are_too_much_together() -> None:
    shape = {"items": {"allOf": [{"type": "integer"}] * 400}}
    assert make("[1, 2, 3]", "json", shape=shape).fixed
    with pytest.raises(BadBlock, match="too many values"):
        make("[" + ", ".join(["1"] * 1_000) + "]", "json", shape=shape)
