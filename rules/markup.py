"""HTML made safe: what is kept of it, and how the text of a merge tag is written where it stands."""

import re
from collections.abc import Callable
from urllib.parse import quote

import nh3
from liquid import Markup, escape

SCHEMES = {"http", "https", "mailto", "tel"}
TAGS = nh3.ALLOWED_TAGS | {"section", "main", "button", "picture", "source"}
ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"class", "role", "lang", "dir", "title"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "loading"},
    "source": {"srcset", "sizes", "media", "type"},
    "button": {"type", "disabled"},
}
PREFIXES = {"data-", "aria-"}
REFUSED_URL = "unsafe:"  # a scheme that no attribute keeps

_CLEANER = nh3.Cleaner(tags=TAGS, attributes=ATTRIBUTES, generic_attribute_prefixes=PREFIXES, url_schemes=SCHEMES)
_SCHEME = re.compile(r"([^/?#:]*):")
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
_RESERVED = "%:/?#[]@!$&'()*+,;=~"


Escape = Callable[[str], str]


def clean_html(html: str) -> str:
    """HTML without anything that runs: no scripts, handlers, frames, forms, styles or javascript: links."""
    return _CLEANER.clean(html)


def write_text(text: str) -> str:
    """Between tags; what a template has captured of its own HTML stays HTML."""
    return escape(text)


def write_attribute(text: str) -> str:
    """Inside quotes; of what was captured, `&` is escaped already."""
    if isinstance(text, Markup):
        return str(text).translate(_QUOTES)
    return escape(text)


def write_url(text: str) -> str:
    """A whole URL inside quotes: nothing but http, https, mailto, tel and what is relative to the page."""
    url = _unescape(text).strip()
    scheme = _SCHEME.match(_IGNORED_IN_URLS.sub("", url))
    if scheme is not None and scheme[1].lower() not in SCHEMES:
        return REFUSED_URL
    return escape(quote(url, safe=_RESERVED))


def write_url_part(text: str) -> str:
    """A part of a URL inside quotes, which cannot become another part: `a/b&c` is `a%2Fb%26c`."""
    return quote(_unescape(text), safe="")


def write_address(text: str) -> str:
    """A part of a mailto: or tel: URL."""
    return quote(_unescape(text), safe="@+")


_QUOTES = {ord('"'): "&#34;", ord("'"): "&#39;", ord("<"): "&lt;", ord(">"): "&gt;"}


def _unescape(text: str) -> str:
    return text.unescape() if isinstance(text, Markup) else text
