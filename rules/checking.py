"""What is wrong with an offer or a rule by itself: points, weight, schedule, caps. Pure.

Which blocks fit where is in rules.fitting; conditions and blocks are looked at where they are compiled."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rules.definitions import BookPayload, Cap, OfferDefinition, RuleDefinition
from segments.conditions.calendar import is_zone

MAX_CAPS = 8  # each period, of a person and of everybody
MAX_NUMBER = 1_000_000_000  # of a cap, of points
MAX_WEIGHT = 10_000
MAX_SHOWN = 120


class Trouble(NamedTuple):
    """What is wrong with one field, and how it is mended."""

    field: str
    message: str


def check_payload(payload: BookPayload) -> Iterator[str]:
    """Every trouble of the offers and rules of a Book, each with what it is about."""
    for slug, offer in payload.offers.items():
        yield from (f"Offer {slug}: {each.message}" for each in check_offer(offer))
    for rule in payload.rules:
        yield from (f"Rule {rule.slug}: {each.message}" for each in check_rule(rule))
        if rule.offer is not None and rule.offer not in payload.offers:
            yield f"Rule {rule.slug}: the offer {rule.offer} is not there; choose another"


def check_offer(offer: OfferDefinition) -> Iterator[Trouble]:
    if offer.kind == "points" and offer.points <= 0:
        yield Trouble("points", "an offer of points needs a number of points, more than 0")
    if offer.kind != "points" and offer.points:
        yield Trouble("points", "only an offer of points has points; leave them at 0")
    if offer.points > MAX_NUMBER:
        yield Trouble("points", f"{MAX_NUMBER:,} are the most")


def check_rule(rule: RuleDefinition) -> Iterator[Trouble]:
    if rule.weight is not None and not 0 < rule.weight <= MAX_WEIGHT:
        yield Trouble("weight", f"it must be a number from 1 to {MAX_WEIGHT:,}, or empty")
    yield from _check_schedule(rule)
    yield from check_caps(rule.caps)


def _check_schedule(rule: RuleDefinition) -> Iterator[Trouble]:
    if rule.zone and not is_zone(rule.zone):
        yield Trouble("zone", f"there is no time zone {rule.zone[:MAX_SHOWN]}; use one such as Europe/Berlin")
    moments = {}
    for field, said in (("starts", rule.starts), ("ends", rule.ends)):
        try:
            moments[field] = None if said is None else datetime.fromisoformat(said)
        except ValueError:
            yield Trouble(field, "it must be a moment such as 2026-11-27T08:00:00+01:00")
            return
        at = moments[field]
        if at is not None and at.tzinfo is None:
            yield Trouble(field, "it must say its offset, such as 2026-11-27T08:00:00+01:00")
            return
    starts, ends = moments["starts"], moments["ends"]
    if starts is not None and ends is not None and starts >= ends:
        yield Trouble("ends", "it must be later than the start")


def check_caps(caps: tuple[Cap, ...]) -> Iterator[Trouble]:
    if len(caps) > MAX_CAPS:
        yield Trouble("caps", f"there are {len(caps)} of them; {MAX_CAPS} are the most")
        return
    if any(not 0 < cap.most <= MAX_NUMBER for cap in caps):
        yield Trouble("caps", f"each must be a number from 1 to {MAX_NUMBER:,}")
    counted = [(cap.per, cap.of) for cap in caps]
    for per, of in dict.fromkeys(each for each in counted if counted.count(each) > 1):
        yield Trouble("caps", f"there are two of the same {per} for {say_whom(of)}; keep the lower one")


def say_whom(of: str) -> str:
    return "each person" if of == "person" else "everybody together"
