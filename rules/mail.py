"""E-mails: subject, HTML and text of one message, the same for sending, for testing and for viewing in a browser."""

import re
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import liquid
import nh3
from liquid import escape
from liquid.ast import Node
from liquid.exceptions import LiquidError

from rules.css import MAX_CSS, PROPERTIES, Styles, clean_declarations, clean_styles, find_styles, inline_slot
from rules.definitions import BlockDefinition
from rules.fallbacks import MAIL_LINKS, check_fallbacks
from rules.html_reader import Outline, StartTag
from rules.liquid import BadBlock, RenderFailed, Run, SlotNode, parse_template, refuse, render_template, say_error
from rules.markup import SCHEMES
from rules.places import place_tags
from rules.plain import make_text

MAX_SUBJECT_SOURCE = 1_000  # characters
MAX_SUBJECT = 200  # characters of a rendered subject; the rest is cut off

TAGS = {
    *("a", "abbr", "article", "b", "big", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd"),
    *("div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
    *("hr", "i", "img", "li", "main", "ol", "p", "pre", "s", "section", "small", "span", "strike", "strong", "sub"),
    *("sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul"),
}
_BOX = {"align", "valign", "bgcolor", "width", "height"}
ATTRIBUTES = {
    "*": {"class", "dir", "lang", "role", "style", "title"},
    "a": {"href", "name", "data-pz-no-track"},
    "img": {"src", "alt", "width", "height", "border", "align"},
    "table": {*_BOX, "border", "cellpadding", "cellspacing"},
    "td": {*_BOX, "colspan", "rowspan", "nowrap"},
    "th": {*_BOX, "colspan", "rowspan", "nowrap", "scope"},
    "font": {"color", "face", "size"},
    "ol": {"start", "type"},
    **dict.fromkeys(("tr", "tbody", "thead", "tfoot", "col", "colgroup"), _BOX),
    **{tag: {"align"} for tag in ("div", "p", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "caption")},
}
MARK = "data-pz"

_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    clean_content_tags={"script", "style", "title"},
    url_schemes=SCHEMES,
    link_rel=None,
    filter_style_properties=PROPERTIES,
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\s]+")
_UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Message(NamedTuple):
    """One e-mail for one person. The subject is one line; the HTML is a whole document."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Mail:
    """An e-mail ready to render: its styles are written at its elements already. `text` None is made of the HTML;
    `slots` are the places it has."""

    subject: liquid.BoundTemplate
    html: liquid.BoundTemplate
    text: liquid.BoundTemplate | None
    slots: tuple[str, ...]
    head: str
    body: str

    def render(self, run: Run) -> Message:
        """Raises RenderFailed, or whatever filters make of the data."""
        subject = _make_line(render_template(self.subject, run))
        if not subject:
            raise RenderFailed("the subject is empty")
        html = _CLEANER.clean(render_template(self.html, run))
        text = make_text(html) if self.text is None else render_template(self.text, run)
        document = f"{self.head}<title>{escape(subject)}</title></head>\n{self.body}{html}</body></html>"
        return Message(subject, document, _UNPRINTED.sub("", text.replace("\r\n", "\n").strip()))


def compile_mail(definition: BlockDefinition) -> Mail:
    """Raises BadBlock, which names the part that is wrong."""
    if not definition.subject.strip():
        raise BadBlock("an e-mail needs a subject", field="subject")
    if len(definition.subject) > MAX_SUBJECT_SOURCE:
        raise BadBlock(f"the subject has more than {MAX_SUBJECT_SOURCE} characters", field="subject")
    subject = _parse_text(definition.subject, "subject", slots=False)
    text = _parse_text(definition.text, "text", slots=True) if definition.text.strip() else None
    template = parse_template(definition.source, slots=True)
    check_fallbacks(template, html=True, links=MAIL_LINKS)
    outline = place_tags(template)
    styles = _take_styles(outline)
    given = _find_styles(outline, styles)
    _write_styles(outline, given)
    slots = _find_slots(template.nodes, template)
    for slot in slots:
        slot.say = partial(inline_slot, rules=styles.rules)
    in_text = [] if text is None else _find_slots(text.nodes, text)
    for slot in in_text:
        slot.say = make_text
    names = tuple(dict.fromkeys(slot.name for slot in (*slots, *in_text)))
    return Mail(subject, template, text, names, _make_head(outline, styles), _make_body(outline, given))


def _parse_text(source: str, field: str, *, slots: bool) -> liquid.BoundTemplate:
    try:
        template = parse_template(source, slots=slots)
        check_fallbacks(template, html=False, links=MAIL_LINKS)
    except LiquidError as error:
        raise BadBlock(f"{field}: {say_error(error)}", field=field) from error
    return template


def _find_slots(nodes: list[Node], template: liquid.BoundTemplate) -> list[SlotNode]:
    context = liquid.RenderContext(template)
    found: list[SlotNode] = []
    for node in nodes:
        if isinstance(node, SlotNode):
            found.append(node)
        found += _find_slots(list(node.children(context)), template)
    return found


def _take_styles(outline: Outline) -> Styles:
    """The styles of the e-mail's own <style>, which are then empty."""
    found = []
    for tag in outline.tags:
        if tag.name == "style":
            if tag.raw is None:
                token = tag.behind_name.node.token
                refuse("the styles of an e-mail are the same for everybody; keep Liquid out of <style>", token)
            found.append(tag.raw[0])
    css = "\n".join(found)
    if len(css) > MAX_CSS:
        raise BadBlock(f"the styles have {len(css)} characters; {MAX_CSS} is the most")
    return clean_styles(css)


def _find_styles(outline: Outline, styles: Styles) -> dict[int, str]:
    """The style of each tag by its number: the document is put together without what depends on Liquid, and asked."""
    cuts: dict[int, list[tuple[int, int, str]]] = {id(node): [] for node in outline.nodes}
    for part in outline.unsure:
        cuts[id(part.node)].append((part.start, part.end, ""))
    for number, tag in enumerate(outline.tags):
        at = tag.behind_name
        # What loads is no such element any more.
        mark = "-x" if tag.name in ("link", "base") else f' {MARK}="{number}"'
        cuts[id(at.node)].append((at.start, at.end, mark))
    html = "".join(_cut(node.text, cuts[id(node)]) for node in outline.nodes)
    found = find_styles(html, styles.rules, MARK)
    return {number: found.get(str(number), "") for number in range(len(outline.tags))}


def _write_styles(outline: Outline, given: dict[int, str]) -> None:
    """Writes the styles at their tags, in place of what was there, and takes the <style> out."""
    cuts: dict[int, list[tuple[int, int, str]]] = {id(node): [] for node in outline.nodes}
    for number, tag in enumerate(outline.tags):
        if tag.raw is not None and tag.name == "style":
            _, part = tag.raw
            cuts[id(part.node)].append((part.start, part.end, "<style>"))
            continue
        style = clean_declarations(given[number])
        at = tag.behind_name
        if style:
            cuts[id(at.node)].append((at.start, at.end, f' style="{escape(style)}"'))
        if "style" in tag.attributes:
            _, part = tag.attributes["style"]
            cuts[id(part.node)].append((part.start, part.end, ""))
    for node in outline.nodes:
        node.text = _cut(node.text, cuts[id(node)])


def _cut(text: str, cuts: list[tuple[int, int, str]]) -> str:
    """`text` with each stretch replaced."""
    out, at = [], 0
    for start, end, instead in sorted(cuts):
        if start >= at:
            out += [text[at:start], instead]
            at = end
    return "".join([*out, text[at:]])


def _make_head(outline: Outline, styles: Styles) -> str:
    language = _first(outline, "html", "lang")
    said = f' lang="{language}"' if _LANGUAGE.fullmatch(language) else ""
    direction = _first(outline, "html", "dir").lower()
    said += f' dir="{direction}"' if direction in ("ltr", "rtl") else ""
    media = f"<style>{styles.media}</style>" if styles.media else ""
    return (
        f'<!DOCTYPE html>\n<html{said}><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{media}'
    )


def _make_body(outline: Outline, given: dict[int, str]) -> str:
    number = next((number for number, tag in enumerate(outline.tags) if tag.name == "body"), None)
    style = "" if number is None else clean_declarations(given[number])
    return f'<body style="{escape(style)}">' if style else "<body>"


def _first(outline: Outline, name: str, attribute: str) -> str:
    tag: StartTag | None = next((tag for tag in outline.tags if tag.name == name), None)
    return "" if tag is None else tag.attributes.get(attribute, ("", None))[0]


def _make_line(text: str) -> str:
    """One line: nothing in it can begin another header."""
    line = _CONTROLS.sub(" ", text).strip()
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1].rstrip() + "…"
