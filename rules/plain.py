"""The text of an e-mail made of its HTML: links as text (url), tables flattened, what is hidden left out."""

import re
from functools import lru_cache
from html import unescape

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"']++|\"[^\"]*\"|'[^']*')*+)>")
_ATTRIBUTE = re.compile(r"([^\s=\"]+)=\"([^\"]*)\"")
_HIDDEN = re.compile(r"display:\s*none")
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")

# What the markup begins, between which spaces say nothing; the line ends of the source are mere spaces.
_LINE, _PARAGRAPH, _BREAK = "\x01", "\x02", "\x03"
_GAP = re.compile("[ \x01-\x03]*[\x01-\x03][ \x01-\x03]*")

_BEGINS = {
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre"), _PARAGRAPH),
    **dict.fromkeys(("div", "tr", "article", "section", "header", "footer", "main", "center", "caption"), _LINE),
    **dict.fromkeys(("dl", "dt", "dd", "figure", "figcaption"), _LINE),
    **dict.fromkeys(("td", "th"), " "),
    "br": _BREAK,
    "li": f"{_LINE}- ",
    "hr": f"{_LINE}---{_LINE}",
}
_ENDS = {**_BEGINS, "li": ""}
_VOID = {"br", "hr", "img", "col", "wbr"}


def make_text(html: str) -> str:
    """The text of cleaned HTML."""
    out: list[str] = []
    links: list[tuple[str, int]] = []
    hidden, depth, at = "", 0, 0
    for tag in _TAG.finditer(html):
        closes, name, attributes = tag.groups()
        if hidden:
            if name == hidden:
                depth += -1 if closes else 1
                hidden = hidden if depth else ""
            at = tag.end()
            continue
        out.append(html[at : tag.start()])
        at = tag.end()
        if closes:
            out.append(_ENDS.get(name, ""))
            if name == "a" and links:
                url, since = links.pop()
                out.append(_say_url(url, _SPACES.sub(" ", "".join(out[since:])).strip()))
        elif "none" in attributes and name not in _VOID and _HIDDEN.search(_read(attributes, "style")):
            hidden, depth = name, 1
        else:
            out.append(_read(attributes, "alt") if name == "img" else _BEGINS.get(name, ""))
            if name == "a":
                links.append((_read(attributes, "href"), len(out)))
    if not hidden:
        out.append(html[at:])
    text = _SPACES.sub(" ", unescape("".join(out)))
    return _GAP.sub(_say_gap, text).strip()


def _say_gap(found: re.Match[str]) -> str:
    gap = found[0]
    return "\n\n" if _PARAGRAPH in gap or gap.count(_BREAK) > 1 else "\n"


@lru_cache(4_096)  # an e-mail is much the same for everybody it is sent to
def _read(attributes: str, name: str) -> str:
    """The value of an attribute, escaped as it stands there."""
    values: list[tuple[str, str]] = _ATTRIBUTE.findall(attributes)
    return next((value for said, value in values if said == name), "")


def _say_url(url: str, text: str) -> str:
    if not url or url.startswith("#") or url.removeprefix("mailto:").removeprefix("tel:") == text:
        return ""
    return f" ({url})" if text else url
