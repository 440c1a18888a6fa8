"""A merge tag is written for the place in HTML where it stands, or refused there."""

import pytest

from rules.render import BadBlock
from tests.rules.blocks import html, make, person

X = "{{ profile.traits.x | default: 'none' }}"


@pytest.mark.parametrize(
    ("source", "value", "made"),
    [
        (f"<p>{X}</p>", "<b>&\"'", "<p>&lt;b&gt;&amp;\"'</p>"),
        (f'<p title="{X}">a</p>', '" onclick="x', '<p title="&quot; onclick=&quot;x">a</p>'),
        (f"<p title='{X}'>a</p>", "' onclick='x", "<p title=\"' onclick='x\">a</p>"),
        (f'<p class="a {X}">a</p>', 'b"><b>', '<p class="a b&quot;&gt;&lt;b&gt;">a</p>'),
        (f'<p data-name="{X}">a</p>', "a&quot;b", '<p data-name="a&amp;quot;b">a</p>'),
        (f'<img alt="{X}">', "<x>", '<img alt="&lt;x&gt;">'),
        (f"<p>a < b {X}</p>", "<i>", "<p>a &lt; b &lt;i&gt;</p>"),
        (f"<!-- a comment --><p>{X}</p>", "-->", "<p>--&gt;</p>"),
        ("{% capture c %}<b>" + X + "</b>{% endcapture %}<p>{{ c }}</p>", "<i>", "<p><b>&lt;i&gt;</b></p>"),
        ("{{ profile.traits.x | default: '' | newline_to_br }}", "a<b>\nb", "a&lt;b&gt;<br>\nb"),
        ("{{ profile.traits.x | default: '' | escape }}", "<&", "&lt;&amp;"),
        ("{{ '<b>' }}{{ profile.traits.x | default: '' | replace: 'a', '<i>' }}", "a", "&lt;b&gt;&lt;i&gt;"),
    ],
)
def test_a_value_stays_a_value(source: str, value: str, made: str) -> None:
    assert html(source, person(x=value)) == made


@pytest.mark.parametrize(
    ("source", "value", "made"),
    [
        (f'<a href="{X}">', "https://shop.example/a?b=1&c=2#d", "https://shop.example/a?b=1&amp;c=2#d"),
        (f'<a href="{X}">', "/a b", "/a%20b"),
        (f'<a href="{X}">', "mailto:a@b.example", "mailto:a@b.example"),
        (f'<a href="{X}">', "tel:+43-1", "tel:+43-1"),
        (f'<a href="{X}">', '/"><b>', "/%22%3E%3Cb%3E"),
        (f'<a href="/p/{X}">', "../a/b?c#d", "/p/..%2Fa%2Fb%3Fc%23d"),
        (f'<a href="/s?q={X}">', "a&b=c d", "/s?q=a%26b%3Dc%20d"),
        ("<a href=\"/s?q={{ profile.traits.x | default: '' | url_encode }}\">", "a&b=c d", "/s?q=a%26b%3Dc+d"),
        (f'<a href="mailto:{X}">', "a@b.example?bcc=c@d.example", "mailto:a@b.example%3Fbcc%3Dc@d.example"),
        (f'<a href="{X}?from=mail">', "/a", "/a?from=mail"),
        (f'<a href="https://shop.example/{X}">', "//evil.example", "https://shop.example/%2F%2Fevil.example"),
    ],
)
def test_a_value_in_a_url_is_that_part_of_it(source: str, value: str, made: str) -> None:
    assert html(f"{source}go</a>", person(x=value)) == f'<a href="{made}" rel="noopener noreferrer">go</a>'


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " \n javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "\u200bjavascript:alert(1)",
        "javascript&colon;alert(1)" + ":",
        "vbscript:x",
        "data:text/html,<script>alert(1)</script>",
        "blob:https://x",
        "file:///etc/passwd",
        "ftp://x",
        "intent://x",
        "about:blank",
        "view-source:x",
    ],
)
def test_nothing_but_http_mail_and_telephone_becomes_a_link(value: str) -> None:
    for source in (f'<a href="{X}">go</a>', f'<img src="{X}">', f'<blockquote cite="{X}">go</blockquote>'):
        made = html(source, person(x=value))
        assert "href" not in made and "src" not in made and "script:" not in made.lower()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"<{X}>", "in the name of a tag"),
        (f"</{X}>", "in the name of a tag"),
        (f"<a{X}>", "Liquid cannot stand inside the name of a tag"),
        (f"<!{X}>", "in the name of a tag"),
        (f"<!DOCTYPE {X}>", "in a declaration"),
        (f"<p {X}>", "in the name of an attribute"),
        (f"<p {X}='a'>", "in the name of an attribute"),
        (f"<p data-{X}='a'>", "in the name of an attribute"),
        (f'<p title="a"{X}>', "in the name of an attribute"),
        (f"<p title={X}>", 'the value of title needs quotes: title="…"'),
        (f"<p title=a{X}>", "the value of title needs quotes"),
        (f"<p title = {X}>", "the value of title needs quotes"),
        (f'<p onclick="{X}">', "in the attribute onclick"),
        (f'<p OnClick="{X}">', "in the attribute onclick"),
        (f'<p data-hx-on:click="{X}">', "in the attribute data-hx-on:click"),
        (f'<p style="color: {X}">', "a style is the same for everybody"),
        ('<p style="{% if now %}color: red{% endif %}">', "a style is the same for everybody"),
        (f'<img srcset="{X} 2x">', "in the attribute srcset"),
        (f'<iframe srcdoc="{X}">', "in the attribute srcdoc"),
        (f'<meta content="{X}">', "in the attribute content"),
        (f"<script>{X}</script>", "in <script>"),
        (f"<SCRIPT type='x'>{X}</SCRIPT>", "in <script>"),
        (f"<style>{X}</style>", "in <style>"),
        (f"<textarea>{X}</textarea>", "in <textarea>"),
        (f"<title>{X}</title>", "in <title>"),
        (f"<noscript>{X}</noscript>", "in <noscript>"),
        (f"<plaintext>a</plaintext>{X}", "in <plaintext>"),
        (f"<script>'</scripty>{X}</script>", "in <script>"),
        (f"<!-- {X} -->", "in a comment"),
        (f"<!-- > {X} -->", "in a comment"),
        (f"<? {X} ?>", "in a declaration"),
        (f'<a href="https://{X}/">', "in the host of a URL"),
        (f'<a href="//{X}">', "in the host of a URL"),
        (f'<a href="https://shop.example{X}">', "in the host of a URL"),
        (f'<a href="{X}{X}">', "in the host of a URL"),
        ('<a href="{% if now %}/a{% endif %}' + X + '">', "it is not clear which part of the URL"),
        ('{% if now %}<p title="{% endif %}' + X + '">', "its branches end in different places"),
        ("{% for n in (1..2) %}<p title='{% endfor %}'>", "its branches end in different places"),
        ("{% for n in (1..2) %}<p title='{% break %}'>{% endfor %}", "a loop is left inside a tag"),
        ("<p {% if now %}on{% endif %}click='x'>", "put a space behind"),
        ("<p {% if now %}hidden{% endif %}" + X + ">", "in the name of an attribute"),
        ("{% capture c %}<p title='{% endcapture %}{{ c }}", "what is captured ends inside a tag"),
        ("<p title='" + X, "the HTML ends inside a tag"),
        ("<p title='a' {% if now %}{% endif %}", "the HTML ends inside a tag"),
    ],
)
def test_where_nothing_is_safe_a_tag_is_refused_with_its_place(source: str, said: str) -> None:
    with pytest.raises(BadBlock) as refusal:
        make(source)
    assert said in str(refusal.value)
    assert "Liquid: line 1, column " in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("<p {% if now %}hidden{% endif %} class='a'>x</p>", '<p class="a">x</p>'),
        ("<p {% if now %}class='a'{% else %}class='b'{% endif %}>x</p>", '<p class="a">x</p>'),
        ("<p class='{% if now %}a{% else %}b{% endif %} c'>x</p>", '<p class="a c">x</p>'),
        ("{% if now %}<p class='a'>{% else %}<p class='b'>{% endif %}x</p>", '<p class="a">x</p>'),
        ("<ul>{% for n in (1..2) %}<li>{{ n }}</li>{% endfor %}</ul>", "<ul><li>1</li><li>2</li></ul>"),
        ("<a href='/?{% for n in (1..2) %}a={{ n }}&{% endfor %}'>x</a>", None),
        ("<p {% for n in (1..2) %} data-n{% endfor %}>x</p>", None),
        ("<br/><p title=a>{{ 1 }}</p>", '<br><p title="a">1</p>'),
        ("<!doctype html><p>{{ 1 }}</p>", "<p>1</p>"),
        ("<script>var a = '<p>'</script><p>{{ 1 }}</p>", "<p>1</p>"),
    ],
)
def test_tags_may_stand_in_html_where_branches_agree(source: str, made: str | None) -> None:
    said = html(source)
    assert made is None or said == made


def test_the_place_of_a_refused_tag_is_said_over_many_lines() -> None:
    with pytest.raises(BadBlock, match=r"line 3, column 15: .* in “<p onclick=\"\{\{ now \}\}\">x</p>”"):
        make('<div>\n  <p>Hello</p>\n  <p onclick="{{ now }}">x</p>\n</div>')
