"""Every merge tag has something to say about everybody, or is refused with its place and what to write."""

import pytest

from rules.render import BadBlock, RenderFailed, render_block
from tests.rules.blocks import html, make, person, seen

NAME = "profile.traits.name"

GOOD = [
    f'{{{{ {NAME} | default: "there" }}}}',
    f'{{{{ {NAME} | default: "" }}}}',
    f'{{{{ {NAME} | upcase | default: "there" | append: "!" }}}}',
    f'{{{{ {NAME} | default: context.name | default: "there" }}}}',
    f"{{% if {NAME} %}}{{{{ {NAME} }}}}{{% endif %}}",
    f"{{% if {NAME} %}}<b>{{% if now %}}{{{{ {NAME} | upcase }}}}{{% endif %}}</b>{{% endif %}}",
    f"{{% if {NAME} and context.a %}}{{{{ {NAME} }}}}{{{{ context.a }}}}{{% endif %}}",
    f"{{% if {NAME} == 'Anna' %}}{{{{ {NAME} }}}}{{% endif %}}",
    f"{{% if {NAME} != nil %}}{{{{ {NAME} }}}}{{% endif %}}",
    f"{{% if {NAME} == nil %}}you{{% else %}}{{{{ {NAME} }}}}{{% endif %}}",
    f"{{% if {NAME} contains 'A' %}}{{{{ {NAME} }}}}{{% endif %}}",
    "{% if context.n > 3 %}{{ context.n }}{% endif %}",
    "{% if context.a.b %}{{ context.a.b }}{% endif %}",
    f"{{% unless {NAME} %}}you{{% else %}}{{{{ {NAME} }}}}{{% endunless %}}",
    f"{{% if context.a %}}a{{% elsif {NAME} %}}{{{{ {NAME} }}}}{{% endif %}}",
    f"{{% case {NAME} %}}{{% when 'Anna', 'Bert' %}}{{{{ {NAME} }}}}{{% endcase %}}",
    f"{{% assign name = {NAME} | default: 'you' %}}{{{{ name }}}}",
    f"{{% assign name = {NAME} %}}{{% if name %}}{{{{ name }}}}{{% endif %}}",
    f"{{% if {NAME} %}}{{% assign n = {NAME} %}}{{% else %}}{{% assign n = 'you' %}}{{% endif %}}{{{{ n }}}}",
    "{% capture c %}<b>x</b>{% endcapture %}{{ c }}",
    "{% for s in profile.segments %}{{ s }}{{ forloop.index }}{% endfor %}",
    "{% if context.items %}{% for item in context.items %}{{ item.name }}{% endfor %}{% endif %}",
    "{% for n in (1..3) %}{{ n }}{% endfor %}",
    "{% if offer %}{{ offer.name }} {{ offer.code }} {{ offer.points }} {{ offer.kind }}{% endif %}",
    "{{ offer.code | default: 'none' }}",
    "{{ context.items | size }}",
    "{{ now }}{{ 'x' }}{{ 3 }}{{ true }}",
    "{% comment %}{{ profile.traits.name }}{% endcomment %}{% # {{ x }} %}",
    "{% raw %}{{ profile.traits.name }}{% endraw %}",
]


@pytest.mark.parametrize("source", GOOD)
def test_what_speaks_of_everybody_is_taken_and_says_something_of_nobody(source: str) -> None:
    assert make(source)
    assert html(source) is not None


BAD = [
    (
        f"{{{{ {NAME} }}}}",
        "column 4: profile.traits.name is not known of everybody; write {{ profile.traits.name | defau",
    ),
    (f"<p>\n  {{{{ {NAME} }}}}</p>", "line 2, column 6"),
    (f"{{{{ {NAME} | upcase }}}}", "profile.traits.name is not known"),
    (f"{{{{ {NAME} | default }}}}", "profile.traits.name is not known"),
    (f"{{{{ {NAME} | default: context.name }}}}", "profile.traits.name is not known"),
    ("{{ profile.user_id }}", "profile.user_id is not known"),
    ("{{ context.page.path }}", "context.page.path is not known"),
    ("{{ profile.segments | join: ', ' }}", "profile.segments is not known"),
    ("{{ offer.code }}", "offer.code is not known"),
    (f"{{% if context.a %}}{{{{ {NAME} }}}}{{% endif %}}", "is not known"),
    (f"{{% if {NAME} or context.a %}}{{{{ {NAME} }}}}{{% endif %}}", "is not known"),
    (f"{{% if {NAME} %}}a{{% else %}}{{{{ {NAME} }}}}{{% endif %}}", "is not known"),
    (f"{{% if {NAME} %}}a{{% endif %}}{{{{ {NAME} }}}}", "is not known"),
    (f"{{% if {NAME} != 'Anna' %}}{{{{ {NAME} }}}}{{% endif %}}", "is not known"),
    (f"{{% if {NAME} != blank %}}{{{{ {NAME} }}}}{{% endif %}}", "is not known"),
    (f"{{% if {NAME} == context.a %}}{{{{ {NAME} }}}}{{% endif %}}", "is not known"),
    (f"{{% unless {NAME} %}}{{{{ {NAME} }}}}{{% endunless %}}", "is not known"),
    (f"{{% case {NAME} %}}{{% when nil %}}{{{{ {NAME} }}}}{{% endcase %}}", "is not known"),
    (f"{{% case {NAME} %}}{{% when 'A' %}}a{{% else %}}{{{{ {NAME} }}}}{{% endcase %}}", "is not known"),
    ("{% if context.a %}{{ context.a.b }}{% endif %}", "context.a.b is not known"),
    (f"{{% assign n = {NAME} %}}{{{{ n }}}}", "n is not known"),
    (f"{{% assign n = 'x' %}}{{% assign n = {NAME} %}}{{{{ n }}}}", "n is not known"),
    ("{% if context.a %}{% assign n = 'x' %}{% endif %}{{ n }}", "n is not known"),
    (
        f"{{% assign n = 'x' %}}{{% for i in (1..2) %}}{{{{ n }}}}{{% assign n = {NAME} %}}{{% endfor %}}",
        "n is not known",
    ),
    ("{% for i in context.a %}{% assign n = 'x' %}{% endfor %}{{ n }}", "n is not known"),
    (f"{{{{ 'Hi ' | append: {NAME} }}}}", "a filter cannot do without it; give it a name and a fallback before"),
    ("{{ context.items | default: '' | first }}", "first may answer nothing"),
    (f"{{{{ {NAME} | default: 'x' | date: '%Y' }}}}", "date may answer nothing"),
    ("{{ name }}", "there is nothing named name; write profile.traits.name"),
    ("{{ today }}", "there is nothing named today"),
    ("{% if nme %}x{% endif %}", "there is nothing named nme"),
    ("{{ forloop.index }}", "there is nothing named forloop"),
    ("{% for i in (1..2) %}{% endfor %}{{ i }}", "there is nothing named i"),
    ("{{ profile.name | default: 'x' }}", "profile has user_id, traits, segments, and no name"),
    ("{{ nil }}{{ empty }}", "is not known of everybody"),
]


@pytest.mark.parametrize(("source", "said"), BAD)
def test_what_would_leave_a_gap_is_refused_with_what_to_write(source: str, said: str) -> None:
    with pytest.raises(BadBlock) as refusal:
        make(source)
    assert said in str(refusal.value)
    assert "Liquid: line " in str(refusal.value)


@pytest.mark.parametrize(("source", "said"), BAD)
def test_the_same_holds_for_subject_and_text_and_strings_of_json(source: str, said: str) -> None:
    for field in ("subject", "text"):
        with pytest.raises(BadBlock) as refusal:
            make("<p>Hello</p>", "email", **{"subject": "Hello", field: source})
        assert refusal.value.field == field
        assert said in str(refusal.value)


def test_a_refused_tag_is_mended_by_what_the_message_says() -> None:
    with pytest.raises(BadBlock) as refusal:
        make("Hi {{ profile.traits.name | upcase }}")
    advice = str(refusal.value).partition("write ")[2].partition(", or put")[0]
    assert html(f"Hi {advice}") == "Hi …"


def test_what_only_the_data_can_leave_open_fails_for_that_person_alone() -> None:
    block = make("{% for item in context.items %}<li>{{ item.name }}</li>{% endfor %}")
    assert b"<li>Boots</li>" in bytes(render_block(block, seen(context={"items": [{"name": "Boots"}]})))
    for gap in ({}, {"name": None}):
        with pytest.raises(RenderFailed, match=r"not known|nothing is known"):
            render_block(block, seen(context={"items": [{"name": "Boots"}, gap]}))


def test_a_path_may_be_named_by_another() -> None:
    source = "{% assign key = context.key | default: 'a' %}{{ profile.traits[key] | default: '-' }}"
    assert html(source, person(a="A", b="B"), {"key": "b"}) == "B"
    assert html(source, person(b="B")) == "-"
