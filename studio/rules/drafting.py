"""What the page of a rule says of the rule as it stands in the form, saved or not."""

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from rules.findings import find_findings_of
from rules.models import Rule
from rules.ordering import find_shares
from rules.standing import Standing, find_standing, list_differences, read_published
from studio.rules.forms import RuleForm
from studio.rules.words import say_rule
from studio.standing import CHANGED, LIVE, NOT_LIVE, find_version
from studio.standing import Standing as Told

UNNAMED = "unsaved-rule"
MOST_NAMED = 3


@dataclass(frozen=True)
class Place:
    """Where a rule comes among the live ones of its slot."""

    number: int
    total: int
    above: list[str]
    level: list[str]
    share: int | None
    more: int = 0


@dataclass(frozen=True)
class Spoken:
    """The rule in words, where it comes, and what is to be known of it."""

    sentence: SafeString
    place: Place | None
    findings: list[str] | None
    live: bool


def read_typed(data: Any, rule: Rule | None) -> Rule:
    """The rule as it stands in the form: what is typed wrong is as it was."""
    typed = data.copy()
    typed.pop("seen_version", None)
    form = RuleForm(typed, instance=rule)
    form.is_valid()
    found: Rule = form.instance
    return found


def speak(rule: Rule, *, with_findings: bool = True) -> Spoken:
    """Without the findings, for which all that is drafted is read, `findings` is None."""
    has_all = rule.slot_id is not None and rule.block_id is not None
    if has_all and not rule.slug:
        rule.slug = UNNAMED
    return Spoken(
        say_rule(rule),
        find_place(rule) if rule.slot_id is not None else None,
        [each.words for each in find_findings_of(rule)] if has_all and with_findings else None,
        rule.live,
    )


def find_place(rule: Rule) -> Place:
    others = [each for each in Rule.objects.filter(slot=rule.slot_id, live=True) if each.slug != rule.slug]
    mine = (-(rule.priority or 0), rule.slug)
    ordered = sorted(others, key=lambda each: (-each.priority, each.slug))
    above = [each.name for each in ordered if -each.priority < mine[0]]
    level = [each for each in ordered if each.priority == rule.priority]
    was, rule.live = rule.live, True
    shares = find_shares([*level, rule]) if level else None
    rule.live = was
    share = None if shares is None else shares[rule.slug]
    before = len(above) + sum(1 for each in level if shares is None and each.slug < rule.slug)
    return Place(
        before + 1,
        len(ordered) + 1,
        above[-MOST_NAMED:],
        [each.name for each in level[:MOST_NAMED]],
        share,
        max(0, len(above) - MOST_NAMED),
    )


@dataclass(frozen=True)
class Head:
    """The state of a saved draft, for the top of its page: how it stands, and what differs from what is live."""

    told: Told
    changes: list[str]


def find_head(rule: Rule) -> Head:
    published = read_published()
    there = published.rules.get(rule.slug)
    if there is None:
        return Head(Told(NOT_LIVE), [])
    changes = [each.label.lower() for each in list_differences(rule, there)]
    if not rule.live:
        changes = [gettext("switched off"), *changes]
    standing = find_standing(rule, published)
    return Head(
        Told(
            LIVE if standing is Standing.LIVE else CHANGED,
            version=find_version("rule", rule.slug, there),
            book=published.number,
            by=published.by,
            at=published.at,
            changes=len(changes),
        ),
        changes,
    )
