"""What happens by the clock in the next days: rules that begin or end."""

from datetime import datetime, timedelta
from typing import NamedTuple

from rules.models import Rule

WITHIN = timedelta(days=14)
SHOWN = 6


class Coming(NamedTuple):
    """`begins`, or else it ends."""

    rule: Rule
    at: datetime
    begins: bool


def list_coming(*, at: datetime) -> list[Coming]:
    """Of rules that are live, the next first."""
    live = Rule.objects.filter(live=True).only("slug", "name", "starts", "ends")
    until = at + WITHIN
    begin = live.filter(starts__gt=at, starts__lte=until).order_by("starts")[:SHOWN]
    end = live.filter(ends__gt=at, ends__lte=until).order_by("ends")[:SHOWN]
    found = [Coming(rule, rule.starts, True) for rule in begin if rule.starts is not None]
    found += [Coming(rule, rule.ends, False) for rule in end if rule.ends is not None]
    return sorted(found, key=lambda each: each.at)[:SHOWN]
