"""`{% load personalize %}`, then `{% personalize "home-hero" %}`: the slot as this visitor is to see it.

With a block of one's own as the default: `{% personalized "home-hero" %}…{% endpersonalized %}`.
"""

import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from personalization.client.asking import decide

register = template.Library()

SHOWN = ("rule_matched", "no_rule_matched")


@register.simple_tag(takes_context=True)
def personalize(context: template.Context, slot: str) -> SafeString:
    """The slot as `<pz-slot>`, so that the snippet reports what is seen and clicked. Where no decision could be had in
    time, the snippet fills it in the browser."""
    return _render(slot, decide(context.get("request"), slot), "")


@register.simple_tag(takes_context=True)
def personalize_json(context: template.Context, slot: str) -> Any:
    """`{% personalize_json "home-hero" as hero %}`: what a JSON block says, None without one."""
    decision = decide(context.get("request"), slot)
    block = (decision or {}).get("block") or {}
    return block.get("json")


class PersonalizedNode(template.Node):
    def __init__(self, slot: FilterExpression, default: NodeList) -> None:
        self.slot = slot
        self.default = default

    def render(self, context: template.Context) -> SafeString:
        slot = str(self.slot.resolve(context))
        return _render(slot, decide(context.get("request"), slot), self.default.render(context))


@register.tag
def personalized(parser: Parser, token: Token) -> PersonalizedNode:
    parts = token.split_contents()
    if len(parts) != 2:
        raise template.TemplateSyntaxError(f"{parts[0]} takes one argument: the name of the slot")
    default = parser.parse(("endpersonalized",))
    parser.delete_first_token()
    return PersonalizedNode(parser.compile_filter(parts[1]), default)


def _render(slot: str, decision: Mapping[str, Any] | None, default: str) -> SafeString:
    if decision is None or decision["reason"] not in SHOWN:
        return format_html('<pz-slot name="{}">{}</pz-slot>', slot, mark_safe(default))  # noqa: S308  # of this template
    html = (decision.get("block") or {}).get("html")
    return format_html(
        '<pz-slot name="{}" data-state="{}" data-decision="{}">{}</pz-slot>',
        slot,
        "personalized" if decision["reason"] == "rule_matched" else "default",
        json.dumps({name: _name(value) for name, value in decision.items()}),
        mark_safe(default if html is None else html),  # noqa: S308  # the engine has cleaned it
    )


def _name(value: Any) -> Any:
    """A block by its name: its content stands in the page."""
    return {"slug": value["slug"], "kind": value["kind"]} if isinstance(value, Mapping) and "slug" in value else value
