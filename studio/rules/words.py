"""A rule as one sentence: where, who, what, when, how often."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from profiles.writing import write_number
from rules.models import Offer, Rule
from segments.in_words import say_stored
from segments.models import Segment
from studio.rules.caps import say_caps
from studio.rules.schedule import say_end, say_start


def find_audience(condition: Any) -> str | None:
    """The slug of the audience, where a condition asks for one audience and nothing else."""
    root = condition.get("root") if isinstance(condition, Mapping) else None
    if isinstance(root, Mapping) and root.get("kind") == "segment" and isinstance(root.get("segment"), str):
        return str(root["segment"])
    return None


def make_condition(audience: str) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "who", "kind": "segment", "segment": audience}}


def name_audiences(rules: Any) -> dict[str, str]:
    """The names of the audiences that rules ask for alone, in one query."""
    slugs = {slug for rule in rules if (slug := find_audience(rule.condition)) is not None}
    return dict(Segment.objects.filter(slug__in=slugs).values_list("slug", "name")) if slugs else {}


def say_whom(condition: Any, names: Mapping[str, str]) -> str:
    """For whom, short: `Everybody`, the audience's name, or the condition in words."""
    if condition is None:
        return gettext("Everybody")
    audience = find_audience(condition)
    if audience is not None:
        return names.get(audience, audience)
    said = say_stored(condition)
    return said[:1].upper() + said[1:]


def say_rule(rule: Rule, *, names: Mapping[str, str] | None = None) -> SafeString:
    """The whole rule; what is not chosen yet is said as such."""
    names = name_audiences([rule]) if names is None else names
    slot = rule.slot.name if rule.slot_id else gettext("(no slot yet)")
    block = rule.block.name if rule.block_id else gettext("(no block yet)")
    said = {"slot": _strong(slot), "who": _say_who(rule.condition, names), "block": _strong(block)}
    begin = _fill(gettext("In %(slot)s, %(who)s see %(block)s"), said)
    more = [_say_offer(rule.offer), *_say_when(rule)]
    if rule.caps:
        more.append(conditional_escape(", " + say_caps(rule.caps)))
    if rule.purpose:
        more.append(_fill(gettext(", if they agreed to %(purpose)s"), {"purpose": _strong(rule.purpose)}))
    return mark_safe("".join([begin, *more, "."]))  # noqa: S308  # each part is escaped


def _say_who(condition: Any, names: Mapping[str, str]) -> SafeString:
    if condition is None:
        return _strong(gettext("everybody"))
    audience = find_audience(condition)
    if audience is not None:
        return _fill(gettext("people in the audience %(name)s"), {"name": _strong(names.get(audience, audience))})
    return _fill(gettext("people who match %(words)s"), {"words": _strong(say_stored(condition))})


def _say_offer(offer: Offer | None) -> SafeString:
    if offer is None:
        return SafeString("")
    said = {
        "code": gettext(" with a code of their own (%(offer)s)"),
        "points": gettext(" and get %(points)s points (%(offer)s)"),
        "early_access": gettext(" and get early access (%(offer)s)"),
    }[offer.kind]
    return _fill(
        said, {"offer": conditional_escape(offer.name), "points": conditional_escape(write_number(offer.points))}
    )


def _say_when(rule: Rule) -> list[SafeString]:
    said = []
    if rule.starts is not None:
        said.append(_fill(gettext(", from %(day)s"), {"day": _strong(say_start(rule.starts, rule.zone))}))
    if rule.ends is not None:
        said.append(_fill(gettext(", until %(day)s"), {"day": _strong(say_end(rule.ends, rule.zone))}))
    return said


def _strong(text: str) -> SafeString:
    return format_html("<strong>{}</strong>", text)


def _fill(text: str, parts: Mapping[str, SafeString]) -> SafeString:
    """A translated text with parts that are escaped already; the text itself is ours."""
    return mark_safe(conditional_escape(text) % parts)  # noqa: S308
