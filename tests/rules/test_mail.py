"""E-mails: one function makes subject, HTML and text; styles are at their elements, and nothing loads or runs."""

import re

import pytest

from rules.definitions import BlockDefinition
from rules.render import BadBlock, RenderFailed, compile_block, render_block, render_html, render_message
from tests.rules.blocks import answer, mail, make, person, seen

SOURCE = """<!DOCTYPE html>
<html lang="de" dir="ltr"><head>
<title>Not this</title>
<meta http-equiv="refresh" content="0;url=https://evil.example">
<link rel="stylesheet" href="https://evil.example/x.css">
<style>
  @import url(https://evil.example/y.css);
  @font-face { font-family: X; src: url(https://evil.example/z.woff) }
  body { margin: 0; background: #eeeeee }
  .card p { margin: 0 0 8px; color: #333333 } /* the rest */
  td.card { padding: 12px; position: fixed; background: url(https://evil.example/b.png) }
  a { color: #336699 } a:hover { color: red }
  @media (max-width: 600px) { .card { padding: 4px !important; behavior: url(x) } }
</style></head>
<body>
<table width="600" align="center"><tr><td class="card" valign="top">
<p>Hello {{ profile.traits.name | default: "you" }}</p>
<p style="color: green; background-image: url(https://evil.example/c.png)">Green</p>
<a href="https://shop.example/?q={{ profile.traits.q | default: 'all' }}">See all</a>
</td></tr>
{% for n in (1..2) %}<tr><td class="card"><p>Row {{ n }}</p></td></tr>{% endfor %}
<tr><td>{% slot "email-banner" %}</td></tr>
</table></body></html>"""
BANNER = compile_block(
    "banner",
    BlockDefinition("html", '<div class="card"><p>Only for {{ profile.traits.name | default: "you" }}</p></div>'),
)


def body(html: str) -> str:
    return html.partition("<body")[2].partition(">")[2].removesuffix("</body></html>")


def test_styles_stand_at_the_elements_they_are_for() -> None:
    html = mail(SOURCE, seen(person(name="Anna"))).html
    assert '<td style="padding:12px" class="card" valign="top">' in html
    assert '<p style="margin:0 0 8px;color:#333333">Hello Anna</p>' in html
    assert re.search(r'<p style="[^"]*color:green[^"]*">Green</p>', html)
    assert html.count('<p style="margin:0 0 8px;color:#333333">Row') == 2
    assert re.search(r'<a style="color:#336699" href="https://shop.example/\?q=all">', html)


def test_what_depends_on_the_screen_stays_in_the_head() -> None:
    html = mail(SOURCE).html
    head = html.partition("<body")[0]
    assert "<style>@media (max-width: 600px){.card{padding:4px !important}}</style>" in head
    assert '<html lang="de" dir="ltr">' in head and "<title>Hello</title>" in head
    assert '<body style="margin:0;background-color:#eeeeee">' in html
    assert "<style" not in body(html) and "Not this" not in html


@pytest.mark.parametrize(
    "gone", ["evil.example", "url(", "position", "behavior", "@import", "@font-face", "<link", "refresh"]
)
def test_nothing_of_an_email_loads_or_moves(gone: str) -> None:
    assert gone not in mail(SOURCE).html


def test_no_file_and_no_address_is_read_for_styles(tmp_path: pytest.TempPathFactory) -> None:
    sheet = tmp_path / "x.css"  # type: ignore[operator]
    sheet.write_text("p { color: red }")
    for address in (str(sheet), f"file://{sheet}", "x.css"):
        html = mail(f'<link rel="stylesheet" href="{address}"><style>@import "{address}";</style><p>Hello</p>').html
        assert body(html).strip() == "<p>Hello</p>"


def test_a_slot_shows_the_block_as_it_is_anywhere_with_the_styles_of_the_email() -> None:
    at = seen(person(name="<b>Anna"))
    shown = render_html(BANNER, at)
    html = mail(SOURCE, at._replace(slots={"email-banner": shown})).html
    assert answer(BANNER, at)["html"] == shown
    assert '<div class="card"><p style="margin:0 0 8px;color:#333333">Only for &lt;b&gt;Anna</p></div>' in html
    assert make(SOURCE, "email", subject="Hello").slots == ("email-banner",)


def test_a_slot_that_shows_nothing_is_nothing() -> None:
    assert "<tr><td></td></tr>" in mail(SOURCE).html


def test_what_a_slot_shows_is_no_template_and_made_safe_once_more() -> None:
    shown = '{{ now }}<script>alert(1)</script><p onclick="x" style="position:fixed;color:red">a</p></td></table>'
    html = mail(SOURCE, seen(slots={"email-banner": shown})).html
    assert "{{ now }}" in html and "<script" not in html and "onclick" not in html and "fixed" not in html
    assert html.count("<table") == html.count("</table>") == 1


def test_a_block_that_is_no_html_has_no_place_in_an_email() -> None:
    with pytest.raises(RenderFailed, match="json has no place inside an e-mail"):
        render_html(make('{"a": 1}', "json"), seen())
    with pytest.raises(RenderFailed, match="is no e-mail"):
        render_message(BANNER, seen())


def test_the_same_message_comes_from_every_way_to_ask_for_it() -> None:
    block = make(SOURCE, "email", subject="Hi {{ profile.traits.name | default: 'you' }}")
    at = seen(person(name="Anna"), slots={"email-banner": render_html(BANNER, seen(person(name="Anna")))})
    message = render_message(block, at)
    assert render_message(make(SOURCE, "email", subject="Hi {{ profile.traits.name | default: 'you' }}"), at) == message
    assert answer(block, at) == {"slug": "b", "kind": "email", **message._asdict()}
    assert bytes(render_block(block, at)) == bytes(render_block(block, at))


@pytest.mark.parametrize(
    "name",
    ["Anna\r\nBcc: a@evil.example", "Anna\nX: y", "Anna\r", "Anna\x00\x0b\x0c\x85\u2028\u2029", "Anna\u202e", "A\tnna"],
)
def test_a_subject_is_one_line(name: str) -> None:
    subject = mail(
        "<p>x</p>", seen(person(name=name)), subject="Hi {{ profile.traits.name | default: 'you' }}\r\n!"
    ).subject
    assert subject.isprintable() and subject.startswith("Hi A") and subject.endswith("!")
    assert len(subject.splitlines()) == 1


def test_a_subject_is_so_long_and_no_longer_and_never_empty() -> None:
    subject = mail(
        "<p>x</p>", seen(person(name="y" * 900)), subject="Hi {{ profile.traits.name | default: '' }}"
    ).subject
    assert len(subject) == 200 and subject.endswith("y…")
    assert mail("<p>x</p>", subject="<b>5 < 6 & 7</b>").subject == "<b>5 < 6 & 7</b>"
    assert "<title>&lt;b&gt;5 &lt; 6 &amp; 7&lt;/b&gt;</title>" in mail("<p>x</p>", subject="<b>5 < 6 & 7</b>").html
    with pytest.raises(RenderFailed, match="the subject is empty"):
        mail("<p>x</p>", subject="{{ profile.traits.name | default: '' }}")
    for subject in ("", " \n", "x" * 1_001, "{{ profile.traits.name }}", "{% slot 'a' %}"):
        with pytest.raises(BadBlock) as refusal:
            make("<p>x</p>", "email", subject=subject)
        assert refusal.value.field == "subject"


def test_the_text_is_its_own_or_made_of_the_html() -> None:
    at = seen(person(name="<Anna>"), slots={"email-banner": "<p>A <b>banner</b></p>"})
    own = "Hello {{ profile.traits.name | default: 'you' }}!\n\n{% slot 'email-banner' %}\n"
    assert mail(SOURCE, at, text=own).text == "Hello <Anna>!\n\nA banner"
    assert mail(SOURCE, at).text == (
        "Hello <Anna>\n\nGreen\n\nSee all (https://shop.example/?q=all)\n\nRow 1\n\nRow 2\n\nA banner"
    )


def test_subject_and_text_may_do_what_html_may() -> None:
    liquid = "{% capture who %}<{{ profile.traits.name | default: 'you' }}>{% endcapture %}Hi {{ who }}"
    message = mail("<p>x</p>", seen(person(name="A&B")), subject=liquid, text=f"{{% if now %}}{liquid}{{% endif %}}")
    assert (message.subject, message.text) == ("Hi <A&B>", "Hi <A&B>")
    with pytest.raises(BadBlock, match="64000 is the most"):
        make("<p>x</p>", "email", subject="x", text="x" * 64_001)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a\n   b&nbsp;c</p><p>d</p>", "a b c\n\nd"),
        ("a<br>b<hr>c", "a\nb\n---\nc"),
        ("<ul><li>one</li><li>two</li></ul>end", "- one\n- two\n\nend"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ('<a href="https://x.example/?a=1&amp;b=2">go</a>', "go (https://x.example/?a=1&b=2)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="#top">up</a>', "up"),
        ('<a href="https://x.example"><img src="/a.png" alt="A boot"></a>', "A boot (https://x.example)"),
        ('<a href="https://x.example"><img src="/a.png"></a>', "https://x.example"),
        ('<a title="href=" href="https://x.example">go</a>', "go (https://x.example)"),
        ('<div style="display:none">hidden <div>too</div></div><div style="display: none">x</div>seen', "seen"),
        ("1 &lt; 2 &amp;amp; 3", "1 < 2 &amp; 3"),
        ("<h1>Big</h1><div><div><div><p>deep</p></div></div></div>", "Big\n\ndeep"),
        ("", ""),
    ],
)
def test_the_text_that_is_made_reads_like_the_html(html: str, text: str) -> None:
    assert mail(html).text == text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<style>p { color: {{ now }} }</style>", "in <style>"),
        ("<style>p { {% if now %}color: red{% endif %} }</style>", "keep Liquid out of <style>"),
        ("<style>" + "p{color:red}" * 5_000 + "</style>", "is the most"),
        ("<p title='{% slot \"a\" %}'>", "a slot stands between tags"),
        ("{% slot a %}", "a slot is named in quotes"),
        ("{% slot 'a' 'b' %}", "a slot is named in quotes"),
        ("{% slot %}", "missing expression"),
        ("{{ slots['a'] }}", 'the place of a slot is {% slot "email-banner" %}'),
        ("<a href={{ now }}>", "needs quotes"),
        ("{{ profile.traits.name }}", "is not known of everybody"),
    ],
)
def test_what_cannot_be_an_email_is_refused(source: str, said: str) -> None:
    with pytest.raises(BadBlock, match=re.escape(said)):
        make(source, "email", subject="Hello")


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        ("p{color:red}", "color:red"),
        ("p{COLOR:Red !important}", "color:Red ! important"),
        ("p{color:rgba(1, 2, 3, .5)}", "color:rgba(1, 2, 3, 0.5)"),
        ("p{font-family:'Open Sans', Arial}", "font-family:&quot;Open Sans&quot; , Arial"),
        ("p{background:#fff}", "background-color:#fff"),
        ("p{background:#fff url(x)}", ""),
        ("p{width:calc(100% - 2px)}", "width:calc(100% - 2px)"),
        ("p{color:expression(alert(1))}", ""),
        ("p{color:r\\65 d}", ""),
        ("p{color:red;}}} p{margin:0}", "color:red;margin:0"),
        ("@media print{p{color:red}}", ""),
        ("@supports (color:red){p{color:red}}", ""),
        ("p{color:red", ""),
        ("p{color:red}</style><script>alert(1)</script><style>", "color:red"),
        ("p{color:'</p><script>'}", ""),
        ("<!-- p{color:red} -->", ""),
        ("p{position:absolute;z-index:9;color:red}", "color:red"),
    ],
)
def test_of_styles_is_kept_what_is_harmless(css: str, kept: str) -> None:
    html = body(mail(f"<style>{css}</style><p>x</p>").html).strip()
    wanted = f'<p style="{kept}">x</p>' if kept else "<p>x</p>"
    assert html == wanted


def test_a_style_of_a_branch_is_not_given_to_all() -> None:
    source = (
        '<style>.vip{color:gold}.all{margin:0}</style><p class="all {% if profile.traits.vip %}vip{% endif %}">x</p>'
    )
    assert body(mail(source).html) == '<p style="margin:0" class="all ">x</p>'


def test_an_email_without_liquid_or_document_is_one_too() -> None:
    message = mail("Hello")
    assert message.text == "Hello"
    assert message.html == (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        'initial-scale=1"><title>Hello</title></head>\n<body>Hello</body></html>'
    )
