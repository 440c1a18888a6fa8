"""The links of a message: found as a browser finds them, replaced, and every other byte left as it was. Pure."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from html.entities import html5
from urllib.parse import quote, unquote_plus, urlsplit

MAX_LINK = 2_000  # characters of a link that is followed; a longer one stays as it is
UTM = ("source", "medium", "campaign", "term", "content")
FOLLOWED_SCHEMES = ("http", "https")
NO_TRACK = "data-pz-no-track"
IMAGES = "/media/"  # where the product serves the images of blocks

MakeLink = Callable[[str], str]
Campaign = tuple[tuple[str, str], ...]  # UTM parameters and their values

# Tags, comments and raw texts of HTML are a regular language (WHATWG, "Tokenization"). Every repetition is possessive,
# and what is never closed reaches to the end, so that time grows with the length alone.
_SPACE = r"[ \t\n\r\f]"
_NAME = r"(?:=[^ \t\n\r\f/>=]*+|[^ \t\n\r\f/>=]++)"
_VALUE = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\r\f>"'][^ \t\n\r\f>]*+|(?=>)|\Z)"""
_ATTRIBUTES = rf"(?:[ \t\n\r\f/]*+{_NAME}(?:{_SPACE}*+={_SPACE}*+{_VALUE})?+)*+[ \t\n\r\f/]*+"
_MARKUP = re.compile(
    rf"""<!--(?:-?>|.*?(?:--!?>|\Z))
    |<(?:[!?]|/(?![a-z])).*?(?:>|\Z)
    |<(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes|plaintext)(?=[ \t\n\r\f/>]){_ATTRIBUTES}>
      .*?(?:(?=</(?P=raw)[ \t\n\r\f/>])|\Z)
    |<(?:a|area)(?=[ \t\n\r\f/>])(?P<link>{_ATTRIBUTES})>
    |</(?P<body>body(?=[ \t\n\r\f/>])){_ATTRIBUTES}>
    |</?[a-z][^ \t\n\r\f/>]*+{_ATTRIBUTES}(?:>|\Z)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
_ATTRIBUTE = re.compile(rf"[ \t\n\r\f/]*+(?P<name>{_NAME})(?:{_SPACE}*+={_SPACE}*+(?P<value>{_VALUE}))?+")
_REFERENCE = re.compile(r"&(?:#(?P<number>[0-9]+)|#[xX](?P<hex>[0-9a-fA-F]+)|(?P<name>[A-Za-z][A-Za-z0-9]*));?")
_PLAIN_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_OWN_IMAGE = re.compile(rf'(<img\b[^>]*?\ssrc=")({IMAGES})')
_UNREAD = str.maketrans("", "", "\t\n\r")  # inside of an address, as browsers read it


def rewrite_html(html: str, make_link: MakeLink, *, own: str, pixel: str) -> str:
    """`html` with what `make_link` makes of each link to a page, and the picture `pixel` at its end.

    Links that begin with `own`, of other schemes, to places on the page itself and with `data-pz-no-track` stay, and so
    does all that is inside of comments, such as Outlook's conditional ones."""
    parts: list[str] = []
    done, end = 0, len(html)
    for found in _MARKUP.finditer(html):
        if found.lastgroup == "link":
            link = _find_link(html, *found.span("link"))
            if link is not None and (target := _read_target(link[2])) and not target.startswith(own):
                parts += (html[done : link[0]], f'"{escape(make_link(target))}"')
                done = link[1]
        elif found.lastgroup == "body":
            end = found.start()
    picture = f'<img src="{escape(pixel)}" width="1" height="1" alt="" style="display:block;border:0">'
    return "".join((*parts, html[done:end], picture, html[end:]))


def complete_images(html: str, base: str) -> str:
    """Cleaned `html` in which the images of blocks are said in full: a mail program knows no page they could belong
    to."""
    return _OWN_IMAGE.sub(rf"\g<1>{base}\g<2>", html) if IMAGES in html else html


def rewrite_text(text: str, make_link: MakeLink, *, own: str) -> str:
    """`text` with what `make_link` makes of each address in it; those that begin with `own` stay."""

    def replace(found: re.Match[str]) -> str:
        link = _cut(found[0])
        if link.startswith(own) or not is_followed(link):
            return found[0]
        return make_link(link) + found[0][len(link) :]

    return _PLAIN_LINK.sub(replace, text)


@lru_cache(8_192)
def is_followed(link: str) -> bool:
    """Whether a click may be led to this address: a page on the web, written in full."""
    try:
        parts = urlsplit(link)
        return parts.scheme in FOLLOWED_SCHEMES and bool(parts.hostname) and len(link) <= MAX_LINK
    except ValueError:
        return False


def read_campaign(utm: Mapping[str, str]) -> Campaign:
    return tuple((f"utm_{name}", utm[name]) for name in UTM if utm.get(name))


@lru_cache(8_192)
def add_campaign(link: str, campaign: Campaign) -> str:
    """`link` with the UTM parameters it does not have yet; all that was in it stays as it was written."""
    address, hash, fragment = link.partition("#")
    start, _, query = address.partition("?")
    said = {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")}
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in campaign if name not in said)
    if not added:
        return link
    joint = "&" if query and not query.endswith("&") else ""
    return f"{start}?{query}{joint}{added}{hash}{fragment}"


def _find_link(html: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Where the value of the first `href` stands, with its quotes, and what it says; None for a link to be left."""
    link: tuple[int, int, str] | None = None
    for found in _ATTRIBUTE.finditer(html, start, end):
        name = found["name"].lower()
        if name == NO_TRACK:
            return None
        if name == "href" and link is None and (value := found["value"]):
            quoted = value[0] in "\"'"
            link = (*found.span("value"), value[1:-1] if quoted else value)
    return link


@lru_cache(8_192)
def _read_target(written: str) -> str | None:
    """The address an attribute says, None when clicks on it are not followed."""
    link = _REFERENCE.sub(_resolve, written).strip(" \t\n\r\f").translate(_UNREAD)
    return link if is_followed(link) else None


def _resolve(found: re.Match[str]) -> str:
    """A character reference in an attribute; a name without its semicolon before `=` or a letter is none."""
    if digits := found["number"] or found["hex"]:
        number = int(digits, 16 if found["hex"] else 10) if len(digits) < 9 else 0
        return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\N{REPLACEMENT CHARACTER}"
    if not found[0].endswith(";") and found.string[found.end() : found.end() + 1] == "=":
        return found[0]
    return html5.get(found[0][1:], found[0])


def _cut(link: str) -> str:
    """An address in running text without the punctuation of its sentence."""
    while link and link[-1] in ".,;:!?'*_)]}":
        if link[-1] == ")" and link.count("(") >= link.count(")"):
            break
        link = link[:-1]
    return link
