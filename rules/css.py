"""Styles of e-mails: what is kept of them, and how rules become the `style` of the elements they are for."""

import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from typing import NamedTuple

import css_inline

MAX_CSS = 50_000  # characters of all <style> of one e-mail
MAX_KEPT = 8_000  # characters of a slot whose styles are kept in memory

# Nothing that loads, moves over other things or reaches out of its place.
PROPERTIES = {
    *("background-color", "border-collapse", "border-radius", "border-spacing", "box-sizing", "caption-side", "clear"),
    *("color", "direction", "display", "empty-cells", "float", "font", "font-family", "font-size", "font-style"),
    *("font-variant", "font-weight", "height", "letter-spacing", "line-height", "margin", "margin-bottom"),
    *("margin-left", "margin-right", "margin-top", "max-height", "max-width", "min-height", "min-width", "opacity"),
    *("overflow", "overflow-wrap", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top"),
    *("table-layout", "text-align", "text-decoration", "text-indent", "text-overflow", "text-transform"),
    *("unicode-bidi", "vertical-align", "visibility", "white-space", "width", "word-break", "word-spacing"),
    *("word-wrap", "-webkit-text-size-adjust", "-ms-text-size-adjust", "mso-line-height-rule", "mso-table-lspace"),
    *("mso-table-rspace",),
    *(
        f"border{side}{what}"
        for side in ("", "-top", "-right", "-bottom", "-left")
        for what in ("", "-color", "-style", "-width")
    ),
}

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING = r'"[^"\\\n<>{}]*"|\'[^\'\\\n<>{}]*\''
_VALUE = re.compile(
    rf"(?:[\w\s#%.,!/+*-]|{_STRING}|\b(?:rgba?|hsla?|calc|min|max|clamp)\([\w\s%.,/+*-]*\))+", re.ASCII | re.IGNORECASE
)
_COLOUR = re.compile(r"(?:#[0-9a-f]{3,8}|[a-z]+|(?:rgba?|hsla?)\([\w\s%.,/]*\))(\s*!\s*important)?", re.IGNORECASE)
_SELECTOR = re.compile(rf"(?:[\w\s.#:*>+~,=^$|()\[\]-]|{_STRING})+")
_MEDIA = re.compile(r"[\w\s():,.<=>/-]+")
_TOKEN = re.compile(rf"{_STRING}|[{{}};]|[^\"'{{}};]+|.", re.DOTALL)


class Styles(NamedTuple):
    """`rules` for elements, and `media` that stays in the head: what depends on the screen cannot be written at an
    element."""

    rules: str = ""
    media: str = ""


def clean_styles(css: str) -> Styles:
    """What is safe of the text of <style>."""
    rules: list[str] = []
    media: list[str] = []
    for prelude, block in _list_blocks(_COMMENT.sub(" ", css)):
        if prelude.lower().startswith("@media"):
            query = prelude[len("@media") :].strip()
            inner = "".join(_clean_rule(*each) for each in _list_blocks(block))
            if inner and _MEDIA.fullmatch(query) and "<" not in query:
                media.append(f"@media {query}{{{inner}}}")
        else:
            rules.append(_clean_rule(prelude, block))
    return Styles("\n".join(filter(None, rules)), "\n".join(media))


def clean_declarations(text: str) -> str:
    """What is safe of the value of a `style`."""
    kept = []
    for declaration in _split(_COMMENT.sub(" ", text)):
        name, colon, value = declaration.partition(":")
        name, value = name.strip().lower(), " ".join(value.split())
        if name == "background" and _COLOUR.fullmatch(value):
            name = "background-color"
        if colon and name in PROPERTIES and _VALUE.fullmatch(value):
            kept.append(f"{name}:{value}")
    return ";".join(kept)


def inline_slot(html: str, rules: str) -> str:
    """The HTML of a slot with the rules of its e-mail written at its elements."""
    if not rules or not html:
        return html
    return _inline(html, rules) if len(html) > MAX_KEPT else _inline_often(html, rules)


def _inline(html: str, rules: str) -> str:
    return css_inline.inline_fragment(html, rules, load_remote_stylesheets=False)


_inline_often = lru_cache(maxsize=512)(_inline)  # many people see the same


def find_styles(html: str, rules: str, mark: str) -> dict[str, str]:
    """The style of each element of a document that `rules` and its own `style` give it, by its attribute `mark`."""
    inliner = css_inline.CSSInliner(
        inline_style_tags=False, keep_style_tags=False, load_remote_stylesheets=False, extra_css=rules
    )
    found = _Found(mark)
    found.feed(inliner.inline(html))
    found.close()
    return found.styles


class _Found(HTMLParser):
    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = mark
        self.styles: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if (number := values.get(self._mark)) is not None and (style := values.get("style")):
            self.styles.setdefault(number, style)


def _clean_rule(prelude: str, block: str) -> str:
    selector = " ".join(prelude.split())
    if not _SELECTOR.fullmatch(selector):
        return ""
    declarations = clean_declarations(block)
    return f"{selector}{{{declarations}}}" if declarations else ""


def _list_blocks(css: str) -> Iterator[tuple[str, str]]:
    """Each `prelude { block }`; what ends in a semicolon is no block, and what never ends is none either."""
    depth, prelude, start = 0, 0, 0
    for token in _TOKEN.finditer(css):
        text = token[0]
        if text == "{":
            if depth == 0:
                start = token.end()
            depth += 1
        elif text == "}":
            depth = max(depth - 1, 0)
            if depth == 0 and start > prelude:
                yield css[prelude : start - 1].strip(), css[start : token.start()]
            if depth == 0:
                prelude = token.end()
        elif text == ";" and depth == 0:
            prelude = token.end()


def _split(text: str) -> Iterator[str]:
    """The declarations between semicolons, of which those in strings are none."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            yield text[start : token.start()]
            start = token.end()
    yield text[start:]
