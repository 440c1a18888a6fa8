"""Links are found as a browser finds them, whatever stands around them, and every other byte stays."""

import json
import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from playwright.sync_api import Page, sync_playwright

from personalization.mail.links import MAX_LINK, add_campaign, is_followed, rewrite_html, rewrite_text
from tests.browser import CHROMIUM, FLAGS

OWN = "https://e.example/t/"
PICTURE = '<img src="P" width="1" height="1" alt="" style="display:block;border:0">'


def find(html: str) -> list[str]:
    """Where the links lead that were found."""
    found: list[str] = []

    def note(link: str) -> str:
        found.append(link)
        return "X"

    rewrite_html(html, note, own=OWN, pixel="P")
    return found


def rewrite(html: str) -> str:
    return rewrite_html(html, lambda link: f"<{link}>", own=OWN, pixel="P").replace(PICTURE, "")


@pytest.mark.parametrize(
    ("html", "links"),
    [
        ('<a href="https://a.example/">x</a>', ["https://a.example/"]),
        ("<A CLASS=x HREF='https://a.example/?a=1&amp;b=2'>x</A>", ["https://a.example/?a=1&b=2"]),
        ("<a href=https://a.example/b/>x</a>", ["https://a.example/b/"]),
        ('<a href = "https://a.example/?a&copy=1&lt=2&#x41;&#66">', ["https://a.example/?a&copy=1&lt=2AB"]),
        ('<a href=" https://a.example/\n1 ">x</a>', ["https://a.example/1"]),
        ('<a href="https://a.example" href="https://b.example">x</a>', ["https://a.example"]),
        ('<area href="https://a.example">', ["https://a.example"]),
        ('<a title="<a href=\'https://no.example\'>" href="https://a.example">x</a>', ["https://a.example"]),
        ("<a title=don't href=https://a.example>x</a>", ["https://a.example"]),
        ('<img alt="<a href=https://no.example>"><link href="https://no.example">', []),
        ('<!--[if mso]><a href="https://no.example">x</a><![endif]-->', []),
        ("<!--> <a href='https://a.example'>x</a>", ["https://a.example"]),
        ('<style>/* <a href="https://no.example"> */</style>', []),
        ('<title><a href="https://no.example"></title>', []),
        ('<abbr href="https://no.example">x</abbr>', []),
        ('<a href="mailto:a@b.example">x</a><a href="tel:1">y</a><a href="#top">z</a><a href="/x">r</a>', []),
        ('<a href="javascript:alert(1)">x</a><a href="//b.example">y</a><a href="ftp://b.example">z</a>', []),
        ('<a href="https://a.example" data-pz-no-track>x</a>', []),
        (f'<a href="{OWN}u/abc">x</a>', []),
        (f'<a href="https://a.example/{"x" * MAX_LINK}">x</a>', []),
        ('<a href="https://[broken">x</a><a href="https://">y</a><a href>z</a><a href="">z</a>', []),
        ('<a href="https://no.example"', []),
    ],
)
def test_links_to_pages_are_found_and_no_others(html: str, links: list[str]) -> None:
    assert find(html) == links


def test_every_other_byte_stays() -> None:
    html = "<!DOCTYPE html>\n<P  Class='a'>\tü &nbsp; &amp; <A  href='https://a.example/?x=1&amp;y' >x</a\n></P><br/>"
    assert rewrite(html) == html.replace("'https://a.example/?x=1&amp;y'", '"&lt;https://a.example/?x=1&amp;y&gt;"')


@pytest.mark.parametrize(
    ("html", "begins"),
    [
        ("<body><p>x</p></body></html>", "<body><p>x</p>"),
        ("<p>x</p>", "<p>x</p>"),
        ("<body><!-- </body> --><p>x</p></BODY >", "<body><!-- </body> --><p>x</p>"),
    ],
)
def test_the_picture_stands_at_the_end_of_the_body(html: str, begins: str) -> None:
    assert rewrite_html(html, str, own=OWN, pixel="P").startswith(begins + PICTURE)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("See https://a.example/x.", "See <https://a.example/x>."),
        ("(https://a.example/x)", "(<https://a.example/x>)"),
        ("https://a.example/x_(y), and", "<https://a.example/x_(y)>, and"),
        (f"{OWN}u/abc", f"{OWN}u/abc"),
        ("mailto:a@b.example, ftp://a.example", "mailto:a@b.example, ftp://a.example"),
        ("https://", "https://"),
    ],
)
def test_links_of_a_text_end_where_its_sentence_goes_on(text: str, rewritten: str) -> None:
    assert rewrite_text(text, lambda link: f"<{link}>", own=OWN) == rewritten


@pytest.mark.parametrize(
    ("link", "with_campaign"),
    [
        ("https://a.example", "https://a.example?utm_source=s&utm_campaign=w%2023"),
        ("https://a.example/?", "https://a.example/?utm_source=s&utm_campaign=w%2023"),
        ("https://a.example/?a=%20b&c#d?e", "https://a.example/?a=%20b&c&utm_source=s&utm_campaign=w%2023#d?e"),
        ("https://a.example/?utm_source=own", "https://a.example/?utm_source=own&utm_campaign=w%2023"),
        ("https://a.example/?utm%5Fsource=own&", "https://a.example/?utm%5Fsource=own&utm_campaign=w%2023"),
    ],
)
def test_a_campaign_is_added_where_it_is_not_said(link: str, with_campaign: str) -> None:
    assert add_campaign(link, (("utm_source", "s"), ("utm_campaign", "w 23"))) == with_campaign


@pytest.mark.parametrize(
    "hostile",
    ['<a "', '<a href="', "<!--", "<style>", "<title></titl", "<a ", "<a =", "<a x=", "</", "<?", "<a x='", "&#9", "<"],
)
def test_time_grows_with_the_length_alone(hostile: str) -> None:
    def measure(times: int) -> float:
        started = time.process_time()
        find(hostile * times)
        return time.process_time() - started

    measure(1_000)
    assert measure(40_000) < 2  # in a square it would take minutes


FRAGMENTS = [
    *("<a href=", "<a\nhref = ", "<area href=", "<a title=", "<img alt=", "<b ", "<p>", "</a>", "</", "<", "<?", "<!"),
    *('"', "'", ">", "/", "=", " ", "\n", "\f", "text", "&amp;", "&copy=", "&#65;", "&#", " data-pz-no-track "),
    *("<!--", "-->", "--!>", "->", "-", "<style>", "</style>", "<title>", "</title >", "<textarea>", "</textarea>"),
]
soups = some.lists(some.one_of(some.sampled_from(FRAGMENTS), some.just("LINK"), some.just('"LINK"')), max_size=24)

FIND = """htmls => htmls.map(html => {
  const found = new DOMParser().parseFromString(html, 'text/html').querySelectorAll('a[href], area[href]');
  return [...found].filter(link => !link.hasAttribute('data-pz-no-track')).map(link => link.getAttribute('href'));
})"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_links_are_those_of_a_browser_in_any_soup(page: Page) -> None:
    def number_links(soup: list[str]) -> str:
        parts = [part.replace("LINK", f"https://u{number}.example/") for number, part in enumerate(soup)]
        return "".join(parts)

    @settings(max_examples=60)
    @given(some.lists(soups, min_size=50, max_size=50))
    def compare(several: list[list[str]]) -> None:
        htmls = ["<body>" + number_links(soup) for soup in several]
        for html, seen in zip(htmls, page.evaluate(FIND, htmls), strict=True):
            followed = {link for said in seen if is_followed(link := re.sub(r"[\t\n\r]", "", said.strip(" \t\n\r\f")))}
            assert set(find(html)) == followed, json.dumps(html)

    compare()
